//! A real SMTP server that keeps what it gets and fails when told to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

/// What a connection is made of, secured or not.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

type Stream = BufReader<Box<dyn Wire>>;

/// When the sink secures its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secured {
    /// From the first byte.
    AtOnce,
    /// When the client says STARTTLS.
    OnDemand,
}

/// A certificate of its own, as a private mail server has it.
pub struct OwnCertificate {
    /// In PEM.
    pub pem: String,
    acceptor: TlsAcceptor,
}

impl OwnCertificate {
    /// For a host name or an address.
    pub fn of(host: &str) -> Self {
        let made = rcgen::generate_simple_self_signed(vec![host.to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        Self { pem: made.cert.pem(), acceptor: TlsAcceptor::from(Arc::new(config)) }
    }
}

/// Where a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Greeting,
    Ehlo,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// After the final dot.
    Dot,
}

/// What goes wrong, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers with this code instead.
    Reply(Stage, u16),
    /// Closes the connection instead of an answer.
    Disconnect(Stage),
    /// Waits before the answer.
    Delay(Stage, Duration),
}

/// A message that was handed over whole.
#[derive(Clone, Debug)]
pub struct Received {
    pub to: Vec<String>,
    /// The bytes, transparency undone.
    pub data: Vec<u8>,
    /// Whether the sink said that it took it.
    pub acknowledged: bool,
    /// Whether it came over TLS.
    pub secured: bool,
}

#[derive(Default)]
struct State {
    received: Vec<Received>,
    faults: VecDeque<Fault>,
    credentials: Option<(String, String)>,
    lines: Vec<String>,
}

/// The server; ends with the test's runtime.
#[derive(Clone)]
pub struct SmtpSink {
    state: Arc<Mutex<State>>,
    tls: Option<(TlsAcceptor, Secured)>,
    pub port: u16,
}

impl SmtpSink {
    pub async fn start() -> Self {
        Self::serve_at(0, None).await
    }

    /// At a port that was free a moment ago.
    pub async fn start_at(port: u16) -> Self {
        Self::serve_at(port, None).await
    }

    /// With a certificate of its own.
    pub async fn start_secured(certificate: &OwnCertificate, secured: Secured) -> Self {
        Self::serve_at(0, Some((certificate.acceptor.clone(), secured))).await
    }

    async fn serve_at(port: u16, tls: Option<(TlsAcceptor, Secured)>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let sink = Self { state: Arc::default(), tls, port };
        let serving = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sink = serving.clone();
                tokio::spawn(async move {
                    let _ = sink.serve(stream).await;
                });
            }
        });
        sink
    }

    /// The next time the stage comes, this happens; faults strike in order.
    pub fn fault(&self, fault: Fault) {
        self.state.lock().unwrap().faults.push_back(fault);
    }

    /// Nobody may send without these.
    pub fn require(&self, user: &str, password: &str) {
        self.state.lock().unwrap().credentials = Some((user.into(), password.into()));
    }

    pub fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    /// Whether a command that begins so ever came.
    pub fn heard(&self, word: &str) -> bool {
        self.state.lock().unwrap().lines.iter().any(|line| line.starts_with(word))
    }

    /// The answer of a stage; none: the connection closes.
    async fn answer(&self, stage: Stage, text: &str) -> Option<String> {
        let fault = {
            let mut state = self.state.lock().unwrap();
            let struck = state.faults.front().is_some_and(|fault| match fault {
                Fault::Reply(at, _) | Fault::Disconnect(at) | Fault::Delay(at, _) => *at == stage,
            });
            if struck { state.faults.pop_front() } else { None }
        };
        match fault {
            None => Some(text.to_owned()),
            Some(Fault::Reply(_, code)) => Some(format!("{code} 4.7.1 as the test wants")),
            Some(Fault::Disconnect(_)) => None,
            Some(Fault::Delay(_, pause)) => {
                tokio::time::sleep(pause).await;
                Some(text.to_owned())
            }
        }
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let on_demand = |tls: &&(TlsAcceptor, Secured)| tls.1 == Secured::OnDemand;
        let mut offered = self.tls.as_ref().filter(on_demand).map(|(acceptor, _)| acceptor);
        let mut stream: Stream = match &self.tls {
            Some((acceptor, Secured::AtOnce)) => {
                BufReader::new(Box::new(acceptor.accept(stream).await?))
            }
            _ => BufReader::new(Box::new(stream)),
        };
        let mut secured = self.tls.is_some() && offered.is_none();
        let Some(greeting) = self.answer(Stage::Greeting, "220 sink ready").await else {
            return Ok(());
        };
        write(&mut stream, &greeting).await?;
        let mut to = Vec::new();
        let mut signed_in = self.state.lock().unwrap().credentials.is_none();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let word = line.trim_end().to_ascii_uppercase();
            self.state.lock().unwrap().lines.push(word.clone());
            let (stage, reply) = if word.starts_with("EHLO") {
                let secure = if offered.is_some() { "250-STARTTLS\r\n" } else { "" };
                let offer = "250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN LOGIN";
                (Stage::Ehlo, offer.replacen("250 AUTH", &format!("{secure}250 AUTH"), 1))
            } else if word.starts_with("STARTTLS")
                && let Some(acceptor) = offered.take()
            {
                write(&mut stream, "220 go on").await?;
                let opened = acceptor.accept(stream.into_inner()).await?;
                stream = BufReader::new(Box::new(opened));
                secured = true;
                continue;
            } else if word.starts_with("AUTH PLAIN") {
                signed_in = self.check_plain(line.trim_end());
                (
                    Stage::Auth,
                    { if signed_in { "235 welcome" } else { "535 wrong user or password" } }
                        .to_owned(),
                )
            } else if word.starts_with("MAIL") {
                (Stage::Mail, { if signed_in { "250 ok" } else { "530 sign in first" } }.to_owned())
            } else if word.starts_with("RCPT") {
                (Stage::Rcpt, "250 ok".to_owned())
            } else if word.starts_with("DATA") {
                (Stage::Data, "354 go on".to_owned())
            } else if word.starts_with("QUIT") {
                return write(&mut stream, "221 bye").await;
            } else {
                (Stage::Greeting, "500 what?".to_owned())
            };
            let Some(text) = self.answer(stage, &reply).await else { return Ok(()) };
            write(&mut stream, &text).await?;
            match (stage, text.starts_with('2') || text.starts_with('3')) {
                (Stage::Rcpt, true) => to.push(line.trim_end().to_owned()),
                (Stage::Data, true) => {
                    let data = read_data(&mut stream).await?;
                    let number = self.keep(std::mem::take(&mut to), data, secured);
                    let Some(text) = self.answer(Stage::Dot, "250 kept").await else {
                        return Ok(());
                    };
                    self.state.lock().unwrap().received[number].acknowledged =
                        text.starts_with('2');
                    if !text.starts_with('2') {
                        // Refused: it was never taken.
                        self.state.lock().unwrap().received.remove(number);
                    }
                    write(&mut stream, &text).await?;
                }
                _ => {}
            }
        }
    }

    fn keep(&self, to: Vec<String>, data: Vec<u8>, secured: bool) -> usize {
        let mut state = self.state.lock().unwrap();
        state.received.push(Received { to, data, acknowledged: false, secured });
        state.received.len() - 1
    }

    fn check_plain(&self, line: &str) -> bool {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let Some(text) = line.split_whitespace().nth(2) else { return false };
        let Ok(bytes) = STANDARD.decode(text) else { return false };
        let given = String::from_utf8_lossy(&bytes).into_owned();
        let state = self.state.lock().unwrap();
        let Some((user, password)) = &state.credentials else { return true };
        given == format!("\0{user}\0{password}")
    }
}

async fn write(stream: &mut Stream, text: &str) -> std::io::Result<()> {
    stream.get_mut().write_all(format!("{text}\r\n").as_bytes()).await?;
    stream.get_mut().flush().await
}

async fn read_data(stream: &mut Stream) -> std::io::Result<Vec<u8>> {
    let mut data = Vec::new();
    loop {
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" {
            return Ok(data);
        }
        data.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}
