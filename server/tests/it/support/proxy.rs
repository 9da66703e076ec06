//! A way to a database that can go dead: connections stay open, and nothing comes through any more.

use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};
use url::Url;

/// Stands between a server and its database, and ends with the test.
pub struct Proxy {
    database: Url,
    addr: SocketAddr,
    frozen: Arc<watch::Sender<u32>>,
}

impl Proxy {
    /// In front of the database of an address.
    pub async fn before(database: &str) -> Self {
        let database = Url::parse(database).unwrap();
        let host = database.host_str().unwrap().to_owned();
        let target = (host, database.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let frozen = Arc::new(watch::Sender::new(0));
        let freezes = frozen.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, target.clone(), freezes.subscribe()));
            }
        });
        Self { database, addr, frozen }
    }

    /// The address of the database through it.
    pub fn url(&self) -> String {
        let mut url = self.database.clone();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(self.addr.port())).unwrap();
        url.to_string()
    }

    /// Connections that are open carry nothing from now on, and nobody is told. New ones do.
    pub fn freeze(&self) {
        self.frozen.send_modify(|times| *times += 1);
    }
}

async fn carry(mut client: TcpStream, target: (String, u16), mut frozen: watch::Receiver<u32>) {
    let Ok(mut database) = TcpStream::connect(target).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut database) => {}
        // Both ends stay open.
        _ = frozen.changed() => std::future::pending::<()>().await,
    }
}
