-- Which runs wrote a message to a contact: the list of a contact's runs goes down this index from the newest run.
-- Conventions: see 0001.

CREATE INDEX messages_by_contact ON messages (organization_id, contact_id, run_id)
    WHERE contact_id IS NOT NULL AND run_id IS NOT NULL;
