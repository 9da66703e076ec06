-- Places of named queues hold over all servers, for the calls that these make themselves.
-- Conventions: see 0001. `calls.begun_by` and `queue_begins` are for several servers: one alone counts in memory.

-- The lease under which a call of a limited queue is being made; null: it waits for a place, or needs none.
ALTER TABLE calls ADD COLUMN begun_by BIGINT;
CREATE INDEX calls_begun ON calls (organization_id, queue)
    WHERE queue IS NOT NULL AND state = 'open' AND begun_by IS NOT NULL;
CREATE INDEX calls_in_line ON calls (organization_id, queue, owner, priority DESC, created_at)
    WHERE queue IS NOT NULL AND state = 'open' AND begun_by IS NULL;

-- When the newest calls of queues with a rate began: of each as many as may within a minute.
CREATE TABLE queue_begins (
    organization_id UUID    NOT NULL,
    queue           TEXT    NOT NULL,
    number          BIGINT  NOT NULL, -- without a gap
    at              BIGINT  NOT NULL, -- by this database's clock
    PRIMARY KEY (organization_id, queue, number)
);

ALTER TABLE queue_begins SET (autovacuum_vacuum_scale_factor = 0.01);
