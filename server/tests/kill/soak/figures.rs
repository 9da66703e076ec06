//! What a soak measures, and what it may be.

use std::fmt;
use std::time::Duration;

/// The write-ahead log, always.
const LOG_MAX: u64 = 64 << 20;
/// Memory may grow so many MiB an hour where the second half is so long that it shows.
const SLOPE_MAX: f64 = 1.0;
/// In a shorter half it may grow so many MiB in all: caches fill, and the allocator keeps what it has.
const GROWTH_MAX_MIB: f64 = 8.0;
/// By so much the mean size of the file may be larger in the last quarter than in the third. A file from which
/// nothing goes grows by two fifths.
const FILE_GROWTH_MAX: f64 = 0.2;

/// How it was at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub at: Duration,
    /// `None` where the system does not tell.
    pub memory_mib: Option<f64>,
    pub file: u64,
}

/// All that was measured.
pub struct Figures {
    length: Duration,
    samples: Vec<Sample>,
    log_max: u64,
}

impl Figures {
    pub fn new(length: Duration) -> Self {
        Self { length, samples: Vec::new(), log_max: 0 }
    }

    pub fn add(&mut self, sample: Sample) {
        self.samples.push(sample);
    }

    pub fn log_seen(&mut self, bytes: u64) {
        self.log_max = self.log_max.max(bytes);
    }

    /// MiB an hour over the second half.
    fn slope(&self) -> f64 {
        let points: Vec<(f64, f64)> = self
            .between(0.5, 1.0)
            .filter_map(|sample| Some((sample.at.as_secs_f64() / 3_600.0, sample.memory_mib?)))
            .collect();
        least_squares(&points)
    }

    fn slope_max(&self) -> f64 {
        let half_hours = self.length.as_secs_f64() / 2.0 / 3_600.0;
        SLOPE_MAX.max(GROWTH_MAX_MIB / half_hours)
    }

    /// By what share the file was larger in the last quarter than in the third.
    fn file_growth(&self) -> f64 {
        let mean = |from, to| {
            let (sum, count) = self
                .between(from, to)
                .fold((0.0, 0.0), |(sum, count), sample| (sum + sample.file as f64, count + 1.0));
            if count > 0.0 { sum / count } else { 0.0 }
        };
        let (before, after) = (mean(0.5, 0.75), mean(0.75, 1.0));
        if before > 0.0 { after / before - 1.0 } else { 0.0 }
    }

    /// The samples of a part of the time.
    fn between(&self, from: f64, to: f64) -> impl Iterator<Item = &Sample> {
        let end = if to < 1.0 { self.length.mul_f64(to) } else { Duration::MAX };
        let begin = self.length.mul_f64(from);
        self.samples.iter().filter(move |sample| sample.at >= begin && sample.at < end)
    }

    pub fn assert_steady(&self) {
        assert!(self.between(0.75, 1.0).count() >= 3, "too few samples: {}", self.samples.len());
        let (slope, most) = (self.slope(), self.slope_max());
        assert!(slope <= most, "memory grows by {slope:.1} MiB an hour, more than {most:.1}");
        assert!(self.log_max < LOG_MAX, "the write-ahead log took {} bytes", self.log_max);
        let growth = self.file_growth();
        assert!(growth <= FILE_GROWTH_MAX, "the file grew by {:.0} %", growth * 100.0);
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = |sample: Option<&Sample>| sample.and_then(|s| s.memory_mib).unwrap_or(0.0);
        let file = self.samples.last().map_or(0, |sample| sample.file);
        write!(
            f,
            "resident {:.1} MiB at half time, {:.1} MiB at the end, slope of the second half {:.2} MiB an hour (at most \
             {:.1}); write-ahead log at most {:.1} MiB; file {:.1} MiB at the end, {:+.1} % from the third to the last \
             quarter",
            memory(self.between(0.5, 1.0).next()),
            memory(self.samples.last()),
            self.slope(),
            self.slope_max(),
            mib(self.log_max),
            mib(file),
            self.file_growth() * 100.0
        )
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The slope of the line that fits points best; 0 without two different places.
fn least_squares(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let (sum_x, sum_y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (mut above, mut below) = (0.0, 0.0);
    for (x, y) in points {
        above += (x - mean_x) * (y - mean_y);
        below += (x - mean_x) * (x - mean_x);
    }
    if below > 0.0 { above / below } else { 0.0 }
}

#[test]
fn growth_is_found() {
    assert_eq!(least_squares(&[]), 0.0);
    assert!((least_squares(&[(0.0, 5.0), (1.0, 7.0), (2.0, 9.0)]) - 2.0).abs() < 1e-9);
    let soak = |memory: f64, file: u64| {
        let mut figures = Figures::new(Duration::from_secs(600));
        for second in (0..=600_u64).step_by(10) {
            let at = Duration::from_secs(second);
            let memory_mib = Some(80.0 + memory * second as f64);
            figures.add(Sample { at, memory_mib, file: (5 << 20) + file * second });
        }
        figures
    };
    let steady = soak(0.0, 0);
    assert_eq!((steady.slope(), steady.file_growth()), (0.0, 0.0));
    steady.assert_steady();
    assert!(soak(0.1, 0).slope() > steady.slope_max(), "6 MiB a minute");
    assert!(soak(0.0, 100 << 10).file_growth() > FILE_GROWTH_MAX, "100 KiB a second");
}
