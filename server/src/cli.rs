//! The command line: one binary, one subcommand a task.

mod bench;
mod check;
mod convert;
mod place;
mod print;
mod run;
mod serve;
mod source;
mod token;
mod wait;

use crate::config::ServeConfig;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Communication workflows that wait for you.
#[derive(Parser)]
#[command(name = "signalbox", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API and the pages
    Serve(ServeConfig),
    /// Say what is wrong with workflow files
    Check(check::CheckArgs),
    /// Write a workflow in another format
    Convert(convert::ConvertArgs),
    /// Play a workflow here, in a private store and with nothing leaving this machine
    Run(run::RunArgs),
    /// Wait until a run of a server is over
    Wait(wait::WaitArgs),
    /// Measure this binary on this machine
    Bench(bench::BenchArgs),
    /// Manage API tokens
    #[command(subcommand)]
    Token(token::TokenCommand),
}

/// Runs the command that the arguments name. What goes wrong is said on stderr.
pub async fn run() -> ExitCode {
    let done = |()| ExitCode::SUCCESS;
    let result = match Cli::parse().command {
        Command::Serve(config) => serve::serve(config).await.map(done),
        Command::Check(args) => check::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Run(args) => run::run(args).await,
        Command::Wait(args) => wait::run(args).await,
        Command::Bench(args) => bench::run(args).await.map(done),
        Command::Token(command) => token::run(command).await.map(done),
    };
    result.unwrap_or_else(|error| {
        eprintln!("signalbox: {error}");
        ExitCode::from(error.code)
    })
}

/// Why a command failed, in words for the person at the terminal.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct CommandError {
    text: String,
    code: u8,
}

impl CommandError {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: 1 }
    }

    /// What was given cannot be used: exit code 2, as for arguments that are wrong.
    fn usage(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: 2 }
    }
}

impl From<crate::store::StoreError> for CommandError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<crate::config::ConfigError> for CommandError {
    fn from(error: crate::config::ConfigError) -> Self {
        Self::new(error.to_string())
    }
}
