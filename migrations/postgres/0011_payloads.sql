-- Large payloads stand apart from the hot rows, packed, and go with their run.
-- Conventions: see 0001.

CREATE TABLE payloads (
    organization_id UUID  NOT NULL,
    run_id          UUID  NOT NULL,
    hash            BYTEA NOT NULL, -- SHA-256 of the bytes: what a run says twice is kept once
    bytes           BYTEA NOT NULL, -- JSON, as it is or packed (the first byte is 1)
    PRIMARY KEY (organization_id, run_id, hash)
);

-- Packed already: the server need not try again.
ALTER TABLE payloads ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Where it is set, the row's own column is empty and the payload has the content.
ALTER TABLE run_events ADD COLUMN payload BYTEA;
ALTER TABLE calls ADD COLUMN payload BYTEA;
