//! Contacts: what may stand in them, and what their changes do to messages that wait.

use super::world::{World, decide};
use serde_json::json;
use server::gate::{DecideError, Submitted};
use signalbox::{
    run::{Command, ErrorKind},
    wire::*,
};

fn ada() -> ContactInput {
    ContactInput {
        name: Some("Ada Lovelace".into()),
        email: Some("Ada@Example.com".into()),
        ..ContactInput::default()
    }
}

async fn draft_to(world: &World, contact: &ContactView) -> signalbox::id::MessageId {
    let call = world.call();
    let parameters = json!({ "customerId": contact.id, "subject": "Hi", "body": "Hello" });
    assert_eq!(world.gate.submit_email(&call, &parameters).await, Submitted::Parked);
    signalbox::id::MessageId::derive(call.call.0, &["message"])
}

#[tokio::test]
async fn opt_out_stops_drafts_approvals_and_what_is_held() {
    let world = World::sandbox().await;
    let contact = world.gate.contact_create(world.organization, &ada()).await.unwrap();
    let held = draft_to(&world, &contact).await;
    let row = world.only_pending().await;
    let approve = decide(DecideKind::Approve, 1);
    world.gate.decide(&world.decider(), row.id, &approve).await.unwrap();
    let waiting = draft_to(&world, &contact).await;

    let opt_out = ContactInput { do_not_contact: Some(true), ..ContactInput::default() };
    world.gate.contact_update(world.organization, contact.id, &opt_out).await.unwrap();
    world.clock.advance(60);
    world.gate.step().await.unwrap();
    assert_eq!(world.state(held).await, MessageState::PendingApproval);
    assert_eq!(world.state(waiting).await, MessageState::PendingApproval);
    assert!(matches!(world.runs.told().last(), Some(Command::CallParked { .. })));
    for row in world.pending().await {
        assert!(row.stale);
        let current = world.gate.approval_view(world.organization, row.id).await.unwrap();
        let again = decide(DecideKind::Approve, current.revision);
        let refused = world.gate.decide(&world.decider(), row.id, &again).await;
        assert!(matches!(refused, Err(DecideError::WrongState { .. })), "{refused:?}");
        let detail = world.gate.approval_detail(world.organization, row.id).await.unwrap();
        assert_eq!(detail.gate.unwrap().verdict, "refuse");
    }
    // A new draft, by the address alone and in another case, does not even reach the inbox.
    let by_address = json!({ "to": "ADA@example.com", "subject": "Hi", "body": "Hello" });
    match world.gate.submit_email(&world.call(), &by_address).await {
        Submitted::Failed(error) => assert_eq!(error.kind, ErrorKind::Refused),
        other => panic!("{other:?}"),
    }
    assert_eq!(world.pending().await.len(), 2);
}

#[tokio::test]
async fn a_changed_address_makes_a_draft_stale_and_a_seen_revision_old() {
    let world = World::sandbox().await;
    let contact = world.gate.contact_create(world.organization, &ada()).await.unwrap();
    draft_to(&world, &contact).await;
    let row = world.only_pending().await;
    let moved = ContactInput { email: Some("ada@new.example".into()), ..ContactInput::default() };
    world.gate.contact_update(world.organization, contact.id, &moved).await.unwrap();
    let old = world.gate.decide(&world.decider(), row.id, &decide(DecideKind::Approve, 1)).await;
    assert!(matches!(old, Err(DecideError::Conflict(_))), "{old:?}");
    assert!(world.only_pending().await.stale);
}

#[tokio::test]
async fn fields_are_checked_and_metadata_is_merged() {
    let world = World::sandbox().await;
    let org = world.organization;
    for bad in [
        ContactInput { email: Some("nobody".into()), ..ada() },
        ContactInput { name: Some("a\r\nb".into()), ..ada() },
        ContactInput { timezone: Some("Mars/Base".into()), ..ada() },
        ContactInput { total_spent: Some(f64::NAN), ..ada() },
        ContactInput { name: None, email: None, ..ContactInput::default() },
    ] {
        let refused = world.gate.contact_create(org, &bad).await;
        assert!(matches!(refused, Err(server::gate::ContactError::Invalid { .. })), "{bad:?}");
    }
    let mut input = ada();
    input.metadata = json!({ "a": 1, "b": { "c": 2 } }).as_object().cloned();
    let contact = world.gate.contact_create(org, &input).await.unwrap();
    assert_eq!(contact.email.as_deref(), Some("Ada@Example.com"));
    let change = ContactInput {
        metadata: json!({ "a": null, "d": 3 }).as_object().cloned(),
        email: Some(String::new()),
        ..ContactInput::default()
    };
    let changed = world.gate.contact_update(org, contact.id, &change).await.unwrap();
    assert_eq!(serde_json::Value::Object(changed.metadata), json!({ "b": { "c": 2 }, "d": 3 }));
    assert_eq!((changed.email, changed.name.as_str()), (None, "Ada Lovelace"));
    let other = signalbox::id::OrganizationId(uuid::Uuid::now_v7());
    assert!(world.gate.contact(other, contact.id).await.is_err());
    world.gate.contact_delete(org, contact.id).await.unwrap();
    assert!(world.gate.contact(org, contact.id).await.is_err());
}
