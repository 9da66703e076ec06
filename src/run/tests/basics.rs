//! Readiness: sequence, branch, merge, fan-out, join, dead edges, skip.

use super::support::*;
use serde_json::json;

#[test]
fn a_sequence_runs_in_order() {
    let outcome = check("t trigger\na action\nb action\nt > a > b", "t+ a+ b+ =completed");
    assert_eq!(output(&outcome), json!({"from": "b", "n": 0}));
}
