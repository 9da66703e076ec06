//! The DAG document's calls: how a run is, and waiting until it is over.

use super::{Answer, Client};
use crate::format::dag::PlanExecution;
use crate::id::RunId;
use crate::wire::{ApiError, ErrorCode, RunWait};
use serde_json::json;

/// How a run is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitOptions {
    /// The longest time to wait, in milliseconds. `None`: until it is over.
    pub timeout_ms: Option<u64>,
    /// Time between two looks at how it is, in milliseconds; 1 to 300,000. Its end is known at once all the same.
    pub poll_interval_ms: u64,
}

impl Default for WaitOptions {
    fn default() -> Self {
        Self { timeout_ms: None, poll_interval_ms: 3_000 }
    }
}

impl Client {
    /// `GET /api/runs/{id}/execution`: the document's `getPlanStatus`.
    pub async fn plan_status(&self, run: RunId) -> Answer<PlanExecution> {
        self.get(format!("/api/runs/{run}/execution")).await
    }

    /// The document's `waitForPlan`: answers when the run is over, however it ended. It waits on while people decide.
    /// `on_progress` is told how the run is, at the first look and at each one after it. When the time is over the
    /// error is [`ErrorCode::TimedOut`], and the run goes on. A server that is not reached is an error at once.
    pub async fn wait_for_plan(
        &self,
        run: RunId,
        options: WaitOptions,
        mut on_progress: impl FnMut(&PlanExecution),
    ) -> Answer<PlanExecution> {
        let interval_ms = options.poll_interval_ms.clamp(1, 300_000);
        let mut left_ms = options.timeout_ms;
        loop {
            let execution = self.plan_status(run).await?;
            on_progress(&execution);
            if execution.is_over() {
                return Ok(execution);
            }
            // The server waits, so that nothing here needs a clock.
            let wait_ms = left_ms.unwrap_or(interval_ms).min(interval_ms);
            if wait_ms == 0 {
                return Err(timed_out(&execution));
            }
            let path = format!("/api/runs/{run}/wait?timeout_ms={wait_ms}&until=end");
            let waited: RunWait = self.get(path).await?;
            if !waited.ended {
                left_ms = left_ms.map(|left_ms| left_ms.saturating_sub(wait_ms));
            }
        }
    }
}

fn timed_out(execution: &PlanExecution) -> ApiError {
    let progress = &execution.progress;
    let text = format!(
        "The run is not over: {} of {} steps are done. It goes on.",
        progress.completed, progress.total
    );
    ApiError::new(ErrorCode::TimedOut, text)
        .help("Wait for it again, or look whether it needs a person.")
        .details(json!({ "execution": execution }))
}
