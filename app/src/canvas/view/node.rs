//! One step. Its place is one style of one element; what is in it is made when it first comes into
//! sight at a zoom where it can be read.

use super::signals::{kind_icon, state_look, state_word};
use crate::canvas::model::geometry::{has_input, node_height, port_offset};
use crate::canvas::model::summary;
use crate::canvas::state::{Canvas, NodeSignals};
use crate::ui::{Glyph, Icon, Tone};
use leptos::prelude::*;
use signalbox::graph::NodeKind;
use signalbox::id::NodeId;

/// The id of a step's element.
pub(super) fn dom_id(id: &NodeId) -> String {
    format!("step-{id}")
}

#[component]
pub(super) fn NodeView(canvas: Canvas, node: NodeSignals, lod: Memo<bool>) -> impl IntoView {
    let NodeSignals { id, node: fields, position, selected, focused, culled, dimmed, .. } =
        node.clone();
    let detailed = {
        let culled = culled.clone();
        // Once made it stays: coming into sight again costs nothing.
        Memo::new(move |before: Option<&bool>| {
            before.copied().unwrap_or(false) || (!culled.get() && !lod.get())
        })
    };
    let place = move || {
        let at = position.get();
        format!("translate({}px,{}px)", at.x, at.y)
    };
    let (kind, title, tall) = (fields.clone(), fields.clone(), fields.clone());
    let state = node.overlay.clone();
    let inner = node.clone();
    view! {
        <div
            id=dom_id(&id)
            class="step"
            role="group"
            aria-roledescription="step"
            aria-label=spoken(canvas, &node)
            data-node=id.to_string()
            data-kind=move || kind.with(|node| node.kind.tag().as_str())
            data-title=move || title.with(|node| node.title().to_owned())
            data-state=move || state.with(|overlay| overlay.as_ref().map(|o| state_word(o.state)))
            data-selected=move || selected.get().then_some("")
            data-focused=move || focused.get().then_some("")
            data-dimmed=move || dimmed.get().then_some("")
            data-culled=move || culled.get().then_some("")
            style:transform=place
            style:height=move || tall.with(|node| format!("{}px", node_height(node.kind.ports().len())))
        >
            {move || {
                let inner = inner.clone();
                detailed.get().then(|| view! { <Inside node=inner /> })
            }}
        </div>
    }
}

/// Title, kind, state and counts, as a screen reader says them.
fn spoken(canvas: Canvas, node: &NodeSignals) -> impl Fn() -> String + Send + Sync + 'static {
    let (fields, marks, overlay) = (node.node.clone(), node.marks.clone(), node.overlay.clone());
    move || {
        let mut words =
            fields.with(|node| format!("{}, {}", node.title(), summary::kind_word(&node.kind)));
        if let Some(overlay) = overlay.get() {
            words.push_str(&format!(", {}", overlay.words(state_look(overlay.state).2)));
        }
        let (errors, warnings) = marks.with(|marks| (marks.errors, marks.warnings));
        for (count, word) in [(errors, "error"), (warnings, "warning")] {
            if count > 0 {
                words.push_str(&format!(", {count} {word}{}", if count == 1 { "" } else { "s" }));
            }
        }
        if canvas.readonly.get() {
            words.push_str(", read only");
        }
        words
    }
}

/// What is in it: icon, title, line, ports, badges.
#[component]
fn Inside(node: NodeSignals) -> impl IntoView {
    let fields = node.node.clone();
    let icon = Memo::new({
        let fields = fields.clone();
        move |_| fields.with(|node| kind_icon(&node.kind))
    });
    let line = {
        let fields = fields.clone();
        move || {
            fields.with(|node| {
                let tool = match &node.kind {
                    NodeKind::Action(settings) => signalbox::tool::find(&settings.tool),
                    _ => None,
                };
                summary::summary(node, tool)
            })
        }
    };
    let title = {
        let fields = fields.clone();
        move || fields.with(|node| node.title().to_owned())
    };
    let id = node.id.clone();
    let ports = Memo::new({
        let fields = fields.clone();
        move |_| {
            fields.with(|node| {
                let names = node.kind.ports().into_iter().map(str::to_owned).collect::<Vec<_>>();
                (has_input(&node.kind), names)
            })
        }
    });
    let (marks, overlay) = (node.marks.clone(), node.overlay.clone());
    view! {
        <span class="step-icon">
            <Glyph icon=icon class="size-5" />
        </span>
        <span class="step-text">
            <span class="step-title">{title}</span>
            <span class="step-line">{line}</span>
        </span>
        {move || ports.with(|(input, names)| ports_view(&id, *input, names))}
        {move || marks.with(|marks| problem_badge(marks.errors, marks.warnings, &marks.messages))}
        {move || overlay.get().map(|overlay| run_badge(&overlay))}
    }
}

fn ports_view(id: &NodeId, input: bool, names: &[String]) -> impl IntoView + use<> {
    let count = names.len();
    let way_in = input.then(|| {
        let top = format!("{}px", node_height(count) / 2.0);
        view! { <i class="port" data-testid=format!("in-{id}") style:top=top></i> }
    });
    let ways_out: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let top = format!("{}px", port_offset(index, count));
            // The ordinary way out of a step needs no name; a choice does.
            let named = !matches!(name.as_str(), "success" | "error");
            view! {
                <i
                    class="port"
                    data-testid=format!("out-{id}-{name}")
                    data-port=name.clone()
                    data-named=named.then_some("")
                    style:top=top
                >
                    <span>{name.clone()}</span>
                </i>
            }
        })
        .collect();
    (way_in, ways_out)
}

fn problem_badge(
    errors: usize,
    warnings: usize,
    messages: &[String],
) -> Option<impl IntoView + use<>> {
    let (tone, count) = match (errors, warnings) {
        (0, 0) => return None,
        (0, warnings) => (Tone::Wait, warnings),
        (errors, _) => (Tone::Stop, errors),
    };
    Some(view! {
        <span
            class=format!("step-badge {}", tone.badge_class())
            title=messages.join("\n")
            data-testid="step-problems"
        >
            <Glyph icon=Icon::Alert class="size-3" />
            {count}
        </span>
    })
}

fn run_badge(overlay: &crate::canvas::state::NodeOverlay) -> impl IntoView + use<> {
    let (tone, icon, word) = state_look(overlay.state);
    view! {
        <span
            class=format!("step-badge step-run {}", tone.badge_class())
            title=overlay.note.clone()
            data-testid="step-state"
        >
            <Glyph icon=icon class="size-3" />
            {overlay.words(word)}
        </span>
    }
}
