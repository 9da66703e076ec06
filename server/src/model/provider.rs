//! Models over the OpenAI-compatible and the Anthropic API.

use super::{Model, ModelAnswer, ModelCall, ModelError, ToolUse, Turn};
use futures::{FutureExt, future::BoxFuture};
use genai::{
    Client, Error, ModelIden, ServiceTarget,
    adapter::AdapterKind,
    chat::{
        ChatMessage, ChatOptions, ChatRequest, ChatResponse, ChatResponseFormat, StopReason, Tool,
        ToolCall, ToolResponse,
    },
    resolver::{AuthData, Endpoint, ServiceTargetResolver},
    webc,
};
use reqwest::header::HeaderMap;
use signalbox::wire::ModelSettings;
use std::time::Duration;

const OPENAI: &str = "https://api.openai.com/v1/";
const ANTHROPIC: &str = "https://api.anthropic.com/v1/";
/// The longest answer where a step does not say, in tokens.
pub(super) const MAX_TOKENS: u32 = 2_048;
const TIMEOUT: Duration = Duration::from_secs(180);
const MESSAGE_CHARS: usize = 400;

/// A model at a provider.
pub struct ProviderModel {
    client: Client,
    model: String,
}

impl ProviderModel {
    /// A model as the settings say. Local servers may do without a key.
    pub fn new(settings: &ModelSettings, key: String) -> Result<Self, ModelError> {
        let (kind, address) = match settings.provider.as_str() {
            "anthropic" => (AdapterKind::Anthropic, ANTHROPIC),
            _ => (AdapterKind::OpenAI, OPENAI),
        };
        let base = settings.base_url.as_deref().map(str::trim).filter(|url| !url.is_empty());
        if base.is_none() && key.is_empty() {
            let text = "no key is set for the model\u{2019}s provider; set it under Settings \u{2192} Models";
            return Err(ModelError::NotSetUp(text.into()));
        }
        let address = format!("{}/", base.unwrap_or(address).trim_end_matches('/'));
        let web = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| ModelError::Unavailable(error.to_string()))?;
        let target = move |target: ServiceTarget| -> Result<ServiceTarget, genai::resolver::Error> {
            Ok(ServiceTarget {
                endpoint: Endpoint::from_owned(address.clone()),
                auth: AuthData::from_single(key.clone()),
                model: ModelIden::new(kind, target.model.model_name),
            })
        };
        let client = Client::builder()
            .with_reqwest(web)
            .with_service_target_resolver(ServiceTargetResolver::from_resolver_fn(target))
            .build()
            .map_err(|error| ModelError::NotSetUp(cut(&error.to_string())))?;
        Ok(Self { client, model: settings.model.clone() })
    }

    async fn ask(&self, call: &ModelCall) -> Result<ModelAnswer, ModelError> {
        let model = call.model.as_deref().filter(|name| !name.is_empty()).unwrap_or(&self.model);
        let mut options =
            ChatOptions::default().with_max_tokens(call.max_tokens.unwrap_or(MAX_TOKENS));
        if let Some(temperature) = call.temperature {
            options = options.with_temperature(temperature);
        }
        // With tools on offer a forced form would forbid using them; the prompt asks for JSON anyway.
        if call.json && call.tools.is_empty() {
            options = options.with_response_format(ChatResponseFormat::JsonMode);
        }
        let response = self.client.exec_chat(model, request(call), Some(&options)).await;
        Ok(answer(response.map_err(refused)?))
    }
}

impl Model for ProviderModel {
    fn answer<'a>(&'a self, call: &'a ModelCall) -> BoxFuture<'a, Result<ModelAnswer, ModelError>> {
        self.ask(call).boxed()
    }
}

fn request(call: &ModelCall) -> ChatRequest {
    let mut request = ChatRequest::default();
    if !call.system.is_empty() {
        request = request.with_system(call.system.clone());
    }
    for turn in &call.turns {
        request = request.append_message(match turn {
            Turn::User(text) => ChatMessage::user(text.clone()),
            Turn::Assistant { text, uses } if uses.is_empty() => {
                ChatMessage::assistant(text.clone())
            }
            Turn::Assistant { uses, .. } => {
                ChatMessage::from(uses.iter().map(tool_call).collect::<Vec<_>>())
            }
            Turn::Tool { id, name, content } => ChatMessage::from(
                ToolResponse::new(id.clone(), content.clone()).with_fn_name(name.clone()),
            ),
        });
    }
    if call.tools.is_empty() {
        return request;
    }
    request.with_tools(call.tools.iter().map(|offer| {
        Tool::new(offer.name.clone())
            .with_description(offer.description.clone())
            .with_schema(offer.input.clone())
    }))
}

fn tool_call(use_: &ToolUse) -> ToolCall {
    ToolCall {
        call_id: use_.id.clone(),
        fn_name: use_.name.clone(),
        fn_arguments: use_.input.clone(),
        thought_signatures: None,
    }
}

fn answer(response: ChatResponse) -> ModelAnswer {
    let tokens = |count: Option<i32>| u64::try_from(count.unwrap_or(0)).unwrap_or(0);
    let uses = response
        .tool_calls()
        .into_iter()
        .map(|call| ToolUse {
            id: call.call_id.clone(),
            name: call.fn_name.clone(),
            input: call.fn_arguments.clone(),
        })
        .collect();
    ModelAnswer {
        text: response.texts().join("\n"),
        uses,
        cut_off: matches!(response.stop_reason, Some(StopReason::MaxTokens(_))),
        model: response.provider_model_iden.model_name.to_string(),
        input_tokens: tokens(response.usage.prompt_tokens),
        output_tokens: tokens(response.usage.completion_tokens),
        cost_micros: None,
        sandbox: false,
    }
}

fn cut(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MESSAGE_CHARS).collect()
}

fn refused(error: Error) -> ModelError {
    match &error {
        Error::WebModelCall { webc_error, .. } | Error::WebAdapterCall { webc_error, .. } => {
            of_web(webc_error)
        }
        Error::HttpError { status, body, headers, .. } => {
            of_status(status.as_u16(), body, Some(headers.as_ref()))
        }
        Error::RequiresApiKey { .. } | Error::NoAuthData { .. } | Error::NoAuthResolver { .. } => {
            ModelError::NotSetUp(cut(&error.to_string()))
        }
        // The request is not shown: it holds what people wrote.
        Error::ChatResponseGeneration { cause, .. } => ModelError::Unavailable(cut(cause)),
        other => ModelError::Unavailable(cut(&other.to_string())),
    }
}

fn of_web(error: &webc::Error) -> ModelError {
    match error {
        webc::Error::ResponseFailedStatus { status, body, headers } => {
            of_status(status.as_u16(), body, Some(headers.as_ref()))
        }
        webc::Error::Reqwest(inner) if inner.is_timeout() => {
            ModelError::Unavailable(format!("no answer within {} s", TIMEOUT.as_secs()))
        }
        other => ModelError::Unavailable(cut(&other.to_string())),
    }
}

fn of_status(status: u16, body: &str, headers: Option<&HeaderMap>) -> ModelError {
    let message = format!("{status}: {}", cut(body));
    match status {
        429 | 529 => {
            ModelError::RateLimited { message, retry_after_ms: headers.and_then(retry_after) }
        }
        408 | 409 | 425 | 500.. => ModelError::Unavailable(message),
        _ => ModelError::Refused(message),
    }
}

/// `retry-after-ms`, else `retry-after` in seconds; an hour at most.
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let ms = number("retry-after-ms").or_else(|| Some(number("retry-after")? * 1_000.0))?;
    (ms.is_finite() && ms >= 0.0).then(|| ms.min(3_600_000.0) as u64)
}
