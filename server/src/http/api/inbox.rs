//! Approvals and the sandbox mailbox.

use crate::{
    auth::Caller,
    gate::{DecideError, Decider},
    http::{
        api::page,
        body::Json,
        call::{Answer, ApprovalQuery, Call, NoQuery},
        failure::Failure,
        reply::Found,
    },
};
use signalbox::{
    id::{ApprovalId, MessageId},
    wire::{
        ApiError, ApprovalDetail, ApprovalState, ApprovalView, Decide, DecideKind, DecideOutcome,
        ErrorCode, MessageView, Page, PageQuery, Permission,
    },
};

impl From<DecideError> for Failure {
    fn from(error: DecideError) -> Self {
        match error {
            // The store's own errors keep their words, and what is internal goes to the log.
            DecideError::Store(error) => error.into(),
            DecideError::Setting(error) => error.into(),
            other => ApiError::from(other).into(),
        }
    }
}

/// `GET /api/approvals?state=`.
pub async fn list(call: Call<(), ApprovalQuery>) -> Answer<Found<Page<ApprovalView>>> {
    let organization = call.organization();
    let ApprovalQuery { state, limit, cursor, search } = call.query;
    let state = match state.as_deref() {
        None => None,
        Some(word) => Some(ApprovalState::parse(word).ok_or_else(|| {
            Failure::new(ErrorCode::InvalidParameter, "There is no such state of an approval.")
                .help("pending, approved, rejected, expired or withdrawn.")
        })?),
    };
    let cursor = page::gate_cursor(cursor)?;
    let query = PageQuery { limit: Some(page::limit(limit)?), cursor, search };
    Ok(Found(call.state.gate().approvals(organization, state, &query).await?))
}

/// `GET /api/approvals/{id}`.
pub async fn fetch(call: Call<ApprovalId>) -> Answer<Found<ApprovalDetail>> {
    Ok(Found(call.state.gate().approval_detail(call.organization(), call.path).await?))
}

/// `POST /api/approvals/{id}/decide`.
pub async fn decide(call: Call<ApprovalId, NoQuery, Json<Decide>>) -> Answer<Found<DecideOutcome>> {
    let Json(wanted) = &call.body;
    let decider = decider(&call.caller);
    // The route lets in who may approve; saying what became of a message is a right of its own.
    if wanted.decision == DecideKind::Resolve && !decider.may_resolve {
        return Err(Failure::new(
            ErrorCode::Forbidden,
            "The role may not resolve interrupted messages.",
        ));
    }
    Ok(Found(call.state.gate().decide(&decider, call.path, wanted).await?))
}

fn decider(caller: &Caller) -> Decider {
    Decider {
        organization: caller.organization(),
        user: caller.user(),
        name: caller.label(),
        may_approve: caller.may(Permission::PlanInstanceApprove),
        may_resolve: caller.may(Permission::PlanInstanceResolveUncertain),
    }
}

/// `GET /api/sandbox/messages`.
pub async fn messages(call: Call<(), PageQuery>) -> Answer<Found<Page<MessageView>>> {
    page::limit(call.query.limit)?;
    page::gate_cursor(call.query.cursor.clone())?;
    Ok(Found(call.state.gate().sandbox_messages(call.organization(), &call.query).await?))
}

/// `GET /api/sandbox/messages/{id}`.
pub async fn message(call: Call<MessageId>) -> Answer<Found<MessageView>> {
    Ok(Found(call.state.gate().sandbox_message(call.organization(), call.path).await?))
}
