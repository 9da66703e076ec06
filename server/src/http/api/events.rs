//! Events that others send: they start workflows, and wake runs that wait for them.

use super::check;
use crate::{
    app_state::AppState,
    http::{
        body::Json,
        call::{Answer, Call, NoQuery},
        failure::Failure,
        idempotent,
        reply::Started,
    },
    store::{self, OutsideEvent},
};
use serde_json::{Value, json};
use signalbox::{
    event_type::{self, NameError, PAYLOAD_BYTES_MAX},
    id::OrganizationId,
    wire::{ErrorCode, EventSend, EventSent},
};

/// Longest id that a sender gives an event, in characters.
const ID_CHARS_MAX: usize = 200;

/// `POST /api/events`.
pub async fn send(call: Call<(), NoQuery, Json<EventSend>>) -> Answer<Started<EventSent>> {
    let (state, organization, Json(wanted)) = (&call.state, call.organization(), &call.body);
    let work = async {
        let event = event_of(state, organization, wanted).await?;
        let sent = state.engine().event_send(organization, event, None).await?;
        let number = u64::try_from(sent.number).unwrap_or(0);
        Ok(EventSent { number, duplicate: !sent.is_new })
    };
    let headers = &call.headers;
    let body = idempotent::once(state, organization, "event_send", headers, wanted, work).await?;
    Ok(Started { created: !body.duplicate, body })
}

/// What is recorded. Whom it is about and the run that it is for must be there.
async fn event_of(
    state: &AppState,
    organization: OrganizationId,
    wanted: &EventSend,
) -> Result<OutsideEvent, Failure> {
    let name = event_type::sendable(&wanted.name).map_err(not_sendable)?.to_owned();
    let id = match &wanted.id {
        Some(id) => Some(check::text_of("id", id, 1, ID_CHARS_MAX)?),
        None => None,
    };
    let payload = Value::Object(wanted.payload.clone());
    if payload.to_string().len() > PAYLOAD_BYTES_MAX {
        return Err(too_large());
    }
    let store = state.store();
    if let Some(contact) = wanted.contact {
        store::contact_fetch(store, organization, contact).await?;
    }
    if let Some(run) = wanted.run {
        store::run_fetch(store, organization, run).await?;
    }
    // Two senders may count alike: an id is the sender's own within a name. Both may have slashes in them.
    let source_key = id.map(|id| format!("api/{}/{name}/{id}", name.len()));
    Ok(OutsideEvent { name, contact: wanted.contact, run: wanted.run, source_key, payload })
}

fn not_sendable(error: NameError) -> Failure {
    let failure = Failure::value("name", error.to_string());
    match error {
        NameError::Own(_) => failure.details(json!({ "field": "name", "reason": "own_event" })),
        _ => failure,
    }
}

fn too_large() -> Failure {
    let text = format!("The payload has {} KiB at most.", PAYLOAD_BYTES_MAX / 1024);
    Failure::new(ErrorCode::TooLarge, text)
        .help("Send what workflows read, and an id or an address for the rest.")
        .details(json!({ "field": "payload", "limit_bytes": PAYLOAD_BYTES_MAX }))
}
