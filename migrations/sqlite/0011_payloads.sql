-- Large payloads stand apart from the hot rows, packed, and go with their run.
-- Conventions: see 0001.

CREATE TABLE payloads (
    organization_id BLOB NOT NULL,
    run_id          BLOB NOT NULL,
    hash            BLOB NOT NULL, -- SHA-256 of the bytes: what a run says twice is kept once
    bytes           BLOB NOT NULL, -- JSON, as it is or packed (the first byte is 1)
    PRIMARY KEY (organization_id, run_id, hash)
) STRICT;

-- Where it is set, the row's own column is empty and the payload has the content.
ALTER TABLE run_events ADD COLUMN payload BLOB;
ALTER TABLE calls ADD COLUMN payload BLOB;
