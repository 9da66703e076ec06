-- What an organisation has due: asked by each inbox that is opened, and by the sender after a pause.
-- Conventions: see 0001.

CREATE INDEX messages_due_of ON messages (organization_id, due_at) WHERE state IN ('held', 'queued', 'retry_wait');

-- Nothing is ever counted here, and without counts SQLite takes the first column of a key, the organisation, for as good
-- as an index on two columns: it would read all messages of an organisation at each end of a run, and all its contacts
-- for one address. So it is told that an organisation has many rows: how many there are, and how many of them have the
-- same first column of the key, the same first two, and so on.
ANALYZE instance_marks;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('runs', 'runs', '100000 100000 1'),
    ('run_contacts', 'run_contacts', '100000 100000 10 1'),
    ('run_links', 'run_links', '100000 100000 1'),
    ('run_slots', 'run_slots', '100000 100000 1'),
    ('calls', 'calls', '100000 100000 5 1'),
    ('event_waits', 'event_waits', '100000 100000 1000 2 1'),
    ('event_triggers', 'event_triggers', '100000 100000 1'),
    ('outside_events', 'outside_events', '100000 100000 1'),
    ('approvals', 'approvals', '100000 100000 1'),
    ('messages', 'messages', '100000 100000 1'),
    ('contacts', 'contacts', '100000 100000 1'),
    ('sessions', 'sessions', '100000 100000 1'),
    ('model_calls', 'model_calls', '100000 100000 1'),
    ('model_turns', 'model_turns', '100000 100000 20 1'),
    ('runs', 'runs_by_workflow', '100000 100000 1000 1'),
    ('runs', 'runs_over', '100000 100000 25000 1'),
    ('run_contacts', 'run_contacts_by_run', '100000 100000 2'),
    ('run_slots', 'run_slots_by_key', '100000 100000 10 10 1'),
    ('event_waits', 'event_waits_by_run', '100000 100000 2'),
    ('event_triggers', 'event_triggers_by_type', '100000 100000 10'),
    ('outside_events', 'outside_events_about_nobody', '100000 100000 1000 1'),
    ('outside_events', 'outside_events_about_contact', '100000 100000 10 10 1'),
    ('contacts', 'contacts_by_status', '100000 100000 20000 1'),
    ('sessions', 'sessions_by_user', '100000 100000 5'),
    ('model_calls', 'model_calls_in_order', '100000 100000 1'),
    ('model_turns', 'model_turns_in_order', '100000 100000 20 1');
ANALYZE sqlite_schema;
