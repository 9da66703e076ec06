//! 480 rows of zone × change of the clocks × rule, made by an oracle that shares nothing with the evaluator
//! (`tests/cron/oracle.py`).

use super::Cron;
use chrono::{DateTime, NaiveDateTime, Utc};

const ROWS: &str = include_str!("../../../tests/cron/golden.csv");

fn instant(text: &str) -> DateTime<Utc> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%MZ").unwrap().and_utc()
}

// WF-22
#[test]
fn rules_fire_as_the_oracle_says() {
    let mut wrong = Vec::new();
    let rows: Vec<&str> = ROWS.lines().skip(1).collect();
    assert_eq!(rows.len(), 480);
    for row in &rows {
        let (zone, rest) = row.split_once(',').unwrap();
        let (rule, rest) = rest.strip_prefix('"').unwrap().split_once("\",").unwrap();
        let (after, firings) = rest.split_once(',').unwrap();
        let expected: Vec<_> = firings.split(' ').map(instant).collect();
        let cron: Cron = rule.parse().unwrap();
        let found = cron.next_few(instant(after), zone.parse().unwrap(), expected.len());
        if found != expected {
            wrong.push(format!("{row}\n  found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}
