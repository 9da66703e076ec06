//! The side panel: the selected step's form, the problems, or the workflow's settings.

mod duration_field;
mod edge;
mod general;
mod kinds;
mod policy;
mod step;
mod workflow;

use super::Editor;
use super::problems::Problems;
use crate::canvas::model::Selection;
use crate::ui::{Bind, TabBar, TabItem};
pub(super) use duration_field::DurationField;
use edge::EdgeForm;
use general::General;
use kinds::KindForm;
use leptos::prelude::*;
use policy::PolicyForm;
use step::Step;
use workflow::WorkflowForm;

const TABS: [TabItem; 3] = [
    TabItem { id: "step", label: "Step" },
    TabItem { id: "problems", label: "Problems" },
    TabItem { id: "workflow", label: "Workflow" },
];

#[component]
pub(super) fn SidePanel(editor: Editor) -> impl IntoView {
    let single =
        Memo::new(move |_| editor.canvas.selection.with(|chosen| chosen.single().cloned()));
    // A step that was renamed or brought back has new signals: its form is made anew.
    let stamp = Memo::new(move |_| {
        editor.canvas.node_list.track();
        single.get().and_then(|id| editor.canvas.node(&id)).map(|node| node.stamp)
    });
    let edge = Memo::new(move |_| {
        let alone = |chosen: &Selection| chosen.nodes.is_empty() && chosen.edges.len() == 1;
        editor
            .canvas
            .selection
            .with(|chosen| chosen.edges.first().filter(|_| alone(chosen)).cloned())
    });
    let step = move || {
        stamp.get();
        if let Some(id) = edge.get() {
            return view! { <EdgeForm editor=editor id=id /> }.into_any();
        }
        match single.get_untracked().and_then(|id| Step::new(editor, &id)) {
            Some(step) => view! { <StepForm step=step /> }.into_any(),
            None => nothing_selected(editor).into_any(),
        }
    };
    view! {
        <aside
            id="editor-panel"
            aria-label="Settings"
            class="flex max-h-[45%] min-h-0 w-full shrink-0 flex-col border-line bg-surface-1 max-md:border-t \
            md:max-h-none md:w-88 md:border-l"
        >
            <TabBar label="Side panel" items=TABS.to_vec() active=Bind::from(editor.tab) />
            <div
                role="tabpanel"
                class="min-h-0 flex-1 overflow-y-auto"
                id=move || format!("{}-panel", editor.tab.get())
                aria-labelledby=move || format!("{}-tab", editor.tab.get())
            >
                {move || match editor.tab.get() {
                    "problems" => view! { <Problems editor=editor /> }.into_any(),
                    "workflow" => view! { <WorkflowForm editor=editor /> }.into_any(),
                    _ => step.into_any(),
                }}
            </div>
        </aside>
    }
}

fn nothing_selected(editor: Editor) -> impl IntoView {
    move || {
        let count = editor.canvas.selection.with(|chosen| chosen.nodes.len());
        let words = match count {
            0 => {
                "Select a step to see its settings. Double-click the canvas or press / to add one."
                    .to_owned()
            }
            count => {
                format!("{count} steps are selected. Drag them, or press Delete, Ctrl+C or Ctrl+D.")
            }
        };
        view! { <p class="p-4 text-text-2">{words}</p> }
    }
}

/// Everything that can be set on a step.
#[component]
fn StepForm(step: Step) -> impl IntoView {
    view! {
        <div class="flex flex-col gap-4 p-4" data-testid="step-form">
            <General step=step />
            <KindForm step=step />
            <PolicyForm step=step />
        </div>
    }
}
