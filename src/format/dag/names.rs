//! Ids in templates: `{{critical-path.output}}` would read as a subtraction, so that it is bound as
//! `{{steps["critical-path"].output}}`; `{{config.output}}` would read a variable, so that it is bound as
//! `{{steps.config.output}}`.

use crate::id::NodeId;

/// Words of the expression language, which mean something else than a step of that name: spaces of values,
/// constants, the time.
const WORDS: [&str; 12] = [
    "steps",
    "input",
    "config",
    "loop",
    "secrets",
    "organizationId",
    "true",
    "false",
    "null",
    "undefined",
    "now",
    "nowMs",
];
/// What is read of a step by its bare name.
const MEMBERS: [&str; 2] = ["output", "error"];

/// The ids of a plan that its templates cannot read as they are.
pub struct Ids<'a> {
    /// Those that the expression language does not read as a name.
    odd: Vec<&'a str>,
    /// Those that are words of it: what the document writes, and what our language does.
    words: Vec<(String, String)>,
}

impl<'a> Ids<'a> {
    /// `declares` says whether a word has such a member of its own: an input field that is called `output`.
    pub fn new(
        ids: impl Iterator<Item = &'a NodeId>,
        declares: impl Fn(&str, &str) -> bool,
    ) -> Self {
        let ids: Vec<&str> = ids.map(NodeId::as_str).collect();
        let mut words = Vec::new();
        for word in WORDS.into_iter().filter(|word| ids.contains(word)) {
            for member in MEMBERS {
                // `steps.output` is the step `output`, where there is one.
                let is_step = word == "steps" && ids.contains(&member);
                if !is_step && !declares(word, member) {
                    words.push((format!("{word}.{member}"), format!("steps.{word}.{member}")));
                }
            }
        }
        let is_name = |id: &str| {
            let mut chars = id.chars();
            chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
                && chars.all(|c| c.is_alphanumeric() || c == '_')
        };
        Self { odd: ids.into_iter().filter(|id| !is_name(id)).collect(), words }
    }

    /// The document's template in our language.
    pub fn bound(&self, text: &str) -> String {
        if self.odd.is_empty() && self.words.is_empty() {
            return text.to_owned();
        }
        within_braces(text, |inside| replaced(&self.odd_bound(inside), &self.words, inwards))
    }

    /// The document's condition in our language: it may name a step outside of braces, too.
    pub fn bound_condition(&self, text: &str) -> String {
        replaced(&self.bound(text), &self.words, inwards)
    }

    /// Our template in the document's words.
    pub fn plain(&self, text: &str) -> String {
        if self.odd.is_empty() && self.words.is_empty() {
            return text.to_owned();
        }
        within_braces(text, |inside| {
            let plain = replaced(&self.odd_plain(inside), &self.words, outwards);
            // What would be read as something else stays as it is.
            let is_same = self.bound(&format!("{{{{{plain}}}}}")) == format!("{{{{{inside}}}}}");
            if is_same { plain } else { inside.to_owned() }
        })
    }

    /// Our condition in the document's words.
    pub fn plain_condition(&self, text: &str) -> String {
        let plain = replaced(&self.plain(text), &self.words, outwards);
        if self.bound_condition(&plain) == text { plain } else { text.to_owned() }
    }

    fn odd_bound(&self, inside: &str) -> String {
        let names = |id: &&&str| {
            inside.strip_prefix(**id).is_some_and(|rest| {
                rest.is_empty()
                    || rest.starts_with(['.', '[', '|'])
                    || rest.starts_with(char::is_whitespace)
            })
        };
        match self.odd.iter().filter(names).max_by_key(|id| id.len()) {
            Some(id) => format!("steps[{id:?}]{}", &inside[id.len()..]),
            None => inside.to_owned(),
        }
    }

    fn odd_plain(&self, inside: &str) -> String {
        if !inside.starts_with("steps[") {
            return inside.to_owned();
        }
        let found = self.odd.iter().find_map(|id| {
            let rest = inside.strip_prefix(&format!("steps[{id:?}]"))?;
            Some(format!("{id}{rest}"))
        });
        found.unwrap_or_else(|| inside.to_owned())
    }
}

/// From the document's path to ours.
fn inwards(pair: &(String, String)) -> (&str, &str) {
    (&pair.0, &pair.1)
}

/// From our path to the document's.
fn outwards(pair: &(String, String)) -> (&str, &str) {
    (&pair.1, &pair.0)
}

/// An expression in which paths that begin with one of a pair begin with the other. Quoted texts stay.
fn replaced(
    source: &str,
    pairs: &[(String, String)],
    way: fn(&(String, String)) -> (&str, &str),
) -> String {
    let mut result = String::with_capacity(source.len());
    let (mut rest, mut quote) = (source, None);
    while let Some(c) = rest.chars().next() {
        let pair = pairs.iter().map(way).find(|(from, _)| begins_with(rest, from));
        if let Some((from, to)) = pair.filter(|_| quote.is_none() && may_begin(&result)) {
            result.push_str(to);
            rest = &rest[from.len()..];
            continue;
        }
        let mut taken = c.len_utf8();
        match quote {
            Some(_) if c == '\\' => taken += rest[1..].chars().next().map_or(0, char::len_utf8),
            Some(open) if open == c => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            _ => {}
        }
        result.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    result
}

fn is_name_part(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

/// Whether a text begins with this path, and not with a longer name.
fn begins_with(text: &str, path: &str) -> bool {
    text.strip_prefix(path).is_some_and(|rest| !rest.starts_with(is_name_part))
}

/// Whether a path can begin behind this text: it is no part of a name, and not a field of something.
fn may_begin(before: &str) -> bool {
    !before.ends_with(|c: char| is_name_part(c) || c == '@') && !before.trim_end().ends_with('.')
}

/// Changes what stands between `{{` and `}}`, spaces left aside.
fn within_braces(text: &str, change: impl Fn(&str) -> String) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((inside, behind)) = after.split_once("}}") else { break };
        let trimmed = inside.trim();
        result.push_str(before);
        result.push_str("{{");
        result.push_str(&inside.replacen(trimmed, &change(trimmed), 1));
        result.push_str("}}");
        rest = behind;
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[&str]) -> Vec<NodeId> {
        ids.iter().copied().map(NodeId::from).collect()
    }

    // DAG-04
    #[test]
    fn ids_with_hyphens_are_bound_and_written_back() {
        let ids = ids(&["a-b", "a-b-c", "plain", "1st"]);
        let ids = Ids::new(ids.iter(), |_, _| false);
        let check = |text: &str, expected: &str| {
            assert_eq!(ids.bound(text), expected);
            assert_eq!(ids.plain(expected), text);
        };
        check(
            "x {{ a-b.output }} {{a-b-c.output.x}}",
            "x {{ steps[\"a-b\"].output }} {{steps[\"a-b-c\"].output.x}}",
        );
        check("{{plain.output}} {{input.a-b}} {{a-b", "{{plain.output}} {{input.a-b}} {{a-b");
        check("{{1st.output}} === true", "{{steps[\"1st\"].output}} === true");
        check("{{a-bc.output}}", "{{a-bc.output}}");
        check("{{}} {{ }}", "{{}} {{ }}");
    }

    #[test]
    fn ids_that_are_words_are_bound_where_their_output_is_meant() {
        let ids = ids(&["config", "input", "null", "plain", "input-x"]);
        let ids = Ids::new(ids.iter(), |_, _| false);
        let check = |text: &str, expected: &str| {
            assert_eq!(ids.bound_condition(text), expected);
            assert_eq!(ids.plain_condition(expected), text);
        };
        check("{{config.output}}", "{{steps.config.output}}");
        check("{{ input.error.message }}", "{{ steps.input.error.message }}");
        check("{{upper(null.output)}}", "{{upper(steps.null.output)}}");
        check("{{plain.output + input.output}}", "{{plain.output + steps.input.output}}");
        check("{{input-x.output}}", "{{steps[\"input-x\"].output}}");
        check("config.output == \"config.output\"", "steps.config.output == \"config.output\"");
        check("'{{config.output}}' == 'a\\'b'", "'{{steps.config.output}}' == 'a\\'b'");
        for same in [
            "{{input}} {{input.x}} {{input.outputs}} {{config.variables.output}}",
            "{{plain.config.output}} {{plain . config.output}} {{myconfig.output}}",
            "{{loop.output}} {{null}}",
        ] {
            check(same, same);
        }
        assert_eq!(
            ids.bound("config.output {{config.output}}"),
            "config.output {{steps.config.output}}"
        );
    }

    #[test]
    fn what_a_word_has_itself_stays_its_own() {
        let ids = ids(&["input", "steps", "error"]);
        let ids = Ids::new(ids.iter(), |word, member| (word, member) == ("input", "output"));
        let check = |text: &str, expected: &str| {
            assert_eq!(ids.bound(text), expected);
            assert_eq!(ids.plain(expected), text);
        };
        check("{{input.output}} {{input.error}}", "{{input.output}} {{steps.input.error}}");
        check("{{steps.output}} {{steps.error}}", "{{steps.steps.output}} {{steps.error}}");
        check("{{steps.input.output}}", "{{steps.input.output}}");
    }
}
