//! The command line: one binary, one subcommand a task.

mod serve;
mod token;

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
    /// Manage API tokens
    #[command(subcommand)]
    Token(token::TokenCommand),
}

/// Runs the command that the arguments name. What goes wrong is said on stderr, with exit code 1.
pub async fn run() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve(config) => serve::serve(config).await,
        Command::Token(command) => token::run(command).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("signalbox: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Why a command failed, in words for the person at the terminal.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CommandError(String);

impl CommandError {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl From<crate::store::StoreError> for CommandError {
    fn from(error: crate::store::StoreError) -> Self {
        Self(error.to_string())
    }
}

impl From<crate::config::ConfigError> for CommandError {
    fn from(error: crate::config::ConfigError) -> Self {
        Self(error.to_string())
    }
}
