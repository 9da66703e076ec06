//! The way in for emails: a mail server hands over what it received, as it is.
//!
//! The address is the credential. It is made from the organisation and the server's key, so that it can be shown
//! again and needs no row.

use crate::{
    app_state::AppState,
    auth::Caller,
    gate::InboundError,
    http::{
        body::{self, Json},
        call::{Answer, Call, NoQuery},
        endpoint::read_path,
        failure::Failure,
        reply::Found,
    },
};
use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use signalbox::{
    id::{MessageId, OrganizationId},
    wire::{ErrorCode, InboundAddress, InboundOutcome, SandboxAnswer},
};
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// Largest email, in bytes.
const MAIL_MAX: usize = 5 * 1024 * 1024;
/// Longest answer that is written in the sandbox, in characters.
const ANSWER_MAX: usize = 20_000;
/// Characters of an organisation and of a code: 132 bits of an HMAC-SHA256.
const PART_CHARS: usize = 22;

impl From<InboundError> for Failure {
    fn from(error: InboundError) -> Self {
        match error {
            InboundError::NotMail => Self::new(ErrorCode::InvalidBody, "This is no email.").help(
                "Send the message as the mail server received it (RFC 5322), headers and all, as the body.",
            ),
            InboundError::Contact(error) => error.into(),
            InboundError::Store(error) => error.into(),
        }
    }
}

fn token(state: &AppState, organization: OrganizationId) -> String {
    let mut code = state.key().derive("inbound 1", &[organization.0.as_bytes()]);
    code.truncate(PART_CHARS);
    format!("{}{code}", URL_SAFE_NO_PAD.encode(organization.0.as_bytes()))
}

/// The organisation of an address; none when it was not made here.
fn organization_of(state: &AppState, given: &str) -> Option<OrganizationId> {
    if given.len() != 2 * PART_CHARS || !given.is_ascii() {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(&given[..PART_CHARS]).ok()?;
    let organization = OrganizationId(Uuid::from_slice(&bytes).ok()?);
    let ours = token(state, organization);
    bool::from(ours.as_bytes().ct_eq(given.as_bytes())).then_some(organization)
}

/// `GET /api/settings/channels/email/inbound`.
pub async fn address(call: Call) -> Answer<Found<InboundAddress>> {
    let token = token(&call.state, call.organization());
    Ok(Found(InboundAddress { url: format!("{}/inbound/{token}", call.state.base_url()) }))
}

/// `POST /inbound/{token}`.
pub async fn receive(
    state: AppState,
    _: Option<Caller>,
    request: Request,
) -> Result<Response, Failure> {
    let (mut parts, stream) = request.into_parts();
    let given: String = read_path(&mut parts).await?;
    let Some(organization) = organization_of(&state, &given) else {
        return Err(Failure::new(ErrorCode::NotFound, "No mailbox has this address.")
            .help("Copy the address from Settings, Email."));
    };
    let raw = body::read(&parts.headers, stream, MAIL_MAX).await?;
    let outcome = state.gate().inbound(organization, &raw).await?;
    Ok(axum::Json(outcome).into_response())
}

/// `POST /api/sandbox/messages/{id}/answer`.
pub async fn answer(
    call: Call<MessageId, NoQuery, Json<SandboxAnswer>>,
) -> Answer<Found<InboundOutcome>> {
    let Json(SandboxAnswer { text }) = &call.body;
    if text.trim().is_empty() || text.chars().count() > ANSWER_MAX {
        return Err(Failure::value("text", format!("1 to {ANSWER_MAX} characters.")));
    }
    let gate = call.state.gate();
    Ok(Found(gate.sandbox_answer(call.organization(), call.path, text).await?))
}
