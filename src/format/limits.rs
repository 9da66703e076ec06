//! The bounds of a document, checked before anything is made of it.

use super::FormatError;
use crate::graph::{EDGES_MAX, NODES_MAX};
use serde_json::Value;

/// Longest document text, bytes.
pub const TEXT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Deepest nesting. The parser itself stops at 128.
pub const DEPTH_MAX: usize = 100;

/// Refuses what is nested too deep for the recursive readers.
pub fn check_depth(document: &Value) -> Result<(), FormatError> {
    // An own stack, so that the check cannot overflow on what it guards against.
    let mut rest = vec![(document, 1)];
    while let Some((value, depth)) = rest.pop() {
        if depth > DEPTH_MAX {
            return Err(FormatError::TooDeep { max: DEPTH_MAX });
        }
        match value {
            Value::Array(items) => rest.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(fields) => rest.extend(fields.values().map(|item| (item, depth + 1))),
            _ => {}
        }
    }
    Ok(())
}

/// Refuses a list of nodes that is too long.
pub fn check_nodes(count: usize) -> Result<(), FormatError> {
    check_count("steps", count, NODES_MAX)
}

/// Refuses a list of edges that is too long.
pub fn check_edges(count: usize) -> Result<(), FormatError> {
    check_count("connections", count, EDGES_MAX)
}

pub fn check_count(what: &str, count: usize, max: usize) -> Result<(), FormatError> {
    if count > max {
        return Err(FormatError::TooMany { what: what.to_owned(), count, max });
    }
    Ok(())
}
