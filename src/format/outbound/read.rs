//! A whole plan's words.

use super::{step, ways};
use crate::format::fields::Fields;
use crate::format::plan::{Entry, Parts};
use crate::format::{FormatError, limits};
use crate::graph::{ExitCondition, Settings};
use crate::id::NodeId;
use serde_json::Value;
use std::collections::HashMap;

pub fn parts(document: &Value) -> Result<Parts, FormatError> {
    let fields = Fields::of(document, "", "an outbound plan")?;
    fields.text("id")?;
    fields.whole("version", u64::from(u32::MAX))?;
    let metadata = fields.object("metadata")?;
    let description = match &metadata {
        Some(metadata) => {
            metadata.text("createdBy")?;
            metadata.text("createdAt")?;
            metadata.words("description")?
        }
        None => String::new(),
    };
    if fields.get("steps").is_none() {
        return Err(FormatError::invalid("", "an outbound plan needs a list of `steps`"));
    }
    let written = fields.objects("steps", "a step")?;
    limits::check_nodes(written.len())?;
    let mut steps = Vec::with_capacity(written.len());
    let mut places: HashMap<NodeId, usize> = HashMap::new();
    for (at, fields) in written.iter().enumerate() {
        let step = step::read(fields)?;
        if let Some(first) = places.insert(step.node.id.clone(), at) {
            let message =
                format!("steps[{first}] and steps[{at}] are both called {}", step.node.id);
            return Err(fields.wrong("id", message));
        }
        steps.push(step);
    }
    let mut problems = Vec::new();
    let edges = ways::read(&fields, &mut steps, &mut problems)?;
    let settings = Settings { exits: exits(&fields)?, ..Settings::default() };
    Ok(Parts {
        name: fields.words("name")?,
        description,
        settings,
        nodes: steps.into_iter().map(|step| step.node).collect(),
        edges,
        entry: Entry::First,
        problems,
        ..Parts::default()
    })
}

fn exits(fields: &Fields) -> Result<Vec<ExitCondition>, FormatError> {
    let exits = fields.objects("exitConditions", "an exit condition")?;
    let exit = |exit: &Fields| {
        let when = exit.needed("when", "it is an expression")?.to_owned();
        Ok(ExitCondition { when, outcome: exit.words("outcome")? })
    };
    exits.iter().map(exit).collect()
}
