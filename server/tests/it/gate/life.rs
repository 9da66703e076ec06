//! Every move of a message's table is made by the gate on each database, and no other.

use super::world::{HOLD_S, World, decide, email};
use crate::support::{
    clock::TestClock,
    database::{Place, on_each},
    smtp_sink::*,
};
use futures::FutureExt;
use mail_parser::MessageParser;
use serde_json::json;
use server::{
    gate::{CrashPoint, DecideError, Submitted, followers},
    store,
};
use signalbox::{id::*, wire::*};
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::collections::BTreeSet;

/// A message in a world, with what became of it noted by the database itself.
struct Tale {
    world: World,
    sink: SmtpSink,
    run: RunId,
    message: MessageId,
    place: Place,
}

type Move = (Option<String>, String);

/// The hash of a message, what was approved and by whom; the hash of its newest revision; the hash of a decided request
/// to send it, and who decided.
type Record = (Vec<u8>, Option<Vec<u8>>, Option<String>, Vec<u8>, Option<Vec<u8>>, Option<String>);

const RECORDS: &str = "SELECT m.content_hash, m.approved_hash, m.approved_by, r.content_hash, a.content_hash, a.decided_by
  FROM messages m
  JOIN message_revisions r
    ON r.organization_id = m.organization_id AND r.message_id = m.id AND r.number = m.revision
  JOIN approvals a ON a.organization_id = m.organization_id AND a.message_id = m.id
  WHERE m.state = 'accepted' AND a.kind = 'message' AND a.state = 'approved'";

impl Tale {
    /// A step writes an email that must leave within a day.
    async fn new() -> Self {
        Self::of("ada@example.com", Submitted::Parked).await
    }

    async fn of(to: &str, expected: Submitted) -> Self {
        let (place, sink) = (Place::new().await, SmtpSink::start().await);
        let organization = OrganizationId(uuid::Uuid::now_v7());
        let world = World::over(place.open().await, organization, TestClock::new());
        world.use_sink(&sink).await;
        for name in ["gone@example.com", "ada@example.com"] {
            let said_no = (name == "gone@example.com").then_some(true);
            let input = ContactInput {
                name: Some(name.into()),
                email: Some(name.into()),
                do_not_contact: said_no,
                ..Default::default()
            };
            world.gate.contact_create(organization, &input).await.unwrap();
        }
        notes_moves(&place).await;
        let call = world.call();
        let mut parameters = email();
        parameters["to"] = json!(to);
        parameters["expiresAfterMinutes"] = json!(24 * 60);
        let submitted = world.gate.submit_email(&call, &parameters).await;
        assert_eq!(std::mem::discriminant(&submitted), std::mem::discriminant(&expected));
        let message = MessageId::derive(call.call.0, &["message"]);
        Self { world, sink, run: call.run, message, place }
    }

    async fn step(&self) {
        self.world.gate.step().await.unwrap();
    }

    async fn decides(&self, kind: DecideKind, change: impl FnOnce(&mut Decide)) {
        let row = self.world.message(self.message).await.approval.unwrap();
        let row = self.world.gate.approval_detail(self.world.organization, row).await.unwrap();
        let mut decision = decide(kind, row.approval.revision);
        change(&mut decision);
        self.world.gate.decide(&self.world.decider(), row.approval.id, &decision).await.unwrap();
    }

    /// Approved, and not due yet.
    async fn held() -> Self {
        let tale = Self::new().await;
        tale.decides(DecideKind::Approve, |_| {}).await;
        tale
    }

    /// Refused for now by the mail server.
    async fn retry_wait() -> Self {
        let tale = Self::held().await;
        tale.sink.fault(Fault::Reply(Stage::Rcpt, 451));
        tale.world.clock.advance(HOLD_S);
        tale.step().await;
        tale
    }

    /// The mail server took it and went away before it said so.
    async fn uncertain() -> Self {
        let tale = Self::held().await;
        tale.sink.fault(Fault::Disconnect(Stage::Dot));
        tale.world.clock.advance(HOLD_S);
        tale.step().await;
        tale
    }

    async fn resolves(&self, choice: UncertainChoice) {
        let row = self.world.only_pending().await;
        let mut resolve = decide(DecideKind::Resolve, row.revision);
        resolve.uncertain = Some(choice);
        self.world.gate.decide(&self.world.decider(), row.id, &resolve).await.unwrap();
    }

    /// Who let pass what left, as the database has it: one a decision.
    async fn records(&self) -> Vec<Record> {
        let records = match &self.place {
            Place::Sqlite(_) => {
                sqlx::query_as(RECORDS).fetch_all(&mut file(&self.place).await).await
            }
            Place::Postgres { .. } => {
                let mut conn = PgConnection::connect(&self.place.url()).await.unwrap();
                sqlx::query_as(RECORDS).fetch_all(&mut conn).await
            }
        };
        records.unwrap()
    }

    /// To be sent again, as a person said.
    async fn queued() -> Self {
        let tale = Self::uncertain().await;
        tale.resolves(UncertainChoice::Resend).await;
        tale
    }

    async fn rules(&self, from: &str, to: &str) {
        let days = Day::ALL.to_vec();
        let sending_hours = SendingHours { enabled: true, from: from.into(), to: to.into(), days };
        let rules = OutboundSettings { sending_hours, ..Default::default() };
        let settings = self.world.gate.channels().settings();
        settings
            .outbound_set(self.world.organization, &rules, self.world.clock.now())
            .await
            .unwrap();
    }

    /// Outside the sending hours, which are the two that just passed.
    async fn waits(&self) {
        use chrono::{TimeDelta, Timelike};
        // From and to lie on one day.
        let hour = i64::from(self.world.clock.now().hour());
        let shift = if hour < 4 { 5 - hour } else { 0 };
        self.world.clock.advance(shift * 3_600 + 60);
        let at =
            |hours| (self.world.clock.now() - TimeDelta::hours(hours)).format("%H:00").to_string();
        self.rules(&at(3), &at(1)).await;
        self.step().await;
    }

    async fn changes_channel(&self) -> SmtpSink {
        let other = SmtpSink::start().await;
        self.world.use_sink(&other).await;
        self.world.clock.advance(60);
        self.step().await;
        other
    }

    async fn expires(&self) {
        self.world.clock.advance(25 * 3_600);
        self.step().await;
    }

    /// Somebody else with the same address opts out.
    async fn opts_out(&self) {
        let input = ContactInput {
            name: Some("Ada again".into()),
            email: Some("Ada@example.com".into()),
            do_not_contact: Some(true),
            ..Default::default()
        };
        self.world.gate.contact_create(self.world.organization, &input).await.unwrap();
        self.world.clock.advance(60);
        self.step().await;
    }

    async fn leaves(&self) {
        self.world.clock.advance(60);
        self.step().await;
    }

    /// Its run ends.
    async fn is_recalled(&self) {
        let (organization, run, now) = (self.world.organization, self.run, self.world.clock.now());
        let recalled = self.world.store.write(move |tx| {
            async move { store::messages_recall(tx, organization, run, None, now).await }.boxed()
        });
        recalled.await.unwrap();
    }

    /// The recipient's mail server reports.
    async fn is_reported(&self, action: &str, status: &str) {
        let received = self.sink.received();
        let mail = MessageParser::default().parse(&received[0].data).unwrap();
        let raw = format!(
            "From: MAILER-DAEMON@mx.example\r\nTo: shop@example.com\r\nSubject: Report\r\nMessage-ID: <r@mx.example>\r\n\
             MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n\
             --b\r\nContent-Type: text/plain\r\n\r\nA report.\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n\
             Final-Recipient: rfc822; ada@example.com\r\nAction: {action}\r\nStatus: {status}\r\n\r\n\
             --b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{}>\r\n\r\n--b--\r\n",
            mail.message_id().unwrap()
        );
        self.world.gate.inbound(self.world.organization, raw.as_bytes()).await.unwrap();
    }

    /// The moves that were made, and how it ended.
    async fn moves(&self) -> Vec<Move> {
        let sql = "SELECT was, state FROM walked ORDER BY number";
        let rows = match &self.place {
            Place::Sqlite(_) => sqlx::query_as(sql).fetch_all(&mut file(&self.place).await).await,
            Place::Postgres { .. } => {
                let mut conn = PgConnection::connect(&self.place.url()).await.unwrap();
                sqlx::query_as(sql).fetch_all(&mut conn).await
            }
        };
        rows.unwrap()
    }
}

/// From now on the database itself notes each message that begins or moves.
async fn notes_moves(place: &Place) {
    match place {
        Place::Sqlite(_) => sqlx::raw_sql(
            "CREATE TABLE walked (number INTEGER PRIMARY KEY, was TEXT, state TEXT);
             CREATE TRIGGER began AFTER INSERT ON messages BEGIN
               INSERT INTO walked (was, state) VALUES (NULL, new.state); END;
             CREATE TRIGGER moved AFTER UPDATE OF state ON messages BEGIN
               INSERT INTO walked (was, state) VALUES (old.state, new.state); END;",
        )
        .execute(&mut file(place).await)
        .await
        .map(|_| ()),
        Place::Postgres { .. } => sqlx::raw_sql(
            "CREATE TABLE walked (number bigserial PRIMARY KEY, was text, state text);
             CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               INSERT INTO walked (was, state)
                 VALUES (CASE WHEN TG_OP = 'UPDATE' THEN OLD.state END, NEW.state);
               RETURN NEW; END $$;
             CREATE TRIGGER moved AFTER INSERT OR UPDATE OF state ON messages
               FOR EACH ROW EXECUTE FUNCTION note();",
        )
        .execute(&mut PgConnection::connect(&place.url()).await.unwrap())
        .await
        .map(|_| ()),
    }
    .unwrap();
}

async fn file(place: &Place) -> SqliteConnection {
    let Place::Sqlite(folder) = place else { unreachable!("only SQLite has a file") };
    let url = format!("sqlite://{}", folder.0.join("signalbox.db").display());
    SqliteConnection::connect(&url).await.unwrap()
}

fn word(state: MessageState) -> String {
    store::message_state_word(state).to_owned()
}

/// What may become of a message that waits to be sent.
async fn of_waiting(at: MessageState, moves: &mut BTreeSet<Move>) {
    for to in followers(Some(at)) {
        let tale = match at {
            MessageState::Held => Tale::held().await,
            MessageState::RetryWait => Tale::retry_wait().await,
            _ => Tale::queued().await,
        };
        assert_eq!(tale.world.state(tale.message).await, at);
        match to {
            MessageState::InFlight => tale.leaves().await,
            MessageState::PendingApproval => drop(tale.changes_channel().await),
            MessageState::Expired => tale.expires().await,
            MessageState::Cancelled => tale.is_recalled().await,
            MessageState::Refused => tale.opts_out().await,
            _ => tale.waits().await,
        }
        let made = tale.moves().await;
        assert!(made.contains(&(Some(word(at)), word(*to))), "{at:?} to {to:?}: {made:?}");
        moves.extend(made);
    }
}

async fn of_drafts(moves: &mut BTreeSet<Move>) {
    let refused = Submitted::Failed(signalbox::run::StepError::new(
        signalbox::run::ErrorKind::Refused,
        String::new(),
    ));
    moves.extend(Tale::of("gone@example.com", refused).await.moves().await);
    let edited = Tale::new().await;
    let edits = MessageEdit { subject: Some("Hello".into()), text: None };
    edited.decides(DecideKind::Edit, |decision| decision.edits = Some(edits)).await;
    moves.extend(edited.moves().await);
    let rejected = Tale::new().await;
    rejected.decides(DecideKind::Reject, |_| {}).await;
    moves.extend(rejected.moves().await);
    let expired = Tale::new().await;
    expired.expires().await;
    moves.extend(expired.moves().await);
    let recalled = Tale::new().await;
    recalled.is_recalled().await;
    moves.extend(recalled.moves().await);
}

async fn of_what_left(moves: &mut BTreeSet<Move>) {
    let failed = Tale::held().await;
    failed.sink.fault(Fault::Reply(Stage::Rcpt, 550));
    failed.leaves().await;
    moves.extend(failed.moves().await);
    for choice in [UncertainChoice::MarkSent, UncertainChoice::Drop] {
        let uncertain = Tale::uncertain().await;
        uncertain.resolves(choice).await;
        moves.extend(uncertain.moves().await);
    }
    for (action, status) in [("delivered", "2.0.0"), ("failed", "5.1.1")] {
        let sent = Tale::held().await;
        sent.leaves().await;
        sent.is_reported(action, status).await;
        moves.extend(sent.moves().await);
    }
    // The process dies while the sandbox takes it.
    let mut died = Tale::new().await;
    let settings = died.world.gate.channels().settings();
    let sandbox = EmailChannel::Sandbox { from: None };
    settings.email_set(died.world.organization, &sandbox, died.world.clock.now()).await.unwrap();
    let row = died.world.only_pending().await;
    let approve = decide(DecideKind::Approve, row.revision);
    let refused = died.world.gate.decide(&died.world.decider(), row.id, &approve).await;
    assert!(matches!(refused, Err(DecideError::Conflict(_))), "the channel is another one");
    died.decides(DecideKind::Approve, |_| {}).await;
    *died.world.crash_at.lock().unwrap() = Some(CrashPoint::Claimed);
    died.leaves().await;
    died.world = died.world.restarted();
    died.leaves().await;
    moves.extend(died.moves().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_move_of_the_table_is_made_and_no_other() {
    on_each(async || all_moves().await).await;
}

async fn all_moves() {
    let mut moves = BTreeSet::new();
    of_drafts(&mut moves).await;
    for at in [MessageState::Held, MessageState::Queued, MessageState::RetryWait] {
        of_waiting(at, &mut moves).await;
    }
    of_what_left(&mut moves).await;
    let all = std::iter::once(None).chain(MessageState::ALL.into_iter().map(Some));
    let table: BTreeSet<Move> = all
        .flat_map(|from| followers(from).iter().map(move |to| (from.map(word), word(*to))))
        .collect();
    let not_made: Vec<_> = table.difference(&moves).collect();
    // A row that is written again where it is has not moved.
    let is_move = |(was, is): &&Move| was.as_ref() != Some(is);
    let not_listed: Vec<_> = moves.difference(&table).filter(is_move).collect();
    assert!(
        not_made.is_empty() && not_listed.is_empty(),
        "not made: {not_made:?}; not listed: {not_listed:?}"
    );
}

#[tokio::test]
async fn what_left_has_one_decision_with_a_name_and_its_own_hash() {
    on_each(async || {
        let edited = Tale::new().await;
        let edits = MessageEdit { subject: Some("Hello".into()), text: None };
        edited.decides(DecideKind::Approve, |decision| decision.edits = Some(edits)).await;
        for tale in [Tale::held().await, edited, Tale::queued().await] {
            assert!(tale.records().await.is_empty(), "it has not left");
            tale.leaves().await;
            assert_eq!(tale.world.state(tale.message).await, MessageState::Accepted);
            let records = tale.records().await;
            let [(hash, approved, by, revision, asked, decided_by)] = &records[..] else {
                panic!("one decision: {records:?}")
            };
            assert_eq!(approved.as_ref(), Some(hash), "what was approved is what left");
            assert_eq!(revision, hash, "the newest revision is what left");
            assert_eq!(asked.as_ref(), Some(hash), "what was decided about is what left");
            assert_eq!((by.as_deref(), decided_by.as_deref()), (Some("Grace"), Some("Grace")));
        }
    })
    .await;
}
