-- Workflows, versions, runs, and all that a run waits for; and which servers there are.
--
-- Conventions, for every migration: the twin of migrations/sqlite of the same name, with the same tables and columns,
-- so that one statement serves both: ids are UUID, bytes BYTEA, times BIGINT milliseconds since 1970 in UTC, JSON TEXT,
-- booleans BIGINT 0 or 1. What only several servers on one database need stands here alone: `owner` columns (the
-- epoch of a lease), `servers`, `org_feed_inbox`, `org_feed.position`.

-- Servers that work on this database. One that dies stops renewing its lease, and what it owned is free.
CREATE TABLE servers (
    epoch      BIGINT      GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- rises with each lease; never comes back
    boot_id    UUID        NOT NULL,                                 -- one a process
    expires_at TIMESTAMPTZ NOT NULL                                  -- by this database's clock
);

-- A named definition with one mutable draft.
CREATE TABLE workflows (
    organization_id   UUID    NOT NULL,
    id                UUID    NOT NULL,
    name              TEXT    NOT NULL,
    description       TEXT    NOT NULL DEFAULT '',
    draft             TEXT    NOT NULL,            -- the graph as JSON; may be wrong, is never run
    draft_rev         BIGINT  NOT NULL DEFAULT 1,  -- rises with each save; the draft's ETag
    published_version BIGINT,                     -- the newest version; null before the first publish
    archived          BIGINT  NOT NULL DEFAULT 0,
    created_by        TEXT    NOT NULL DEFAULT '', -- as people read it
    created_at        BIGINT  NOT NULL,
    updated_at        BIGINT  NOT NULL,
    PRIMARY KEY (organization_id, id)
);

-- An immutable, validated graph. Never updated, never deleted while a run names it.
CREATE TABLE versions (
    organization_id UUID    NOT NULL,
    workflow_id     UUID    NOT NULL,
    number          BIGINT  NOT NULL,           -- 1, 2, 3 … within the workflow
    graph           TEXT    NOT NULL,           -- the graph as JSON
    draft_rev       BIGINT  NOT NULL,           -- the draft it was made from
    note            TEXT    NOT NULL DEFAULT '',
    published_by    TEXT    NOT NULL,
    published_at    BIGINT  NOT NULL,
    PRIMARY KEY (organization_id, workflow_id, number),
    FOREIGN KEY (organization_id, workflow_id) REFERENCES workflows (organization_id, id)
);

-- One execution of one version. Small and hot: what it did is in run_events, its state in run_checkpoints.
CREATE TABLE runs (
    organization_id UUID    NOT NULL,
    id              UUID    NOT NULL,
    workflow_id     UUID    NOT NULL,
    version         BIGINT  NOT NULL,
    seq             BIGINT  NOT NULL,            -- number of the last event; the fence of every commit
    phase           TEXT    NOT NULL,            -- the status in one word, for lists and filters
    status          TEXT    NOT NULL,            -- the status as JSON, as the API shows it
    started_by      TEXT    NOT NULL,
    thread_id       TEXT,
    idempotency_key TEXT,                        -- the same key finds the same run
    current_node    TEXT,                        -- the earliest node that is not over
    due             BIGINT  NOT NULL DEFAULT 0,  -- 1: must be told to continue (a decision ran into its budget)
    quarantined     BIGINT  NOT NULL DEFAULT 0,  -- 1: its state cannot be read; nothing touches it but a person
    input_tokens    BIGINT  NOT NULL DEFAULT 0,  -- model use so far
    output_tokens   BIGINT  NOT NULL DEFAULT 0,
    cost_micros     BIGINT  NOT NULL DEFAULT 0,  -- millionths of a US dollar
    created_at      BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL,
    ended_at        BIGINT,
    owner           BIGINT,                      -- the lease under which a due run goes on
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, workflow_id, version) REFERENCES versions (organization_id, workflow_id, number)
);

CREATE INDEX runs_by_workflow ON runs (organization_id, workflow_id, id);
CREATE INDEX runs_unfinished ON runs (organization_id, phase) WHERE ended_at IS NULL;
CREATE INDEX runs_due ON runs (organization_id) WHERE due = 1;
CREATE UNIQUE INDEX runs_by_key ON runs (organization_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- The journal: one row for all events of one commit.
CREATE TABLE run_events (
    organization_id UUID    NOT NULL,
    run_id          UUID    NOT NULL,
    first_seq       BIGINT  NOT NULL, -- number of the first event in this row; the key, so no number is written twice
    last_seq        BIGINT  NOT NULL, -- number of the last; the next row's first_seq is one more
    format          BIGINT  NOT NULL, -- version of the event schema
    events          TEXT    NOT NULL, -- JSON array of events
    PRIMARY KEY (organization_id, run_id, first_seq)
);

-- The state of a long run at some event, so that a load need not replay all. Disposable: the journal is the truth.
CREATE TABLE run_checkpoints (
    organization_id UUID    NOT NULL,
    run_id          UUID    NOT NULL,
    seq             BIGINT  NOT NULL,
    format          BIGINT  NOT NULL,
    state           BYTEA   NOT NULL, -- JSON
    PRIMARY KEY (organization_id, run_id)
);

-- Who a run is about.
CREATE TABLE run_contacts (
    organization_id UUID NOT NULL,
    contact_id      UUID NOT NULL,
    run_id          UUID NOT NULL,
    PRIMARY KEY (organization_id, contact_id, run_id)
);

CREATE INDEX run_contacts_by_run ON run_contacts (organization_id, run_id);

-- Times that a run waits for. A row goes when the run has taken note of it.
CREATE TABLE timers (
    organization_id UUID    NOT NULL,
    run_id          UUID    NOT NULL,
    name            TEXT    NOT NULL, -- `a12.retry`: activation and purpose
    due_at          BIGINT  NOT NULL,
    owner           BIGINT,           -- the lease under which it is being fired
    PRIMARY KEY (organization_id, run_id, name)
);

CREATE INDEX timers_due ON timers (due_at);

-- Calls that have no result yet: the intent, committed before the call is made. The row goes with the result.
CREATE TABLE calls (
    organization_id UUID    NOT NULL,
    run_id          UUID    NOT NULL,
    id              UUID    NOT NULL, -- stable over all attempts of its activation
    activation      BIGINT  NOT NULL,
    node            TEXT    NOT NULL,
    attempt         BIGINT  NOT NULL,
    request         TEXT    NOT NULL, -- JSON, without secrets
    timeout_ms      BIGINT,
    state           TEXT    NOT NULL, -- open: must be made; parked: the send gate holds it; held: needs a person
    claims          BIGINT  NOT NULL, -- how often this attempt was begun; rises before it begins
    created_at      BIGINT  NOT NULL,
    owner           BIGINT,           -- the lease under which it is made
    PRIMARY KEY (organization_id, run_id, id)
);

CREATE INDEX calls_open ON calls (created_at) WHERE state = 'open';

-- Outside events that a run waits for.
CREATE TABLE event_waits (
    organization_id UUID    NOT NULL,
    name            TEXT    NOT NULL,           -- the event's name
    run_id          UUID    NOT NULL,
    activation      BIGINT  NOT NULL,
    since_at        BIGINT  NOT NULL,           -- events before it do not count: when the run started
    seen            BIGINT  NOT NULL DEFAULT 0, -- outside_events up to this number were told to the run
    PRIMARY KEY (organization_id, name, run_id, activation)
);

CREATE INDEX event_waits_by_run ON event_waits (organization_id, run_id);

-- What happened outside: replies, custom events. Kept for a while so that a wait can look back.
CREATE TABLE outside_events (
    organization_id UUID    NOT NULL,
    number          BIGINT  NOT NULL, -- 1, 2, 3 … within the organisation
    name            TEXT    NOT NULL,
    contact_id      UUID,             -- whom it is about; then only runs about that contact hear of it
    run_id          UUID,             -- whom it is addressed to; then only that run hears of it
    source_key      TEXT,             -- the provider's id of it; the same one is not recorded twice
    payload         TEXT    NOT NULL, -- JSON
    at              BIGINT  NOT NULL,
    PRIMARY KEY (organization_id, number)
);

CREATE UNIQUE INDEX outside_events_by_source ON outside_events (organization_id, source_key) WHERE source_key IS NOT NULL;
CREATE INDEX outside_events_by_name ON outside_events (organization_id, name, number);

-- Durable requests for a human decision.
CREATE TABLE approvals (
    organization_id UUID    NOT NULL,
    id              UUID    NOT NULL,
    kind            TEXT    NOT NULL,            -- message, decision, answer, review, resource, uncertain
    state           TEXT    NOT NULL,            -- pending, approved, rejected, expired, withdrawn
    run_id          UUID,
    activation      BIGINT,
    node            TEXT,
    message_id      UUID,
    title           TEXT    NOT NULL,
    prompt          TEXT    NOT NULL DEFAULT '',
    subject         TEXT    NOT NULL DEFAULT 'null', -- what is decided about, JSON
    form            TEXT    NOT NULL DEFAULT 'null', -- JSON Schema of the answer
    revision        BIGINT  NOT NULL DEFAULT 1,  -- rises with each edit; a decision names the one it saw
    content_hash    BYTEA,                        -- SHA-256 of exactly what may leave
    priority        TEXT    NOT NULL DEFAULT 'medium', -- low, medium, high, urgent
    requested_by    TEXT    NOT NULL DEFAULT '',
    resource_type   TEXT,
    resource_id     TEXT,
    metadata        TEXT    NOT NULL DEFAULT 'null',
    expires_at      BIGINT,
    decided_by      TEXT,
    decided_at      BIGINT,
    reason          TEXT,
    answer          TEXT,                        -- a form's answer or the changed output, JSON
    created_at      BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL,
    PRIMARY KEY (organization_id, id)
);

CREATE INDEX approvals_pending ON approvals (organization_id, created_at) WHERE state = 'pending';
CREATE INDEX approvals_by_run ON approvals (organization_id, run_id) WHERE run_id IS NOT NULL;
CREATE INDEX approvals_by_message ON approvals (organization_id, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX approvals_expiring ON approvals (expires_at) WHERE state = 'pending' AND expires_at IS NOT NULL;

-- What changed in an organisation, in order, for live views. The newest 10,000 or so are kept.
CREATE TABLE org_feed (
    organization_id UUID    NOT NULL,
    number          BIGINT  NOT NULL, -- 1, 2, 3 … within the organisation, without a gap
    topic           TEXT    NOT NULL, -- run, approval, message, contact, workflow …
    resource_id     UUID    NOT NULL,
    payload         TEXT    NOT NULL, -- JSON, small; the view fetches the rest
    at              BIGINT  NOT NULL,
    position        BIGINT  NOT NULL, -- 1, 2, 3 … over all organisations, in the order of numbering
    PRIMARY KEY (organization_id, number)
);

CREATE UNIQUE INDEX org_feed_by_position ON org_feed (position);

-- Entries that were committed and have no number yet. Numbers are given one transaction at a time, so a reader that
-- asks for what comes after a number misses nothing, however late a transaction commits.
CREATE TABLE org_feed_inbox (
    id              BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id UUID    NOT NULL,
    topic           TEXT    NOT NULL,
    resource_id     UUID    NOT NULL,
    payload         TEXT    NOT NULL,
    at              BIGINT  NOT NULL
);

-- Rows here come and go all the time: dead ones must not pile up.
ALTER TABLE runs SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01);
ALTER TABLE timers SET (autovacuum_vacuum_scale_factor = 0.01);
ALTER TABLE calls SET (autovacuum_vacuum_scale_factor = 0.01);
ALTER TABLE org_feed_inbox SET (autovacuum_vacuum_scale_factor = 0.01);
