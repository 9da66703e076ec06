-- The journal's events become bytes: JSON, packed with LZ4 where that is shorter.
ALTER TABLE run_events ALTER COLUMN events TYPE BYTEA USING convert_to(events, 'UTF8');
