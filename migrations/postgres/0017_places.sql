-- Places of queues that runs of runs take, and timers that end the server.
-- Conventions: see 0001.

-- The named queue of the call that started the run; null: none. A run that is not over has a place in it.
ALTER TABLE run_links ADD COLUMN queue TEXT;
CREATE INDEX run_links_under_way ON run_links (organization_id, queue, state)
    WHERE queue IS NOT NULL AND state IN ('live', 'stop');

-- Calls in the state `waiting`: they start a run, and their queue is full.
CREATE INDEX calls_waiting ON calls (organization_id, queue, state) WHERE state = 'waiting';

-- How often firing it was begun again after a server had died over it, or may have. See store/timers.
ALTER TABLE timers ADD COLUMN tries BIGINT NOT NULL DEFAULT 0;
