//! One step's words as a node.

use super::{RECIPIENT, TYPES, duration};
use crate::format::fields::Fields;
use crate::format::plan::free_port;
use crate::format::{FormatError, own};
use crate::graph::{
    ActionSettings, BranchCase, BranchSettings, EndSettings, Node, NodeKind, WaitSettings,
    WaitUntil,
};
use crate::id::NodeId;
use serde_json::{Map, Value, json};

/// A step as it was read.
pub struct Step {
    pub node: Node,
    /// For a branch: where its cases lead, in the order of the cases.
    pub gotos: Vec<Option<Goto>>,
    /// For a branch: where it leads when no case holds.
    pub default: Option<Goto>,
}

/// A target and where it is named.
#[derive(Clone)]
pub struct Goto {
    pub to: NodeId,
    pub pointer: String,
}

pub fn read(fields: &Fields) -> Result<Step, FormatError> {
    let id = fields.needed("id", "every step needs one")?;
    let id = NodeId::from(id);
    if !id.is_valid() {
        let message = "an id has 1 to 120 letters, digits, `_`, `-`, `.` or `:`";
        return Err(fields.wrong("id", message));
    }
    // The own part says what it is.
    if own::says_kind(fields.map) {
        let kind = NodeKind::End(EndSettings::default());
        return Ok(Step { node: Node::new(id, kind), gotos: vec![], default: None });
    }
    let types = TYPES.join(", ");
    let step_type = fields.needed("type", &format!("it is one of {types}"))?;
    let plain =
        |kind: NodeKind| Step { node: Node::new(id.clone(), kind), gotos: vec![], default: None };
    let step = match step_type {
        "sendEmail" => plain(email(fields)?),
        "sendVoice" => plain(voice(fields)?),
        "wait" => {
            let Some(given) = fields.object("duration")? else {
                let message = "`duration` is missing: a wait needs one, such as {\"days\": 3}";
                return Err(FormatError::invalid(fields.pointer.clone(), message));
            };
            let until = WaitUntil::Duration { duration_ms: duration::read(&given)? };
            plain(NodeKind::Wait(WaitSettings { until }))
        }
        "branch" => branch(fields, id)?,
        "end" => {
            let outcome = fields.words("outcome")?;
            plain(NodeKind::End(EndSettings { outcome, ..EndSettings::default() }))
        }
        other => {
            let message = format!("there is no step of the type {other:?}; it is one of {types}");
            return Err(fields.wrong("type", message));
        }
    };
    Ok(step)
}

fn email(fields: &Fields) -> Result<NodeKind, FormatError> {
    let mut parameters = Map::from_iter([("customerId".to_owned(), json!(RECIPIENT))]);
    for key in ["templateId", "subject", "replyTo"] {
        if let Some(text) = fields.text(key)? {
            parameters.insert(key.to_owned(), json!(text));
        }
    }
    if let Some(tracking) = fields.object("tracking")? {
        let mut flags = Map::new();
        for key in ["opens", "clicks"] {
            if let Some(flag) = tracking.flag(key)? {
                flags.insert(key.to_owned(), json!(flag));
            }
        }
        parameters.insert("tracking".to_owned(), Value::Object(flags));
    }
    Ok(action("email.send", parameters))
}

fn voice(fields: &Fields) -> Result<NodeKind, FormatError> {
    let mut parameters = Map::from_iter([("customerId".to_owned(), json!(RECIPIENT))]);
    for key in ["scriptId", "callerId"] {
        if let Some(text) = fields.text(key)? {
            parameters.insert(key.to_owned(), json!(text));
        }
    }
    if let Some(given) = fields.object("maxDuration")? {
        parameters.insert("maxDurationMs".to_owned(), json!(duration::read(&given)?));
    }
    if let Some(given) = fields.object("voicemail")? {
        let mut voicemail = Map::new();
        if let Some(detect) = given.flag("detect")? {
            voicemail.insert("detect".to_owned(), json!(detect));
        }
        for key in ["messageId", "fallbackTTS"] {
            if let Some(text) = given.text(key)? {
                voicemail.insert(key.to_owned(), json!(text));
            }
        }
        parameters.insert("voicemail".to_owned(), Value::Object(voicemail));
    }
    Ok(action("voice.call", parameters))
}

fn action(tool: &str, parameters: Map<String, Value>) -> NodeKind {
    let parameters = Value::Object(parameters);
    NodeKind::Action(ActionSettings { tool: tool.to_owned(), parameters })
}

fn branch(fields: &Fields, id: NodeId) -> Result<Step, FormatError> {
    let (mut cases, mut gotos, mut default) = (Vec::new(), Vec::new(), None);
    for condition in fields.objects("conditions", "a condition")? {
        let Some(when) = condition.text("when")? else {
            let message = "`when` is missing: it is an expression, or `default`";
            return Err(FormatError::invalid(condition.pointer.clone(), message));
        };
        let goto = condition.text("goto")?;
        let goto = goto.map(|to| Goto { to: NodeId::from(to), pointer: condition.at("goto") });
        if when.trim() == "default" {
            if default.replace(goto).is_some() {
                let message = format!("the branch {id} has two conditions `default`");
                return Err(condition.wrong("when", message));
            }
            continue;
        }
        let wanted = goto.as_ref().map_or("case", |goto| goto.to.as_str());
        cases.push(BranchCase { port: free_port(&cases, wanted), when: when.to_owned() });
        gotos.push(goto);
    }
    let kind = NodeKind::Branch(BranchSettings { cases });
    Ok(Step { node: Node::new(id, kind), gotos, default: default.flatten() })
}
