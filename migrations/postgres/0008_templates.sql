-- Message templates: texts that steps send by their id.
-- Conventions: see 0001.
CREATE TABLE message_templates (
    organization_id UUID    NOT NULL,
    id              TEXT    NOT NULL,            -- as steps name it
    revision        BIGINT  NOT NULL,            -- from 1; the fence of each change
    name            TEXT    NOT NULL,
    subject         TEXT    NOT NULL,            -- used where the step has none
    body            TEXT    NOT NULL,
    html            TEXT,
    updated_by      TEXT    NOT NULL,
    updated_at      BIGINT  NOT NULL,
    PRIMARY KEY (organization_id, id)
);
