//! Ids in templates: `{{critical-path.output}}` would read as a subtraction, so that it is bound as
//! `{{steps["critical-path"].output}}`.

use crate::id::NodeId;
use std::collections::HashSet;

/// The ids that the expression language does not read as a name.
pub fn odd_ids<'a>(ids: impl Iterator<Item = &'a NodeId>) -> HashSet<&'a str> {
    let is_name = |id: &str| {
        let mut chars = id.chars();
        chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
            && chars.all(|c| c.is_alphanumeric() || c == '_')
    };
    ids.map(NodeId::as_str).filter(|id| !is_name(id)).collect()
}

/// The document's template in our language.
pub fn bound(text: &str, odd: &HashSet<&str>) -> String {
    if odd.is_empty() {
        return text.to_owned();
    }
    within_braces(text, |inside| {
        let id = odd
            .iter()
            .filter(|id| {
                inside.strip_prefix(**id).is_some_and(|rest| {
                    rest.is_empty()
                        || rest.starts_with(['.', '[', '|'])
                        || rest.starts_with(char::is_whitespace)
                })
            })
            .max_by_key(|id| id.len())?;
        Some(format!("steps[{id:?}]{}", &inside[id.len()..]))
    })
}

/// Our template in the document's words.
pub fn plain(text: &str, odd: &HashSet<&str>) -> String {
    if odd.is_empty() {
        return text.to_owned();
    }
    within_braces(text, |inside| {
        let found = odd.iter().find_map(|id| {
            let rest = inside.strip_prefix(&format!("steps[{id:?}]"))?;
            Some(format!("{id}{rest}"))
        });
        found.filter(|plain| bound(&format!("{{{{{plain}}}}}"), odd) == format!("{{{{{inside}}}}}"))
    })
}

/// Replaces what stands between `{{` and `}}`, spaces left aside, where `change` says so.
fn within_braces(text: &str, change: impl Fn(&str) -> Option<String>) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((inside, behind)) = after.split_once("}}") else { break };
        let trimmed = inside.trim();
        result.push_str(before);
        result.push_str("{{");
        match change(trimmed) {
            Some(changed) => result.push_str(&inside.replacen(trimmed, &changed, 1)),
            None => result.push_str(inside),
        }
        result.push_str("}}");
        rest = behind;
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    // DAG-04
    #[test]
    fn ids_with_hyphens_are_bound_and_written_back() {
        let ids: Vec<NodeId> = ["a-b", "a-b-c", "plain", "1st"].map(NodeId::from).to_vec();
        let odd = odd_ids(ids.iter());
        let check = |text: &str, expected: &str| {
            assert_eq!(bound(text, &odd), expected);
            assert_eq!(plain(expected, &odd), text);
        };
        check(
            "x {{ a-b.output }} {{a-b-c.output.x}}",
            "x {{ steps[\"a-b\"].output }} {{steps[\"a-b-c\"].output.x}}",
        );
        check("{{plain.output}} {{input.a-b}} {{a-b", "{{plain.output}} {{input.a-b}} {{a-b");
        check("{{1st.output}} === true", "{{steps[\"1st\"].output}} === true");
        check("{{a-bc.output}}", "{{a-bc.output}}");
    }
}
