//! Whether messages leave at all: the pause of outbound.

use super::check;
use crate::http::{
    body::Json,
    call::{Answer, Call, NoQuery},
    reply::Found,
};
use signalbox::wire::{OutboundState, ReasonBody};

/// Characters of a reason.
const REASON_MAX: usize = 300;

/// `GET /api/outbound`.
pub async fn state(call: Call) -> Answer<Found<OutboundState>> {
    Ok(Found(call.state.gate().outbound(call.organization()).await?))
}

/// `POST /api/outbound/pause`: nothing of the organisation leaves from now on. A pause that is there already stays.
pub async fn pause(call: Call<(), NoQuery, Json<ReasonBody>>) -> Answer<Found<OutboundState>> {
    let reason = check::text_of("reason", &call.body.0.reason, 0, REASON_MAX)?;
    let (organization, by) = (call.organization(), call.caller.label());
    Ok(Found(call.state.gate().outbound_pause(organization, by, reason).await?))
}

/// `POST /api/outbound/resume`: what is due leaves, slowly at first.
pub async fn resume(call: Call) -> Answer<Found<OutboundState>> {
    let (organization, by) = (call.organization(), call.caller.label());
    Ok(Found(call.state.gate().outbound_resume(organization, by).await?))
}
