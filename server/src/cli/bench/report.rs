//! The figures, as a table and as JSON.

use serde::Serialize;

/// What was measured, in order.
#[derive(Default, Serialize)]
pub struct Report {
    figures: Vec<Figure>,
}

/// One figure.
#[derive(Serialize)]
struct Figure {
    workload: &'static str,
    what: String,
    value: f64,
    unit: &'static str,
}

impl Report {
    /// Notes a figure.
    pub fn add(
        &mut self,
        workload: &'static str,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
    ) {
        self.figures.push(Figure { workload, what: what.into(), value, unit });
    }

    /// One line a figure.
    pub fn table(&self) -> String {
        let width = self.figures.iter().map(|figure| figure.what.len()).max().unwrap_or_default();
        let line = |figure: &Figure| {
            let Figure { workload, what, value, unit } = figure;
            let digits = if *value >= 100.0 { 0 } else { 2 };
            format!("{workload:<8} {what:<width$} {value:>12.digits$} {unit}")
        };
        self.figures.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
