-- Plans: workflows have tags and may be templates; other systems hear of a run's steps.
-- Conventions: see 0001.

ALTER TABLE workflows ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';        -- JSON, a list of texts
ALTER TABLE workflows ADD COLUMN is_template INTEGER NOT NULL DEFAULT 0; -- 1: there to be copied

-- Steps that ended and that an address is to be told of; written with the event.
CREATE TABLE step_hooks (
    organization_id BLOB    NOT NULL,
    run_id          BLOB    NOT NULL,
    seq             INTEGER NOT NULL, -- of the event that ended the step
    kind            TEXT    NOT NULL, -- step.completed, step.failed
    url             TEXT    NOT NULL,
    secret          TEXT,             -- the name of the secret that signs it
    attempts        INTEGER NOT NULL DEFAULT 0,
    due_at          INTEGER,          -- null: it was told, or is given up
    detail          TEXT    NOT NULL DEFAULT '', -- what became of the last attempt
    PRIMARY KEY (organization_id, run_id, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX step_hooks_due ON step_hooks (due_at) WHERE due_at IS NOT NULL;
