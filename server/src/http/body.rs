//! Request bodies: read within a limit, of the right type, with errors that point at the place.

use super::failure::Failure;
use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use futures::StreamExt;
use serde::de::DeserializeOwned;
use signalbox::wire::ErrorCode;
use std::time::Duration;
use utoipa::{PartialSchema, ToSchema};

/// Largest body, in bytes, unless a route says otherwise.
pub const BODY_MAX: usize = 1024 * 1024;
/// Largest draft with its graph, in bytes.
pub const DRAFT_MAX: usize = 8 * 1024 * 1024;
/// Largest document for an import, in bytes.
pub const IMPORT_MAX: usize = 8 * 1024 * 1024;
/// Of a body past its limit so much is read and thrown away, so that the sender sees the answer
/// instead of a broken connection.
const DRAIN_MAX: usize = 16 * 1024 * 1024;
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A body that is JSON of a known form.
pub struct Json<T>(pub T);

/// What a route says about its body.
#[derive(Clone)]
pub enum BodyRule {
    /// None; whatever comes is refused beyond a few bytes of JSON null.
    None,
    /// JSON of a form.
    Json(SchemaOf),
    /// Anything; the handler decides by its own settings.
    Any,
}

/// A schema with all that it refers to.
#[derive(Clone, Copy)]
pub struct SchemaOf {
    /// The name, if it is a type of ours and not a list or plain JSON.
    pub name: fn() -> String,
    /// The schema itself.
    pub schema: fn() -> utoipa::openapi::RefOr<utoipa::openapi::Schema>,
    /// What it refers to.
    pub more: fn(&mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>),
}

impl SchemaOf {
    /// The schema of a type.
    pub const fn of<T: ToSchema + PartialSchema>() -> Self {
        Self { name: || T::name().into_owned(), schema: T::schema, more: T::schemas }
    }
}

/// Something that a body can be read into.
pub trait FromBody: Sized + Send + 'static {
    /// What the documentation says.
    fn rule() -> BodyRule;
    /// Parses.
    fn parse(headers: &HeaderMap, bytes: &[u8]) -> Result<Self, Failure>;
}

impl FromBody for () {
    fn rule() -> BodyRule {
        BodyRule::None
    }
    fn parse(_: &HeaderMap, bytes: &[u8]) -> Result<Self, Failure> {
        // The client's calls without a body send null.
        match bytes.trim_ascii() {
            b"" | b"null" | b"{}" => Ok(()),
            _ => Err(Failure::new(ErrorCode::InvalidBody, "This request takes no body.")),
        }
    }
}

impl<T: DeserializeOwned + ToSchema + Send + 'static> FromBody for Json<T> {
    fn rule() -> BodyRule {
        BodyRule::Json(SchemaOf::of::<T>())
    }
    fn parse(headers: &HeaderMap, bytes: &[u8]) -> Result<Self, Failure> {
        require_json(headers)?;
        // Every body is an object; without this a list of values in the right order would do.
        match bytes.trim_ascii_start().first() {
            None | Some(b'{') => parse_json(bytes).map(Json),
            Some(_) => Err(Failure::new(ErrorCode::InvalidBody, "The body must be a JSON object.")
                .help("GET /api/openapi.json has the form of every body.")),
        }
    }
}

fn require_json(headers: &HeaderMap) -> Result<(), Failure> {
    let value = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let text = match value {
        Some(value) => format!("The content type `{value}` is not taken here."),
        None => "The content type is missing.".to_owned(),
    };
    Err(Failure::new(ErrorCode::UnsupportedMediaType, text)
        .help("Send JSON with `Content-Type: application/json`."))
}

/// JSON of a form. The error names the place; NUL characters are refused (no database keeps them
/// faithfully).
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    if has_nul(bytes) {
        return Err(Failure::new(ErrorCode::InvalidBody, "The body has a NUL character in it.")
            .help("Take the \\u0000 out."));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Eof => "The body is not complete",
            serde_json::error::Category::Data => "The body is not of the documented form",
            _ => "The body is not JSON",
        };
        Failure::new(ErrorCode::InvalidBody, format!("{what}: {error}."))
            .details(serde_json::json!({ "line": error.line(), "column": error.column() }))
            .help("GET /api/openapi.json has the form of every body.")
    })
}

/// Whether there is a NUL, plain or as `\u0000`.
fn has_nul(bytes: &[u8]) -> bool {
    if bytes.contains(&0) {
        return true;
    }
    let mut at = 0;
    while let Some(found) = bytes[at..].iter().position(|byte| *byte == b'\\') {
        let escape = at + found;
        if bytes[escape + 1..].starts_with(b"u0000") {
            return true;
        }
        at = (escape + 2).min(bytes.len()); // what follows a backslash belongs to it
    }
    false
}

/// Reads a body within a limit, in bytes.
pub async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Vec<u8>, Failure> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let read = async {
        let mut chunks = body.into_data_stream();
        let mut bytes = Vec::with_capacity(announced.unwrap_or(0).min(limit));
        let mut total = 0;
        while let Some(chunk) = chunks.next().await {
            let data = chunk.map_err(|_| {
                Failure::new(ErrorCode::InvalidBody, "The body broke off before its end.")
            })?;
            total += data.len();
            if total <= limit {
                bytes.extend_from_slice(&data);
            } else if total > DRAIN_MAX {
                break;
            }
        }
        if total > limit { Err(too_large(limit)) } else { Ok(bytes) }
    };
    tokio::time::timeout(READ_TIMEOUT, read).await.unwrap_or_else(|_| {
        Err(Failure::new(ErrorCode::InvalidBody, "The body did not arrive within 30 s."))
    })
}

fn too_large(limit: usize) -> Failure {
    Failure::new(ErrorCode::TooLarge, format!("The body is larger than {limit} bytes."))
        .details(serde_json::json!({ "limit_bytes": limit }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_found_only_where_it_is() {
        assert!(has_nul(br#""a\u0000b""#));
        assert!(has_nul(b"\"a\0b\""));
        assert!(has_nul(br#""\\\u0000""#));
        assert!(!has_nul(br#""\\u0000""#));
        assert!(!has_nul(br#""\u00001"#.strip_suffix(b"0001").unwrap_or(b"x")));
        assert!(!has_nul(br#"\"#));
    }

    #[test]
    fn errors_point_at_the_place() {
        let failure = parse_json::<signalbox::wire::SignIn>(b"{\n \"email\": 1}").unwrap_err();
        assert_eq!(failure.error.code, ErrorCode::InvalidBody);
        assert_eq!(failure.error.details["line"], 2);
        assert!(failure.error.message.contains("invalid type"), "{}", failure.error.message);
        let failure = parse_json::<signalbox::wire::SignIn>(b"{").unwrap_err();
        assert!(failure.error.message.contains("not complete"), "{}", failure.error.message);
    }

    #[tokio::test]
    async fn limits_hold() {
        let body = Body::from(vec![b' '; 11]);
        let failure = read(&HeaderMap::new(), body, 10).await.unwrap_err();
        assert_eq!(failure.error.code, ErrorCode::TooLarge);
        let body = Body::from(vec![b' '; 10]);
        assert_eq!(read(&HeaderMap::new(), body, 10).await.unwrap().len(), 10);
    }
}
