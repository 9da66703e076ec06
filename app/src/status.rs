//! The HTTP status of a page, for those who fetch it. In the browser it has no effect.

use leptos::prelude::*;
use std::sync::Arc;

/// How the server lets a page set its status; provided as a context for each page.
#[derive(Clone)]
pub struct StatusSetter(pub Arc<dyn Fn(u16) + Send + Sync>);

/// Sets the status of the page that is being drawn.
pub fn set_status(status: u16) {
    if let Some(setter) = use_context::<StatusSetter>() {
        (setter.0)(status);
    }
}
