-- Which runs wrote a message to a contact: the list of a contact's runs goes down this index from the newest run.
-- Conventions: see 0001.

CREATE INDEX messages_by_contact ON messages (organization_id, contact_id, run_id)
    WHERE contact_id IS NOT NULL AND run_id IS NOT NULL;

-- See 0018: a contact gets ten messages, two of each run.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('messages', 'messages_by_contact', '100000 100000 10 2');
ANALYZE sqlite_schema;
