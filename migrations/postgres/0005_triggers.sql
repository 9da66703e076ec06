-- What starts runs by itself: schedules, and events inside the organisation. Conventions: see 0001.

-- One row for each workflow whose newest version begins with a schedule. The rule is kept as it was written; the
-- next time is made from it, and made anew when the zone or what is known about zones changes.
CREATE TABLE schedules (
    organization_id UUID    NOT NULL,
    workflow_id     UUID    NOT NULL,
    version         BIGINT  NOT NULL,
    cron            TEXT    NOT NULL,
    timezone        TEXT,                       -- IANA name; null: the organisation's
    rule            TEXT    NOT NULL,           -- what becomes of missed times, JSON
    after_at        BIGINT  NOT NULL,           -- times up to this one are dealt with; the fence of every firing
    due_at          BIGINT,                     -- the first time after it; null: to be made
    paused          BIGINT  NOT NULL DEFAULT 0, -- 1: the workflow is put away
    note            TEXT    NOT NULL DEFAULT '', -- why the last time started no run; empty: it did
    PRIMARY KEY (organization_id, workflow_id),
    FOREIGN KEY (organization_id, workflow_id) REFERENCES workflows (organization_id, id)
);

CREATE INDEX schedules_due ON schedules (due_at) WHERE paused = 0;

-- One row for each workflow whose newest version is started by an event.
CREATE TABLE event_triggers (
    organization_id UUID    NOT NULL,
    workflow_id     UUID    NOT NULL,
    version         BIGINT  NOT NULL,
    event_type      TEXT    NOT NULL,
    filter          TEXT,                       -- an expression over `event`
    paused          BIGINT  NOT NULL DEFAULT 0,
    note            TEXT    NOT NULL DEFAULT '', -- why the last event started no run; empty: it did, or did not fit
    PRIMARY KEY (organization_id, workflow_id),
    FOREIGN KEY (organization_id, workflow_id) REFERENCES workflows (organization_id, id)
);

CREATE INDEX event_triggers_by_type ON event_triggers (organization_id, event_type);

-- Events are the outbox: written with what caused them, pending until everybody who wants them was told.
ALTER TABLE outside_events ADD COLUMN pending BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outside_events ADD COLUMN cause_run UUID; -- the run that caused it

CREATE INDEX outside_events_pending ON outside_events (at) WHERE pending = 1;

-- Runs that an event started, and how many events and runs led to them, so that no circle turns for ever.
CREATE TABLE run_causes (
    organization_id UUID    NOT NULL,
    run_id          UUID    NOT NULL,
    event_number    BIGINT  NOT NULL,
    depth           BIGINT  NOT NULL, -- 1: the event that started it was caused by no such run
    PRIMARY KEY (organization_id, run_id)
);
