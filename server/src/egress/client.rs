//! The guarded client.

use super::{Allowed, is_public};
use futures::StreamExt;
use reqwest::{
    Client, ClientBuilder, Method, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, LOCATION, PROXY_AUTHORIZATION},
    redirect::Policy,
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

const BODY_MAX: usize = 10 * 1024 * 1024;
const TIMEOUT_MAX: Duration = Duration::from_secs(30);
const REDIRECTS_MAX: usize = 3;

/// Why a request was not made, or has no answer.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// The address is not one that workflows may ask.
    #[error("{0}")]
    Forbidden(String),
    /// The request itself is wrong.
    #[error("{0}")]
    Invalid(String),
    /// No answer within the time limit.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The answer is larger than the limit.
    #[error("the answer is larger than 10 MiB")]
    TooLarge,
    /// The other side could not be reached.
    #[error("the request failed: {0}")]
    Failed(String),
}

/// A request.
#[derive(Clone, Debug)]
pub struct EgressRequest {
    /// The method.
    pub method: Method,
    /// The address.
    pub url: Url,
    /// Headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// For the whole exchange; 30 s at most.
    pub timeout: Duration,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct EgressResponse {
    /// The status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body, 10 MiB at most.
    pub body: Vec<u8>,
    /// The address after redirects.
    pub url: Url,
}

/// The guarded client; cheap to clone.
#[derive(Clone)]
pub struct Egress {
    /// Connects to the public internet alone.
    guarded: Client,
    /// Connects to anything: for the hosts and ports that the operator allows. Who resolves a name is not told the
    /// port, so that one client could not serve both.
    trusted: Client,
    allowed: Arc<Allowed>,
}

impl Egress {
    /// A client that may also ask what the operator allows.
    pub fn new(allowed: Allowed) -> Result<Self, EgressError> {
        let build = |builder: ClientBuilder| {
            builder
                .no_proxy()
                .redirect(Policy::none())
                .connect_timeout(Duration::from_secs(10))
                .pool_max_idle_per_host(0)
                .user_agent(concat!("Signalbox/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|error| EgressError::Failed(words(&error)))
        };
        let guarded = build(Client::builder().dns_resolver(Arc::new(Guarded)))?;
        let trusted = match allowed.0.is_empty() {
            true => guarded.clone(),
            false => build(Client::builder())?,
        };
        Ok(Self { guarded, trusted, allowed: Arc::new(allowed) })
    }

    /// Makes a request and follows its redirects.
    pub async fn send(&self, request: EgressRequest) -> Result<EgressResponse, EgressError> {
        let limit = request.timeout.min(TIMEOUT_MAX);
        match tokio::time::timeout(limit, self.follow(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(EgressError::Timeout(limit)),
        }
    }

    async fn follow(&self, mut request: EgressRequest) -> Result<EgressResponse, EgressError> {
        for _ in 0..=REDIRECTS_MAX {
            self.check(&request.url)?;
            let answer = self.once(&request).await?;
            let Some(next) = redirect(&request, &answer)? else { return Ok(answer) };
            request = next;
        }
        Err(EgressError::Forbidden(format!("more than {REDIRECTS_MAX} redirects")))
    }

    /// Whether an address may be asked, as far as its text says: scheme, port and literal addresses. Names are
    /// checked when they are resolved.
    pub fn check(&self, url: &Url) -> Result<(), EgressError> {
        let forbidden = |text: String| Err(EgressError::Forbidden(text));
        if !matches!(url.scheme(), "http" | "https") {
            return forbidden(format!("{}: only http and https may be asked", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return forbidden("put the sign-in into a header, not into the address".into());
        }
        if self.is_allowed(url) {
            return Ok(());
        }
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        if !matches!(port, 80 | 443) {
            return forbidden(format!(
                "port {port} is not allowed; the operator can allow {host}:{port}"
            ));
        }
        match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) if !is_public(address) => forbidden(private(host)),
            _ => Ok(()),
        }
    }

    /// Whether the operator allows an address whatever the rules say.
    fn is_allowed(&self, url: &Url) -> bool {
        let port = url.port_or_known_default().unwrap_or_default();
        self.allowed.contains(url.host_str().unwrap_or_default(), port)
    }

    async fn once(&self, request: &EgressRequest) -> Result<EgressResponse, EgressError> {
        let client = if self.is_allowed(&request.url) { &self.trusted } else { &self.guarded };
        let mut builder = client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone());
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let answer = builder.send().await.map_err(refused)?;
        let (status, headers, url) =
            (answer.status().as_u16(), answer.headers().clone(), answer.url().clone());
        let mut body = Vec::new();
        let mut stream = answer.bytes_stream();
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|error| EgressError::Failed(words(&error)))?;
            if body.len() + piece.len() > BODY_MAX {
                return Err(EgressError::TooLarge);
            }
            body.extend_from_slice(&piece);
        }
        Ok(EgressResponse { status, headers, body, url })
    }
}

fn private(host: &str) -> String {
    format!("{host} is not on the public internet; the operator can allow it by name")
}

/// The request that a redirect asks for.
fn redirect(
    request: &EgressRequest,
    answer: &EgressResponse,
) -> Result<Option<EgressRequest>, EgressError> {
    if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = answer.headers.get(LOCATION) else { return Ok(None) };
    let target =
        location.to_str().ok().and_then(|text| request.url.join(text).ok()).ok_or_else(|| {
            EgressError::Failed("the redirect\u{2019}s address cannot be read".into())
        })?;
    let mut next = request.clone();
    if target.origin() != request.url.origin() {
        let named = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION];
        let secret = |name: &HeaderName| {
            let text = name.as_str();
            named.contains(name)
                || ["key", "token", "secret", "auth"].iter().any(|w| text.contains(w))
        };
        let names: Vec<HeaderName> = next.headers.keys().filter(|n| secret(n)).cloned().collect();
        for name in names {
            next.headers.remove(name);
        }
    }
    let keeps = matches!(answer.status, 307 | 308);
    if !keeps && request.method != Method::GET && request.method != Method::HEAD {
        next.method = Method::GET;
        next.body = None;
        next.headers.remove(reqwest::header::CONTENT_TYPE);
    }
    next.url = target;
    Ok(Some(next))
}

fn refused(error: reqwest::Error) -> EgressError {
    let text = words(&error);
    match text.split_once(MARK) {
        Some((_, host)) => EgressError::Forbidden(private(host)),
        None => EgressError::Failed(text),
    }
}

fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text.chars().take(500).collect()
}

/// Resolves a name once; what it gives is what is connected to, and all of it must be public.
struct Guarded;

/// How a refused name is told from a name that cannot be resolved.
const MARK: &str = "not public: ";

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            if !found.iter().all(|address| is_public(address.ip())) {
                return Err(format!("{MARK}{host}").into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
