-- The journal's events become bytes: JSON, packed with LZ4 where that is shorter.
CREATE TABLE run_events_packed (
    organization_id BLOB    NOT NULL,
    run_id          BLOB    NOT NULL,
    first_seq       INTEGER NOT NULL, -- number of the first event in this row; the key, so no number is written twice
    last_seq        INTEGER NOT NULL, -- number of the last; the next row's first_seq is one more
    format          INTEGER NOT NULL, -- version of the event schema
    events          BLOB    NOT NULL, -- JSON array of events, as it is or packed (the first byte is 1)
    PRIMARY KEY (organization_id, run_id, first_seq)
) STRICT, WITHOUT ROWID;
INSERT INTO run_events_packed
SELECT organization_id, run_id, first_seq, last_seq, format, CAST(events AS BLOB) FROM run_events;
DROP TABLE run_events;
ALTER TABLE run_events_packed RENAME TO run_events;
