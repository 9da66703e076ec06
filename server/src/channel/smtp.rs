//! SMTP, stage by stage.
//!
//! The stages are driven here because what an error means depends on the stage: before the final dot
//! nothing has left and the attempt may be repeated; after it, without an answer, nobody can know.
//! lettre builds the commands, reads the answers and does the TLS.

use super::{Channel, InDoubt, Outgoing, Sent, mailbox, mime_bytes, tls::tls_to};
use futures::{FutureExt, future::BoxFuture};
use lettre::{
    Address,
    transport::smtp::{
        Error as SmtpError,
        authentication::{Credentials, Mechanism},
        client::AsyncSmtpConnection,
        commands::{Data, Mail, Quit, Rcpt},
        extension::{ClientId, Extension, MailBodyParameter, MailParameter},
    },
};
use signalbox::wire::SmtpSecurity;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// Time limits of the stages (RFC 5321, 4.5.3.2).
#[derive(Clone, Copy, Debug)]
pub struct SmtpTimeouts {
    /// Connecting, TLS, the greeting and EHLO; signing in.
    pub connect: Duration,
    /// MAIL and RCPT.
    pub envelope: Duration,
    /// DATA, up to the server's go.
    pub data: Duration,
    /// Sending the text.
    pub text: Duration,
    /// From the final dot to the server's answer.
    pub answer: Duration,
}

impl Default for SmtpTimeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connect: seconds(300),
            envelope: seconds(300),
            data: seconds(120),
            text: seconds(180),
            answer: seconds(600),
        }
    }
}

/// Any SMTP server.
pub struct SmtpChannel {
    host: String,
    port: u16,
    security: SmtpSecurity,
    credentials: Option<(String, String)>,
    ca_certificate: Option<String>,
    from: String,
    account: String,
    timeouts: SmtpTimeouts,
}

/// Why a stage before the final dot was not passed.
struct StageError {
    permanent: bool,
    detail: String,
}

impl From<StageError> for Sent {
    fn from(error: StageError) -> Self {
        match error.permanent {
            true => Self::Permanent { detail: error.detail },
            false => Self::Retry { detail: error.detail },
        }
    }
}

impl SmtpChannel {
    /// A channel over one server. `credentials` are user name and password.
    pub fn new(
        host: String,
        port: u16,
        security: SmtpSecurity,
        credentials: Option<(String, String)>,
        from: String,
        timeouts: SmtpTimeouts,
    ) -> Self {
        let account = format!("smtp {host}:{port}");
        let ca_certificate = None;
        Self { host, port, security, credentials, ca_certificate, from, account, timeouts }
    }

    /// Trusts one more authority, in PEM, beside the public ones.
    pub fn trusting(mut self, ca_certificate: Option<String>) -> Self {
        self.ca_certificate = ca_certificate;
        self
    }

    async fn attempt(&self, outgoing: &Outgoing) -> Sent {
        let bytes = match mime_bytes(outgoing) {
            Ok(bytes) => bytes,
            Err(detail) => return Sent::Permanent { detail },
        };
        let (from, to) = match envelope(outgoing) {
            Ok(envelope) => envelope,
            Err(detail) => return Sent::Permanent { detail },
        };
        let mut connection = match self.connect().await {
            Ok(connection) => connection,
            Err(error) => return Sent::Unreachable { detail: error.detail },
        };
        if let Err(error) = self.prepare(&mut connection, from, &to, &bytes).await {
            return error.into();
        }
        let sent = self.transfer(&mut connection, &bytes).await;
        // Politeness only: the outcome is known, so nothing waits for the answer.
        let goodbye = connection.command(Quit);
        let _ = tokio::time::timeout(Duration::from_millis(200), goodbye).await;
        sent
    }

    /// Connects, secures the connection and signs in. Nothing in here is the message's fault.
    async fn connect(&self) -> Result<AsyncSmtpConnection, StageError> {
        let retry = |detail: String| StageError { permanent: false, detail };
        let work = async {
            let hello = ClientId::default();
            let tls = || tls_to(&self.host, self.ca_certificate.as_deref());
            let first = match self.security {
                SmtpSecurity::Tls => Some(tls()?),
                _ => None,
            };
            let address = (self.host.as_str(), self.port);
            let limit = Some(self.timeouts.connect);
            let mut connection =
                AsyncSmtpConnection::connect_tokio1(address, limit, &hello, first, None).await?;
            if self.security == SmtpSecurity::Starttls {
                connection.starttls(tls()?, &hello).await?;
            }
            if let Some((username, password)) = &self.credentials {
                let credentials = Credentials::new(username.clone(), password.clone());
                connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await?;
            }
            Ok::<_, SmtpError>(connection)
        };
        match tokio::time::timeout(self.timeouts.connect, work).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => {
                Err(retry(format!("{} could not be used: {}", self.account, words(&error))))
            }
            Err(_) => Err(retry(format!("{} did not answer in time", self.account))),
        }
    }

    /// MAIL, RCPT and DATA.
    async fn prepare(
        &self,
        connection: &mut AsyncSmtpConnection,
        from: Address,
        to: &[Address],
        bytes: &[u8],
    ) -> Result<(), StageError> {
        let mut options = Vec::new();
        let server = connection.server_info();
        if !bytes.is_ascii() {
            if !server.supports_feature(Extension::EightBitMime) {
                let detail = "the server does not take 8-bit text".to_owned();
                return Err(StageError { permanent: true, detail });
            }
            options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        if !from.is_ascii_only() || !to.iter().all(AsciiOnly::is_ascii_only) {
            if !server.supports_feature(Extension::SmtpUtfEight) {
                let detail = "the server does not take addresses with letters beyond ASCII".into();
                return Err(StageError { permanent: true, detail });
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        let limit = self.timeouts.envelope;
        stage("MAIL", limit, connection.command(Mail::new(Some(from), options))).await?;
        for address in to {
            stage("RCPT", limit, connection.command(Rcpt::new(address.clone(), vec![]))).await?;
        }
        stage("DATA", self.timeouts.data, connection.command(Data)).await
    }

    /// The text, the final dot and the answer.
    async fn transfer(&self, connection: &mut AsyncSmtpConnection, bytes: &[u8]) -> Sent {
        // lettre ends the text with an empty line and the dot itself.
        let body = bytes.strip_suffix(b"\r\n").unwrap_or(bytes);
        let dot = AtomicBool::new(false);
        let chunks = Chunks { rest: body, dot: &dot };
        let limit = self.timeouts.text + self.timeouts.answer;
        match tokio::time::timeout(limit, connection.message_iter(chunks)).await {
            Ok(Ok(response)) => {
                let provider_id = response.message().collect::<Vec<_>>().join(" ");
                Sent::Accepted { provider_id: provider_id.chars().take(500).collect() }
            }
            Ok(Err(error)) if error.is_permanent() => {
                Sent::Permanent { detail: format!("the server refused it: {}", words(&error)) }
            }
            Ok(Err(error)) if error.is_transient() => Sent::Retry { detail: words(&error) },
            Ok(Err(error)) if !dot.load(Ordering::SeqCst) => Sent::Retry {
                detail: format!("the connection broke while the text was sent: {}", words(&error)),
            },
            Ok(Err(error)) => Sent::Uncertain {
                detail: format!(
                    "The whole message was sent to {}, and the connection broke before its answer: {}.",
                    self.host,
                    words(&error)
                ),
            },
            Err(_) if !dot.load(Ordering::SeqCst) => {
                Sent::Retry { detail: "sending the text took too long".into() }
            }
            Err(_) => Sent::Uncertain {
                detail: format!(
                    "The whole message was sent to {}, and it did not answer within {} s.",
                    self.host,
                    limit.as_secs()
                ),
            },
        }
    }
}

/// One command and its answer.
async fn stage<T>(
    name: &str,
    limit: Duration,
    work: impl Future<Output = Result<T, SmtpError>>,
) -> Result<(), StageError> {
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(StageError {
            permanent: error.is_permanent(),
            detail: format!("{name}: {}", words(&error)),
        }),
        Err(_) => {
            Err(StageError { permanent: false, detail: format!("{name}: no answer in time") })
        }
    }
}

/// The text in pieces. When the last one was taken, the final dot may be on its way.
struct Chunks<'a> {
    rest: &'a [u8],
    dot: &'a AtomicBool,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = &'a [u8];
    fn next(&mut self) -> Option<&'a [u8]> {
        const SIZE: usize = 16 * 1024;
        if self.rest.is_empty() {
            self.dot.store(true, Ordering::SeqCst);
            return None;
        }
        let (piece, rest) = self.rest.split_at(SIZE.min(self.rest.len()));
        self.rest = rest;
        Some(piece)
    }
}

fn envelope(outgoing: &Outgoing) -> Result<(Address, Vec<Address>), String> {
    let content = &outgoing.content;
    let from = mailbox(&content.from)?.email;
    let all = std::iter::once(&content.to).chain(&content.cc).chain(&content.bcc);
    let to =
        all.map(|text| mailbox(text).map(|mailbox| mailbox.email)).collect::<Result<_, _>>()?;
    Ok((from, to))
}

trait AsciiOnly {
    fn is_ascii_only(&self) -> bool;
}

impl AsciiOnly for Address {
    fn is_ascii_only(&self) -> bool {
        <Self as AsRef<str>>::as_ref(self).is_ascii()
    }
}

/// An error with its causes, on one line.
fn words(error: &SmtpError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text.replace(['\r', '\n'], " ").chars().take(500).collect()
}

impl Channel for SmtpChannel {
    fn account(&self) -> &str {
        &self.account
    }
    fn from(&self) -> &str {
        &self.from
    }
    fn is_sandbox(&self) -> bool {
        false
    }
    fn in_doubt(&self) -> InDoubt {
        InDoubt::Ask
    }
    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Sent> {
        self.attempt(outgoing).boxed()
    }
    fn probe(&self) -> BoxFuture<'_, Result<String, String>> {
        async move {
            let mut connection = self.connect().await.map_err(|error| error.detail)?;
            let _ = tokio::time::timeout(Duration::from_secs(2), connection.command(Quit)).await;
            Ok(format!(
                "{} answered{}.",
                self.account,
                match self.credentials {
                    Some(_) => " and accepted the sign-in",
                    None => "",
                }
            ))
        }
        .boxed()
    }
}
