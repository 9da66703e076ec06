//! The settings of each kind of step: one file a kind.

mod action;
mod branch;
mod condition;
mod end;
mod event_name;
mod human;
mod llm;
mod looping;
mod subworkflow;
mod task;
mod trigger;
mod wait;
mod webhook;

use super::step::Step;
use leptos::prelude::*;
use signalbox::graph::KindTag;

/// The form of the step's kind. A kind does not change into another one while the form is there.
#[component]
pub(super) fn KindForm(step: Step) -> impl IntoView {
    let tag = Memo::new(move |_| step.node.with(|node| node.kind.tag()));
    move || match tag.get() {
        KindTag::Trigger => view! { <trigger::TriggerForm step=step /> }.into_any(),
        KindTag::Action => view! { <action::ActionForm step=step /> }.into_any(),
        KindTag::Llm => view! { <llm::LlmForm step=step /> }.into_any(),
        KindTag::Condition => view! { <condition::ConditionForm step=step /> }.into_any(),
        KindTag::Branch => view! { <branch::BranchForm step=step /> }.into_any(),
        KindTag::Loop => view! { <looping::LoopForm step=step /> }.into_any(),
        KindTag::Wait => view! { <wait::WaitForm step=step /> }.into_any(),
        KindTag::Human => view! { <human::HumanForm step=step /> }.into_any(),
        KindTag::Task => view! { <task::TaskForm step=step /> }.into_any(),
        KindTag::Subworkflow => view! { <subworkflow::SubworkflowForm step=step /> }.into_any(),
        KindTag::End => view! { <end::EndForm step=step /> }.into_any(),
    }
}
