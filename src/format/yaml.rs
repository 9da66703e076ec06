//! YAML in and out. YAML 1.2: `yes` and `on` are texts.
//!
//! What can grow is bounded: size, depth, how much aliases repeat. Comments are not part of the document; a text
//! whose document has not changed is written back as it was (see [`crate::graph::Origin::text`]).

use super::{FormatError, Place, place};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Error, Options, Spanned, UserMessageFormatter};
use std::fmt;

/// Values that aliases may repeat in one document.
const REPEATED_MAX: usize = 10_000;
/// Deepest nesting: less than for JSON, because the parser is called again for each level.
const DEPTH_MAX: usize = 40;
/// Aliases in one document.
const ALIASES_MAX: usize = 1_000;

pub fn parse(text: &str) -> Result<Value, FormatError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Ok(into_json(tree(text)?, text))
}

/// A document with the places of its parts.
pub struct Placed {
    tree: Spanned<Tree>,
}

impl Placed {
    /// Of a text without a byte order mark; none of a text that cannot be read.
    pub fn read(text: &str) -> Option<Self> {
        tree(text).ok().map(|tree| Self { tree })
    }

    /// Where the value of a JSON pointer begins. An alias stands where it is used.
    pub fn locate(&self, pointer: &str) -> Option<Place> {
        let mut at = &self.tree;
        for segment in place::segments(pointer) {
            at = match &at.value {
                Tree::List(items) => items.get(segment.parse::<usize>().ok()?)?,
                Tree::Object(fields) => &fields.iter().rfind(|(key, _)| *key == segment)?.1,
                Tree::Plain(_) => return None,
            };
        }
        let (line, column) = (at.referenced.line(), at.referenced.column());
        let known = line > 0 && column > 0;
        known.then_some(Place { line: line as usize, column: column as usize })
    }
}

/// The document as YAML text, with a newline at its end.
pub fn write(document: &Value) -> Result<String, FormatError> {
    if is_too_deep(document) {
        let message = format!(
            "this is nested deeper than the {DEPTH_MAX} levels to which YAML is read; write it as JSON"
        );
        return Err(FormatError::invalid("", message));
    }
    let mut text = serde_saphyr::to_string(document)
        .map_err(|error| FormatError::invalid("", format!("this cannot be YAML: {error}")))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// Whether a document could be written, but not read again.
fn is_too_deep(document: &Value) -> bool {
    let mut rest = vec![(document, 1)];
    while let Some((value, depth)) = rest.pop() {
        match value {
            Value::Array(_) | Value::Object(_) if depth > DEPTH_MAX => return true,
            Value::Array(items) => rest.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(fields) => rest.extend(fields.values().map(|item| (item, depth + 1))),
            _ => {}
        }
    }
    false
}

fn tree(text: &str) -> Result<Spanned<Tree>, FormatError> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| refusal(&error))
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            max_documents: 1,
            max_aliases: ALIASES_MAX,
            max_anchors: ALIASES_MAX,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: REPEATED_MAX,
            max_replay_stack_depth: 16,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    }
}

fn refusal(error: &Error) -> FormatError {
    let place = error.location();
    FormatError::Syntax {
        notation: "YAML".to_owned(),
        line: place.map_or(1, |place| place.line() as usize).max(1),
        column: place.map_or(1, |place| place.column() as usize).max(1),
        message: words(error),
    }
}

/// What is wrong, in words for who wrote the text: the parser's own speak to who calls it.
fn words(error: &Error) -> String {
    let mut inner = error;
    while let Error::AliasError { error, .. } | Error::WithSnippet { error, .. } = inner {
        inner = error;
    }
    match inner {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key {key:?} is written twice")
        }
        Error::NullIntoString { .. } => "a key must be text; put it in quotes".to_owned(),
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => {
            format!("nested deeper than {DEPTH_MAX} levels")
        }
        Error::Budget { breach: BudgetBreach::Documents { .. }, .. } => {
            "a second document begins here; a file holds one".to_owned()
        }
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            "too large, or its aliases repeat too much".to_owned()
        }
        other => {
            let text = other.render_with_formatter(&UserMessageFormatter);
            // The place is said apart.
            let text = text.lines().next().unwrap_or_default();
            let text = text.split(" at line ").next().unwrap_or(text);
            text.trim_end_matches([':', ',']).to_owned()
        }
    }
}

/// A document with the place of each part.
enum Tree {
    Plain(Value),
    List(Vec<Spanned<Tree>>),
    Object(Vec<(String, Spanned<Tree>)>),
}

fn into_json(tree: Spanned<Tree>, text: &str) -> Value {
    let at = tree.defined.span().byte_offset();
    match tree.value {
        Tree::Plain(Value::Number(number)) => Value::Number(whole(number, at, text)),
        Tree::Plain(value) => value,
        Tree::List(items) => items.into_iter().map(|item| into_json(item, text)).collect(),
        Tree::Object(fields) => {
            let fields = fields.into_iter().map(|(key, field)| (key, into_json(field, text)));
            Value::Object(fields.collect::<Map<String, Value>>())
        }
    }
}

/// The number that is written at a byte. With a zero before it a whole number is one all the same: the parser gives
/// `012` as 12.0.
fn whole(number: Number, at: Option<u64>, text: &str) -> Number {
    let written = at.and_then(|at| text.get(usize::try_from(at).ok()?..));
    let Some(written) = written.filter(|_| number.is_f64()) else { return number };
    let unsigned = written.strip_prefix(['+', '-']).unwrap_or(written);
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 || unsigned[digits..].starts_with(['.', 'e', 'E']) {
        return number;
    }
    let whole = unsigned[..digits].parse::<i64>().ok();
    let whole = whole.map(|whole| if written.starts_with('-') { -whole } else { whole });
    whole.map_or(number, Number::from)
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON has too")
    }
    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Plain(Value::Bool(value)))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Plain(value.into()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Plain(value.into()))
    }
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Tree, E> {
        let number =
            Number::from_f64(value).ok_or_else(|| E::custom("a number without a value"))?;
        Ok(Tree::Plain(number.into()))
    }
    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Tree, E> {
        self.visit_f64(value as f64)
    }
    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Tree, E> {
        self.visit_f64(value as f64)
    }
    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Plain(value.into()))
    }
    fn visit_string<E>(self, value: String) -> Result<Tree, E> {
        Ok(Tree::Plain(value.into()))
    }
    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Plain(Value::Null))
    }
    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Plain(Value::Null))
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(self)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Tree, A::Error> {
        let mut object = Vec::new();
        while let Some(field) = fields.next_entry()? {
            object.push(field);
        }
        Ok(Tree::Object(object))
    }
}
