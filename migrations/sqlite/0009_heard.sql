-- What is heard of messages after they left: tracked links, opens, clicks, answers.
-- Conventions: see 0001.

-- The message that it sends again, after a manual retry or a fork.
ALTER TABLE messages ADD COLUMN repeats BLOB;

-- Where the tracked links of a message lead. Written with the message, never changed.
CREATE TABLE message_links (
    organization_id BLOB    NOT NULL,
    message_id      BLOB    NOT NULL,
    number          INTEGER NOT NULL,            -- from 1; 0 would be the pixel
    url             TEXT    NOT NULL,
    PRIMARY KEY (organization_id, message_id, number)
) STRICT, WITHOUT ROWID;

-- What was heard of a message, each kind once.
CREATE TABLE message_facts (
    organization_id BLOB    NOT NULL,
    message_id      BLOB    NOT NULL,
    kind            TEXT    NOT NULL,            -- open, click, reply, bounce, unsubscribed; auto_reply, click_bot …
    at              INTEGER NOT NULL,
    detail          TEXT    NOT NULL,            -- JSON
    PRIMARY KEY (organization_id, message_id, kind)
) STRICT, WITHOUT ROWID;

-- Emails that came in.
CREATE TABLE inbound_messages (
    organization_id BLOB    NOT NULL,
    id              BLOB    NOT NULL,            -- derived from its Message-ID: the same one comes in once
    at              INTEGER NOT NULL,
    kind            TEXT    NOT NULL,            -- reply, bounce, delay, delivered, auto_reply, opt_out, other
    sender          TEXT    NOT NULL,            -- the bare address in lower case
    subject         TEXT    NOT NULL,
    body            TEXT    NOT NULL,
    message_id      BLOB,                        -- the message of ours that it is about
    contact_id      BLOB,
    PRIMARY KEY (organization_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX messages_to ON messages (organization_id, recipient_key, sent_at)
    WHERE state IN ('accepted', 'delivered', 'bounced', 'uncertain');

-- Waits bear the event's own name now.
UPDATE event_waits SET name = 'email.replied' WHERE name = 'reply';
UPDATE outside_events SET name = 'email.replied' WHERE name = 'reply';
