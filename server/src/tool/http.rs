//! `http.request` through the guarded client.

use super::wrong;
use crate::egress::{Egress, EgressError, EgressRequest, EgressResponse};
use reqwest::{
    Method, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Map, Value, json};
use signalbox::{
    id::CallId,
    run::{ErrorKind, StepError},
};
use std::time::Duration;

/// Characters of a refused answer that the error shows.
const EXCERPT: usize = 300;

/// Makes the request. The second part of an error is the pause the other side asks for, in milliseconds.
pub(super) async fn request(
    egress: &Egress,
    call: CallId,
    input: Value,
) -> Result<Value, (StepError, Option<u64>)> {
    let request = build(call, &input).map_err(|error| (error, None))?;
    let answer = egress.send(request).await.map_err(|error| (failed(&error), None))?;
    let fails = input.get("failOnError").and_then(Value::as_bool).unwrap_or(true);
    if fails && answer.status >= 400 {
        return Err((refused(&answer), retry_after(&answer.headers)));
    }
    output(answer).map_err(|error| (error, None))
}

fn failed(error: &EgressError) -> StepError {
    // Not `Refused`: that is the send gate's word, and what the gate refuses is passed over.
    let kind = match error {
        EgressError::Forbidden(_) | EgressError::Invalid(_) | EgressError::TooLarge => {
            ErrorKind::InvalidInput
        }
        EgressError::Timeout(_) => ErrorKind::Timeout,
        EgressError::Failed(_) => ErrorKind::ExecutorError,
    };
    StepError::new(kind, error.to_string())
}

fn refused(answer: &EgressResponse) -> StepError {
    let kind = match answer.status {
        429 => ErrorKind::RateLimited,
        408 | 425 | 500.. => ErrorKind::ExecutorError,
        404 | 410 => ErrorKind::NotFound,
        _ => ErrorKind::InvalidInput,
    };
    let text: String = String::from_utf8_lossy(&answer.body).chars().take(EXCERPT).collect();
    let host = answer.url.host_str().unwrap_or_default();
    StepError::new(kind, format!("{host} answered {}: {}", answer.status, text.trim()))
}

/// `Retry-After` in seconds, as milliseconds; an hour at most.
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let seconds: u64 = headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(seconds.min(3_600) * 1_000)
}

fn build(call: CallId, input: &Value) -> Result<EgressRequest, StepError> {
    let url = input.get("url").and_then(Value::as_str).unwrap_or_default();
    let mut url = Url::parse(url.trim()).map_err(|error| wrong(format!("url: {error}")))?;
    if let Some(query) = input.get("query").and_then(Value::as_object) {
        let mut pairs = url.query_pairs_mut();
        for (name, value) in query.iter().filter(|(_, value)| !value.is_null()) {
            pairs.append_pair(name, &text(value));
        }
    }
    let method = input.get("method").and_then(Value::as_str).unwrap_or("GET");
    let method = Method::from_bytes(method.to_uppercase().as_bytes())
        .map_err(|_| wrong("method: unknown"))?;
    let mut headers = HeaderMap::new();
    if let Some(given) = input.get("headers").and_then(Value::as_object) {
        for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
            let bad =
                || wrong(format!("the header \u{201c}{name}\u{201d} cannot be sent as it is"));
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            headers.insert(key, HeaderValue::from_str(&text(value)).map_err(|_| bad())?);
        }
    }
    if let Some(sign_in) = super::text_of(input, "authorization") {
        let bad = |_| wrong("authorization: it cannot be sent as it is");
        let mut value = HeaderValue::from_str(&sign_in).map_err(bad)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    let body = match input.get("body") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone().into_bytes()),
        Some(other) => {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
            Some(other.to_string().into_bytes())
        }
    };
    if let Ok(key) = HeaderValue::from_str(&call.to_string()) {
        headers.entry("idempotency-key").or_insert(key);
    }
    let ms = input.get("timeoutMs").and_then(Value::as_u64).unwrap_or(30_000);
    Ok(EgressRequest { method, url, headers, body, timeout: Duration::from_millis(ms) })
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn output(answer: EgressResponse) -> Result<Value, StepError> {
    let content_type = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let text =
        String::from_utf8(answer.body).map_err(|_| wrong("the answer is neither text nor JSON"))?;
    let json = content_type.is_some_and(|kind| kind.contains("json"));
    let looks = json || text.trim_start().starts_with(['{', '[']);
    let body = match looks.then(|| serde_json::from_str::<Value>(&text)) {
        Some(Ok(value)) => value,
        _ => Value::String(text),
    };
    let headers: Map<String, Value> = answer
        .headers
        .iter()
        .filter(|(name, _)| *name != "set-cookie")
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.into())))
        .collect();
    Ok(json!({
        "status": answer.status,
        "ok": answer.status < 400,
        "headers": headers,
        "body": body,
        "url": answer.url.as_str(),
        "contentType": content_type,
    }))
}
