//! Whether a request comes from our own pages. Browsers say so; what is no browser says nothing.

use axum::http::{HeaderMap, header};

/// Where a request comes from, as far as its headers tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// A page of ours.
    Own,
    /// Another site's page.
    Foreign,
    /// It does not say: no browser, or a very old one.
    Unknown,
}

/// Judges by `Sec-Fetch-Site`, else by `Origin`. `public_origin` is the address people use
/// (`https://box.example.com`) where it is configured; the `Host` of the request counts too.
pub fn site_of(headers: &HeaderMap, public_origin: Option<&str>) -> Site {
    let text = |name| {
        headers.get(name).map(|value: &axum::http::HeaderValue| value.to_str().unwrap_or("?"))
    };
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return if site == "same-origin" { Site::Own } else { Site::Foreign };
    }
    let Some(origin) = text(header::ORIGIN) else { return Site::Unknown };
    if public_origin.is_some_and(|own| own.eq_ignore_ascii_case(origin)) {
        return Site::Own;
    }
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    match (authority, text(header::HOST)) {
        (Some(authority), Some(host)) if authority.eq_ignore_ascii_case(host) => Site::Own,
        _ => Site::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&'static str, &'static str)], expected: Site) {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, axum::http::HeaderValue::from_static(value));
        }
        assert_eq!(site_of(&headers, Some("https://box.example.com")), expected, "{pairs:?}");
    }

    #[test]
    fn sites() {
        check(&[], Site::Unknown);
        check(&[("sec-fetch-site", "same-origin")], Site::Own);
        for other in ["cross-site", "same-site", "none", ""] {
            check(&[("sec-fetch-site", other)], Site::Foreign);
        }
        check(&[("origin", "http://127.0.0.1:3000"), ("host", "127.0.0.1:3000")], Site::Own);
        check(&[("origin", "http://127.0.0.1:3001"), ("host", "127.0.0.1:3000")], Site::Foreign);
        check(&[("origin", "https://box.example.com"), ("host", "internal:3000")], Site::Own);
        check(&[("origin", "null"), ("host", "127.0.0.1:3000")], Site::Foreign);
        check(&[("origin", "https://evil.example"), ("host", "127.0.0.1:3000")], Site::Foreign);
        // What the fetch metadata say is not overruled by an origin.
        check(
            &[("sec-fetch-site", "cross-site"), ("origin", "http://a"), ("host", "a")],
            Site::Foreign,
        );
    }
}
