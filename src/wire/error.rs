//! Errors as the API gives them: `{code, message, details, help}`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An error as the API gives it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[error("{message}")]
pub struct ApiError {
    /// Stable, for machines.
    pub code: ErrorCode,
    /// What happened, for people.
    pub message: String,
    /// Particulars: problems of a graph, the current revision, the field.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub details: Value,
    /// What to do next.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub help: String,
}

impl ApiError {
    /// An error with a sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Value::Null, help: String::new() }
    }

    /// With what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// With particulars.
    #[must_use]
    pub fn details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal;)*) => {
        /// Stable error codes with their HTTP statuses.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum ErrorCode { $($(#[$doc])* $name,)* }
        impl ErrorCode {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            /// The word in JSON.
            pub fn as_str(self) -> &'static str { match self { $(Self::$name => $text,)* } }
            /// The HTTP status.
            pub fn status(self) -> u16 { match self { $(Self::$name => $status,)* } }
        }
    };
}

codes! {
    /// The body is not JSON, or not of the documented form.
    InvalidBody = "invalid_body", 400;
    /// A query parameter or header has a wrong value.
    InvalidParameter = "invalid_parameter", 400;
    /// A value breaks a rule; the message names the field.
    InvalidValue = "invalid_value", 422;
    /// The document is of no known format, or breaks its rules.
    InvalidDocument = "invalid_document", 422;
    /// The graph has problems of severity error; they are in `details`.
    GraphProblems = "graph_problems", 422;
    /// Sign in first.
    Unauthenticated = "unauthenticated", 401;
    /// The email address or the password is wrong.
    WrongCredentials = "wrong_credentials", 401;
    /// The role does not allow it.
    Forbidden = "forbidden", 403;
    /// The request comes from another site.
    ForeignOrigin = "foreign_origin", 403;
    /// There is no such thing in this organisation.
    NotFound = "not_found", 404;
    /// The method does not exist on this path.
    MethodNotAllowed = "method_not_allowed", 405;
    /// Somebody else changed it meanwhile; `details` has the current revision.
    Conflict = "conflict", 409;
    /// The state does not allow it any more.
    WrongState = "wrong_state", 409;
    /// The task is not, or not any more, with who reports about it.
    LeaseLost = "lease_lost", 409;
    /// The `If-Match` header is missing.
    PreconditionRequired = "precondition_required", 428;
    /// The body is larger than the limit.
    TooLarge = "too_large", 413;
    /// The content type is not supported here.
    UnsupportedMediaType = "unsupported_media_type", 415;
    /// Slow down; `Retry-After` says how long.
    RateLimited = "rate_limited", 429;
    /// The server failed; the message has a reference for the log.
    Internal = "internal", 500;
    /// The server cannot take this now; try again.
    Unavailable = "unavailable", 503;
    /// It is not over yet, and the time to wait is (client side only).
    TimedOut = "timed_out", 504;
    /// The far side could not be reached (client side only).
    Unreachable = "unreachable", 503;
}
