//! What comes over the wire: webhooks, frames of the live stream, cursors, credentials.

use super::driver::Seen;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, request::Parts};
use serde_json::Value;
use server::{
    auth::{Credential, identity_from_headers},
    gate::parse_cursor,
    http::{api::hooks::Event, failure::Failure},
};
use signalbox::{
    id::RunId,
    wire::{ErrorCode, LiveClient},
};

pub const WORDS: &[&str] = &[
    "application/json",
    "application/x-www-form-urlencoded",
    "application/cloudevents+json",
    "text/plain",
    "text/html",
    "multipart/form-data; boundary=x",
    "application/xml",
    "charset=utf-16",
    "; charset=\"utf-8\"",
    "content-type: ",
    "idempotency-key: ",
    "webhook-id: ",
    "prefer: wait=3",
    "respond=finished",
    "respond=",
    "a=1&b=%20&a=2",
    "%00",
    "%ff",
    "{\"order\": 7}",
    "\"type\"",
    "\"follow\"",
    "\"follow_run\"",
    "\"unfollow_run\"",
    "\"run\"",
    "\"after\"",
    "null",
    "-1",
    "00000000-0000-0000-0000-000000000000",
    "Bearer ",
    "Basic ",
    "signalbox_session=",
    "__Host-signalbox_session=",
    "; ",
    "1700000000000.",
    "sbx_",
];

fn texts(list: &[&str]) -> Vec<Vec<u8>> {
    list.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// A query, headers a line, an empty line, the body.
pub fn webhooks() -> Vec<Vec<u8>> {
    texts(&[
        "a=1&respond=finished\ncontent-type: application/json\nidempotency-key: k1\n\n{\"order\": {\"id\": 7}, \"body\": [1, null]}",
        "\ncontent-type: application/x-www-form-urlencoded\nprefer: wait=5\n\na=1&b=x%20y&a=2&%C3%A9=%F0%9F%9A%82",
        "x=%20\ncontent-type: application/cloudevents+json; charset=utf-8\nwebhook-id: msg_1\n\n[\"a\\u00e9\", 1e3]",
        "\nx-sender: shop\n\n",
    ])
}

pub fn frames() -> Vec<Vec<u8>> {
    texts(&[
        "{\"type\":\"follow\",\"after\":12}",
        "{\"type\":\"follow\"}",
        "{\"type\":\"follow_run\",\"run\":\"018f4e9c-5f6b-7cc1-8a54-0123456789ab\",\"after\":0}",
        "{\"run\":\"018f4e9c-5f6b-7cc1-8a54-0123456789ab\",\"type\":\"unfollow_run\"}",
    ])
}

pub fn cursors() -> Vec<Vec<u8>> {
    texts(&[
        "1795176000000.018f4e9c-5f6b-7cc1-8a54-0123456789ab",
        "-1.018f4e9c5f6b7cc18a540123456789ab",
        "018f4e9c-5f6b-7cc1-8a54-0123456789ab",
    ])
}

pub fn credentials() -> Vec<Vec<u8>> {
    texts(&[
        "authorization: Bearer sbx_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "cookie: theme=dark; signalbox_session=xyz; a=b",
        "cookie: a=b\ncookie: __Host-signalbox_session=xyz",
        "authorization: bearer  x ",
    ])
}

/// The headers of some lines; those that no HTTP message can carry are passed over.
pub fn headers<'a>(lines: impl Iterator<Item = &'a [u8]>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines.take(200) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts.next().and_then(|name| HeaderName::from_bytes(name).ok());
        let value = parts
            .next()
            .map(<[u8]>::trim_ascii)
            .and_then(|value| HeaderValue::from_bytes(value).ok());
        if let (Some(name), Some(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

/// A request as its text says: the query, headers a line, an empty line, the body.
pub fn request(input: &[u8]) -> Option<(Parts, &[u8])> {
    let end = input.windows(2).position(|pair| pair == b"\n\n").unwrap_or(input.len());
    let body = input.get(end + 2..).unwrap_or_default();
    let mut lines = input[..end].split(|byte| *byte == b'\n');
    let query = String::from_utf8_lossy(lines.next()?);
    let request = Request::post(format!("/hooks/t/orders?{query}")).body(()).ok()?;
    let (mut parts, ()) = request.into_parts();
    parts.headers = headers(lines);
    Some((parts, body))
}

/// A refusal is the sender's fault, and says why.
pub fn refused(failure: &Failure) -> Result<Seen, String> {
    let error = &failure.error;
    let expected =
        [ErrorCode::InvalidBody, ErrorCode::InvalidParameter, ErrorCode::UnsupportedMediaType];
    match expected.contains(&error.code) && !error.message.is_empty() {
        true => Ok(Seen::Refused(error.message.clone())),
        false => Err(format!("{:?} {}", error.code, error.message)),
    }
}

pub fn webhook(input: &[u8]) -> Result<Seen, String> {
    let Some((parts, body)) = request(input) else {
        return Ok(Seen::Refused("no request".to_owned()));
    };
    let event = match Event::read(&parts, "/orders", body, None) {
        Err(failure) => return refused(&failure),
        Ok(event) => event,
    };
    let input = &event.input;
    if input["method"] != "POST" || input["path"] != "/orders" || !input["headers"].is_object() {
        return Err(format!("the body took the request's place: {input}"));
    }
    if input["headers"].get("authorization").or(input["headers"].get("cookie")).is_some() {
        return Err("a credential reached the run".to_owned());
    }
    if has_nul(input) {
        return Err("a NUL character reached the run".to_owned());
    }
    if event.id.is_some_and(|id| id.is_empty() || id.len() > 255) {
        return Err("an event id out of bounds".to_owned());
    }
    Ok(Seen::Taken)
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => {
            fields.iter().any(|(key, field)| key.contains('\0') || has_nul(field))
        }
        _ => false,
    }
}

pub fn frame(input: &[u8]) -> Result<Seen, String> {
    let text = String::from_utf8_lossy(input);
    match serde_json::from_str::<LiveClient>(&text) {
        Err(error) => Ok(Seen::Refused(error.to_string())),
        Ok(frame) => {
            let printed = serde_json::to_string(&frame).map_err(|error| error.to_string())?;
            match serde_json::from_str::<LiveClient>(&printed) {
                Ok(again) if again == frame => Ok(Seen::Taken),
                other => Err(format!("printed as {printed}: {other:?}")),
            }
        }
    }
}

pub fn cursor(input: &[u8]) -> Result<Seen, String> {
    let text = String::from_utf8_lossy(input);
    let id = text.parse::<RunId>();
    if let Ok(id) = &id
        && id.to_string().parse::<RunId>().as_ref() != Ok(id)
    {
        return Err(format!("{id} is another id"));
    }
    let Some((at, part)) = parse_cursor(&text) else {
        return match id {
            Ok(_) => Ok(Seen::Taken),
            Err(error) => Ok(Seen::Refused(format!("{error} {}", text.contains('.')))),
        };
    };
    match parse_cursor(&format!("{}.{part}", at.timestamp_millis())) == Some((at, part)) {
        true => Ok(Seen::Taken),
        false => Err(format!("{at} {part} is not the same again")),
    }
}

pub fn credential(input: &[u8]) -> Result<Seen, String> {
    let headers = headers(input.split(|byte| *byte == b'\n'));
    let [plain, secure] = [false, true].map(|secure| identity_from_headers(&headers, secure));
    let text = match (&plain, &secure) {
        (Some(Credential::Token(a)), Some(Credential::Token(b))) if a == b => a,
        (Some(Credential::Token(_)), _) | (_, Some(Credential::Token(_))) => {
            return Err("a token is one thing with cookies and another without".to_owned());
        }
        (Some(Credential::Session(text)), _) | (None, Some(Credential::Session(text))) => text,
        (None, None) => return Ok(Seen::Refused(format!("none in {} headers", headers.len()))),
    };
    match text.chars().any(|c| c.is_control() && c != '\t') {
        true => Err(format!("a credential with control characters: {text:?}")),
        false if text.is_empty() => Ok(Seen::Refused("empty".to_owned())),
        false => Ok(Seen::Taken),
    }
}
