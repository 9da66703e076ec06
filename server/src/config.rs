//! What `serve` is told: addresses and folders, from arguments or the environment.

use crate::egress::Allowed;
use signalbox::graph::{NODES_MAX, PLAN_STEPS_MAX};
use std::{net::SocketAddr, path::PathBuf};

/// How to serve.
#[derive(Clone, Debug, clap::Args)]
pub struct ServeConfig {
    /// Where to listen
    #[arg(long, env = "SIGNALBOX_ADDR", default_value = "127.0.0.1:3000", value_parser = parse_addr)]
    pub addr: SocketAddr,
    /// The folder of the embedded database and of the server's key; made if missing
    #[arg(long, env = "SIGNALBOX_DATA", default_value = "./data")]
    pub data: PathBuf,
    /// A PostgreSQL database (postgres://user:password@host/name); the embedded one unless given.
    /// Any number of servers may work on one database
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// The file of the server's key; DATA/secret.key unless given. All servers of one database need
    /// the same
    #[arg(long, env = "SIGNALBOX_KEY_FILE")]
    pub key_file: Option<PathBuf>,
    /// The address people use, such as https://box.example.com; needed behind a proxy
    #[arg(long, env = "SIGNALBOX_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Where to serve numbers for Prometheus (`/metrics`), such as 127.0.0.1:9464; nowhere unless given.
    /// Whoever reaches the address may read them, so keep it on this machine or a private network
    #[arg(long, env = "SIGNALBOX_METRICS_ADDR", value_parser = parse_addr)]
    pub metrics_addr: Option<SocketAddr>,
    /// A collector of OpenTelemetry that traces are sent to by HTTP, such as http://127.0.0.1:4318; none unless given.
    /// Spans carry ids, names and outcomes, never content
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
    /// Hosts that workflows may ask although they are private or on another port than 80 and 443:
    /// `host` or `host:port`, separated by commas
    #[arg(long, env = "SIGNALBOX_ALLOW_HOSTS", default_value = "", value_parser = Allowed::parse)]
    pub allow_hosts: Allowed,
    /// Steps that an outbound plan may have to be published; fewer than the nodes of a workflow
    #[arg(
        long,
        env = "SIGNALBOX_PLAN_STEPS_MAX",
        default_value_t = PLAN_STEPS_MAX,
        value_parser = clap::value_parser!(u32).range(1..NODES_MAX as i64)
    )]
    pub plan_steps_max: u32,
    /// After how long a standstill, in milliseconds, outbound is paused until an administrator looks at what is due;
    /// 0: outbound is never paused by itself
    #[arg(
        long,
        env = "SIGNALBOX_OUTBOUND_PAUSE_AFTER_MS",
        default_value_t = OUTBOUND_PAUSE_AFTER_MS,
        value_parser = clap::value_parser!(u64).range(0..=OUTBOUND_PAUSE_AFTER_MAX_MS)
    )]
    pub outbound_pause_after_ms: u64,
    /// Seconds between two looks for what is kept no longer. Tests look more often
    #[arg(
        long,
        hide = true,
        env = "SIGNALBOX_SWEEP_SECONDS",
        default_value_t = 900,
        value_parser = clap::value_parser!(u32).range(1..=86_400)
    )]
    pub sweep_seconds: u32,
}

/// Six hours.
const OUTBOUND_PAUSE_AFTER_MS: u64 = 6 * 3_600_000;
/// A year.
const OUTBOUND_PAUSE_AFTER_MAX_MS: u64 = 365 * 24 * 3_600_000;

/// Names are not looked up: which of its addresses would be meant is nothing to guess about.
fn parse_addr(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "give an IP address and a port, such as 127.0.0.1:3000, or 0.0.0.0:3000 for every network of this machine"
            .to_owned()
    })
}

impl ServeConfig {
    /// The origin of the public address: scheme, host and port, lower case, without a path.
    pub fn public_origin(&self) -> Result<Option<String>, ConfigError> {
        let Some(text) = &self.public_url else { return Ok(None) };
        let wrong = |why: &str| ConfigError(format!("--public-url {text} {why}"));
        let url =
            url::Url::parse(text).map_err(|error| wrong(&format!("is no address: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(wrong("must start with http:// or https://"));
        }
        if url.path() != "/" || url.query().is_some() {
            return Err(wrong("must not have a path or a query"));
        }
        Ok(Some(url.origin().ascii_serialization()))
    }
}

/// What is wrong with the configuration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Result<Option<String>, ConfigError> {
        ServeConfig {
            addr: SocketAddr::from(([127, 0, 0, 1], 3000)),
            data: PathBuf::new(),
            database_url: None,
            key_file: None,
            public_url: Some(url.into()),
            metrics_addr: None,
            otlp_endpoint: None,
            allow_hosts: Allowed::default(),
            plan_steps_max: PLAN_STEPS_MAX,
            outbound_pause_after_ms: OUTBOUND_PAUSE_AFTER_MS,
            sweep_seconds: 900,
        }
        .public_origin()
    }

    #[test]
    fn an_address_to_listen_on_is_shown_by_an_example() {
        assert!(parse_addr("0.0.0.0:80").is_ok() && parse_addr("[::1]:3000").is_ok());
        for wrong in ["localhost:3000", "127.0.0.1", "3000", ""] {
            assert!(parse_addr(wrong).unwrap_err().contains("127.0.0.1:3000"), "{wrong}");
        }
    }

    #[test]
    fn public_addresses() {
        assert_eq!(origin("https://Box.example.com/").unwrap().unwrap(), "https://box.example.com");
        assert_eq!(origin("http://a:8080").unwrap().unwrap(), "http://a:8080");
        for wrong in ["box.example.com", "ftp://a", "https://a/path", "https://a/?q"] {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
    }
}
