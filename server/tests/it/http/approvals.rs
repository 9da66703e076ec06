//! Approvals before a step runs, over real HTTP: what a person changes is what is done, also when the run was paused
//! meanwhile, and what takes no change says so.

use super::{
    support::{Making, document},
    workflows::published,
};
use crate::support::database::{Place, on_each};
use serde_json::{Value, from_value, json};
use signalbox::{
    client::Client,
    id::RunId,
    wire::{ApprovalState, ApprovalView, Decide, ErrorCode, PageQuery, ReasonBody, Role, RunStart},
};

/// A step that a person approves before it runs.
fn asking_first(kind: Value) -> Value {
    let mut document = document();
    document["graph"] = json!({
        "nodes": [
            { "id": "start", "kind": { "type": "trigger", "trigger": { "on": "manual" } } },
            { "id": "step", "kind": kind, "policy": { "approval": "before" } },
        ],
        "edges": [{ "id": "e1", "from": "start", "port": "success", "to": "step" }],
    });
    document
}

async fn pending(client: &Client, run: RunId) -> ApprovalView {
    let page = PageQuery::default();
    let rows = client.approvals(Some(ApprovalState::Pending), &page).await.unwrap().items;
    rows.into_iter().find(|row| row.run == Some(run)).expect("an approval of the run")
}

fn approve(row: &ApprovalView, answer: Value) -> Decide {
    let decide = json!({ "decision": "approve", "revision": row.revision, "answer": answer });
    from_value(decide).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_changes_before_a_step_runs_is_what_is_done() {
    on_each(async || {
        let place = Place::new().await;
        let making = Making { tools: Some(String::new()), ..Making::over(place.open().await) };
        let server = making.start().await;
        let acme = server.organization("acme").await;
        let client = server.client(acme.token(Role::Owner));
        let start = async |kind: Value| {
            let path = published(&server, &acme, &asking_first(kind)).await;
            let workflow = path.strip_prefix("/api/workflows/").unwrap().parse().unwrap();
            let run = client.run_start(workflow, &RunStart::default(), None).await.unwrap().id;
            client.run_wait(run, 20_000).await.unwrap();
            run
        };

        let parameters = json!({ "name": "Original", "email": "ada@example.com" });
        let create =
            json!({ "type": "action", "tool": "customer.create", "parameters": parameters });
        let run = start(create).await;
        client.run_pause(run, &ReasonBody::default()).await.unwrap();
        let row = pending(&client, run).await;
        let text = client.decide(row.id, &approve(&row, json!("Changed"))).await.unwrap_err();
        assert_eq!(
            (text.code, &text.details["field"]),
            (ErrorCode::InvalidValue, &json!("answer"))
        );
        client.decide(row.id, &approve(&row, json!({ "name": "Changed" }))).await.unwrap();
        client.run_resume(run, &ReasonBody::default()).await.unwrap();
        assert!(client.run_wait(run, 20_000).await.unwrap().ended);
        let contacts = client.contacts(&PageQuery::default()).await.unwrap().items;
        let made: Vec<_> = contacts.iter().map(|c| (c.name.as_str(), c.email.as_deref())).collect();
        assert_eq!(made, [("Changed", Some("ada@example.com"))]);

        let model =
            json!({ "type": "llm", "system_prompt": "Be brief", "user_prompt": "Write a poem" });
        let run = start(model).await;
        let row = pending(&client, run).await;
        let change = approve(&row, json!({ "user_prompt": "Write a novel" }));
        let refused = client.decide(row.id, &change).await.unwrap_err();
        assert_eq!((refused.code, refused.code.status()), (ErrorCode::InvalidValue, 422));
        assert!(refused.message.contains("approve it as it is"), "{refused:?}");
        let row = pending(&client, run).await;
        client.decide(row.id, &approve(&row, Value::Null)).await.unwrap();
        assert!(client.run_wait(run, 20_000).await.unwrap().ended);
    })
    .await;
}
