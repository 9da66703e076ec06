//! The session's cookie. `__Host-` needs https; on plain http (a machine of one's own) the name is
//! without it.

use axum::http::{HeaderMap, header};

const NAME: &str = "signalbox_session";
const NAME_SECURE: &str = "__Host-signalbox_session";

fn name(secure: bool) -> &'static str {
    if secure { NAME_SECURE } else { NAME }
}

/// The secret of the session cookie.
pub fn session_secret(headers: &HeaderMap, secure: bool) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter();
    let mut pairs = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
    pairs.find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name(secure) && !value.is_empty()).then_some(value)
    })
}

/// The `Set-Cookie` value that keeps a secret for a number of seconds.
pub fn cookie_set(secret: &str, secure: bool, age_s: u32) -> String {
    let attribute = if secure { "; Secure" } else { "" };
    format!("{}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age_s}{attribute}", name(secure))
}

/// The `Set-Cookie` value that takes the cookie away.
pub fn cookie_clear(secure: bool) -> String {
    cookie_set("", secure, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("theme=dark; a=b"));
        headers.append(header::COOKIE, HeaderValue::from_static("signalbox_session=xyz; c=d"));
        assert_eq!(session_secret(&headers, false), Some("xyz"));
        assert_eq!(session_secret(&headers, true), None, "a plain cookie is no secure one");
    }

    #[test]
    fn attributes() {
        let text = cookie_set("xyz", true, 60);
        assert_eq!(
            text,
            "__Host-signalbox_session=xyz; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure"
        );
        assert!(cookie_clear(false).contains("Max-Age=0"));
    }
}
