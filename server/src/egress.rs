//! The one way to the web for requests that workflows make.
//!
//! A host is resolved once, every address it has must be public, and the connection goes to exactly
//! those addresses. Redirects are followed by hand and checked like the first request; ports other
//! than 80 and 443 and private hosts need the operator's word. Environment proxies are ignored.
//! Deliberately absent: what workflows ask (see `tool::http`).

mod address;
mod client;

pub use address::is_public;
pub use client::{Egress, EgressError, EgressRequest, EgressResponse};

use std::net::IpAddr;
use url::Host;

/// Hosts that the operator allows although they are private or on another port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed(Vec<(String, Option<u16>)>);

impl Allowed {
    /// Reads `host` (on every port) and `host:port`, separated by commas. An error names what is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let entries = parts.map(|part| {
            entry(part).ok_or_else(|| {
                format!(
                    "\u{201c}{part}\u{201d} is neither a host nor host:port, such as 10.0.0.5 or db.internal:8080"
                )
            })
        });
        entries.collect::<Result<_, _>>().map(Self)
    }

    /// Whether a host may be asked on a port although the rules are against it.
    pub fn contains(&self, host: &str, port: u16) -> bool {
        let Some(host) = canonical(host) else { return false };
        self.0.iter().any(|(name, only)| *name == host && only.is_none_or(|only| only == port))
    }
}

fn entry(text: &str) -> Option<(String, Option<u16>)> {
    // The colons of an IPv6 address are its own; with a port it stands in brackets.
    if text.parse::<IpAddr>().is_ok() || text.ends_with(']') {
        return Some((canonical(text)?, None));
    }
    match text.rsplit_once(':') {
        None => Some((canonical(text)?, None)),
        Some((host, port)) => {
            let port: u16 = port.parse().ok()?;
            let host = canonical(host)?;
            (port != 0).then_some((host, Some(port)))
        }
    }
}

/// A host as it is compared: an address in one spelling, a name in small letters.
fn canonical(host: &str) -> Option<String> {
    if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Some(address.to_string());
    }
    let is_fine = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    match Host::parse(host).ok()? {
        Host::Domain(name) => {
            let mut labels = name.split('.');
            labels.all(|label| !label.is_empty() && label.chars().all(is_fine)).then_some(name)
        }
        Host::Ipv4(address) => Some(address.to_string()),
        Host::Ipv6(address) => Some(address.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_operator_allows_is_read_strictly() {
        let allowed =
            Allowed::parse(" Db.Internal:8080, 10.0.0.5,[::1]:81 ,fd00::1,b\u{fc}cher.example")
                .unwrap();
        for (host, port, is_allowed) in [
            ("db.internal", 8080, true),
            ("db.internal", 80, false),
            ("db.internal", 443, false),
            ("10.0.0.5", 80, true),
            ("10.0.0.5", 9999, true),
            ("10.0.0.6", 80, false),
            ("[::1]", 81, true),
            ("[::1]", 80, false),
            ("[fd00::1]", 443, true),
            ("xn--bcher-kva.example", 443, true),
        ] {
            assert_eq!(allowed.contains(host, port), is_allowed, "{host}:{port}");
        }
        assert_eq!(Allowed::parse(" , ").unwrap(), Allowed::default());
        for wrong in [
            "http://db.internal",
            "db.internal/path",
            "db internal",
            "*.internal",
            "db.internal:",
            "db.internal:http",
            "db.internal:0",
            "db.internal:99999",
            "a..b",
            "user@host",
            "[::1",
            "!!!",
        ] {
            let error = Allowed::parse(&format!("10.0.0.5,{wrong}")).unwrap_err();
            assert!(error.contains(wrong) && error.contains("db.internal:8080"), "{error}");
        }
    }
}
