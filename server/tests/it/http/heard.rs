//! Opens and clicks: what readers fetch reaches the run that asks for it, once, and nothing else does.

use super::post::{Post, between, plan};
use crate::support::database::on_each;
use serde_json::{Value, json};

const DAY_MS: i64 = 24 * 3_600_000;
const SHOP: &str = "https://shop.example/lamps?a=1&b=2";
const TEXT: &str = "Hi {{contact.name}}, see https://shop.example/lamps?a=1&b=2.\nStop: https://shop.example/unsubscribe";
const HTML: &str = "<body><a href=\"https://shop.example/lamps?a=1&amp;b=2\">Lamps</a> \
    <a href=\"https://other.example/\">More</a> <a href=\"mailto:shop@example.com\">Write</a> \
    <a href=\"https://shop.example/unsubscribe\">Stop</a></body>";

async fn world() -> (Post, String, String) {
    let post = Post::new().await;
    let ada = post.contact("Ada", "ada@example.com").await;
    post.template("tmpl_intro", TEXT, Some(HTML)).await;
    let conditions =
        [("events.hasClick('intro')", "clicked"), ("events.hasOpen('intro')", "opened")];
    let workflow =
        post.published(&plan(&conditions, json!({ "opens": true, "clicks": true }))).await;
    (post, workflow, ada)
}

fn pixel(html: &str) -> String {
    between(html, "alt=\"\" src=\"", "\"")[0].to_owned()
}

fn links(html: &str) -> Vec<String> {
    between(html, "href=\"", "\"").into_iter().map(str::to_owned).collect()
}

// OUT-04
#[tokio::test(flavor = "multi_thread")]
async fn opens_and_clicks_are_asked_for_by_later_steps() {
    on_each(async || {
        let (post, workflow, ada) = world().await;
        let (nothing, _) = post.sent(&workflow, &ada).await;
        let (opened, mail) = post.sent(&workflow, &ada).await;

        let picture = post.fetch("GET", &pixel(&mail.html), &[]).await;
        assert_eq!(picture.status(), 200);
        assert_eq!(picture.headers()["content-type"], "image/gif");
        assert!(picture.headers()["cache-control"].to_str().unwrap().contains("no-store"));
        assert_eq!(picture.headers()["cross-origin-resource-policy"], "cross-origin");
        let bytes = picture.bytes().await.unwrap();
        assert_eq!((&bytes[..6], bytes[6], bytes[8]), (&b"GIF89a"[..], 1, 1), "one pixel");
        let picture = post.fetch("GET", &pixel(&mail.html), &[]).await;
        assert_eq!(picture.status(), 200);
        assert_eq!(post.signals(&opened).await, ["open"], "the second one says nothing new");

        let (clicked, mail) = post.sent(&workflow, &ada).await;
        let all = links(&mail.html);
        let [lamps, other, write, stop] = &all[..] else { panic!("{}", mail.html) };
        assert!(mail.text.contains(&format!("see {lamps}.\n")), "the same link: {}", mail.text);
        assert!(mail.text.ends_with("Stop: https://shop.example/unsubscribe"));
        assert_eq!(
            (write.as_str(), stop.as_str()),
            ("mailto:shop@example.com", "https://shop.example/unsubscribe")
        );
        for (link, target) in [(lamps, SHOP), (other, "https://other.example/"), (lamps, SHOP)] {
            let answer = post.fetch("GET", link, &[]).await;
            assert_eq!(answer.status(), 302);
            assert_eq!(answer.headers()["location"], target);
            assert_eq!(answer.headers()["cache-control"], "no-store");
        }
        assert_eq!(post.signals(&clicked).await, ["click"]);

        post.clock.advance_ms(DAY_MS);
        assert_eq!(post.outcome(&nothing).await, "cold");
        assert_eq!(post.outcome(&opened).await, "opened");
        assert_eq!(post.outcome(&clicked).await, "clicked");
        let told = post.events(&clicked).await;
        let told = told.iter().find(|event| event["type"] == "signal_received").unwrap();
        assert_eq!(told["payload"]["url"], SHOP);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_ahead_robots_and_drafts_do_not_count() {
    let (post, workflow, ada) = world().await;
    // A draft's addresses are there before it leaves; whoever looks at them has received nothing.
    let run = post.start(&workflow, &ada, json!({})).await;
    post.wait(&run).await;
    let draft = post.pending().await;
    let html = draft["message"]["html"].as_str().unwrap().to_owned();
    let shown: Vec<(&Value, &Value)> = draft["links"]
        .as_array()
        .unwrap()
        .iter()
        .map(|link| (&link["address"], &link["url"]))
        .collect();
    assert_eq!(shown[0].1, SHOP, "the approver sees where each link leads");
    let all = links(&html);
    assert_eq!((shown.len(), shown[0].0), (2, &json!(all[0])));
    let link = &all[0];
    assert_eq!(post.fetch("GET", &pixel(&html), &[]).await.status(), 200);
    assert_eq!(post.fetch("GET", link, &[]).await.status(), 302);
    assert_eq!(post.signals(&run).await, Vec::<String>::new());

    post.approve().await;
    assert_eq!(post.arrived()[0].html, html, "what was approved is what arrived");
    assert_eq!(post.fetch("HEAD", &pixel(&html), &[]).await.status(), 200);
    for (name, value) in [
        ("sec-purpose", "prefetch;anonymous-client-ip"),
        ("purpose", "prefetch"),
        ("x-purpose", "preview"),
        ("x-moz", "prefetch"),
    ] {
        assert_eq!(post.fetch("GET", &pixel(&html), &[(name, value)]).await.status(), 200);
        assert_eq!(post.fetch("GET", link, &[(name, value)]).await.status(), 302);
    }
    for agent in ["", "BarracudaCentral/1", "Googlebot/2.1"] {
        assert_eq!(post.fetch("GET", link, &[("user-agent", agent)]).await.status(), 302);
    }
    assert_eq!(post.fetch("HEAD", link, &[]).await.status(), 302);
    let cookie = "signalbox_session=somebody";
    assert_eq!(post.fetch("GET", link, &[("cookie", cookie)]).await.status(), 302);
    assert_eq!(post.signals(&run).await, Vec::<String>::new());
    post.fetch("GET", link, &[]).await;
    assert_eq!(post.signals(&run).await, ["click"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_was_changed_leads_nowhere() {
    let (post, workflow, ada) = world().await;
    let (run, mail) = post.sent(&workflow, &ada).await;
    let all = links(&mail.html);
    let token = all[0].rsplit('/').next().unwrap();
    let with = |at: usize, c: &str| {
        let mut changed = token.to_owned();
        changed.replace_range(at..=at, if &token[at..=at] == c { "z" } else { c });
        post.server.url(&format!("/t/{changed}"))
    };
    let other = all[1].rsplit('/').next().unwrap();
    let mixed = post.server.url(&format!("/t/{}{}", &token[..46], &other[46..]));
    let long = post.server.url(&format!("/t/{}", "A".repeat(5_000)));
    for forged in [with(0, "A"), with(30, "A"), with(44, "B"), with(67, "A"), mixed, long] {
        let answer = post.fetch("GET", &forged, &[]).await;
        assert_eq!(answer.status(), 404, "{forged}");
        assert!(!answer.headers().contains_key("location"));
    }
    // Somebody who can write into the database of links cannot send readers elsewhere either: the code
    // stands over the target. A pixel that was made up is shown and noted nowhere.
    let pixel = pixel(&mail.html);
    let forged =
        format!("{}{}", &pixel[..pixel.len() - 1], if pixel.ends_with('A') { "B" } else { "A" });
    assert_eq!(post.fetch("GET", &forged, &[]).await.status(), 200);
    assert_eq!(post.signals(&run).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_keeps_the_links_and_the_pixel() {
    let post = Post::new().await;
    let ada = post.contact("Ada", "ada@example.com").await;
    post.template("tmpl_intro", "See https://shop.example/a", None).await;
    let workflow = post
        .published(&plan(
            &[("events.hasReply('intro')", "answered")],
            json!({ "opens": true, "clicks": true }),
        ))
        .await;
    let run = post.start(&workflow, &ada, json!({})).await;
    post.wait(&run).await;
    let draft = post.pending().await;
    let address = draft["links"][0]["address"].as_str().unwrap();
    let html = draft["message"]["html"].as_str().unwrap();
    assert!(html.contains(&format!("<a href=\"{address}\">")), "a page for the pixel: {html}");
    let path = format!("/api/approvals/{}/decide", draft["approval"]["id"].as_str().unwrap());
    let text = format!("Look: {address} <soon>");
    let edit = json!({ "decision": "edit", "revision": 1, "edits": { "text": text } });
    assert_eq!(post.server.post(&post.owner(), &path, &edit).await.status, 200);
    let edited = post.approve().await;
    let mail = post.arrived().pop().unwrap();
    assert_eq!(
        (mail.text.as_str(), edited["message"]["html"].as_str()),
        (text.as_str(), Some(mail.html.as_str()))
    );
    assert!(mail.html.contains("&lt;soon&gt;"), "{}", mail.html);
    post.fetch("GET", &pixel(&mail.html), &[]).await;
    let followed = post.fetch("GET", address, &[]).await;
    assert_eq!(followed.headers()["location"], "https://shop.example/a");
    assert_eq!(post.signals(&run).await, ["open", "click"]);
}
