-- As the twin in ../sqlite.
DROP INDEX outside_events_by_name;
CREATE INDEX outside_events_about_contact ON outside_events (organization_id, contact_id, name, number)
    WHERE contact_id IS NOT NULL;
CREATE INDEX outside_events_about_nobody ON outside_events (organization_id, name, number)
    WHERE contact_id IS NULL;
