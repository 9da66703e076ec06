//! Tracked links and the open pixel: what the recipients of messages fetch, without signing in.
//!
//! A link leads only to where the message said; whoever changes an address gets nothing. Looking ahead (HEAD, a
//! prefetch that says so) is answered and not counted.

use crate::{
    app_state::AppState,
    auth::{self, Caller},
    gate::{Tracked, Visit},
    http::{endpoint::read_path, failure::Failure},
};
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, header},
    response::{IntoResponse, Response},
};
use signalbox::wire::ErrorCode;

/// A transparent picture of one pixel.
const PIXEL: [u8; 43] = [
    0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x21,
    0xf9, 4, 1, 0, 0, 0, 0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b,
];
/// Headers by which programs say that they look ahead.
const AHEAD: [&str; 4] = ["sec-purpose", "purpose", "x-purpose", "x-moz"];

/// `GET /t/{token}`.
pub async fn fetch(
    state: AppState,
    _: Option<Caller>,
    request: Request,
) -> Result<Response, Failure> {
    let (mut parts, _) = request.into_parts();
    let token: String = read_path(&mut parts).await?;
    let visit = visit(&state, &parts.method, &parts.headers);
    let Some(tracked) = Tracked::read(&token) else { return Err(nothing_here()) };
    if tracked.number == 0 {
        // The picture is shown whatever becomes of the note.
        if let Err(error) = state.gate().opened(&tracked, &visit).await {
            tracing::warn!(%error, "an open was not noted");
        }
        return Ok(pixel());
    }
    let target = state.gate().clicked(&tracked, &visit).await?.ok_or_else(nothing_here)?;
    // As a header has it: percent-encoded.
    let target = url::Url::parse(&target).map_err(|_| nothing_here())?;
    let location = HeaderValue::from_str(target.as_str()).map_err(|_| nothing_here())?;
    let mut response = axum::http::StatusCode::FOUND.into_response();
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

fn visit(state: &AppState, method: &Method, headers: &HeaderMap) -> Visit {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let looks_ahead = |name: &&str| {
        let value = text(name).to_ascii_lowercase();
        value.contains("prefetch") || value.contains("preview") || value.contains("prerender")
    };
    Visit {
        agent: text("user-agent").to_owned(),
        ahead: *method == Method::HEAD || AHEAD.iter().any(looks_ahead),
        own: auth::identity_from_headers(headers, state.secure_cookies()).is_some(),
    }
}

fn pixel() -> Response {
    let mut response = Response::new(Body::from(PIXEL.as_slice()));
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "image/gif"),
        (header::CACHE_CONTROL, "no-store, no-cache, must-revalidate, private, max-age=0"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // It is shown in the pages of other sites: web mail.
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}

fn nothing_here() -> Failure {
    Failure::new(ErrorCode::NotFound, "This link leads nowhere.")
        .help("It is not one that was sent from here, or was changed on its way.")
}
