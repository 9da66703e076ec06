-- What the send gate judges by: consent, opt-outs that outlive their contact, what left when, the health of
-- channels, and what model calls cost.
-- Conventions: see 0001.

-- What a contact said, one JSON object a channel.
ALTER TABLE contacts ADD COLUMN consent TEXT NOT NULL DEFAULT '[]';

-- The recipient's bare address in lower case.
ALTER TABLE messages ADD COLUMN recipient_key TEXT NOT NULL DEFAULT '';
-- When the newest attempt was begun; caps count by it.
ALTER TABLE messages ADD COLUMN begun_at BIGINT;
-- 1: the gate moved due_at (quiet hours, caps, health); a change of the rules makes it look again.
ALTER TABLE messages ADD COLUMN gate_held BIGINT  NOT NULL DEFAULT 0;

UPDATE messages SET begun_at = coalesce(sent_at, updated_at)
    WHERE state IN ('in_flight', 'accepted', 'delivered', 'bounced', 'uncertain');
UPDATE messages SET recipient_key = lower(trim(CASE strpos(recipient, '<')
    WHEN 0 THEN recipient
    ELSE substr(recipient, strpos(recipient, '<') + 1, strpos(recipient, '>') - strpos(recipient, '<') - 1) END));

CREATE INDEX messages_begun ON messages (organization_id, begun_at)
    WHERE state IN ('in_flight', 'accepted', 'delivered', 'bounced', 'uncertain');

-- Addresses that nothing goes to although no contact says so any more: the opt-out of a deleted contact.
CREATE TABLE suppressions (
    organization_id UUID    NOT NULL,
    channel         TEXT    NOT NULL,            -- email
    address         TEXT    NOT NULL,            -- lower case
    kind            TEXT    NOT NULL,            -- do_not_contact, consent_revoked
    at              BIGINT  NOT NULL,
    PRIMARY KEY (organization_id, channel, address)
);

-- A channel account that could not be reached; the row goes with the first success.
CREATE TABLE channel_health (
    organization_id UUID    NOT NULL,
    account         TEXT    NOT NULL,            -- smtp host:port
    failures        BIGINT  NOT NULL,            -- in a row
    since           BIGINT  NOT NULL,
    retry_at        BIGINT  NOT NULL,
    detail          TEXT    NOT NULL,
    PRIMARY KEY (organization_id, account)
);

-- One answer of a model.
CREATE TABLE model_calls (
    organization_id UUID    NOT NULL,
    id              UUID    NOT NULL,
    at              BIGINT  NOT NULL,
    area            TEXT    NOT NULL,            -- llm_step
    provider        TEXT    NOT NULL,
    model           TEXT    NOT NULL,            -- the one that really ran
    sandbox         BIGINT  NOT NULL,
    input_tokens    BIGINT  NOT NULL,
    output_tokens   BIGINT  NOT NULL,
    cost_micros     BIGINT,                      -- millionths of a US dollar; null: the price is not known
    duration_ms     BIGINT  NOT NULL,
    run_id          UUID,
    call_id         UUID,
    PRIMARY KEY (organization_id, id)
);

CREATE INDEX model_calls_in_order ON model_calls (organization_id, at);
