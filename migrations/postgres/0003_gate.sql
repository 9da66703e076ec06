-- Contacts, messages and their revisions, settings, secrets, model threads.
-- Conventions: see 0001.

-- A person the organisation talks to.
CREATE TABLE contacts (
    organization_id UUID    NOT NULL,
    id              UUID    NOT NULL,
    name            TEXT    NOT NULL,
    email           TEXT,                        -- as it was written
    email_key       TEXT,                        -- lower case, for look-ups and do-not-contact
    phone           TEXT,
    status          TEXT    NOT NULL DEFAULT '',
    source          TEXT    NOT NULL DEFAULT '',
    locale          TEXT,
    timezone        TEXT,
    external_id     TEXT,
    do_not_contact  BIGINT  NOT NULL DEFAULT 0,
    tags            TEXT    NOT NULL DEFAULT '[]',
    total_spent     DOUBLE PRECISION,
    metadata        TEXT    NOT NULL DEFAULT '{}',
    search          TEXT    NOT NULL,            -- lower-case name, address and external id
    created_at      BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL,
    PRIMARY KEY (organization_id, id)
);

CREATE INDEX contacts_by_email ON contacts (organization_id, email_key) WHERE email_key IS NOT NULL;
CREATE INDEX contacts_by_external ON contacts (organization_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX contacts_by_status ON contacts (organization_id, status, id);

-- One outbound message: exactly what leaves, and where it is on its way.
CREATE TABLE messages (
    organization_id UUID    NOT NULL,
    id              UUID    NOT NULL,            -- derived from the call, so a repeated call finds it
    rev             BIGINT  NOT NULL,            -- rises with each write; the fence of each write
    channel         TEXT    NOT NULL,            -- email
    state           TEXT    NOT NULL,
    contact_id      UUID,
    run_id          UUID,
    call_id         UUID,
    call_attempt    BIGINT  NOT NULL DEFAULT 0,
    node            TEXT,
    approval_id     UUID,
    revision        BIGINT  NOT NULL DEFAULT 1,  -- the newest row in message_revisions
    account         TEXT    NOT NULL,            -- what carries it: `sandbox`, `smtp host:port`
    sandbox         BIGINT  NOT NULL,
    sender          TEXT    NOT NULL,
    recipient       TEXT    NOT NULL,
    cc              TEXT    NOT NULL DEFAULT '[]',
    bcc             TEXT    NOT NULL DEFAULT '[]',
    reply_to        TEXT,
    subject         TEXT    NOT NULL,
    body            TEXT    NOT NULL,
    html            TEXT,
    content_hash    BYTEA   NOT NULL,            -- SHA-256 of everything that leaves
    approved_hash   BYTEA,                        -- what was approved; only this leaves
    approved_by     TEXT,
    approved_at     BIGINT,
    stale           TEXT    NOT NULL DEFAULT '', -- what changed since it was written; empty: nothing
    due_at          BIGINT,                     -- when the sender looks at it next
    attempts        BIGINT  NOT NULL DEFAULT 0,  -- rises before each attempt
    provider_id     TEXT,
    detail          TEXT    NOT NULL DEFAULT '',
    parameters      TEXT    NOT NULL DEFAULT 'null', -- what the step was given
    expires_at      BIGINT,
    created_at      BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL,
    sent_at         BIGINT,
    owner           BIGINT,                      -- the lease under which it is on its way
    PRIMARY KEY (organization_id, id)
);

CREATE INDEX messages_due ON messages (due_at) WHERE state IN ('held', 'queued', 'retry_wait');
CREATE INDEX messages_expiring ON messages (expires_at) WHERE state = 'pending_approval' AND expires_at IS NOT NULL;
CREATE INDEX messages_in_flight ON messages (updated_at) WHERE state = 'in_flight';
CREATE INDEX messages_by_run ON messages (organization_id, run_id) WHERE run_id IS NOT NULL;
CREATE INDEX messages_waiting_by_contact ON messages (organization_id, contact_id)
    WHERE contact_id IS NOT NULL AND state IN ('pending_approval', 'held', 'queued', 'retry_wait');
CREATE INDEX messages_of_sandbox ON messages (organization_id, sent_at, id) WHERE sandbox = 1 AND state = 'accepted';

-- What a message was before and after each edit.
CREATE TABLE message_revisions (
    organization_id UUID    NOT NULL,
    message_id      UUID    NOT NULL,
    number          BIGINT  NOT NULL,
    author          TEXT    NOT NULL,
    at              BIGINT  NOT NULL,
    subject         TEXT    NOT NULL,
    body            TEXT    NOT NULL,
    content_hash    BYTEA   NOT NULL,
    PRIMARY KEY (organization_id, message_id, number)
);

-- Settings of an organisation, one JSON object a subject.
CREATE TABLE settings (
    organization_id UUID    NOT NULL,
    name            TEXT    NOT NULL, -- general, channel.email, models
    value           TEXT    NOT NULL,
    updated_at      BIGINT  NOT NULL,
    PRIMARY KEY (organization_id, name)
);

-- Secrets, encrypted; the key is not in the database.
CREATE TABLE secrets (
    organization_id UUID    NOT NULL,
    name            TEXT    NOT NULL,
    version         BIGINT  NOT NULL, -- rises with each change; part of what is authenticated
    sealed          TEXT    NOT NULL,
    updated_at      BIGINT  NOT NULL,
    PRIMARY KEY (organization_id, name)
);

-- Model conversations that steps share by their thread.
CREATE TABLE model_turns (
    organization_id UUID    NOT NULL,
    thread          TEXT    NOT NULL,
    call_id         UUID    NOT NULL, -- a repeated call takes the place of what it said before
    at              BIGINT  NOT NULL,
    question        TEXT    NOT NULL,
    answer          TEXT    NOT NULL,
    PRIMARY KEY (organization_id, thread, call_id)
);

CREATE INDEX model_turns_in_order ON model_turns (organization_id, thread, at);
