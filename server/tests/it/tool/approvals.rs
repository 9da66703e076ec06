//! `approval.*` and human nodes.

use crate::support::town::{Town, action};
use serde_json::json;
use server::engine::WaitFor;
use signalbox::{
    run::{ApprovalKind, ErrorKind, RunEnd},
    wire::{ApprovalState, Decide, DecideKind},
};

// WF-14
#[tokio::test]
async fn requests_about_resources_are_made_read_and_closed() {
    let town = Town::new().await;
    let nodes = json!([
        action(
            "make",
            "approval.create_approval",
            json!({
                "operation": "create_approval", "resourceType": "conversations", "resourceId": "c1",
                "priority": "high", "description": "Review it", "metadata": { "a": 1 },
            })
        ),
        action(
            "other",
            "create_approval",
            json!({ "resourceType": "product_recommendation", "resourceId": 2 })
        ),
        action("pending", "list_pending_approvals", json!({ "resourceType": "conversations" })),
        action(
            "close",
            "update_approval_status",
            json!({
                "approvalId": "{{steps.make.output._id}}", "status": "approved", "approvedBy": "Grace", "comments": "fine",
            })
        ),
        action("get", "approval_get_approval", json!({ "approvalId": "{{steps.make.output.id}}" })),
        action(
            "history",
            "get_approval_history",
            json!({ "resourceType": "conversations", "resourceId": "c1" })
        ),
    ]);
    let played = town.play(nodes, json!({})).await;
    let outputs = &played.outputs;
    assert_eq!(outputs["make"]["status"], "pending", "{played:#?}");
    assert_eq!(outputs["pending"]["count"], 1);
    assert_eq!(outputs["get"]["status"], "approved");
    assert_eq!(outputs["get"]["approvedBy"], "Grace");
    assert_eq!(outputs["history"]["approvals"][0]["comments"], "fine");
    // The run is over; the other request was its own and is withdrawn with it, or still waits.
    for row in town.pending().await {
        assert_eq!(row.kind, ApprovalKind::Resource);
    }
}

#[tokio::test]
async fn a_workflow_cannot_approve_a_message() {
    let town = Town::new().await;
    let email = town
        .publish(json!([action(
            "mail",
            "email.send",
            json!({ "to": "a@example.com", "subject": "s", "body": "b" })
        )]))
        .await;
    let run = town.start(email, json!({})).await;
    town.until(run, WaitFor::Person).await;
    let row = town.pending().await.remove(0);
    let nodes = json!([action(
        "close",
        "update_approval_status",
        json!({ "approvalId": row.id, "status": "approved" })
    )]);
    let played = town.play(nodes, json!({})).await;
    assert_eq!(played.errors[0].kind, ErrorKind::InvalidInput);
    assert!(matches!(played.end, Some(RunEnd::Failed { .. })), "{played:#?}");
    assert_eq!(town.pending().await.len(), 1);
}

#[tokio::test]
async fn human_nodes_are_decided_in_the_same_inbox() {
    let town = Town::new().await;
    let form = json!({ "type": "object", "required": ["amount"], "properties": { "amount": { "type": "integer" } } });
    let ask = json!([
        { "id": "ask", "kind": { "type": "human", "mode": "approve", "prompt": "Go on?", "form": form } },
    ]);
    let workflow = town.publish(ask).await;
    for (decision, state) in [
        (DecideKind::Approve, ApprovalState::Approved),
        (DecideKind::Reject, ApprovalState::Rejected),
    ] {
        let run = town.start(workflow, json!({})).await;
        town.until(run, WaitFor::Person).await;
        let row = town.pending().await.remove(0);
        let mut decide = Decide {
            decision,
            revision: row.revision,
            edits: None,
            answer: json!({ "amount": "many" }),
            retry: false,
            reason: "because".into(),
            uncertain: None,
        };
        if decision == DecideKind::Approve {
            assert!(town.gate.decide(&town.decider(), row.id, &decide).await.is_err());
        }
        decide.answer = json!({ "amount": 3 });
        let outcome = town.gate.decide(&town.decider(), row.id, &decide).await.unwrap();
        assert_eq!(outcome.approval.state, state);
        town.until(run, WaitFor::End).await;
        let played = town.played(run).await;
        assert!(matches!(played.end, Some(RunEnd::Completed { .. })), "{played:#?}");
        // Said once more it is the same decision.
        town.gate.decide(&town.decider(), row.id, &decide).await.unwrap();
    }
}
