-- Organisations, people, sign-ins, credentials of machines, and what they asked for.
--
-- People and organisations are the only things that no organisation owns, so their keys do not start with one.

-- The tenant that owns everything else.
CREATE TABLE organizations (
    id         UUID    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    timezone   TEXT    NOT NULL DEFAULT 'UTC', -- IANA name; every time is shown in it
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL
);

-- A person who signs in; may belong to several organisations.
CREATE TABLE users (
    id            UUID    NOT NULL PRIMARY KEY,
    email         TEXT    NOT NULL, -- lower case
    name          TEXT    NOT NULL,
    password_hash TEXT    NOT NULL, -- argon2id, PHC string
    created_at    BIGINT  NOT NULL,
    updated_at    BIGINT  NOT NULL
);

CREATE UNIQUE INDEX users_by_email ON users (email);

-- Who belongs to which organisation, as what.
CREATE TABLE members (
    organization_id UUID    NOT NULL REFERENCES organizations (id),
    user_id         UUID    NOT NULL REFERENCES users (id),
    role            TEXT    NOT NULL, -- viewer, approver, editor, admin, owner
    created_at      BIGINT  NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);

CREATE INDEX members_by_user ON members (user_id, created_at);

-- A browser's sign-in: 256 random bits, of which only the hash is kept. Ends with the membership.
CREATE TABLE sessions (
    organization_id UUID    NOT NULL, -- the one that requests act in
    id              UUID    NOT NULL,
    user_id         UUID    NOT NULL,
    secret_hash     BYTEA   NOT NULL, -- SHA-256
    created_at      BIGINT  NOT NULL, -- 14 days after it the session ends
    seen_at         BIGINT  NOT NULL, -- 12 hours after it the session ends; moved once a minute
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES members (organization_id, user_id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX sessions_by_secret ON sessions (secret_hash);
CREATE INDEX sessions_by_user ON sessions (organization_id, user_id);
CREATE INDEX sessions_by_age ON sessions (seen_at);

-- A machine's credential.
CREATE TABLE api_tokens (
    organization_id UUID    NOT NULL REFERENCES organizations (id),
    id              UUID    NOT NULL,
    secret_hash     BYTEA   NOT NULL, -- SHA-256
    name            TEXT    NOT NULL,
    role            TEXT    NOT NULL,
    prefix          TEXT    NOT NULL, -- the first characters, to tell tokens apart
    created_by      TEXT    NOT NULL, -- as people read it
    created_at      BIGINT  NOT NULL,
    last_used_at    BIGINT,
    expires_at      BIGINT,
    PRIMARY KEY (organization_id, id)
);

CREATE UNIQUE INDEX api_tokens_by_secret ON api_tokens (secret_hash);

-- The public address of a workflow's webhook. The token is derived from the server's key and is not kept.
CREATE TABLE hooks (
    organization_id UUID    NOT NULL,
    workflow_id     UUID    NOT NULL,
    token_hash      BYTEA   NOT NULL, -- SHA-256
    created_at      BIGINT  NOT NULL,
    PRIMARY KEY (organization_id, workflow_id),
    FOREIGN KEY (organization_id, workflow_id) REFERENCES workflows (organization_id, id)
);

CREATE UNIQUE INDEX hooks_by_token ON hooks (token_hash);

-- Answers to creating requests that carried an Idempotency-Key, so that a repetition gets the same one.
CREATE TABLE idempotency (
    organization_id UUID    NOT NULL,
    operation       TEXT    NOT NULL, -- the route's name
    key             TEXT    NOT NULL,
    request_hash    BYTEA   NOT NULL, -- SHA-256; the same key with another request is refused
    status          BIGINT  NOT NULL,
    response        TEXT    NOT NULL, -- JSON
    created_at      BIGINT  NOT NULL, -- 24 hours after it the row may go
    PRIMARY KEY (organization_id, operation, key)
);

CREATE INDEX idempotency_by_age ON idempotency (created_at);
