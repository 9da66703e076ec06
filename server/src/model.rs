//! Models: one port, three ways to fill it, and a meter around each.
//!
//! [`Model`] gives one answer to one conversation; [`conversation`] runs an LLM step's whole exchange
//! with its tools. Deliberately absent: what a run's steps do with an answer.

pub mod conversation;
mod json;
mod meter;
mod prices;
mod provider;
mod sandbox;

pub use json::extract;
pub use meter::Asker;
pub use provider::ProviderModel;
pub use sandbox::SandboxModel;

use crate::{
    gate::Now,
    money::dollars,
    setting::{SettingError, Settings},
    store::Store,
};
use futures::future::BoxFuture;
use serde_json::Value;
use std::sync::Arc;

/// What a model is asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelCall {
    /// Role and behaviour.
    pub system: String,
    /// What was said so far.
    pub turns: Vec<Turn>,
    /// Tools that it may use.
    pub tools: Vec<ToolOffer>,
    /// The answer must be JSON.
    pub json: bool,
    /// Of this schema; null: any.
    pub schema: Value,
    /// 0 to 2.
    pub temperature: Option<f64>,
    /// Longest answer, in tokens.
    pub max_tokens: Option<u32>,
    /// The model asked for; the organisation's when absent.
    pub model: Option<String>,
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum Turn {
    /// From our side.
    User(String),
    /// From the model.
    Assistant {
        /// What it said.
        text: String,
        /// Tools that it wants used.
        uses: Vec<ToolUse>,
    },
    /// What a tool gave.
    Tool {
        /// The use's id.
        id: String,
        /// The tool's name as the model knows it.
        name: String,
        /// What it gave, as text.
        content: String,
    },
}

/// A tool as a model sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolOffer {
    /// Letters, digits and `_`: `customer_get_by_id`.
    pub name: String,
    /// What it does.
    pub description: String,
    /// JSON Schema of its input.
    pub input: Value,
}

/// A tool that a model wants used.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolUse {
    /// The model's id of it.
    pub id: String,
    /// The tool's name as it was offered.
    pub name: String,
    /// The input.
    pub input: Value,
}

/// A model's answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelAnswer {
    /// What it said.
    pub text: String,
    /// Tools that it wants used before it goes on.
    pub uses: Vec<ToolUse>,
    /// It stopped because it reached the longest answer.
    pub cut_off: bool,
    /// The model that really ran.
    pub model: String,
    /// Tokens in.
    pub input_tokens: u64,
    /// Tokens out.
    pub output_tokens: u64,
    /// What it cost, in millionths of a US dollar; none: the price is not known.
    pub cost_micros: Option<u64>,
    /// The built-in sandbox model answered.
    pub sandbox: bool,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Too many requests.
    #[error("the model\u{2019}s provider asks to slow down: {message}")]
    RateLimited {
        /// What it said.
        message: String,
        /// What it asks to wait, in milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// The provider failed or could not be reached.
    #[error("the model\u{2019}s provider failed: {0}")]
    Unavailable(String),
    /// The provider refused the request; the same again cannot help.
    #[error("the model\u{2019}s provider refused: {0}")]
    Refused(String),
    /// The model is not set up.
    #[error("{0}")]
    NotSetUp(String),
    /// The call could exceed today's budget; it was not made.
    #[error("the model was not asked: the call could cost up to {}, and {} of today\u{2019}s {} are spent or set \
        aside; raise the budget under Settings \u{2192} Sending or wait for tomorrow",
        dollars(*micros), dollars(*spent_micros), dollars(*budget_micros))]
    OverBudget {
        /// What it could cost, in millionths of a US dollar.
        micros: u64,
        /// Spent today or set aside for calls that run.
        spent_micros: u64,
        /// The budget of a day.
        budget_micros: u64,
    },
    /// A budget is set, and what the call costs is not known; it was not made.
    #[error(
        "the model was not asked: a budget is set, and the price of \u{201c}{model}\u{201d} is not known; \
        set it under Settings \u{2192} Models"
    )]
    Unpriced {
        /// The model.
        model: String,
    },
}

/// A model.
pub trait Model: Send + Sync {
    /// Gives one answer.
    fn answer<'a>(&'a self, call: &'a ModelCall) -> BoxFuture<'a, Result<ModelAnswer, ModelError>>;
}

/// Finds the model of an organisation.
#[derive(Clone)]
pub struct Models {
    settings: Settings,
    store: Store,
    now: Now,
    set_aside: meter::SetAside,
}

impl Models {
    /// Models as the organisations' settings say; what they cost is written to the store.
    pub fn new(settings: Settings, store: Store, now: Now) -> Self {
        Self { settings, store, now, set_aside: Arc::default() }
    }

    /// The model of an organisation, as it is set now, with the meter running.
    pub async fn of(&self, asker: Asker) -> Result<Arc<dyn Model>, ModelError> {
        let read = |error: SettingError| ModelError::NotSetUp(error.to_string());
        let organization = asker.organization;
        let settings = self.settings.models(organization).await.map_err(read)?.settings;
        let inner: Arc<dyn Model> = match settings.provider.as_str() {
            "sandbox" => Arc::new(SandboxModel),
            _ => {
                let key = self.settings.model_key(organization).await.map_err(read)?;
                let key = key.map(|key| key.to_string()).unwrap_or_default();
                Arc::new(ProviderModel::new(&settings, key)?)
            }
        };
        Ok(Arc::new(meter::Metered {
            inner,
            asker,
            settings,
            store: self.store.clone(),
            now: Arc::clone(&self.now),
            set_aside: Arc::clone(&self.set_aside),
        }))
    }
}
