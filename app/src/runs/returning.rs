//! What could not be fetched is fetched again when the server is back.

use crate::live::{FrameKind, use_live};
use leptos::prelude::*;
use signalbox::wire::{ApiError, ErrorCode};

/// Whether what a page shows is that the server was not there.
#[derive(Clone, Copy)]
pub struct Away(StoredValue<bool>);

impl Away {
    /// Takes note of what came of fetching.
    pub fn note<T>(&self, found: &Result<T, ApiError>) {
        let away = [ErrorCode::Unreachable, ErrorCode::Unavailable];
        let is_away = found.as_ref().is_err_and(|error| away.contains(&error.code));
        self.0.try_set_value(is_away);
    }
}

/// Runs `retry` whenever the live stream connects again, as long as the server was not there.
pub fn retry_on_return(retry: Callback<()>) -> Away {
    let away = Away(StoredValue::new(false));
    use_live().on(move |frame| {
        let is_back = matches!(frame.kind, FrameKind::Hello | FrameKind::Resync);
        if is_back && away.0.try_get_value() == Some(true) {
            retry.run(());
        }
    });
    away
}
