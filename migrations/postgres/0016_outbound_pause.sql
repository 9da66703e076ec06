-- Outbound as a whole stands still after time travel, until an administrator has looked at what is due.
-- Conventions: see 0001.

-- The newest pause of an organisation; one that was resumed stays as the record of who did it.
CREATE TABLE outbound_pauses (
    organization_id UUID    NOT NULL PRIMARY KEY,
    reason          TEXT    NOT NULL,            -- by_hand, downtime, clock_jump, restored, failover
    note            TEXT    NOT NULL,            -- what a person wrote, or what the server saw
    paused_at       BIGINT  NOT NULL,
    paused_by       TEXT,                        -- as people read it; null: the server itself
    resumed_at      BIGINT,                      -- null: it is paused; the slow beginning counts from here
    resumed_by      TEXT
);

CREATE INDEX outbound_pauses_resumed ON outbound_pauses (resumed_at);

-- By what the server tells at its start how long it was away and whether this is the same database; one row.
CREATE TABLE instance_marks (
    id         BIGINT  NOT NULL PRIMARY KEY CHECK (id = 1),
    alive_at   BIGINT  NOT NULL,                 -- the newest sign of life of any server
    generation TEXT,                             -- random; the file beside the database holds it too
    identity   TEXT                              -- of the database server: system, timeline, database
);
