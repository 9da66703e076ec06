-- Workflows, versions, runs, and all that a run waits for.
--
-- Conventions, for every migration: STRICT tables; the primary key of what belongs to an organisation starts with
-- organization_id; ids are 16-byte BLOBs (UUID); times are INTEGER milliseconds since 1970 in UTC and end in _at;
-- JSON is TEXT; booleans are INTEGER 0 or 1. `WITHOUT ROWID` keeps a table in the order of its primary key, and
-- version-7 ids make that the order of creation.

-- A named definition with one mutable draft.
CREATE TABLE workflows (
    organization_id   BLOB    NOT NULL,
    id                BLOB    NOT NULL,
    name              TEXT    NOT NULL,
    description       TEXT    NOT NULL DEFAULT '',
    draft             TEXT    NOT NULL,            -- the graph as JSON; may be wrong, is never run
    draft_rev         INTEGER NOT NULL DEFAULT 1,  -- rises with each save; the draft's ETag
    published_version INTEGER,                     -- the newest version; null before the first publish
    archived          INTEGER NOT NULL DEFAULT 0,
    created_by        TEXT    NOT NULL DEFAULT '', -- as people read it
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT, WITHOUT ROWID;

-- An immutable, validated graph. Never updated, never deleted while a run names it.
CREATE TABLE versions (
    organization_id BLOB    NOT NULL,
    workflow_id     BLOB    NOT NULL,
    number          INTEGER NOT NULL,           -- 1, 2, 3 … within the workflow
    graph           TEXT    NOT NULL,           -- the graph as JSON
    draft_rev       INTEGER NOT NULL,           -- the draft it was made from
    note            TEXT    NOT NULL DEFAULT '',
    published_by    TEXT    NOT NULL,
    published_at    INTEGER NOT NULL,
    PRIMARY KEY (organization_id, workflow_id, number),
    FOREIGN KEY (organization_id, workflow_id) REFERENCES workflows (organization_id, id)
) STRICT, WITHOUT ROWID;

-- One execution of one version. Small and hot: what it did is in run_events, its state in run_checkpoints.
CREATE TABLE runs (
    organization_id BLOB    NOT NULL,
    id              BLOB    NOT NULL,
    workflow_id     BLOB    NOT NULL,
    version         INTEGER NOT NULL,
    seq             INTEGER NOT NULL,            -- number of the last event; the fence of every commit
    phase           TEXT    NOT NULL,            -- the status in one word, for lists and filters
    status          TEXT    NOT NULL,            -- the status as JSON, as the API shows it
    started_by      TEXT    NOT NULL,
    thread_id       TEXT,
    idempotency_key TEXT,                        -- the same key finds the same run
    current_node    TEXT,                        -- the earliest node that is not over
    due             INTEGER NOT NULL DEFAULT 0,  -- 1: must be told to continue (a decision ran into its budget)
    quarantined     INTEGER NOT NULL DEFAULT 0,  -- 1: its state cannot be read; nothing touches it but a person
    input_tokens    INTEGER NOT NULL DEFAULT 0,  -- model use so far
    output_tokens   INTEGER NOT NULL DEFAULT 0,
    cost_micros     INTEGER NOT NULL DEFAULT 0,  -- millionths of a US dollar
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    ended_at        INTEGER,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, workflow_id, version) REFERENCES versions (organization_id, workflow_id, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX runs_by_workflow ON runs (organization_id, workflow_id, id);
CREATE INDEX runs_unfinished ON runs (organization_id, phase) WHERE ended_at IS NULL;
CREATE INDEX runs_due ON runs (organization_id) WHERE due = 1;
CREATE UNIQUE INDEX runs_by_key ON runs (organization_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- The journal: one row for all events of one commit.
CREATE TABLE run_events (
    organization_id BLOB    NOT NULL,
    run_id          BLOB    NOT NULL,
    first_seq       INTEGER NOT NULL, -- number of the first event in this row; the key, so no number is written twice
    last_seq        INTEGER NOT NULL, -- number of the last; the next row's first_seq is one more
    format          INTEGER NOT NULL, -- version of the event schema
    events          TEXT    NOT NULL, -- JSON array of events
    PRIMARY KEY (organization_id, run_id, first_seq)
) STRICT, WITHOUT ROWID;

-- The state of a long run at some event, so that a load need not replay all. Disposable: the journal is the truth.
CREATE TABLE run_checkpoints (
    organization_id BLOB    NOT NULL,
    run_id          BLOB    NOT NULL,
    seq             INTEGER NOT NULL,
    format          INTEGER NOT NULL,
    state           BLOB    NOT NULL, -- JSON
    PRIMARY KEY (organization_id, run_id)
) STRICT;

-- Who a run is about.
CREATE TABLE run_contacts (
    organization_id BLOB NOT NULL,
    contact_id      BLOB NOT NULL,
    run_id          BLOB NOT NULL,
    PRIMARY KEY (organization_id, contact_id, run_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX run_contacts_by_run ON run_contacts (organization_id, run_id);

-- Times that a run waits for. A row goes when the run has taken note of it.
CREATE TABLE timers (
    organization_id BLOB    NOT NULL,
    run_id          BLOB    NOT NULL,
    name            TEXT    NOT NULL, -- `a12.retry`: activation and purpose
    due_at          INTEGER NOT NULL,
    PRIMARY KEY (organization_id, run_id, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX timers_due ON timers (due_at);

-- Calls that have no result yet: the intent, committed before the call is made. The row goes with the result.
CREATE TABLE calls (
    organization_id BLOB    NOT NULL,
    run_id          BLOB    NOT NULL,
    id              BLOB    NOT NULL, -- stable over all attempts of its activation
    activation      INTEGER NOT NULL,
    node            TEXT    NOT NULL,
    attempt         INTEGER NOT NULL,
    request         TEXT    NOT NULL, -- JSON, without secrets
    timeout_ms      INTEGER,
    state           TEXT    NOT NULL, -- open: must be made; parked: the send gate holds it; held: needs a person
    claims          INTEGER NOT NULL, -- how often this attempt was begun; rises before it begins
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (organization_id, run_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX calls_open ON calls (created_at) WHERE state = 'open';

-- Outside events that a run waits for.
CREATE TABLE event_waits (
    organization_id BLOB    NOT NULL,
    name            TEXT    NOT NULL,           -- the event's name
    run_id          BLOB    NOT NULL,
    activation      INTEGER NOT NULL,
    since_at        INTEGER NOT NULL,           -- events before it do not count: when the run started
    seen            INTEGER NOT NULL DEFAULT 0, -- outside_events up to this number were told to the run
    PRIMARY KEY (organization_id, name, run_id, activation)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_waits_by_run ON event_waits (organization_id, run_id);

-- What happened outside: replies, custom events. Kept for a while so that a wait can look back.
CREATE TABLE outside_events (
    organization_id BLOB    NOT NULL,
    number          INTEGER NOT NULL, -- 1, 2, 3 … within the organisation
    name            TEXT    NOT NULL,
    contact_id      BLOB,             -- whom it is about; then only runs about that contact hear of it
    run_id          BLOB,             -- whom it is addressed to; then only that run hears of it
    source_key      TEXT,             -- the provider's id of it; the same one is not recorded twice
    payload         TEXT    NOT NULL, -- JSON
    at              INTEGER NOT NULL,
    PRIMARY KEY (organization_id, number)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX outside_events_by_source ON outside_events (organization_id, source_key) WHERE source_key IS NOT NULL;
CREATE INDEX outside_events_by_name ON outside_events (organization_id, name, number);

-- Durable requests for a human decision.
CREATE TABLE approvals (
    organization_id BLOB    NOT NULL,
    id              BLOB    NOT NULL,
    kind            TEXT    NOT NULL,            -- message, decision, answer, review, resource, uncertain
    state           TEXT    NOT NULL,            -- pending, approved, rejected, expired, withdrawn
    run_id          BLOB,
    activation      INTEGER,
    node            TEXT,
    message_id      BLOB,
    title           TEXT    NOT NULL,
    prompt          TEXT    NOT NULL DEFAULT '',
    subject         TEXT    NOT NULL DEFAULT 'null', -- what is decided about, JSON
    form            TEXT    NOT NULL DEFAULT 'null', -- JSON Schema of the answer
    revision        INTEGER NOT NULL DEFAULT 1,  -- rises with each edit; a decision names the one it saw
    content_hash    BLOB,                        -- SHA-256 of exactly what may leave
    priority        TEXT    NOT NULL DEFAULT 'medium', -- low, medium, high, urgent
    requested_by    TEXT    NOT NULL DEFAULT '',
    resource_type   TEXT,
    resource_id     TEXT,
    metadata        TEXT    NOT NULL DEFAULT 'null',
    expires_at      INTEGER,
    decided_by      TEXT,
    decided_at      INTEGER,
    reason          TEXT,
    answer          TEXT,                        -- a form's answer or the changed output, JSON
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX approvals_pending ON approvals (organization_id, created_at) WHERE state = 'pending';
CREATE INDEX approvals_by_run ON approvals (organization_id, run_id) WHERE run_id IS NOT NULL;
CREATE INDEX approvals_by_message ON approvals (organization_id, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX approvals_expiring ON approvals (expires_at) WHERE state = 'pending' AND expires_at IS NOT NULL;

-- What changed in an organisation, in order, for live views. The newest 10,000 or so are kept.
CREATE TABLE org_feed (
    organization_id BLOB    NOT NULL,
    number          INTEGER NOT NULL, -- 1, 2, 3 … within the organisation, without a gap
    topic           TEXT    NOT NULL, -- run, approval, message, contact, workflow …
    resource_id     BLOB    NOT NULL,
    payload         TEXT    NOT NULL, -- JSON, small; the view fetches the rest
    at              INTEGER NOT NULL,
    PRIMARY KEY (organization_id, number)
) STRICT, WITHOUT ROWID;
