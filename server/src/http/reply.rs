//! What a handler answers, with the status and the headers that belong to it.

use super::body::SchemaOf;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

/// Something that a handler answers.
pub trait Reply: Send + 'static {
    /// The status when all is well.
    const STATUS: u16;
    /// The body, for the documentation.
    fn schema() -> Option<SchemaOf>;
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
/// The response as it is.
pub struct Plain(pub Response);

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

impl Reply for Plain {
    const STATUS: u16 = 200;
    fn schema() -> Option<SchemaOf> {
        None
    }
    fn respond(self) -> Response {
        self.0
    }
}
