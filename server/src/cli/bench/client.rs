//! A client that costs little, because the load comes from the same cores as the server: one connection that is kept,
//! one request at a time, nothing followed, unpacked or tried again.

use super::broken;
use crate::cli::CommandError;
use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// A connection to a server.
pub struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    host: String,
}

impl Connection {
    /// Connects to `http://host:port`.
    pub async fn open(base_url: &str) -> Result<Self, CommandError> {
        let host = base_url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let stream =
            TcpStream::connect(&host).await.map_err(|error| broken("connecting", error))?;
        stream.set_nodelay(true).map_err(|error| broken("connecting", error))?;
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|error| broken("connecting", error))?;
        tokio::spawn(connection); // ends with its sender
        Ok(Self { sender, host })
    }

    /// Posts JSON to a path; the status and the JSON of the answer.
    pub async fn post(&mut self, path: &str, body: &Value) -> Result<(u16, Value), CommandError> {
        let request = Request::post(path)
            .header(header::HOST, &self.host)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body.to_string()))
            .map_err(|error| broken("a request", error))?;
        let failed = |error| broken("a request", error);
        self.sender.ready().await.map_err(failed)?;
        let answer = self.sender.send_request(request).await.map_err(failed)?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.map_err(failed)?.to_bytes();
        let body = serde_json::from_slice(&body).map_err(|error| broken("an answer", error))?;
        Ok((status, body))
    }
}
