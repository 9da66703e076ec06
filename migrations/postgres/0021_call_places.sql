-- Places of named queues hold over all servers, for the calls that these make themselves.
-- Conventions: see 0001. `calls.begun_by` and `queue_begins` are for several servers: one alone counts in memory.

-- The lease under which a call of a limited queue is being made; null: it waits for a place, or needs none.
ALTER TABLE calls ADD COLUMN begun_by BIGINT;
CREATE INDEX calls_begun ON calls (organization_id, queue)
    WHERE queue IS NOT NULL AND state = 'open' AND begun_by IS NOT NULL;
CREATE INDEX calls_in_line ON calls (organization_id, queue, owner, priority DESC, created_at)
    WHERE queue IS NOT NULL AND state = 'open' AND begun_by IS NULL;

-- When calls of queues with a rate began, within the last minute; older ones go when the next one begins.
CREATE TABLE queue_begins (
    organization_id UUID    NOT NULL,
    queue           TEXT    NOT NULL,
    at              BIGINT  NOT NULL -- by this database's clock
);

CREATE INDEX queue_begins_in_order ON queue_begins (organization_id, queue, at);

ALTER TABLE queue_begins SET (autovacuum_vacuum_scale_factor = 0.01);
