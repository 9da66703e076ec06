//! Checking while you type: the same check that publishing does, a moment after each change.

use super::Editor;
use leptos::prelude::*;
use signalbox::graph::{CheckContext, check};
use std::time::Duration;

/// How long after a change it is checked, in milliseconds.
const CHECK_AFTER_MS: u64 = 120;

/// Checks the graph after each change, at most once per [`CHECK_AFTER_MS`].
pub(super) fn start(editor: Editor) {
    let waiting = StoredValue::new(false);
    Effect::new(move || {
        editor.canvas.version.track();
        if waiting.get_value() {
            return;
        }
        waiting.set_value(true);
        let later = move || {
            // None: it was set, so the page is still there.
            if waiting.try_set_value(false).is_none() {
                let plan_steps_max = editor.plan_steps_max.get_value();
                let context = CheckContext { plan_steps_max, ..CheckContext::default() };
                let problems =
                    editor.canvas.with_document(|document| check(document.graph(), &context));
                editor.canvas.show_problems(problems);
            }
        };
        set_timeout(later, Duration::from_millis(CHECK_AFTER_MS));
    });
}
