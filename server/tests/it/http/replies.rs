//! Emails that come in: answers, bounces, automatic ones, opt-outs.

use super::{
    post::{Arrived, Post, plan},
    support::As,
};
use crate::support::database::on_each;
use serde_json::{Value, json};
use signalbox::client::Method;

const DAY_MS: i64 = 24 * 3_600_000;

async fn world() -> (Post, String, String) {
    let post = Post::new().await;
    let ada = post.contact("Ada", "ada@example.com").await;
    post.template("tmpl_intro", "Hi {{contact.name}}", None).await;
    let conditions = [
        ("events.hasUnsubscribed('intro')", "left"),
        ("events.hasBounce('intro')", "bounced"),
        ("events.hasReply('intro')", "answered"),
        ("events.hasOpen('intro')", "opened"),
        ("events.hasClick('intro')", "clicked"),
        ("events.hasDelivered('intro')", "reported"),
        ("events.hasAnswered('intro') || events.hasVoicemail('intro')", "called"),
    ];
    let workflow = post.published(&plan(&conditions, json!(null))).await;
    (post, workflow, ada)
}

fn answer(to: &Arrived, id: &str, headers: &str, text: &str) -> String {
    format!(
        "From: Ada <ada@example.com>\r\nTo: sales@example.com\r\nSubject: Re: {}\r\nMessage-ID: <{id}@example.com>\r\n\
         In-Reply-To: <{}>\r\n{headers}\r\n{text}\r\n",
        to.subject, to.id
    )
}

fn bounce(to: &Arrived, id: &str, action: &str, status: &str) -> String {
    format!(
        "From: MAILER-DAEMON@mx.example\r\nTo: shop@example.com\r\nSubject: Undelivered\r\nMessage-ID: <{id}@mx.example>\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nIt was not delivered.\r\n\
         --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n\
         Final-Recipient: rfc822; ada@example.com\r\nAction: {action}\r\nStatus: {status}\r\n\r\n\
         --b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{}>\r\n\r\n--b--\r\n",
        to.id
    )
}

// OUT-08
#[tokio::test(flavor = "multi_thread")]
async fn conditions_hear_of_replies_bounces_and_opt_outs() {
    on_each(async || {
        let (post, workflow, ada) = world().await;
        let (silent, _) = post.sent(&workflow, &ada).await;
        let (away, to_away) = post.sent(&workflow, &ada).await;
        let (late, to_late) = post.sent(&workflow, &ada).await;
        let (answered, to_answered) = post.sent(&workflow, &ada).await;
        let (bounced, to_bounced) = post.sent(&workflow, &ada).await;
        let (reported, to_reported) = post.sent(&workflow, &ada).await;

        let took = async |raw: String, kind: &str| {
            let reply = post.deliver(&raw).await;
            assert_eq!(
                (reply.status, &reply.json()["kind"]),
                (200, &json!(kind)),
                "{}",
                reply.text
            );
            reply.json()
        };
        let out_of_office =
            answer(&to_away, "m1", "Auto-Submitted: auto-replied\r\n", "I am away.");
        took(out_of_office, "auto_reply").await;
        took(bounce(&to_late, "m2", "delayed", "4.4.1"), "delay").await;
        took(bounce(&to_bounced, "m3", "failed", "5.1.1"), "bounce").await;
        took(bounce(&to_reported, "m6", "delivered", "2.0.0"), "delivered").await;
        let yes = answer(&to_answered, "m4", "", "Yes please.\r\n\r\n> Hi Ada");
        let outcome = took(yes.clone(), "reply").await;
        assert_eq!((&outcome["contact"], &outcome["duplicate"]), (&json!(ada), &json!(false)));
        assert_eq!(took(yes, "reply").await["duplicate"], true, "its server sends it again");
        assert_eq!(post.signals(&answered).await, ["reply"]);
        assert_eq!(post.signals(&bounced).await, ["bounce"]);
        let told = post.events(&answered).await;
        let told = told.iter().find(|event| event["type"] == "signal_received").unwrap();
        assert_eq!(told["payload"]["text"], "Yes please.", "without what is quoted");

        // An opt-out by the way: nothing more goes to this address.
        let (left, to_left) = post.sent(&workflow, &ada).await;
        took(answer(&to_left, "m5", "", "STOP"), "opt_out").await;
        assert_eq!(post.signals(&left).await, ["unsubscribed"]);
        let contact = post.get(&format!("/api/contacts/{ada}")).await;
        assert_eq!(contact["consent"][0]["state"], "revoked");
        let refused = post.start(&workflow, &ada, json!({})).await;
        post.wait(&refused).await;
        let events = post.events(&refused).await;
        assert!(
            events.iter().any(|event| event.to_string().contains("revoked the consent")),
            "{events:#?}"
        );

        post.clock.advance_ms(DAY_MS);
        for (run, outcome) in [
            (&silent, "cold"),
            (&away, "cold"),
            (&late, "cold"),
            (&answered, "answered"),
            (&bounced, "bounced"),
            (&reported, "reported"),
            (&left, "left"),
        ] {
            assert_eq!(post.outcome(run).await, outcome);
        }
    })
    .await;
}

/// `mail → wait for a reply, a day at most → end`.
fn waiting() -> Value {
    json!({
        "format": "signalbox/v1", "name": "Wait", "graph": {
        "nodes": [
            { "id": "start", "kind": { "type": "trigger" } },
            { "id": "mail", "kind": { "type": "action", "tool": "email.send", "parameters": {
                "customerId": "{{contact.id}}", "subject": "Well?", "body": "Shall we?" } } },
            { "id": "wait", "kind": { "type": "wait", "for": "event", "event": "reply",
                "limit_ms": DAY_MS } },
            { "id": "yes", "kind": { "type": "end", "outcome": "answered", "output": "{{steps.wait.output.text}}" } },
            { "id": "no", "kind": { "type": "end", "outcome": "silent" } },
        ],
        "edges": [
            { "id": "1", "from": "start", "port": "success", "to": "mail" },
            { "id": "2", "from": "mail", "port": "success", "to": "wait" },
            { "id": "3", "from": "wait", "port": "success", "to": "yes" },
            { "id": "4", "from": "wait", "port": "timeout", "to": "no" },
        ] },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_ends_a_wait_and_has_drafts_looked_at_again() {
    on_each(async || {
        let post = Post::new().await;
        let ada = post.contact("Ada", "ada@example.com").await;
        let workflow = post.published(&waiting()).await;
        let (run, mail) = post.sent(&workflow, &ada).await;
        let other = post.start(&workflow, &ada, json!({})).await;
        post.wait(&other).await;
        assert_eq!(post.pending().await["approval"]["stale"], false);
        // Without a reference: the newest message to the sender is meant.
        let raw = "From: ADA@example.com\r\nTo: shop@example.com\r\nSubject: Hello\r\n\r\nYes!\r\n";
        assert_eq!(post.deliver(raw).await.json()["kind"], "reply");
        assert_eq!(post.outcome(&run).await, "answered");
        assert_eq!(post.wait(&run).await["output"], "Yes!");
        assert_eq!(post.signals(&run).await, ["reply"], "by the event and by itself: noted once");
        // What answers somebody else's message is no answer to ours.
        let raw = "From: ada@example.com\r\nTo: shop@example.com\r\nSubject: Re: Invoice\r\n\
                   In-Reply-To: <CAF123@mail.example>\r\n\r\nIt is paid.\r\n";
        assert_eq!(post.deliver(raw).await.json()["kind"], "other");
        let draft = post.pending().await;
        assert_eq!(draft["approval"]["stale"], true, "{draft:#}");
        assert!(mail.text.contains("Shall we?"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_in_takes_emails_only_and_only_there() {
    let post = Post::new().await;
    let refused = post.deliver("this is no email").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (400, "invalid_body"),
        "{}",
        refused.text
    );
    let large = format!("From: a@example.com\r\n\r\n{}", "x".repeat(5 * 1024 * 1024));
    assert_eq!(post.deliver(&large).await.status, 413);
    let nobody = "From: stranger@example.com\r\nSubject: Buy\r\n\r\nNow\r\n";
    assert_eq!(post.deliver(nobody).await.json()["kind"], "other");
    let address = post.get("/api/settings/channels/email/inbound").await;
    let url = address["url"].as_str().unwrap();
    let path = url.strip_prefix(&post.server.url("")).unwrap();
    let other = post.server.organization("other").await;
    let theirs =
        post.server.get(&other.owner(), "/api/settings/channels/email/inbound").await.json();
    assert_ne!(theirs["url"], url);
    let last = if path.ends_with('A') { "B" } else { "A" };
    let short = &path[..path.len() - 1];
    for wrong in [short, "/inbound/x", &*format!("{path}A"), &*format!("{short}{last}")] {
        let body = Some(nobody.as_bytes().to_vec());
        let reply = post.server.raw(&As::Nobody, Method::Post, wrong, &[], body).await;
        assert_eq!(reply.code(), "not_found", "{wrong}");
    }
    let asked = post.server.get(&post.viewer(), "/api/settings/channels/email/inbound").await;
    assert_eq!(asked.code(), "forbidden", "the address is a secret");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_answers_as_the_contact_would() {
    let post = Post::new().await;
    post.put(
        "/api/settings/channels/email",
        json!({ "kind": "sandbox", "from": "Shop <shop@example.com>" }),
    )
    .await;
    let ada = post.contact("Ada", "ada@example.com").await;
    let workflow = post.published(&waiting()).await;
    let run = post.start(&workflow, &ada, json!({})).await;
    post.wait(&run).await;
    post.approve().await;
    let mailbox = post.get("/api/sandbox/messages").await;
    let id = mailbox["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/sandbox/messages/{id}/answer");
    let empty = post.server.post(&post.owner(), &path, &json!({ "text": " " })).await;
    assert_eq!(empty.code(), "invalid_value");
    let said = post.server.post(&post.owner(), &path, &json!({ "text": "Grüße – yes" })).await;
    assert_eq!((said.status, &said.json()["kind"]), (200, &json!("reply")), "{}", said.text);
    assert_eq!(post.outcome(&run).await, "answered");
    assert_eq!(post.wait(&run).await["output"], "Grüße – yes");
}
