//! Message templates: kept, checked, changed by one at a time, sent; and plans that keep their version.

use super::post::{Post, plan};
use crate::support::database::on_each;
use serde_json::{Value, json};
use signalbox::{client::Method, wire::Role};

const HTML: &str = "<h1>Hi {{contact.name}}</h1><p>{{input.product}} is {{#if input.new}}new{{else}}here{{/if}}.</p>";

// OUT-03
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_sends_a_real_email_from_a_stored_template() {
    on_each(async || {
        let post = Post::new().await;
        let ada = post.contact("Ada <3 & Co", "ada@example.com").await;
        let workflow =
            post.import(&plan(&[("events.hasReply('intro')", "answered")], json!(null))).await;
        // OUT-11: a plan whose template is missing is not published, and says which step it is.
        let refused = post.publish(&workflow).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "graph_problems"));
        let problem = &refused.json()["details"]["problems"][0];
        assert_eq!(
            (&problem["code"], &problem["node"]),
            (&json!("missing-template"), &json!("intro"))
        );
        assert!(problem["message"].as_str().unwrap().contains("tmpl_intro"), "{problem}");

        let text = "Dear {{contact.name}},\n\n{{input.product}} by {{sender.name}}.";
        post.template("tmpl_intro", text, Some(HTML)).await;
        assert_eq!(post.publish(&workflow).await.status, 201);
        let run =
            post.start(&workflow, &ada, json!({ "product": "Lamps & <more>", "new": true })).await;
        post.wait(&run).await;
        let shown = post.approve().await;
        let mail = post.arrived().pop().expect("it arrived");
        assert_eq!(mail.to, "ada@example.com");
        assert_eq!(mail.subject, "Introducing Lamps & <more> to you");
        assert_eq!(mail.reply_to.as_deref(), Some("sales@example.com"));
        assert_eq!(mail.text, "Dear Ada <3 & Co,\n\nLamps & <more> by Shop.");
        assert_eq!(
            mail.html, "<h1>Hi Ada &lt;3 &amp; Co</h1><p>Lamps &amp; &lt;more&gt; is new.</p>",
            "what is put in becomes no markup"
        );
        // What was approved is what arrived.
        assert_eq!(shown["message"]["text"], mail.text);
        assert_eq!(shown["message"]["html"], mail.html);
        assert_eq!(shown["links"], json!([]), "nothing is tracked unless the step asks for it");
    })
    .await;
}

// OUT-03
#[tokio::test(flavor = "multi_thread")]
async fn the_steps_own_subject_is_worded_for_its_reader() {
    on_each(async || {
        let post = Post::new().await;
        let ada = post.contact("Ada", "ada@example.com").await;
        post.template("tmpl_intro", "Dear {{contact.name}}", None).await;
        let subject = "Hi {{contact.name}} ({{customer.email}}): {{input.product}} by {{sender.name}}{{#if input.new}}!{{/if}}";
        let mut document = plan(&[("events.hasReply('intro')", "answered")], json!(null));
        document["steps"][0]["subject"] = json!(subject);
        let workflow = post.import(&document).await;
        let problems = post.get(&workflow).await["problems"].to_string();
        assert!(!problems.contains("unknown"), "the gate knows all of it: {problems}");
        assert_eq!(post.publish(&workflow).await.status, 201);
        // What comes with the input is put in and never read as a template.
        let input = json!({ "product": "{{contact.id}}", "new": true });
        let run = post.start(&workflow, &ada, input).await;
        let expected = "Hi Ada (ada@example.com): {{contact.id}} by Shop!";
        assert_eq!(draft_of(&post, &run).await, expected);
        post.approve().await;
        let mail = post.arrived().pop().expect("it arrived");
        assert_eq!((mail.subject.as_str(), mail.text.trim()), (expected, "Dear Ada"));
        assert_eq!(post.get(&workflow).await["graph"]["nodes"][1]["kind"]["parameters"]["subject"], subject);

        // One that comes out empty leaves the word to the template's.
        document["steps"][0]["subject"] = json!("{{contact.metadata.greeting}}");
        let workflow = post.published(&document).await;
        let run = post.start(&workflow, &ada, json!({})).await;
        assert_eq!(draft_of(&post, &run).await, "A subject");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_are_changed_by_one_at_a_time_and_deleted() {
    on_each(async || {
        let post = Post::new().await;
        let (server, editor) = (&post.server, post.acme.machine(Role::Editor));
        let made = post.make("/api/templates", json!({ "id": "a", "text": "Hi" })).await;
        assert_eq!((&made["revision"], &made["name"]), (&json!(1), &json!("a")));
        let again =
            server.post(&editor, "/api/templates", &json!({ "id": "a", "text": "x" })).await;
        assert_eq!((again.status, again.code().as_str()), (422, "invalid_value"), "{}", again.text);
        for (wrong, field) in [
            (json!({ "id": "b" }), "text"),
            (json!({ "id": "no spaces", "text": "x" }), "id"),
            (json!({ "id": "b", "text": "{{#if x}}" }), "text"),
            (json!({ "id": "b", "text": "x", "html": "{{ 1 + }}" }), "html"),
            (json!({ "id": "b", "text": "the key is {{secrets.shop}}" }), "text"),
            (json!({ "id": "b", "text": "x", "subject": "a\nBcc: b@example.com" }), "subject"),
        ] {
            let refused = server.post(&editor, "/api/templates", &wrong).await;
            assert_eq!(refused.code(), "invalid_value", "{wrong}: {}", refused.text);
            assert_eq!(refused.json()["details"]["field"], field, "{wrong}");
        }
        let change = async |revision: u32, text: &str| {
            let body = json!({ "revision": revision, "text": text });
            server.send(&editor, Method::Put, "/api/templates/a", &body).await
        };
        let changed = change(1, "Hello").await;
        assert_eq!(
            (changed.status, &changed.json()["revision"]),
            (200, &json!(2)),
            "{}",
            changed.text
        );
        assert_eq!(change(1, "too late").await.code(), "conflict");
        assert_eq!(post.get("/api/templates/a").await["text"], "Hello");
        post.make("/api/templates", json!({ "id": "b", "name": "Zebra \u{c4}rzte", "text": "x" }))
            .await;
        let page = post.get("/api/templates?limit=1").await;
        assert_eq!(
            (&page["items"][0]["id"], &page["next_cursor"]),
            (&json!("a"), &json!("after.a"))
        );
        assert_eq!(post.get("/api/templates?limit=1&cursor=after.a").await["items"][0]["id"], "b");
        assert_eq!(post.get("/api/templates?search=zeb").await["items"][0]["id"], "b");
        assert_eq!(post.get("/api/templates?search=%C3%A4rz").await["items"][0]["id"], "b");
        let gone =
            async || server.raw(&editor, Method::Delete, "/api/templates/a", &[], None).await;
        assert_eq!(gone().await.status, 204);
        assert_eq!(gone().await.code(), "not_found");
        assert_eq!(change(2, "x").await.code(), "not_found");
    })
    .await;
}

/// The subject of the email that a run of a workflow's newest version waits with.
async fn draft_of(post: &Post, run: &str) -> Value {
    post.wait(run).await;
    post.pending().await["message"]["subject"].clone()
}

// OUT-02
#[tokio::test(flavor = "multi_thread")]
async fn a_running_plan_stays_on_its_version() {
    on_each(async || {
        let post = Post::new().await;
        let ada = post.contact("Ada", "ada@example.com").await;
        post.template("tmpl_intro", "Hi", None).await;
        let mut document = plan(&[("events.hasReply('intro')", "answered")], json!(null));
        document["steps"][0]["subject"] = json!("First");
        let workflow = post.published(&document).await;
        let first = post.get(&format!("{workflow}/versions/1")).await;
        let (old, _) = post.sent(&workflow, &ada).await;

        // The plan is changed while a run of it waits: another subject, and another end for who is silent.
        let draft = post.get(&workflow).await;
        let mut graph = draft["graph"].clone();
        let nodes = graph["nodes"].as_array_mut().unwrap();
        for node in nodes.iter_mut() {
            match node["id"].as_str().unwrap() {
                "intro" => node["kind"]["parameters"]["subject"] = json!("Second"),
                "cold" => node["kind"]["outcome"] = json!("frozen"),
                _ => {}
            }
        }
        let body = json!({ "name": "Intro", "description": "", "graph": graph });
        let tag = format!("\"{}\"", draft["draft_revision"]);
        let headers = [("content-type", "application/json"), ("if-match", tag.as_str())];
        let sent = Some(body.to_string().into_bytes());
        let saved = post.server.raw(&post.owner(), Method::Put, &workflow, &headers, sent).await;
        assert_eq!(saved.status, 200, "{}", saved.text);
        let published = post.publish(&workflow).await;
        assert_eq!(published.json()["version"], 2, "{}", published.text);
        assert_eq!(
            post.get(&format!("{workflow}/versions/1")).await,
            first,
            "a version never changes"
        );

        let new = post.start(&workflow, &ada, json!({})).await;
        assert_eq!(draft_of(&post, &new).await, "Second");
        post.approve().await;
        post.clock.advance_ms(24 * 3_600_000);
        assert_eq!(
            post.outcome(&old).await,
            "cold",
            "the run that had begun ends as its version says"
        );
        assert_eq!(post.outcome(&new).await, "frozen");
        let versions = [&old, &new].map(|run| post.get(run));
        let versions = futures::future::join_all(versions).await;
        assert_eq!(
            (&versions[0]["run"]["version"], &versions[1]["run"]["version"]),
            (&json!(1), &json!(2))
        );
    })
    .await;
}
