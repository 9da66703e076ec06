-- Work that others do: tasks that outside workers claim, runs that runs start, runs that wait for one another.

-- Through which queue a call goes, and who has it.
ALTER TABLE calls ADD COLUMN queue TEXT;                          -- null: none
ALTER TABLE calls ADD COLUMN priority BIGINT  NOT NULL DEFAULT 5; -- 10 first, 1 last
ALTER TABLE calls ADD COLUMN repeats UUID;                        -- the message that it would send again
ALTER TABLE calls ADD COLUMN offer TEXT;                          -- a task: `agent:cmo`, or `agent:` for any agent
ALTER TABLE calls ADD COLUMN claim UUID;                          -- a task: the key of who has it
ALTER TABLE calls ADD COLUMN worker TEXT;                         -- a task: who has it, as people read it

-- Tasks are calls in the states `offered` and `claimed`.
CREATE INDEX calls_offered ON calls (organization_id, offer, priority, created_at) WHERE state = 'offered';
CREATE INDEX calls_tasks ON calls (organization_id, id) WHERE offer IS NOT NULL;

-- Which run was started by a call of which other one, until that one was told how it ended.
CREATE TABLE run_links (
    organization_id  UUID    NOT NULL,
    run_id           UUID    NOT NULL, -- the run that was started
    parent_id        UUID    NOT NULL, -- the run that waits for it
    call_id          UUID    NOT NULL,
    attempt          BIGINT  NOT NULL,
    root_workflow_id UUID    NOT NULL, -- the outermost workflow
    depth            BIGINT  NOT NULL, -- 1 for a run that a run started by hand started
    state            TEXT    NOT NULL, -- live; stop: nobody waits for it any more; ended: the parent must be told; told
    PRIMARY KEY (organization_id, run_id)
);

CREATE INDEX run_links_by_parent ON run_links (organization_id, parent_id) WHERE state = 'live';
CREATE INDEX run_links_due ON run_links (organization_id, run_id) WHERE state IN ('stop', 'ended');

-- Runs of which only so many with the same key may be on their way.
CREATE TABLE run_slots (
    organization_id UUID    NOT NULL,
    run_id          UUID    NOT NULL,
    key             TEXT    NOT NULL,
    places          BIGINT  NOT NULL, -- so many at once
    granted         BIGINT  NOT NULL DEFAULT 0,
    asked_at        BIGINT  NOT NULL,
    PRIMARY KEY (organization_id, run_id)
);

CREATE INDEX run_slots_by_key ON run_slots (organization_id, key, granted, asked_at);
