-- What the gate holds and nobody knows until when, as in a pause of all outbound, stands apart: however much that is,
-- the sender does not come across it when it looks for what is due. Conventions: see 0001.

DROP INDEX messages_due;
CREATE INDEX messages_due ON messages (due_at)
    WHERE state IN ('held', 'queued', 'retry_wait') AND (gate_held = 0 OR due_at > updated_at);
CREATE INDEX messages_waiting ON messages (organization_id, due_at)
    WHERE state IN ('held', 'queued', 'retry_wait') AND gate_held = 1 AND due_at <= updated_at;
