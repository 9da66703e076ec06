//! The built-in functions: one table, three spellings (`x|upper`, `x.toUpperCase()`, `upper(x)`).
//!
//! Deliberately absent: what a function does; each family has a file.

mod convert;
mod date;
mod list;
mod number;
pub(crate) mod run;
mod select;
mod text;

pub(crate) use run::{Arg, Run};

use super::EvalError;
use serde_json::Value;
use std::fmt;

/// What the first argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    /// A value like the others.
    Value,
    /// A condition on an item: `'price > 10'` or `x => x.price > 10`.
    Condition,
    /// A field of an item: `'price'`, `'address.city'`, `x => x.price`.
    Field,
    /// A field when a second argument follows, else a condition.
    FieldOrCondition,
    /// A line with `{field}` in it.
    Line,
}

/// A built-in function as the table has it.
pub(crate) struct Spec {
    name: &'static str,
    /// Further names, such as those of JavaScript's methods.
    also: &'static [&'static str],
    first: First,
    /// How many arguments beyond the value it works on, at least and at most.
    args: (usize, usize),
    run: fn(Run<'_, '_>) -> Result<Value, EvalError>,
    /// Arguments and what it does, in words for the editor.
    help: (&'static str, &'static str),
}

/// A built-in function, for completion and help in the editor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionInfo {
    /// The name: `join`.
    pub name: &'static str,
    /// Other names for it.
    pub also: &'static [&'static str],
    /// The arguments as they are written: `(separator)`, empty when there are none.
    pub arguments: &'static str,
    /// What it does, one sentence.
    pub help: &'static str,
}

/// All built-in functions in the order of the documentation.
pub fn functions() -> impl Iterator<Item = FunctionInfo> {
    specs().map(|spec| FunctionInfo {
        name: spec.name,
        also: spec.also,
        arguments: spec.help.0,
        help: spec.help.1,
    })
}

fn specs() -> impl Iterator<Item = &'static Spec> {
    [text::SPECS, list::SPECS, select::SPECS, number::SPECS, convert::SPECS, date::SPECS]
        .into_iter()
        .flatten()
}

/// A built-in function under the name by which it was called.
#[derive(Clone, Copy)]
pub(crate) struct Function {
    pub name: &'static str,
    spec: &'static Spec,
}

impl Function {
    pub fn find(name: &str) -> Option<Self> {
        for spec in specs() {
            for known in std::iter::once(&spec.name).chain(spec.also) {
                if *known == name {
                    return Some(Self { name: known, spec });
                }
            }
        }
        None
    }

    /// What the first of `count` arguments is.
    pub fn first(self, count: usize) -> First {
        match self.spec.first {
            First::FieldOrCondition if count > 1 => First::Field,
            First::FieldOrCondition => First::Condition,
            first => first,
        }
    }

    /// What is wrong with calling it with so many arguments.
    pub fn count_problem(self, count: usize) -> Option<String> {
        let (least, most) = self.spec.args;
        if (least..=most).contains(&count) {
            return None;
        }
        Some(format!("\"{}\" is written {}{}", self.name, self.name, self.spec.help.0))
    }

    pub fn run(self, run: Run<'_, '_>) -> Result<Value, EvalError> {
        (self.spec.run)(run)
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The known name that is nearest to a mistyped one.
pub(crate) fn nearest(name: &str) -> Option<&'static str> {
    let wanted = name.to_lowercase();
    specs()
        .flat_map(|spec| std::iter::once(&spec.name).chain(spec.also))
        .map(|known| (distance(&wanted, &known.to_lowercase()), *known))
        .filter(|(distance, known)| *distance <= 2 && *distance < known.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Edits from one word to the other; words longer than 40 characters are far from all.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len() > 40 || b.len() > 40 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replaced = corner + usize::from(ca != cb);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
