//! Secrets that were typed as plain text are taken out of a workflow before it is kept.
//!
//! They stand in three places: the workflow's own `secrets`, variables that are marked `secure`, and
//! fields of a step that its tool's schema marks `x-secret`. The first is sealed where it stands; of the
//! others the text moves to the workflow's secrets, sealed, and `{{secrets.name}}` stands in its place.
//! The document that the graph was read from is written anew, so that it does not keep the text either.
//! Deliberately absent: the cipher, which is the caller's.

use super::{Format, export, import};
use crate::graph::{Graph, NodeKind};
use crate::tool;
use serde_json::{Map, Value, json};

/// How a sealed secret is marked.
const KIND: &str = "inlineEncrypted";
/// Keys under which a secret that is not sealed yet holds its text.
const PLAIN_KEYS: [&str; 4] = ["value", "plainText", "plaintext", "text"];
/// A shorter text is not looked for in the rest of the document: it would be found in other words.
const SOUGHT_MIN: usize = 6;
/// Objects in objects of a tool's schema.
const DEPTH_MAX: usize = 8;

/// Seals a secret: its name and its text give `{"kind": "inlineEncrypted", "cipherText": …}`.
pub type Seal<'s, E> = &'s mut dyn FnMut(&str, &str) -> Result<Value, E>;

/// Takes every secret that was typed as plain text out of a graph; gives how many there were.
pub fn seal_secrets<E>(graph: &mut Graph, seal: Seal<E>) -> Result<usize, E> {
    let mut found = Vec::new();
    for (name, value) in &mut graph.settings.secrets {
        if let Some(plain) = plain_of(value) {
            *value = seal(name, &plain)?;
            found.push((plain, name.clone()));
        }
    }
    let mut names: Vec<String> = Vec::new();
    for (place, plain) in typed(graph) {
        let name = free_name(graph, &place, &names);
        let sealed = seal(&name, &plain)?;
        graph.settings.secrets.insert(name.clone(), sealed);
        names.push(name.clone());
        found.push((plain, name));
    }
    // The same places in the same order.
    let mut names = names.into_iter();
    each_typed(graph, &mut |_, slot| {
        if let Some(name) = names.next() {
            *slot = Value::String(format!("{{{{secrets.{name}}}}}"));
        }
    });
    if !found.is_empty() {
        renew_origin(graph, &found);
    }
    Ok(found.len())
}

/// The text of a secret that is not sealed.
fn plain_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Object(fields) if fields.get("kind").and_then(Value::as_str) == Some(KIND) => {
            let sealed = fields.get("cipherText").is_some_and(Value::is_string);
            if sealed { None } else { text_in(fields) }
        }
        Value::Object(fields) => text_in(fields),
        other => Some(other.to_string()),
    }
}

fn text_in(fields: &Map<String, Value>) -> Option<String> {
    let text = PLAIN_KEYS.iter().find_map(|key| fields.get(*key)?.as_str())?;
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// The secrets that stand in steps: where, and what they say.
fn typed(graph: &mut Graph) -> Vec<(String, String)> {
    let mut found = Vec::new();
    each_typed(graph, &mut |place, slot| {
        let text = slot.as_str().map_or_else(|| slot.to_string(), str::to_owned);
        found.push((place.to_owned(), text));
    });
    found
}

/// Visits the values in steps that are secrets in plain text, always in the same order.
fn each_typed(graph: &mut Graph, visit: &mut dyn FnMut(&str, &mut Value)) {
    for node in &mut graph.nodes {
        let NodeKind::Action(action) = &mut node.kind else { continue };
        let Some(spec) = tool::find(&action.tool) else { continue };
        if spec.name == "set_variables" {
            secure_variables(node.id.as_str(), &mut action.parameters, visit);
        } else {
            secret_fields(node.id.as_str(), &spec.input, &mut action.parameters, DEPTH_MAX, visit);
        }
    }
}

/// A list of `{name, value, secure: true}`, as it is or under `variables`.
fn secure_variables(node: &str, parameters: &mut Value, visit: &mut dyn FnMut(&str, &mut Value)) {
    let listed = match parameters {
        Value::Array(_) => Some(parameters),
        Value::Object(fields) => fields.get_mut("variables"),
        _ => None,
    };
    let Some(Value::Array(items)) = listed else { return };
    for item in items {
        let Value::Object(fields) = item else { continue };
        let secure = fields.get("secure").and_then(Value::as_bool).unwrap_or(false);
        let name = fields.get("name").and_then(Value::as_str).unwrap_or("variable");
        let place = format!("{node}_{name}");
        if let Some(value) = fields.get_mut("value").filter(|value| secure && is_typed(value)) {
            visit(&place, value);
        }
    }
}

/// Fields whose schema says `x-secret`.
fn secret_fields(
    place: &str,
    schema: &Value,
    value: &mut Value,
    depth: usize,
    visit: &mut dyn FnMut(&str, &mut Value),
) {
    let (Some(properties), Value::Object(fields)) = (schema["properties"].as_object(), value)
    else {
        return;
    };
    for (name, schema) in properties {
        let Some(field) = fields.get_mut(name) else { continue };
        let place = format!("{place}_{name}");
        if schema["x-secret"] == true {
            if is_typed(field) {
                visit(&place, field);
            }
        } else if depth > 0 {
            secret_fields(&place, schema, field, depth - 1, visit);
        }
    }
}

/// Whether a value stands there as it is; a template reads it from elsewhere.
fn is_typed(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty() && !text.contains("{{"),
        Value::Number(_) => true,
        _ => false,
    }
}

/// The name of the secret of a place: the same one again, unless something else reads it by now.
fn free_name(graph: &Graph, place: &str, given: &[String]) -> String {
    let name: String =
        place.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let name =
        if name.starts_with(|c: char| c.is_ascii_digit()) { format!("s_{name}") } else { name };
    if !graph.settings.secrets.contains_key(&name) {
        return name;
    }
    let text = serde_json::to_string(&graph.nodes).unwrap_or_default();
    let read = |name: &str| {
        text.contains(&format!("secrets.{name}")) || given.iter().any(|given| given == name)
    };
    if !read(&name) {
        return name;
    }
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    let free = |name: &String| !graph.settings.secrets.contains_key(name) && !read(name);
    numbered.into_iter().find(free).unwrap_or(name)
}

/// Writes the document anew from the graph, and takes what is left of the secrets out of the parts that
/// the graph does not know. A document that cannot be written is let go.
fn renew_origin(graph: &mut Graph, found: &[(String, String)]) {
    let Some(mut origin) = graph.origin.take() else { return };
    let format = match Format::from_name(&origin.format) {
        // Our own says everything a graph can: nothing is lost without its document.
        None | Some(Format::SignalboxV1) => return,
        Some(format) => format,
    };
    let Ok(read) = import(&origin.document) else { return };
    // Neither the text nor our own document beside it says anything that a graph cannot.
    (origin.text, origin.ours) = (None, None);
    graph.origin = Some(origin);
    let written = export(graph, &read.name, &read.description, format);
    let mut longest: Vec<&(String, String)> =
        found.iter().filter(|(plain, _)| plain.len() >= SOUGHT_MIN).collect();
    longest.sort_by_key(|(plain, _)| std::cmp::Reverse(plain.len()));
    graph.origin = graph.origin.take().zip(written.ok()).map(|(mut origin, mut document)| {
        take_out(&mut document, &longest);
        origin.document = document;
        origin
    });
}

fn take_out(value: &mut Value, found: &[&(String, String)]) {
    match value {
        Value::String(text) => {
            for (plain, name) in found {
                if text.contains(plain.as_str()) {
                    *text = text.replace(plain.as_str(), &format!("{{{{secrets.{name}}}}}"));
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| take_out(item, found)),
        Value::Object(fields) => fields.values_mut().for_each(|item| take_out(item, found)),
        Value::Number(number) => {
            let text = number.to_string();
            if let Some((_, name)) = found.iter().find(|(plain, _)| *plain == text) {
                *value = json!(format!("{{{{secrets.{name}}}}}"));
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Origin, detect};
    use super::*;

    const CANARY: &str = "canary-in-a-mine-42";

    fn seal(name: &str, plain: &str) -> Result<Value, String> {
        let turned: String = plain.chars().rev().collect();
        Ok(json!({ "kind": KIND, "cipherText": format!("{name}|{turned}") }))
    }

    fn sealed(document: &Value) -> (Graph, usize) {
        let mut graph = import(document).unwrap().graph;
        let count = seal_secrets(&mut graph, &mut seal).unwrap();
        (graph, count)
    }

    fn visual(secrets: Value, parameters: Value, kind: &str) -> Value {
        json!({
            "name": "Shop", "config": { "secrets": secrets, "unknown": { "note": CANARY, "n": 1 } },
            "steps": [
                { "stepSlug": "start", "stepType": "trigger", "config": { "type": "manual" }, "nextSteps": { "success": "ask" } },
                { "stepSlug": "ask", "stepType": "action", "extra": true,
                  "config": { "type": kind, "parameters": parameters }, "nextSteps": { "success": "finish" } },
            ],
        })
    }

    // WF-19
    #[test]
    fn every_way_of_typing_a_secret_is_sealed_and_leaves_nothing_behind() {
        let field =
            json!({ "url": "https://example.com", "authorization": format!("Bearer {CANARY}") });
        let list = json!({ "variables": [
            { "name": "open", "value": "seen" },
            { "name": "api key", "value": CANARY, "secure": true },
        ] });
        let none = json!({});
        for (secrets, parameters, kind, name) in [
            (json!({ "apiKey": CANARY }), none.clone(), "http_request", "apiKey"),
            (
                json!({ "apiKey": { "kind": "inline", "value": CANARY } }),
                none.clone(),
                "http_request",
                "apiKey",
            ),
            (
                json!({ "apiKey": { "kind": KIND, "plainText": CANARY } }),
                none.clone(),
                "http_request",
                "apiKey",
            ),
            (none.clone(), field, "http_request", "ask_authorization"),
            (none.clone(), list, "set_variables", "ask_api_key"),
        ] {
            let document = visual(secrets, parameters, kind);
            let (graph, count) = sealed(&document);
            assert_eq!(count, 1, "{document}");
            let text = serde_json::to_string(&graph).unwrap();
            assert!(!text.contains(CANARY), "{text}");
            assert_eq!(graph.settings.secrets[name]["kind"], KIND, "{text}");
            let back = export(&graph, "Shop", "", Format::VisualWorkflow).unwrap();
            assert!(!back.to_string().contains(CANARY), "{back}");
            assert_eq!(back["config"]["secrets"][name], graph.settings.secrets[name]);
            assert_eq!(back["steps"][1]["extra"], true, "the rest is as it was written");
            // What is sealed stays as it is, and is read again as it is.
            let (again, count) = sealed(&back);
            assert_eq!((count, &again.settings), (0, &graph.settings));
            assert_eq!(again.nodes, graph.nodes);
        }
    }

    #[test]
    fn the_text_of_a_document_goes_too() {
        let document = visual(json!({ "apiKey": CANARY }), json!({}), "http_request");
        let ours = json!({ "format": "signalbox/v1", "name": "Shop", "description": "",
            "graph": import(&document).unwrap().graph });
        for document in [document, ours] {
            // JSON is YAML too; read as such the text itself is kept.
            let mut graph = import(&document).unwrap().graph;
            let format = detect(&document).unwrap();
            let mut origin = graph.origin.take().unwrap_or_else(|| Origin::new(format, document));
            origin.text = Some(format!("# {CANARY}"));
            graph.origin = Some(origin);
            assert_eq!(seal_secrets(&mut graph, &mut seal).unwrap(), 1);
            let text = serde_json::to_string(&graph).unwrap();
            assert!(!text.contains(CANARY), "{text}");
        }
    }

    #[test]
    fn steps_read_the_secret_where_the_text_stood() {
        let parameters = json!({ "variables": [
            { "name": "a", "value": CANARY, "secure": true },
            { "name": "b", "value": "{{input.b}}", "secure": true },
            { "name": "pin", "value": 1234, "secure": true },
            { "name": "c", "value": "" , "secure": true },
        ] });
        let (graph, count) = sealed(&visual(json!({}), parameters, "set_variables"));
        assert_eq!(count, 2);
        let NodeKind::Action(action) = &graph.nodes[1].kind else { panic!() };
        let values: Vec<&Value> = action.parameters["variables"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| &item["value"])
            .collect();
        assert_eq!(values, ["{{secrets.ask_a}}", "{{input.b}}", "{{secrets.ask_pin}}", ""]);
        assert_eq!(graph.settings.secrets["ask_pin"]["cipherText"], "ask_pin|4321");
    }

    #[test]
    fn a_place_keeps_its_name_until_another_reads_it() {
        let typed = |text: &str| json!({ "authorization": text });
        let (mut graph, _) = sealed(&visual(json!({}), typed("first-text"), "http_request"));
        let again = |graph: &mut Graph, text: &str| {
            let NodeKind::Action(action) = &mut graph.nodes[1].kind else { panic!() };
            action.parameters["authorization"] = json!(text);
            seal_secrets(graph, &mut seal).unwrap();
            let NodeKind::Action(action) = &graph.nodes[1].kind else { panic!() };
            action.parameters["authorization"].clone()
        };
        assert_eq!(again(&mut graph, "second-text"), "{{secrets.ask_authorization}}");
        assert_eq!(graph.settings.secrets.len(), 1, "the old one is replaced");
        let mut other = graph.nodes[1].clone();
        other.id = "other".into();
        graph.nodes.push(other);
        assert_eq!(again(&mut graph, "third-text"), "{{secrets.ask_authorization_2}}");
        assert_eq!(graph.settings.secrets.len(), 2);
    }

    #[test]
    fn sealed_and_foreign_entries_are_left_alone() {
        let secrets = json!({
            "a": { "kind": KIND, "cipherText": "c2VhbGVk" }, "b": null, "c": "", "d": { "kind": "vault", "path": "x/y" },
        });
        let document =
            visual(secrets.clone(), json!({ "url": "https://example.com" }), "http_request");
        let (graph, count) = sealed(&document);
        assert_eq!((count, Value::Object(graph.settings.secrets.clone())), (0, secrets));
        assert_eq!(export(&graph, "Shop", "", Format::VisualWorkflow).unwrap(), document);
    }
}
