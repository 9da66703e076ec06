//! `signalbox bench`: five workloads against this very binary, served as a process of its own on a
//! fresh data folder (or a fresh database of a PostgreSQL server), with full durability. The load comes from the same machine.
//!
//! W1 webhook runs, W2 a chain, W3 a backlog, W4 sleepers, W5 start and rest. What the machine gives, and what the
//! least program gives that makes the same promise without an engine (the floor), is measured in the same run and
//! stands above the figures: compare the ratios.

mod client;
mod documents;
mod floor;
mod limits;
mod load;
mod report;
mod server;
mod workloads;

use super::{CommandError, print};
use report::Report;
use server::ServerProcess;
use std::path::PathBuf;

/// What to measure.
#[derive(clap::Args)]
pub struct BenchArgs {
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Only these workloads, such as `W1,W4`
    #[arg(long, value_delimiter = ',', value_parser = ["W1", "W2", "W3", "W4", "W5"])]
    only: Vec<String>,
    /// How much of the full workload: 0.01 to 1
    #[arg(long, default_value_t = 1.0, value_parser = share)]
    share: f64,
    /// Measure on a PostgreSQL server: workloads get databases of their own there, which are removed again
    #[arg(long)]
    database_url: Option<String>,
    /// Where the databases are made; a folder for temporary files unless given
    #[arg(long)]
    folder: Option<PathBuf>,
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.01..=1.0).contains(&share) => Ok(share),
        _ => Err("a number from 0.01 to 1 is wanted".into()),
    }
}

pub async fn run(args: BenchArgs) -> Result<(), CommandError> {
    let folder = args.folder.clone().unwrap_or_else(std::env::temp_dir);
    let wanted = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
    let mut report = Report::default();
    progress("the machine's limits");
    let url = args.database_url.as_deref();
    limits::measure(&folder, url, &mut report).await?;
    let floor = match url {
        None => Some(floor::measure(&folder, &mut report).await?),
        Some(_) => None,
    };
    for (name, what) in [
        ("W5", "start and rest"),
        ("W1", "webhook runs"),
        ("W2", "a chain of 1,000 steps"),
        ("W3", "a backlog"),
        ("W4", "sleepers"),
    ] {
        if !wanted(name) {
            continue;
        }
        progress(&format!("{name}: {what}"));
        let mut server = ServerProcess::start(&folder, url).await?;
        match name {
            "W1" => workloads::webhook_runs(&server, args.share, floor, &mut report).await?,
            "W2" => workloads::chain(&server, args.share, floor, &mut report).await?,
            "W3" => workloads::backlog(&mut server, args.share, &mut report).await?,
            "W4" => workloads::sleepers(&mut server, args.share, &mut report).await?,
            _ => workloads::rest(&mut server, &mut report).await?,
        }
        server.remove().await?;
    }
    if args.json { print::json(&report) } else { print::line(&report.table()) }
}

fn progress(what: &str) {
    eprintln!("measuring {what} …");
}

/// An error of something that was asked along the way.
fn broken(what: &str, error: impl std::fmt::Display) -> CommandError {
    CommandError::new(format!("{what}: {error}"))
}
