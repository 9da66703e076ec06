-- Which outside events a run may hear, by their numbers: clocks of servers differ and are set back.
-- Conventions: see 0001.

-- The number of the last outside event before the run began; null: only the time tells (runs from before this, forks).
ALTER TABLE runs ADD COLUMN events_from BIGINT;
