//! Expressions, templates, schedules and durations.

use super::driver::Seen;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use serde_json::{Value, json};
use signalbox::{
    expr::{EvalError, Expression, ParseError, Template, ValueScope, ValueTemplate, limits},
    time::{self, Cron, CronError},
};

pub const WORDS: &[&str] = &[
    "a",
    "steps.x.output.data",
    "loop.item",
    "input",
    "$now",
    "now()",
    "nowMs",
    "null",
    "true",
    "1",
    "2.5",
    "'x'",
    "\"y\\n\"",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "{{",
    "}}",
    "{{{",
    "}}}",
    "{{#a}}",
    "{{/a}}",
    "{{^a}}",
    "{{else}}",
    "{{#if a}}",
    "{{/if}}",
    "{{#each a}}",
    "{{/each}}",
    "{{#unless a}}",
    "{{!-- x --}}",
    "\\{{",
    "?.",
    ".",
    ",",
    ":",
    "?",
    "|",
    "||",
    "&&",
    "??",
    "!",
    "==",
    "===",
    "!=",
    "<",
    "<=",
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "^",
    " in ",
    " contains ",
    " includes ",
    " matches ",
    " startsWith ",
    "=>",
    "|length",
    "|map('a.b')",
    "|map(x => x.a)",
    "|filter('a > 1')",
    "|filter(x => x.a)",
    "|sort('a', 'desc')",
    "|slice(-1, 9)",
    "|formatList('{a} {{b}}')",
    "|join(', ')",
    "|default(1)",
    "|round",
    "|toFixed(400)",
    "|daysAgo",
    "|isoDate",
    "|split('')",
    "|replace('a', 'b')",
    "|repeat(1000)",
    "|chunk(2)",
    "|groupBy('a')",
    "|unique",
    "|sum",
    "|matches('(a+)+$')",
    "|at(-1)",
    "|json",
    "|upper",
    "[.a > 1]",
    "[0]",
    "events.hasReply('x')",
    "x => ",
];
pub const CRON_WORDS: &[&str] = &[
    "*", "*/15", "0", "59", "60", "1-5", "1,2,3", "mon", "sun", "jan", "feb", "30", "31", "7",
    "@daily", "@yearly", "@reboot", "L", "?", "#", "/", "-", ",", "5-1", "*/0", " ", "\t",
];
pub const TIME_WORDS: &[&str] = &[
    "days",
    "hours",
    "minutes",
    "seconds",
    "milliseconds",
    "weeks",
    "P",
    "T",
    "P3DT12H",
    "1h30m",
    "90m",
    "3 days 12 h",
    "0.5",
    "1e9",
    "{\"days\": 3}",
    "-",
    "ms",
    "2026-03-01T09:00",
    "2026-03-29T02:30",
    "Z",
    "+14:00",
    "-00:60",
];

fn texts(list: &[&str]) -> Vec<Vec<u8>> {
    list.iter().map(|text| text.as_bytes().to_vec()).collect()
}

pub fn expressions() -> Vec<Vec<u8>> {
    texts(&[
        "{{steps.a.output.total}} > 100 && input.name != 'x'",
        "steps.x.output.data|filter('price > 10')|map('name')|join(', ')",
        "items.filter(x => x.a > 1 && x.b contains 'y')[0]?.name ?? \"none\"",
        "a ? b : (c // 2) ^ 2 ^ 3 - -1 % 4",
        "{k: [1, 2.5, {'l l': null}], m: \"{{a.b}} t\"}",
        "a|formatList('{a}: {b|upper}')|split(',')|length",
        "events.hasReply(\"intro-email\") || !events.hasOpen('x')",
        "list[.price > 1 && .tags includes 'a'] === []",
        "($now|daysAgo) < 3 ?? 'a\\'b'|matches('^[a-z]+$')",
    ])
}

pub fn templates() -> Vec<Vec<u8>> {
    texts(&[
        "Hello {{input.name|default('you')}}, {{#a}}<{{a}}>{{/a}}{{^c}}none{{/c}}",
        "{{#each steps.x.output.data}}{{this}} {{else}}-{{/each}}{{#if a}}yes{{/if}} \\{{not}} {{!-- c --}}",
        "{{{raw}}} {{a|map('b')|join(', ')}}\n{{#unless x}}u{{/unless}}",
        "{{ $now|isoDate }} {{1 + 2}} {{ {a: '}}'} }}",
    ])
}

pub fn rules() -> Vec<Vec<u8>> {
    texts(&[
        "0 9 * * 1-5",
        "*/15 * * * *",
        "30 2 29 2 */7",
        "0 0 1,15 jan-mar mon,fri",
        "@weekly",
        "5/20 8-17/3 * * sun",
    ])
}

pub fn durations() -> Vec<Vec<u8>> {
    texts(&[
        "{\"days\": 3, \"hours\": 12}",
        "\"1h30m\"",
        "\"P3DT12H\"",
        "90000",
        "\"2 weeks 1.5 days\"",
        "{\"seconds\": 0.25}",
    ])
}

/// The world in which everything is evaluated.
fn world() -> ValueScope {
    let root = json!({
        "a": [{"a": 1, "b": {"c": "x"}}, {"a": "2"}, null, "t"], "b": "{\"k\": [1]}", "x": {"a": 5}, "c": [],
        "input": {"name": "Ada", "n": -1, "at": "2026-03-01T00:00:00Z"}, "items": [1, 2, 3],
        "steps": {"x": {"output": {"data": [{"name": "é", "price": 12.5}], "f": 1}}, "a": {"output": {"total": 9e15}}},
        "loop": {"item": {"price": 3}, "index": 0},
    });
    ValueScope::new(root, 1_795_176_000_000)
}

/// Where an error says it is must be in the text.
fn placed(text: &str, error: &ParseError) -> Result<Seen, String> {
    let line = text.split('\n').nth(error.line.wrapping_sub(1));
    let fits = line.is_some_and(|line| (1..=line.chars().count() + 1).contains(&error.column));
    if !fits || error.message.is_empty() || !text.is_char_boundary(error.offset) {
        return Err(format!("an error out of place: {error:?}"));
    }
    Ok(Seen::Refused(error.message.clone()))
}

const CODES: &[&str] = &[
    "undeclared_name",
    "unknown_function",
    "bad_argument",
    "function_failed",
    "bad_pattern",
    "too_many_steps",
    "too_large",
    "too_deep",
];

/// A computation ends with a value within the limits, or with a code of the list.
fn computed(result: &Result<Value, EvalError>) -> Result<(), String> {
    match result {
        // A value's text has escapes that are not counted.
        Ok(value) if value.to_string().len() <= 7 * limits::MAX_OUTPUT_BYTES => Ok(()),
        Ok(value) => Err(format!("a value of {} bytes", value.to_string().len())),
        Err(error) if CODES.contains(&error.code) && !error.message.is_empty() => Ok(()),
        Err(error) => Err(format!("an error without its code: {error:?}")),
    }
}

pub fn expression(input: &[u8]) -> Result<Seen, String> {
    let text = String::from_utf8_lossy(input);
    let parsed = match Expression::parse(&text) {
        Err(error) => return placed(&text, &error),
        Ok(parsed) => parsed,
    };
    let (printed, world) = (parsed.to_string(), world());
    if printed.len() > limits::MAX_EXPRESSION_BYTES {
        return Ok(Seen::Taken); // what is quoted grows by its escapes
    }
    let again =
        Expression::parse(&printed).map_err(|error| format!("printed as {printed}: {error}"))?;
    if again != parsed || again.to_string() != printed {
        return Err(format!("printed as {printed}, which is something else"));
    }
    let (_, _) = (parsed.names(), parsed.calls());
    let value = parsed.evaluate(&world);
    computed(&value)?;
    computed(&parsed.evaluate_with_record(&world, &json!({"a": 1, "price": "12"})))?;
    if value != again.evaluate(&world) {
        return Err(format!("printed as {printed}, which has another value"));
    }
    Ok(Seen::Taken)
}

pub fn template(input: &[u8]) -> Result<Seen, String> {
    let text = String::from_utf8_lossy(input);
    let value = ValueTemplate::compile(&json!({"k": [text], (text.as_ref()): 1}));
    if let Ok(value) = &value {
        computed(&value.render(&world()))?;
    }
    let parsed = match Template::parse(&text) {
        // A text without anything to compute may be longer than a template.
        Err(error) if value.is_err() || !text.contains("{{") => return placed(&text, &error),
        Err(error) => return Err(format!("refused alone and taken inside a value: {error}")),
        Ok(parsed) => parsed,
    };
    if parsed.to_string() != text {
        return Err(format!("printed as {parsed}"));
    }
    let (_, _) = (parsed.names(), parsed.calls());
    computed(&parsed.render(&world()))?;
    computed(&parsed.render_text(&world()).map(Value::String))?;
    Ok(Seen::Taken)
}

/// Some instant and zone, the same for the same text.
fn somewhere(text: &str) -> (DateTime<Utc>, Tz) {
    let sum = text.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let after = DateTime::from_timestamp((sum % 4_000_000_000) as i64, 0).unwrap_or_default();
    (after, TZ_VARIANTS[sum as usize % TZ_VARIANTS.len()])
}

pub fn cron(input: &[u8]) -> Result<Seen, String> {
    let text = String::from_utf8_lossy(input);
    let rule: Cron = match text.parse() {
        Err(error) => {
            let error: CronError = error;
            let names = ["", "minute", "hour", "day of month", "month", "day of week"];
            return match names.contains(&error.field) && !error.reason.is_empty() {
                true => Ok(Seen::Refused(error.reason)),
                false => Err(format!("an error without its field: {error:?}")),
            };
        }
        Ok(rule) => rule,
    };
    if rule.to_string().parse::<Cron>() != Ok(rule.clone()) || rule.words().is_empty() {
        return Err(format!("printed as {rule}"));
    }
    let (after, zone) = somewhere(&text);
    let few = rule.next_few(after, zone, 3);
    let in_order = few.iter().zip([after].iter().chain(&few)).all(|(next, before)| next > before);
    let newest = rule.newest(after, after + TimeDelta::days(2), zone, 5);
    if few.len() != 3 || !in_order || newest.len() > 5 {
        return Err(format!("in {zone} after {after}: {few:?}, {newest:?}"));
    }
    Ok(Seen::Taken)
}

pub fn duration(input: &[u8]) -> Result<Seen, String> {
    let text = String::from_utf8_lossy(input);
    let zone = somewhere(&text).1;
    let _ = time::instant_parse(&text, zone);
    let value = serde_json::from_str(&text).unwrap_or_else(|_| json!(text));
    match time::duration_parse(&value) {
        Err(error) if error.to_string().chars().count() < 400 => {
            Ok(Seen::Refused(error.to_string()))
        }
        Err(error) => Err(format!("an error that repeats its input: {error}")),
        Ok(ms) if time::duration_parse(&time::duration_parts(ms)) == Ok(ms) => Ok(Seen::Taken),
        Ok(ms) => Err(format!("{ms} ms are {}", time::duration_parts(ms))),
    }
}
