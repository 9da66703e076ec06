//! What a handler answers, with the status and the headers that belong to it.

use super::{body::SchemaOf, endpoint::Also};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Something that a handler answers.
pub trait Reply: Send + 'static {
    /// The status when all is well.
    const STATUS: u16;
    /// The body, for the documentation.
    fn schema() -> Option<SchemaOf>;
    /// What else may be answered, for the documentation.
    fn also() -> Vec<Also> {
        Vec::new()
    }
    /// The response.
    fn respond(self) -> Response;
}

/// 200 with JSON.
pub struct Found<T>(pub T);
/// 201 with JSON.
pub struct Created<T>(pub T);
/// 201 with JSON when it was made, 200 when an earlier request had made it.
pub struct Started<T> {
    /// Whether it was made just now.
    pub created: bool,
    /// What there is.
    pub body: T,
}
/// 204.
pub struct Done;
/// 200 with JSON and the `ETag` of a draft.
pub struct Tagged<T>(pub u64, pub T);
/// 200 with JSON and a cookie.
pub struct WithCookie<T>(pub String, pub T);
/// 204 with a cookie.
pub struct DoneWithCookie(pub String);
/// 200 with a document.
pub enum Document {
    /// As JSON.
    Json(Value),
    /// As YAML text.
    Yaml(String),
}
/// 200 with JSON while the server does its work, 503 with JSON of the same form when it cannot.
pub struct Fitness<T> {
    /// Whether it does its work.
    pub fit: bool,
    /// What there is to say.
    pub body: T,
}

macro_rules! json_replies {
    ($($name:ident = $status:literal;)*) => {$(
        impl<T: Serialize + ToSchema + Send + 'static> Reply for $name<T> {
            const STATUS: u16 = $status;
            fn schema() -> Option<SchemaOf> {
                Some(SchemaOf::of::<T>())
            }
            fn respond(self) -> Response {
                let status = StatusCode::from_u16($status).unwrap_or(StatusCode::OK);
                (status, axum::Json(self.0)).into_response()
            }
        }
    )*};
}

json_replies! {
    Found = 200;
    Created = 201;
}

impl<T: Serialize + ToSchema + Send + 'static> Reply for Started<T> {
    const STATUS: u16 = 201;
    fn schema() -> Option<SchemaOf> {
        Some(SchemaOf::of::<T>())
    }
    fn also() -> Vec<Also> {
        let when = "An earlier request had made it.";
        vec![Also { status: 200, when, answer: Self::schema() }]
    }
    fn respond(self) -> Response {
        let status = if self.created { StatusCode::CREATED } else { StatusCode::OK };
        (status, axum::Json(self.body)).into_response()
    }
}

impl Reply for Done {
    const STATUS: u16 = 204;
    fn schema() -> Option<SchemaOf> {
        None
    }
    fn respond(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl<T: Serialize + ToSchema + Send + 'static> Reply for Tagged<T> {
    const STATUS: u16 = 200;
    fn schema() -> Option<SchemaOf> {
        Some(SchemaOf::of::<T>())
    }
    fn respond(self) -> Response {
        let mut response = axum::Json(self.1).into_response();
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", self.0)) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

fn set_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

impl<T: Serialize + ToSchema + Send + 'static> Reply for WithCookie<T> {
    const STATUS: u16 = 200;
    fn schema() -> Option<SchemaOf> {
        Some(SchemaOf::of::<T>())
    }
    fn respond(self) -> Response {
        set_cookie(axum::Json(self.1).into_response(), &self.0)
    }
}

impl Reply for DoneWithCookie {
    const STATUS: u16 = 204;
    fn schema() -> Option<SchemaOf> {
        None
    }
    fn respond(self) -> Response {
        set_cookie(StatusCode::NO_CONTENT.into_response(), &self.0)
    }
}

impl Reply for Document {
    const STATUS: u16 = 200;
    fn schema() -> Option<SchemaOf> {
        Some(SchemaOf::of::<Value>())
    }
    fn respond(self) -> Response {
        match self {
            Self::Json(document) => axum::Json(document).into_response(),
            Self::Yaml(text) => {
                ([(header::CONTENT_TYPE, "application/yaml")], text).into_response()
            }
        }
    }
}

impl<T: Serialize + ToSchema + Send + 'static> Reply for Fitness<T> {
    const STATUS: u16 = 200;
    fn schema() -> Option<SchemaOf> {
        Some(SchemaOf::of::<T>())
    }
    fn also() -> Vec<Also> {
        let when = "The server cannot do its work; the body says why.";
        vec![Also { status: 503, when, answer: Self::schema() }]
    }
    fn respond(self) -> Response {
        let status = if self.fit { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        (status, axum::Json(self.body)).into_response()
    }
}
