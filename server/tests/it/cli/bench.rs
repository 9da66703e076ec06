//! `signalbox bench` on a hundredth of its load: what it counts, not how fast it is.

use super::signalbox;

#[test]
fn what_is_answered_was_committed_and_what_may_share_a_commit_does() {
    let said = signalbox(&["bench", "--json", "--share", "0.01", "--only", "W1,W2,W3,W5"], "");
    assert_eq!(said.code, 0, "{said:?}");
    let report = said.json();
    let figures = report["figures"].as_array().expect("figures");
    let figure = |workload: &str, what: &str| {
        let named = |figure: &&serde_json::Value| {
            figure["workload"] == workload && figure["what"] == what && figure["unit"].is_string()
        };
        let value = figures.iter().find(named).and_then(|figure| figure["value"].as_f64());
        value.unwrap_or_else(|| panic!("{workload}, {what}: {report}"))
    };
    for workload in ["limit", "floor", "W1", "W2", "W3", "W5"] {
        assert!(figures.iter().any(|figure| figure["workload"] == workload), "{workload}");
    }
    let one = figure("W1", "webhook to answer, 1 clients, commits");
    assert!((1.0..1.5).contains(&one), "each answered run has a commit of its own: {one}");
    let many = figure("W1", "webhook to answer, 32 clients, commits");
    assert!(many < 1.0, "those that come together share commits: {many}");
    let each = figure("W2", "steps with a commit each, commits");
    assert!((1.0..2.0).contains(&each), "a commit a step: {each}");
    let shared = figure("W2", "steps that share commits, commits");
    assert!(shared < 1.0, "pure steps share a commit: {shared}");
    assert!(figure("W3", "on disk, with the full history") > 0.0);
}
