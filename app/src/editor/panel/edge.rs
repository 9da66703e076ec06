//! The form of a connection: from where to where, when it is taken, what it passes on.

use crate::editor::Editor;
use crate::editor::form::{JsonField, Language, TemplateField};
use crate::editor::variables;
use crate::ui::{Bind, Button, ButtonKind, Icon};
use leptos::prelude::*;
use serde_json::Value;
use signalbox::graph::Edge;
use std::collections::BTreeMap;

/// A map of texts from JSON; what is not text is left out.
fn texts(value: &Value) -> BTreeMap<String, String> {
    let fields = value.as_object().into_iter().flatten();
    fields.filter_map(|(name, path)| Some((name.clone(), path.as_str()?.to_owned()))).collect()
}

#[component]
pub(super) fn EdgeForm(editor: Editor, id: String) -> impl IntoView {
    let canvas = editor.canvas;
    let id = StoredValue::new(id);
    let edge = Memo::new(move |_| {
        canvas.version.track();
        canvas.with_document(|document| document.edge(&id.get_value()).cloned())
    });
    let condition = Bind::new(
        Signal::derive(move || edge.get().and_then(|edge| edge.condition).unwrap_or_default()),
        move |text: String| {
            id.with_value(|id| {
                canvas.change_edge(id, |edge| {
                    edge.condition = (!text.trim().is_empty()).then_some(text);
                });
            });
        },
    );
    let map = move || {
        let map = edge.get().map(|edge| edge.map).filter(|map| !map.is_empty());
        map.and_then(|map| serde_json::to_value(map).ok()).unwrap_or(Value::Null)
    };
    let set_map = move |value: Option<Value>| {
        id.with_value(|id| {
            canvas.change_edge(id, |edge| {
                edge.map = value.map(|value| texts(&value)).unwrap_or_default()
            });
        });
    };
    let named = Memo::new(move |_| {
        let target = edge.get().map(|edge| edge.to);
        target
            .map(|to| canvas.with_document(|document| variables::of(document.graph(), &to)))
            .unwrap_or_default()
    });
    let words = move || {
        edge.get().map(|Edge { from, port, to, .. }| {
            format!("{}, port {port}, leads to {}", canvas.title(&from), canvas.title(&to))
        })
    };
    view! {
        <div class="flex flex-col gap-4 p-4" data-testid="edge-form">
            <p class="font-medium">{words}</p>
            <TemplateField
                name="edge-condition"
                label="Taken only if"
                help="An expression. Empty: whenever the port is taken."
                value=condition
                language=Language::Expression
                variables=named
                disabled=canvas.readonly
            />
            <JsonField
                name="edge-map"
                label="What it passes on"
                help="Fields of the next step's input, each with a path in this step's output. Empty: everything."
                hint=r#"{"email": "contact.email"}"#
                value=Signal::derive(map)
                on_change=Callback::new(set_map)
                disabled=canvas.readonly
            />
            <div>
                <Button
                    kind=ButtonKind::Quiet
                    icon=Icon::Trash
                    disabled=canvas.readonly
                    on_click=move |_| canvas.disconnect(&id.get_value())
                >
                    "Remove the connection"
                </Button>
            </div>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::texts;
    use serde_json::json;

    #[test]
    fn a_map_holds_texts_only() {
        assert_eq!(
            texts(&json!({"a": "b.c", "n": 1})).into_iter().collect::<Vec<_>>(),
            [("a".into(), "b.c".into())]
        );
        assert!(texts(&json!([1])).is_empty());
    }
}
