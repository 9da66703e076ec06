//! Errors on their way out: `{code, message, details, help}` with the code's status.

use crate::{auth::PasswordError, store::StoreError};
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use signalbox::wire::{ApiError, ErrorCode};
use std::time::Duration;

/// An error with the headers that belong to it.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What the body says.
    pub error: Box<ApiError>,
    /// Headers such as `Retry-After`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self { error: Box::new(error), headers: Vec::new() }
    }
}

impl Failure {
    /// An error with a sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        ApiError::new(code, message).into()
    }

    /// With what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.error.help = help.into();
        self
    }

    /// With particulars.
    #[must_use]
    pub fn details(mut self, details: serde_json::Value) -> Self {
        self.error.details = details;
        self
    }

    /// There is no such thing in this organisation.
    pub fn not_found(what: &str) -> Self {
        Self::new(ErrorCode::NotFound, format!("There is no such {what}."))
    }

    /// A value that breaks a rule, with the field's name.
    pub fn value(field: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidValue, message).details(serde_json::json!({ "field": field }))
    }

    /// Something failed that the caller cannot help. The log has what it was, under the reference.
    pub fn internal(what: &str, error: &dyn std::fmt::Display) -> Self {
        let reference = reference();
        tracing::error!(%reference, %error, "{what}");
        Self::new(ErrorCode::Internal, format!("The server failed. The reference is {reference}."))
            .help("Try again. If it fails again, look for the reference in the server's log.")
            .details(serde_json::json!({ "reference": reference }))
    }

    /// Slow down.
    pub fn rate_limited(message: impl Into<String>, wait: Duration) -> Self {
        let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
        let mut failure = Self::new(ErrorCode::RateLimited, message)
            .help(format!("Wait {seconds} s and try again."))
            .details(serde_json::json!({ "retry_after_s": seconds }));
        failure.headers.push((header::RETRY_AFTER, HeaderValue::from(seconds)));
        failure
    }
}

/// Eight characters that find an error in the log.
fn reference() -> String {
    hex::encode(rand::random::<[u8; 4]>())
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { what } => Self::not_found(what),
            StoreError::Conflict { what } => {
                Self::new(ErrorCode::Conflict, format!("{what} was changed in the meantime."))
                    .help("Fetch it again and repeat the change.")
            }
            StoreError::Constraint(rule) => {
                Self::new(ErrorCode::Conflict, "Something with the same key exists already.")
                    .details(serde_json::json!({ "rule": rule }))
            }
            StoreError::TooLarge { .. } => Self::new(ErrorCode::TooLarge, error.to_string()),
            StoreError::Unavailable(_) => {
                let reference = reference();
                tracing::error!(%reference, %error, "the store did not answer");
                Self::new(
                    ErrorCode::Unavailable,
                    format!("The database cannot take this now. The reference is {reference}."),
                )
                .help("Try again in a moment.")
            }
            StoreError::Corrupt { .. } | StoreError::Setup(_) => {
                Self::internal("the store failed", &error)
            }
        }
    }
}

impl From<PasswordError> for Failure {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => {
                Self::new(ErrorCode::Unavailable, "Too many people sign in at once.")
                    .help("Try again in a moment.")
            }
            PasswordError::Failed(_) => Self::internal("a password was not processed", &error),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.error.code.status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(self.error)).into_response();
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
