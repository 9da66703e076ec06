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

/// Hosts that the operator allows although they are private or on another port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed(Vec<(String, Option<u16>)>);

impl Allowed {
    /// Reads `host` and `host:port`, separated by commas.
    pub fn parse(text: &str) -> Self {
        let entry = |part: &str| match part.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') => match port.parse() {
                Ok(port) => (host.to_lowercase(), Some(port)),
                Err(_) => (part.to_lowercase(), None),
            },
            _ => (part.to_lowercase(), None),
        };
        Self(text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(entry).collect())
    }

    /// Whether a host may be asked on a port although the rules are against it.
    pub fn contains(&self, host: &str, port: u16) -> bool {
        let host = host.trim_matches(['[', ']']).to_lowercase();
        self.0.iter().any(|(name, only)| *name == host && only.is_none_or(|only| only == port))
    }
}
