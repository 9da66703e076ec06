-- What an organisation has due: asked by each inbox that is opened, and by the sender after a pause.
-- Conventions: see 0001.

CREATE INDEX messages_due_of ON messages (organization_id, due_at) WHERE state IN ('held', 'queued', 'retry_wait');
