//! Settings of the organisation.

use super::check;
use crate::{
    app_state::AppState,
    http::{
        body::Json,
        call::{Answer, Call, NoQuery},
        failure::Failure,
        reply::Found,
    },
    setting::{General, SettingError, Settings},
    store,
};
use futures::FutureExt;
use serde_json::{Value, json};
use signalbox::{
    id::OrganizationId,
    wire::{
        EmailChannel, EmailChannelView, ErrorCode, GeneralSettings, HistorySettings, ModelSettings,
        ModelSettingsView, OutboundSettings, OutboundView, QueueSettings,
    },
};

impl From<SettingError> for Failure {
    fn from(error: SettingError) -> Self {
        match error {
            SettingError::Invalid { field, message } => Self::value(field, message),
            SettingError::Store(error) => error.into(),
            SettingError::Vault(error) => Self::internal("the vault refused", &error),
        }
    }
}

fn settings(state: &AppState) -> &Settings {
    state.gate().channels().settings()
}

/// `GET /api/settings/general`.
pub async fn general(call: Call) -> Answer<Found<GeneralSettings>> {
    read_general(&call.state, call.organization()).await.map(Found)
}

async fn read_general(
    state: &AppState,
    organization: OrganizationId,
) -> Result<GeneralSettings, Failure> {
    let view = store::organization_fetch(state.store(), organization).await?;
    let general = settings(state).general(organization).await?;
    Ok(GeneralSettings {
        name: view.name,
        timezone: view.timezone,
        email_hold_ms: general.email_hold_ms,
    })
}

/// `PUT /api/settings/general`.
pub async fn general_set(
    call: Call<(), NoQuery, Json<GeneralSettings>>,
) -> Answer<Found<GeneralSettings>> {
    let (state, organization, Json(wanted)) = (&call.state, call.organization(), &call.body);
    let name = check::name("name", &wanted.name)?;
    let zone = check::timezone(&wanted.timezone)?;
    set_zone(state, organization, &zone, Some(wanted.email_hold_ms)).await?;
    let now = state.now();
    let written = state.store().write(move |tx| {
        async move { store::organization_update(tx, organization, &name, &zone, now).await }.boxed()
    });
    written.await?;
    read_general(state, organization).await.map(Found)
}

/// Sets the zone that local times are meant in, and how long an approved email is held.
pub async fn set_zone(
    state: &AppState,
    organization: OrganizationId,
    zone: &str,
    email_hold_ms: Option<u32>,
) -> Result<(), Failure> {
    let mut general: General = settings(state).general(organization).await?;
    general.timezone = zone.to_owned();
    general.email_hold_ms = email_hold_ms.unwrap_or(general.email_hold_ms);
    Ok(settings(state).general_set(organization, &general, state.now()).await?)
}

/// `GET /api/settings/history`.
pub async fn history(call: Call) -> Answer<Found<HistorySettings>> {
    Ok(Found(settings(&call.state).history(call.organization()).await?))
}

/// `PUT /api/settings/history`.
pub async fn history_set(
    call: Call<(), NoQuery, Json<HistorySettings>>,
) -> Answer<Found<HistorySettings>> {
    let (organization, Json(wanted)) = (call.organization(), &call.body);
    settings(&call.state).history_set(organization, wanted, call.state.now()).await?;
    Ok(Found(settings(&call.state).history(organization).await?))
}

/// `GET /api/settings/channels/email`.
pub async fn email(call: Call) -> Answer<Found<EmailChannelView>> {
    Ok(Found(settings(&call.state).email(call.organization()).await?))
}

/// `PUT /api/settings/channels/email`.
pub async fn email_set(
    call: Call<(), NoQuery, Json<EmailChannel>>,
) -> Answer<Found<EmailChannelView>> {
    let (organization, now) = (call.organization(), call.state.now());
    let view = settings(&call.state).email_set(organization, &call.body.0, now).await?;
    call.state.gate().wake();
    Ok(Found(view))
}

/// `POST /api/settings/channels/email/test`: connects and signs in, sends nothing.
pub async fn email_test(call: Call) -> Answer<Found<Value>> {
    let channel = call.state.gate().channels().email(call.organization()).await?;
    match channel.probe().await {
        Ok(found) => Ok(Found(json!({ "ok": true, "message": found }))),
        Err(why) => Err(Failure::new(ErrorCode::InvalidValue, why)
            .help("Check the channel's settings and that the server can be reached from here.")),
    }
}

/// `GET /api/settings/outbound`.
pub async fn outbound(call: Call) -> Answer<Found<OutboundView>> {
    let now = call.state.now();
    Ok(Found(settings(&call.state).outbound(call.organization(), now).await?))
}

/// `PUT /api/settings/outbound`.
pub async fn outbound_set(
    call: Call<(), NoQuery, Json<OutboundSettings>>,
) -> Answer<Found<OutboundView>> {
    let (organization, now) = (call.organization(), call.state.now());
    let view = settings(&call.state).outbound_set(organization, &call.body.0, now).await?;
    call.state.gate().wake();
    Ok(Found(view))
}

/// `GET /api/settings/models`.
pub async fn models(call: Call) -> Answer<Found<ModelSettingsView>> {
    Ok(Found(settings(&call.state).models(call.organization()).await?))
}

/// `PUT /api/settings/models`.
pub async fn models_set(
    call: Call<(), NoQuery, Json<ModelSettings>>,
) -> Answer<Found<ModelSettingsView>> {
    let (organization, now) = (call.organization(), call.state.now());
    Ok(Found(settings(&call.state).models_set(organization, &call.body.0, now).await?))
}

/// `GET /api/settings/queues`.
pub async fn queues(call: Call) -> Answer<Found<QueueSettings>> {
    Ok(Found(settings(&call.state).queues(call.organization()).await?))
}

/// `PUT /api/settings/queues`. What waits in a queue follows the new limits at once.
pub async fn queues_set(
    call: Call<(), NoQuery, Json<QueueSettings>>,
) -> Answer<Found<QueueSettings>> {
    let (organization, now) = (call.organization(), call.state.now());
    settings(&call.state).queues_set(organization, &call.body.0, now).await?;
    call.state.engine().queues_changed(organization);
    Ok(Found(call.body.0))
}
