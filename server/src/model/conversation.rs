//! An LLM step's whole exchange: context, prompt, tools, and an answer of the asked form.

use super::{Model, ModelAnswer, ModelCall, ModelError, ToolOffer, ToolUse, Turn, extract};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use signalbox::{
    run::{ErrorKind, ModelRequest, StepError, Usage},
    tool::{Effect, ToolSpec, find},
};

/// Answers of the model in one exchange.
const TURNS_MAX: usize = 10;
/// Uses of tools in one turn.
const USES_MAX: usize = 16;
/// Longest tool result that is given to the model, in bytes.
const RESULT_MAX: usize = 32 * 1024;

/// Uses a tool on the model's behalf; the text says what it gave or why it failed.
pub trait ToolHand: Send + Sync {
    /// Uses a tool that reads.
    fn use_tool<'a>(
        &'a self,
        spec: &'static ToolSpec,
        input: Value,
    ) -> BoxFuture<'a, Result<Value, StepError>>;
}

/// What came of an exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// The step's output.
    pub output: Value,
    /// What the model said in the end.
    pub text: String,
    /// What it cost.
    pub usage: Usage,
}

/// Why there is no output. What it cost so far is spent all the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Unanswered {
    /// Why.
    pub error: StepError,
    /// What the provider asks to wait, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

impl From<ModelError> for Unanswered {
    fn from(error: ModelError) -> Self {
        let (kind, retry_after_ms) = match &error {
            ModelError::RateLimited { retry_after_ms, .. } => {
                (ErrorKind::RateLimited, *retry_after_ms)
            }
            ModelError::Unavailable(_) => (ErrorKind::ExecutorError, None),
            ModelError::Refused(_) | ModelError::NotSetUp(_) => (ErrorKind::InvalidInput, None),
            ModelError::OverBudget { .. } | ModelError::Unpriced { .. } => {
                (ErrorKind::LimitReached, None)
            }
        };
        Self { error: StepError::new(kind, error.to_string()), retry_after_ms }
    }
}

fn failed(kind: ErrorKind, message: impl Into<String>) -> Unanswered {
    Unanswered { error: StepError::new(kind, message), retry_after_ms: None }
}

/// Runs the exchange. `earlier` is what the thread said before.
pub async fn converse(
    model: &dyn Model,
    request: &ModelRequest,
    earlier: Vec<Turn>,
    hand: &dyn ToolHand,
) -> Result<Answered, Unanswered> {
    let granted = granted(request)?;
    let mut call = first_call(request, earlier, &granted);
    let mut usage = Usage::default();
    for turn in 0..TURNS_MAX {
        let last = turn + 1 == TURNS_MAX;
        if last {
            // Out of turns: it must conclude with what it knows.
            call.tools.clear();
        }
        let answer = model.answer(&call).await?;
        charge(&mut usage, &answer);
        if answer.uses.is_empty() || call.tools.is_empty() {
            return conclude(request, answer, usage);
        }
        let uses: Vec<ToolUse> = answer.uses.into_iter().take(USES_MAX).collect();
        call.turns.push(Turn::Assistant { text: answer.text, uses: uses.clone() });
        for use_ in uses {
            let content = use_one(&granted, hand, &use_).await;
            call.turns.push(Turn::Tool { id: use_.id, name: use_.name, content });
        }
    }
    Err(failed(
        ErrorKind::LimitReached,
        format!("the model did not conclude within {TURNS_MAX} turns"),
    ))
}

/// The tools that the step grants. Only those that read: writing and sending are steps of their own.
fn granted(request: &ModelRequest) -> Result<Vec<(String, &'static ToolSpec)>, Unanswered> {
    let mut granted: Vec<(String, &'static ToolSpec)> = Vec::new();
    for name in &request.tools {
        let spec = find(name).ok_or_else(|| {
            failed(ErrorKind::NotFound, format!("there is no tool \u{201c}{name}\u{201d}"))
        })?;
        if spec.effect != Effect::Read {
            let text = format!(
                "\u{201c}{name}\u{201d} changes something; a model may only be given tools that read"
            );
            return Err(failed(ErrorKind::InvalidInput, text));
        }
        let offered = spec.name.replace('.', "_");
        if !granted.iter().any(|(name, _)| *name == offered) {
            granted.push((offered, spec));
        }
    }
    Ok(granted)
}

fn first_call(
    request: &ModelRequest,
    earlier: Vec<Turn>,
    granted: &[(String, &'static ToolSpec)],
) -> ModelCall {
    let mut system = request.system_prompt.clone();
    if request.json {
        system.push_str("\n\nAnswer with JSON only, without any text around it.");
        if request.output_schema.is_object() {
            system.push_str(&format!(
                " It must satisfy this JSON Schema:\n{}",
                request.output_schema
            ));
        }
    }
    let mut turns = earlier;
    turns.push(Turn::User(question(request)));
    ModelCall {
        system,
        turns,
        tools: granted
            .iter()
            .map(|(name, spec)| ToolOffer {
                name: name.clone(),
                description: spec.description.clone(),
                input: spec.input.clone(),
            })
            .collect(),
        json: request.json,
        schema: request.output_schema.clone(),
        temperature: request.temperature,
        max_tokens: request.max_tokens,
        model: request.model.clone(),
    }
}

/// What the step asks. A step may have only a system prompt; models want a question.
pub fn question(request: &ModelRequest) -> String {
    match request.user_prompt.trim() {
        "" => "Go ahead.".to_owned(),
        _ => request.user_prompt.clone(),
    }
}

fn charge(usage: &mut Usage, answer: &ModelAnswer) {
    usage.model = answer.model.clone();
    usage.input_tokens += answer.input_tokens;
    usage.output_tokens += answer.output_tokens;
    match answer.cost_micros {
        Some(micros) => usage.cost_micros = usage.cost_micros.saturating_add(micros),
        None => usage.unpriced = true,
    }
    usage.sandbox |= answer.sandbox;
}

async fn use_one(
    granted: &[(String, &'static ToolSpec)],
    hand: &dyn ToolHand,
    use_: &ToolUse,
) -> String {
    let Some((_, spec)) = granted.iter().find(|(name, _)| *name == use_.name) else {
        return json!({ "error": "there is no such tool" }).to_string();
    };
    let given = match hand.use_tool(spec, use_.input.clone()).await {
        Ok(value) => value,
        Err(error) => json!({ "error": error.message }),
    };
    let mut text = given.to_string();
    if text.len() > RESULT_MAX {
        let mut at = RESULT_MAX;
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        text.truncate(at);
        text.push_str("\u{2026} (cut off)");
    }
    text
}

fn conclude(
    request: &ModelRequest,
    answer: ModelAnswer,
    usage: Usage,
) -> Result<Answered, Unanswered> {
    let text = answer.text.trim().to_owned();
    let hint =
        if answer.cut_off { " It reached its longest answer: allow more tokens." } else { "" };
    if text.is_empty() {
        return Err(failed(
            ErrorKind::ExecutorError,
            format!("the model gave an empty answer.{hint}"),
        ));
    }
    if !request.json {
        return Ok(Answered { output: Value::String(text.clone()), text, usage });
    }
    let output = extract(&text).ok_or_else(|| {
        let start: String = text.chars().take(200).collect();
        failed(
            ErrorKind::SchemaValidationFailed,
            format!("the model\u{2019}s answer is not JSON: {start}{hint}"),
        )
    })?;
    check(&request.output_schema, &output)?;
    Ok(Answered { output, text, usage })
}

fn check(schema: &Value, output: &Value) -> Result<(), Unanswered> {
    if !schema.is_object() {
        return Ok(());
    }
    let validator = jsonschema::validator_for(schema).map_err(|error| {
        failed(ErrorKind::InvalidInput, format!("the output schema is not valid: {error}"))
    })?;
    match validator.iter_errors(output).next() {
        None => Ok(()),
        Some(error) => {
            let at = error.instance_path().to_string();
            let text: String = error.to_string().chars().take(300).collect();
            let at = if at.is_empty() { String::new() } else { format!(" (at {at})") };
            Err(failed(
                ErrorKind::SchemaValidationFailed,
                format!("the model\u{2019}s answer does not satisfy its schema: {text}{at}"),
            ))
        }
    }
}
