//! What names mean: the one door through which an expression reaches the world.

use serde_json::Value;
use std::borrow::Cow;

/// What names mean. Values are bound, never pasted.
pub trait Scope {
    /// The value of a top-level name. `None`: undeclared (an error). `Some(null)`: declared but absent.
    fn lookup(&self, name: &str) -> Option<Cow<'_, Value>>;

    /// Now, in ms since the epoch: for `now()`, `daysAgo(…)`, `$now`.
    fn now_ms(&self) -> i64;

    /// The value at the longest beginning of `path` (a name and the members that are written after it) that
    /// the scope can lend, and how many names that beginning has (1 or more). Evaluation asks here for every
    /// static path, so that a scope with large values need not build the objects around them.
    fn resolve(&self, path: &[&str]) -> Option<(Cow<'_, Value>, usize)> {
        Some((self.lookup(path.first()?)?, 1))
    }

    /// Calls a function of the host, such as `events.hasReply("intro")`: path `["events", "hasReply"]`.
    /// `None`: there is no such function.
    fn call(&self, path: &[&str], args: &[Value]) -> Option<Result<Value, String>> {
        let _ = (path, args);
        None
    }
}

/// A scope whose names are the fields of one JSON object.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueScope {
    /// An object; its fields are the declared names.
    pub root: Value,
    /// Now, in ms since the epoch.
    pub now_ms: i64,
}

impl ValueScope {
    /// A scope over `root` at the time `now_ms`.
    pub fn new(root: Value, now_ms: i64) -> Self {
        Self { root, now_ms }
    }
}

impl Scope for ValueScope {
    fn lookup(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.root.get(name).map(Cow::Borrowed)
    }

    fn now_ms(&self) -> i64 {
        self.now_ms
    }
}
