//! Many requests from several clients at once, and how long each took.

use crate::cli::CommandError;
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

/// What a load took.
pub struct Load {
    took: Duration,
    sorted: Vec<Duration>,
}

/// Asks `count` times, `clients` at once, each with what `open` gives it; the first error ends it.
pub async fn drive<C>(
    clients: usize,
    count: usize,
    open: impl AsyncFn() -> Result<C, CommandError>,
    ask: impl AsyncFn(&mut C, usize) -> Result<(), CommandError>,
) -> Result<Load, CommandError> {
    let mut opened = Vec::with_capacity(clients);
    for _ in 0..clients {
        opened.push(open().await?);
    }
    let next = AtomicUsize::new(0);
    let begin = Instant::now();
    let client = async |mut connection: C| {
        let mut times = Vec::with_capacity(count / clients + 1);
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok::<_, CommandError>(times);
            }
            let asked = Instant::now();
            ask(&mut connection, number).await?;
            times.push(asked.elapsed());
        }
    };
    let all = futures::future::try_join_all(opened.into_iter().map(client)).await?;
    let took = begin.elapsed();
    let mut sorted: Vec<Duration> = all.into_iter().flatten().collect();
    sorted.sort_unstable();
    Ok(Load { took, sorted })
}

impl Load {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.sorted.len() as f64 / self.took.as_secs_f64()
    }

    /// The time below which this share of the answers came, in milliseconds.
    pub fn percentile_ms(&self, share: f64) -> f64 {
        let last = self.sorted.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        self.sorted.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_times() {
        let sorted = (1..=101).map(Duration::from_millis).collect();
        let load = Load { took: Duration::from_secs(1), sorted };
        let read = |share| load.percentile_ms(share).round() as u64;
        assert_eq!((read(0.0), read(0.5), read(0.99), read(1.0)), (1, 51, 100, 101));
        assert_eq!(load.rate() as u64, 101);
    }
}
