//! The binary `signalbox`.

use std::net::SocketAddr;

/// `signalbox serve [--addr 127.0.0.1:3000]`
#[derive(clap::Parser)]
#[command(version, about = "Communication workflows that wait for you.")]
enum Command {
    /// Serve the API and the pages.
    Serve {
        /// Where to listen.
        #[arg(long, env = "SIGNALBOX_ADDR", default_value = "127.0.0.1:3000")]
        addr: SocketAddr,
    },
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let Command::Serve { addr } = clap::Parser::parse();
    let router = server::web::router(server::web::Site::discover(), || ())
        .layer(axum::middleware::from_fn(server::web::security_headers));
    let listener = tokio::net::TcpListener::bind(addr).await?;
    println!("Signalbox serves on http://{}", listener.local_addr()?);
    axum::serve(listener, router).await
}
