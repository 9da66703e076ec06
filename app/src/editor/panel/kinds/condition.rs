//! A condition: one expression.

use crate::editor::form::{Language, TemplateField};
use crate::editor::panel::step::{Step, setting};
use leptos::prelude::*;

#[component]
pub(super) fn ConditionForm(step: Step) -> impl IntoView {
    view! {
        <TemplateField
            name="condition-expression"
            label="Condition"
            help="Takes the port true when it holds, else false."
            hint="{{steps.get_customer.output.totalSpent}} > 1000"
            value=setting!(step, Condition.expression)
            language=Language::Expression
            variables=step.variables
            rows=2
            required=true
            disabled=step.readonly()
        />
    }
}
