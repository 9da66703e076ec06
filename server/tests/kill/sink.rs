//! A real SMTP server in this process that keeps what it accepted. It answers slowly at random,
//! so that kills land before, within and after the final dot.

use std::collections::BTreeMap;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone)]
pub struct Sink {
    port: u16,
    /// Accepted messages by subject.
    accepted: Arc<Mutex<BTreeMap<String, u64>>>,
}

static CONNECTIONS: AtomicU64 = AtomicU64::new(0);

impl Sink {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let sink = Self { port, accepted: Arc::default() };
        let serving = sink.clone();
        tokio::spawn(async move {
            loop {
                // A connection whose other end died before it was taken up.
                let Ok((stream, _)) = listener.accept().await else { continue };
                let sink = serving.clone();
                // A connection that breaks off is what this test is about.
                tokio::spawn(async move { sink.serve(stream).await.ok() });
            }
        });
        sink
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// How often a message with this subject was accepted.
    pub fn accepted(&self, subject: &str) -> u64 {
        self.accepted.lock().expect("not poisoned").get(subject).copied().unwrap_or(0)
    }

    pub fn all(&self) -> BTreeMap<String, u64> {
        self.accepted.lock().expect("not poisoned").clone()
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let number = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(b"220 sink ESMTP\r\n").await?;
        while let Some(line) = lines.next_line().await? {
            let verb = line.split(' ').next().unwrap_or("").to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => write.write_all(b"250-sink\r\n250 8BITMIME\r\n").await?,
                "DATA" => {
                    write.write_all(b"354 go on\r\n").await?;
                    let mut subject = String::new();
                    while let Some(line) = lines.next_line().await? {
                        if line == "." {
                            break;
                        }
                        if let Some(text) = line.strip_prefix("Subject: ") {
                            subject = text.trim().to_owned();
                        }
                    }
                    // Accepted here, whatever becomes of the answer.
                    *self.accepted.lock().expect("not poisoned").entry(subject).or_insert(0) += 1;
                    tokio::time::sleep(Duration::from_millis(number % 7 * 10)).await;
                    write.write_all(b"250 kept\r\n").await?;
                }
                "QUIT" => {
                    write.write_all(b"221 bye\r\n").await?;
                    return Ok(());
                }
                _ => write.write_all(b"250 fine\r\n").await?,
            }
        }
        Ok(())
    }
}
