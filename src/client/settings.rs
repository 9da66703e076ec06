//! Calls about settings.

use super::{Answer, Client, Method};
use crate::wire::{
    EmailChannel, EmailChannelView, GeneralSettings, HistorySettings, InboundAddress,
    ModelSettings, ModelSettingsView, OutboundSettings, OutboundState, OutboundView, QueueSettings,
    ReasonBody, SecretSet, SecretView,
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

/// Of [`OutboundState`] whether there is a pause, for pages that need no more code than that takes.
#[derive(Deserialize)]
struct IsPaused {
    paused: Option<IgnoredAny>,
}

impl Client {
    /// `GET /api/settings/general`.
    pub async fn settings_general(&self) -> Answer<GeneralSettings> {
        self.get("/api/settings/general".into()).await
    }
    /// `PUT /api/settings/general`.
    pub async fn settings_general_set(&self, body: &GeneralSettings) -> Answer<GeneralSettings> {
        self.with_body(Method::Put, "/api/settings/general".into(), body, Vec::new()).await
    }
    /// `GET /api/settings/history`.
    pub async fn settings_history(&self) -> Answer<HistorySettings> {
        self.get("/api/settings/history".into()).await
    }
    /// `PUT /api/settings/history`.
    pub async fn settings_history_set(&self, body: &HistorySettings) -> Answer<HistorySettings> {
        self.with_body(Method::Put, "/api/settings/history".into(), body, Vec::new()).await
    }
    /// `GET /api/settings/channels/email`.
    pub async fn settings_email(&self) -> Answer<EmailChannelView> {
        self.get("/api/settings/channels/email".into()).await
    }
    /// `PUT /api/settings/channels/email`.
    pub async fn settings_email_set(&self, body: &EmailChannel) -> Answer<EmailChannelView> {
        self.with_body(Method::Put, "/api/settings/channels/email".into(), body, Vec::new()).await
    }
    /// `GET /api/settings/channels/email/inbound`: a secret address.
    pub async fn settings_email_inbound(&self) -> Answer<InboundAddress> {
        self.get("/api/settings/channels/email/inbound".into()).await
    }
    /// `POST /api/settings/channels/email/test`: connects and signs in, sends nothing.
    pub async fn settings_email_test(&self) -> Answer<Value> {
        self.post("/api/settings/channels/email/test".into(), &Value::Null).await
    }
    /// `GET /api/settings/outbound`.
    pub async fn settings_outbound(&self) -> Answer<OutboundView> {
        self.get("/api/settings/outbound".into()).await
    }
    /// `PUT /api/settings/outbound`.
    pub async fn settings_outbound_set(&self, body: &OutboundSettings) -> Answer<OutboundView> {
        self.with_body(Method::Put, "/api/settings/outbound".into(), body, Vec::new()).await
    }
    /// `GET /api/outbound`.
    pub async fn outbound(&self) -> Answer<OutboundState> {
        self.get("/api/outbound".into()).await
    }
    /// `GET /api/outbound`, read only as far as whether it is paused.
    pub async fn outbound_is_paused(&self) -> Answer<bool> {
        let found: IsPaused = self.get("/api/outbound".into()).await?;
        Ok(found.paused.is_some())
    }
    /// `POST /api/outbound/pause`.
    pub async fn outbound_pause(&self, body: &ReasonBody) -> Answer<OutboundState> {
        self.post("/api/outbound/pause".into(), body).await
    }
    /// `POST /api/outbound/resume`.
    pub async fn outbound_resume(&self) -> Answer<OutboundState> {
        self.post("/api/outbound/resume".into(), &Value::Null).await
    }
    /// `GET /api/secrets`: the names, never the values.
    pub async fn secrets(&self) -> Answer<Vec<SecretView>> {
        self.get("/api/secrets".into()).await
    }
    /// `POST /api/secrets`: makes a secret or replaces its value.
    pub async fn secret_set(&self, body: &SecretSet) -> Answer<SecretView> {
        self.post("/api/secrets".into(), body).await
    }
    /// `DELETE /api/secrets/{name}`.
    pub async fn secret_delete(&self, name: &str) -> Answer<()> {
        self.delete(format!("/api/secrets/{}", super::encode(name))).await
    }
    /// `GET /api/settings/queues`.
    pub async fn settings_queues(&self) -> Answer<QueueSettings> {
        self.get("/api/settings/queues".to_owned()).await
    }
    /// `PUT /api/settings/queues`.
    pub async fn settings_queues_set(&self, body: &QueueSettings) -> Answer<QueueSettings> {
        self.with_body(Method::Put, "/api/settings/queues".to_owned(), body, Vec::new()).await
    }
    /// `GET /api/settings/models`.
    pub async fn settings_models(&self) -> Answer<ModelSettingsView> {
        self.get("/api/settings/models".into()).await
    }
    /// `PUT /api/settings/models`.
    pub async fn settings_models_set(&self, body: &ModelSettings) -> Answer<ModelSettingsView> {
        self.with_body(Method::Put, "/api/settings/models".into(), body, Vec::new()).await
    }
}
