//! LLM steps against both APIs, as a real server speaks them, and the sandbox model.

use crate::support::{
    town::{Town, action},
    web_sink::{Answer, WebSink},
};
use serde_json::{Value, json};
use server::store::{self, ModelUse, Source};
use signalbox::{
    run::{ErrorKind, EventBody, RunEnd},
    wire::{ModelPrice, ModelSettings, OutboundSettings},
};

fn openai(message: Value) -> Answer {
    Answer::json(json!({
        "id": "c1", "object": "chat.completion", "model": "test-model-2026",
        "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18 },
    }))
}

fn said(text: &str) -> Answer {
    openai(json!({ "role": "assistant", "content": text }))
}

fn anthropic(content: Value, stop: &str) -> Answer {
    Answer::json(json!({
        "id": "m1", "type": "message", "role": "assistant", "model": "claude-test",
        "content": content, "stop_reason": stop,
        "usage": { "input_tokens": 5, "output_tokens": 3 },
    }))
}

async fn town(provider: &str, web: &WebSink) -> Town {
    let town = Town::new().await;
    let settings = ModelSettings {
        provider: provider.into(),
        model: "test-model".into(),
        base_url: Some(web.url("/v1")),
        api_key: Some("sk-test".into()),
        price: None,
    };
    let view =
        town.settings.models_set(town.organization, &settings, chrono::Utc::now()).await.unwrap();
    assert!(view.key_set && !serde_json::to_string(&view).unwrap().contains("sk-test"));
    town
}

fn llm(settings: Value) -> Value {
    let mut kind =
        json!({ "type": "llm", "system_prompt": "You are kind.", "user_prompt": "Say hello." });
    for (key, value) in settings.as_object().unwrap() {
        kind[key] = value.clone();
    }
    json!({ "id": "ask", "kind": kind })
}

fn usage(played: &crate::support::town::Played) -> signalbox::run::Usage {
    let found = played.events.iter().find_map(|event| match &event.body {
        EventBody::NodeCompleted { usage: Some(usage), .. } => Some(usage.clone()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{played:#?}"))
}

// WF-05
#[tokio::test]
async fn both_apis_answer_and_their_use_is_counted() {
    let web = WebSink::start().await;
    let openai = town("openai", &web).await;
    web.answer(said("Hello!"));
    let played =
        openai.play(json!([llm(json!({ "temperature": 0.3, "max_tokens": 99 }))]), json!({})).await;
    assert_eq!(played.outputs["ask"], "Hello!", "{played:#?}");
    let used = usage(&played);
    assert_eq!(
        (used.model.as_str(), used.input_tokens, used.output_tokens, used.sandbox),
        ("test-model-2026", 11, 7, false)
    );
    let asked = &web.asked()[0];
    assert_eq!(
        (asked.path.as_str(), &asked.headers["authorization"]),
        ("/v1/chat/completions", &"Bearer sk-test".parse().unwrap())
    );
    assert_eq!(
        (&asked.json()["model"], &asked.json()["temperature"]),
        (&json!("test-model"), &json!(0.3))
    );

    let web = WebSink::start().await;
    let claude = town("anthropic", &web).await;
    web.answer(anthropic(json!([{ "type": "text", "text": "Hi!" }]), "end_turn"));
    let played = claude.play(json!([llm(json!({}))]), json!({})).await;
    assert_eq!(played.outputs["ask"], "Hi!", "{played:#?}");
    assert_eq!((usage(&played).input_tokens, usage(&played).output_tokens), (5, 3));
    let asked = &web.asked()[0];
    assert_eq!(
        (asked.path.as_str(), &asked.headers["x-api-key"]),
        ("/v1/messages", &"sk-test".parse().unwrap())
    );
}

// WF-06
#[tokio::test]
async fn a_model_reads_with_the_tools_it_was_granted_and_no_others() {
    let web = WebSink::start().await;
    let town = town("openai", &web).await;
    let ada = signalbox::wire::ContactInput { name: Some("Ada".into()), ..Default::default() };
    let ada = town.gate.contact_create(town.organization, &ada).await.unwrap();
    let call = |id: &str, name: &str, arguments: Value| json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments.to_string() } });
    web.answer(openai(json!({ "role": "assistant", "content": null, "tool_calls": [
        call("t1", "customer_get_by_id", json!({ "customerId": ada.id })),
        call("t2", "customer_update", json!({ "customerId": ada.id, "name": "Eve" })),
    ]})));
    web.answer(said("Her name is Ada."));
    let played = town
        .play(json!([llm(json!({ "tools": ["customer_get", "customer_search"] }))]), json!({}))
        .await;
    assert_eq!(played.outputs["ask"], "Her name is Ada.", "{played:#?}");
    assert_eq!(usage(&played).input_tokens, 22);
    let asked = web.asked();
    let offered: Vec<String> = asked[0].json()["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["function"]["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(offered, ["customer_get_by_id", "customer_query"]);
    let second = asked[1].body.clone();
    assert!(
        second.contains("\\\"name\\\":\\\"Ada\\\"") && second.contains("there is no such tool"),
        "{second}"
    );
    let unchanged = town.gate.contact(town.organization, ada.id).await.unwrap();
    assert_eq!(unchanged.name, "Ada");

    let played = town.play(json!([llm(json!({ "tools": ["email_send"] }))]), json!({})).await;
    assert_eq!(played.errors.first().map(|e| e.kind), Some(ErrorKind::InvalidInput));
    assert!(matches!(played.end, Some(RunEnd::Failed { .. })), "{played:#?}");
    assert_eq!(web.asked().len(), 2, "the model was not even asked");
}

#[tokio::test]
async fn json_is_parsed_checked_and_asked_for_again() {
    let web = WebSink::start().await;
    let town = town("openai", &web).await;
    let schema = json!({ "type": "object", "required": ["ok"], "properties": { "ok": { "type": "boolean" } } });
    let node = |retries: u32| {
        let mut node = llm(json!({ "output_format": "json", "output_schema": schema.clone() }));
        node["policy"] = json!({ "retry": { "retries_max": retries, "backoff_ms": 5 } });
        json!([node])
    };
    web.answer(said("Sure:\n```json\n{\"ok\": true}\n```"));
    let played = town.play(node(0), json!({})).await;
    assert_eq!(played.outputs["ask"], json!({ "ok": true }), "{played:#?}");
    web.answer(said("{\"ok\": \"maybe\"}"));
    web.answer(said("not json"));
    web.answer(said("{\"ok\": false}"));
    let played = town.play(node(2), json!({})).await;
    assert_eq!(played.outputs["ask"], json!({ "ok": false }), "{played:#?}");
    web.answer(said("{}"));
    let played = town.play(node(0), json!({})).await;
    assert_eq!(played.errors.first().map(|e| e.kind), Some(ErrorKind::SchemaValidationFailed));
}

#[tokio::test]
async fn refusals_of_the_provider_have_their_kinds() {
    let web = WebSink::start().await;
    let town = town("openai", &web).await;
    for (status, kind) in [
        (429, ErrorKind::RateLimited),
        (500, ErrorKind::ExecutorError),
        (401, ErrorKind::InvalidInput),
    ] {
        web.answer(
            Answer::status(status, "{\"error\": {\"message\": \"no\"}}")
                .header("content-type", "application/json"),
        );
        let played = town.play(json!([llm(json!({}))]), json!({})).await;
        assert_eq!(
            played.errors.first().map(|e| e.kind),
            Some(kind),
            "{status}: {:?}",
            played.errors
        );
        assert!(!played.errors[0].message.contains("sk-test"));
    }
    // What the provider asks to wait is waited for.
    web.answer(
        Answer::status(429, "{}")
            .header("content-type", "application/json")
            .header("retry-after-ms", "400"),
    );
    web.answer(said("now"));
    let mut node = llm(json!({}));
    node["policy"] = json!({ "retry": { "retries_max": 1, "backoff_ms": 1 } });
    let started = std::time::Instant::now();
    let played = town.play(json!([node]), json!({})).await;
    assert_eq!(played.outputs["ask"], "now", "{played:#?}");
    assert!(started.elapsed().as_millis() >= 400);
}

// WF-21
#[tokio::test]
async fn steps_share_a_thread_only_when_the_run_has_one() {
    let web = WebSink::start().await;
    let town = town("openai", &web).await;
    let nodes = json!([
        { "id": "one", "kind": { "type": "llm", "system_prompt": "s", "user_prompt": "My name is Ada." } },
        { "id": "two", "kind": { "type": "llm", "system_prompt": "s", "user_prompt": "What is my name?" } },
    ]);
    let workflow = town.publish(nodes).await;
    for (thread, messages) in [(None, 2), (Some("t-1"), 4)] {
        let before = web.asked().len();
        web.answer(said("Noted."));
        web.answer(said("Ada."));
        let start = server::engine::StartRun {
            input: json!({}),
            thread_id: thread.map(str::to_owned),
            started_by: "a test".into(),
            ..Default::default()
        };
        let run = town.engine.start_run(town.organization, workflow, 1, start).await.unwrap().run;
        town.until(run, server::engine::WaitFor::End).await;
        let second = web.asked()[before + 1].json();
        assert_eq!(second["messages"].as_array().unwrap().len(), messages, "{second:#}");
    }
}

#[tokio::test]
async fn the_sandbox_model_says_that_it_is_one() {
    let town = Town::new().await;
    let nodes = json!([
        llm(
            json!({ "output_format": "json", "system_prompt": "Return JSON with 'needsReply' boolean." })
        ),
        action(
            "keep",
            "set_variables",
            json!({ "variables": { "reply": "{{steps.ask.output.needsReply}}" } })
        ),
    ]);
    let played = town.play(nodes, json!({})).await;
    assert_eq!(played.outputs["ask"], json!({ "needsReply": true }), "{played:#?}");
    assert!(usage(&played).sandbox && usage(&played).model == "sandbox");
}

/// A dollar a million tokens in, two out.
const PRICE: ModelPrice = ModelPrice { input_micros: 1_000_000, output_micros: 2_000_000 };

async fn set_price(town: &Town, price: Option<ModelPrice>) {
    let mut settings = town.settings.models(town.organization).await.unwrap().settings;
    settings.price = price;
    town.settings.models_set(town.organization, &settings, chrono::Utc::now()).await.unwrap();
}

async fn set_budget(town: &Town, micros: Option<u64>) {
    let rules = OutboundSettings { model_budget_micros: micros, ..Default::default() };
    town.settings.outbound_set(town.organization, &rules, chrono::Utc::now()).await.unwrap();
}

async fn uses(town: &Town, played: &crate::support::town::Played) -> Vec<ModelUse> {
    let source = &mut Source::Pool(&town.store);
    store::model_uses_of_run(source, town.organization, played.run).await.unwrap()
}

#[tokio::test]
async fn what_a_call_cost_is_written_down_and_an_unknown_price_is_not_nothing() {
    let web = WebSink::start().await;
    let town = town("openai", &web).await;
    // 11 tokens in, 7 out.
    for (price, cost) in [(Some(PRICE), Some(25)), (None, None)] {
        set_price(&town, price).await;
        web.answer(said("Hello!"));
        let played = town.play(json!([llm(json!({}))]), json!({})).await;
        let used = usage(&played);
        assert_eq!((used.cost_micros, used.unpriced), (cost.unwrap_or(0), cost.is_none()));
        let noted = uses(&town, &played).await;
        assert_eq!(noted.len(), 1);
        assert_eq!(
            (noted[0].cost_micros, noted[0].input_tokens, noted[0].sandbox),
            (cost, 11, false)
        );
        assert_eq!(
            (noted[0].provider.as_str(), noted[0].model.as_str()),
            ("openai", "test-model-2026")
        );
    }
    let view = town.settings.outbound(town.organization, chrono::Utc::now()).await.unwrap();
    assert_eq!((view.model_spent_micros, view.model_unpriced_calls), (25, 1));

    let town = Town::new().await;
    let played = town.play(json!([llm(json!({}))]), json!({})).await;
    assert!(usage(&played).sandbox && !usage(&played).unpriced);
    let noted = uses(&town, &played).await;
    assert_eq!((noted[0].cost_micros, noted[0].sandbox), (Some(0), true));
}

#[tokio::test]
async fn a_budget_stops_a_call_before_it_is_made() {
    let web = WebSink::start().await;
    let town = town("openai", &web).await;
    let short = || json!([llm(json!({ "max_tokens": 10 }))]);
    let refused = |played: &crate::support::town::Played| {
        assert_eq!(
            played.errors.first().map(|e| e.kind),
            Some(ErrorKind::LimitReached),
            "{played:#?}"
        );
        played.errors[0].message.clone()
    };
    // Without a price a budget cannot be kept.
    set_budget(&town, Some(1_000_000)).await;
    let message = refused(&town.play(short(), json!({})).await);
    assert!(message.contains("test-model") && message.contains("Settings"), "{message}");
    // One call fits: it costs 92 at most, and then 25. A second would not.
    set_price(&town, Some(PRICE)).await;
    set_budget(&town, Some(110)).await;
    web.answer(said("Hello!"));
    let played = town.play(short(), json!({})).await;
    assert_eq!(played.outputs["ask"], "Hello!", "{played:#?}");
    assert_eq!(web.asked().len(), 1);
    let message = refused(&town.play(short(), json!({})).await);
    assert!(message.contains("$0.000025 of today"), "{message}");
    assert_eq!(web.asked().len(), 1, "nobody was asked");
    // A longer answer would have been too much from the start.
    set_budget(&town, Some(200)).await;
    refused(&town.play(json!([llm(json!({}))]), json!({})).await);
    assert_eq!(web.asked().len(), 1, "nobody was asked");
    // Raised or lifted, it goes on.
    for budget in [Some(1_000_000), None] {
        set_budget(&town, budget).await;
        web.answer(said("Again!"));
        let played = town.play(short(), json!({})).await;
        assert_eq!(played.outputs["ask"], "Again!", "{played:#?}");
    }
}
