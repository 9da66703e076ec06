-- Runs can be found by their words and listed by state, and are forgotten after a while.
-- Conventions: see 0001.

-- The words of a run that people look for, apart from its hot row. Only looked at together with the
-- runs of one organisation, so no index: a search reads at most what retention keeps.
CREATE TABLE run_search (
    organization_id UUID NOT NULL,
    run_id          UUID NOT NULL,
    input           TEXT NOT NULL DEFAULT '', -- the start of the input's values, lower case
    error           TEXT NOT NULL DEFAULT '', -- why it failed, was blocked or stopped, lower case
    PRIMARY KEY (organization_id, run_id)
);

-- Runs that are over, by state and age: lists and retention. Written once a run.
CREATE INDEX runs_over ON runs (organization_id, phase, id) WHERE ended_at IS NOT NULL;

-- Runs that are gone from every list; their other rows follow in small transactions.
CREATE TABLE run_removals (
    organization_id UUID NOT NULL,
    run_id          UUID NOT NULL,
    PRIMARY KEY (organization_id, run_id)
);
