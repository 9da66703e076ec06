//! `signalbox wait`: blocks until a run of a server is over.
//!
//! A server that is restarted meanwhile is asked again. Deliberately absent: starting runs on a server.

use super::CommandError;
use signalbox::{
    client::{Client, WaitOptions, http::HttpTransport},
    format::dag::PlanExecution,
    id::RunId,
    wire::{ApiError, ErrorCode},
};
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

/// Pause before a server that was not reached is asked again.
const AGAIN_MS: u64 = 1_000;

/// Which run, where, and how long.
#[derive(clap::Args)]
#[command(
    after_help = "Exit codes: 0 completed, 1 failed, 2 the arguments cannot be used or the server refuses,\n\
                        3 stopped or rejected, 4 the time was over first; the run goes on."
)]
pub struct WaitArgs {
    /// The run's id
    run: String,
    /// The server
    #[arg(long, env = "SIGNALBOX_SERVER", default_value = "http://127.0.0.1:3000")]
    server: String,
    /// An API token that may read runs
    #[arg(long, env = "SIGNALBOX_TOKEN", hide_env_values = true)]
    token: String,
    /// The longest time to wait, in milliseconds; without it, until the run is over
    #[arg(long, value_name = "MS")]
    timeout_ms: Option<u64>,
    /// Time between two lines of progress, in milliseconds; the end is told at once
    #[arg(long, value_name = "MS", default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(1..=300_000))]
    poll_ms: u64,
    /// Print the execution as JSON when it is over, and its progress as lines of JSON
    #[arg(long)]
    json: bool,
}

/// Waits; the exit code says how the run ended.
pub async fn run(args: WaitArgs) -> Result<ExitCode, CommandError> {
    let run: RunId = args
        .run
        .parse()
        .map_err(|_| CommandError::usage(format!("{} is not a run's id", args.run)))?;
    let transport = HttpTransport::new(&args.server, Some(args.token.clone()))
        .map_err(|error| CommandError::usage(error.to_string()))?;
    let client = Client::new(transport);
    let mut last = String::new();
    let mut show = |execution: &PlanExecution| {
        let line = line_of(execution, args.json);
        if line != last && !execution.is_over() {
            println!("{line}");
        }
        last = line;
    };
    match wait(&client, run, &args, &mut show).await {
        Ok(execution) => {
            println!("{}", end_of(&execution, args.json));
            Ok(ExitCode::from(code_of(&execution)))
        }
        Err(error) if error.code == ErrorCode::TimedOut => {
            eprintln!("signalbox: {}", error.message);
            Ok(ExitCode::from(4))
        }
        Err(error) => Err(CommandError::usage(error.message)),
    }
}

/// As the client waits; a server that is away is asked again until the time is over.
async fn wait(
    client: &Client,
    run: RunId,
    args: &WaitArgs,
    show: &mut impl FnMut(&PlanExecution),
) -> Result<PlanExecution, ApiError> {
    let began = Instant::now();
    loop {
        let spent_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let timeout_ms = args.timeout_ms.map(|timeout_ms| timeout_ms.saturating_sub(spent_ms));
        let options = WaitOptions { timeout_ms, poll_interval_ms: args.poll_ms };
        match client.wait_for_plan(run, options, &mut *show).await {
            Err(error)
                if matches!(error.code, ErrorCode::Unreachable | ErrorCode::Unavailable)
                    && timeout_ms != Some(0) =>
            {
                eprintln!("signalbox: {}; asking again", error.message);
                let pause_ms = timeout_ms.unwrap_or(AGAIN_MS).min(AGAIN_MS);
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            }
            other => return other,
        }
    }
}

fn line_of(execution: &PlanExecution, json: bool) -> String {
    let progress = &execution.progress;
    if json {
        let line = serde_json::json!({ "status": execution.status, "progress": progress });
        return line.to_string();
    }
    format!(
        "{}: {}/{} steps done, {} at work, {} failed",
        execution.status, progress.completed, progress.total, progress.running, progress.failed
    )
}

fn end_of(execution: &PlanExecution, json: bool) -> String {
    if json {
        return serde_json::to_string(execution).unwrap_or_default();
    }
    let usage = &execution.usage;
    let cost = match usage.total_cost {
        Some(dollars) => format!("{dollars:.6} USD"),
        None => "the price is not known".to_owned(),
    };
    format!("{}\n{} tokens, {cost}", line_of(execution, false), usage.total_tokens)
}

fn code_of(execution: &PlanExecution) -> u8 {
    use signalbox::format::dag::TaskStatus;
    let is_rejected = execution.steps.values().any(|step| step.status == TaskStatus::Rejected);
    match execution.status.as_str() {
        "completed" => 0,
        "cancelled" => 3,
        _ if is_rejected => 3,
        _ => 1,
    }
}
