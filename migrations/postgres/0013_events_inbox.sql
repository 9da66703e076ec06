-- Events are numbered after their commit, so that runs that end at the same time need not wait for one another.
-- Conventions: see 0001.

-- Events that were committed and have no number yet. Numbers are given to the events of one organisation at a time.
CREATE TABLE outside_events_inbox (
    id              BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id UUID    NOT NULL,
    name            TEXT    NOT NULL,
    contact_id      UUID,
    run_id          UUID,
    source_key      TEXT,
    payload         TEXT    NOT NULL, -- JSON
    at              BIGINT  NOT NULL,
    cause_run       UUID
);

CREATE INDEX outside_events_inbox_in_order ON outside_events_inbox (organization_id, id);

ALTER TABLE outside_events_inbox SET (autovacuum_vacuum_scale_factor = 0.01);
