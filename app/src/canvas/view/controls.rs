//! Zoom buttons, lower left.

use crate::canvas::model::viewport::ZOOM_STEP;
use crate::canvas::state::Canvas;
use crate::ui::{Icon, IconButton};
use leptos::prelude::*;

#[component]
pub(super) fn Controls(canvas: Canvas) -> impl IntoView {
    let percent =
        Memo::new(move |_| canvas.viewport.with(|view| (view.zoom * 100.0).round() as u32));
    view! {
        <div
            role="group"
            aria-label="Zoom"
            class="absolute bottom-3 left-3 flex items-center rounded border border-line bg-surface-1 shadow-float"
        >
            <IconButton icon=Icon::Minus label="Zoom out (−)" on_click=move |_| canvas.zoom(1.0 / ZOOM_STEP) />
            <span class="w-11 text-center text-xs tabular-nums text-text-2" data-testid="zoom">
                {move || format!("{} %", percent.get())}
            </span>
            <IconButton icon=Icon::Plus label="Zoom in (+)" on_click=move |_| canvas.zoom(ZOOM_STEP) />
            <IconButton icon=Icon::Fit label="Fit all (0)" on_click=move |_| canvas.fit() />
        </div>
    }
}
