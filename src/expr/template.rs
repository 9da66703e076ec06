//! Text with `{{…}}` in it.
//!
//! `{{expression}}` puts in a value; `{{#list}}…{{/list}}` repeats for each item (or shows once when the value
//! is true), `{{^list}}…{{/list}}` shows when there is none. Handlebars' `{{#each}}`, `{{#if}}`, `{{#unless}}`,
//! `{{else}}` and `{{{raw}}}` are read too, and `{{!-- a comment --}}`. `\{{` is the two braces themselves.
//!
//! Values go in as they are; only [`Template::render_html`] escapes them, all of them.

mod parse;
mod render;

use self::render::For;
use super::ast::Node;
use super::limits::Meter;
use super::names::Names;
use super::{Call, EvalError, Expression, ParseError, Scope};
use serde_json::Value;
use std::fmt;

/// A parsed template. `Display` prints its source.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    Text(String),
    Value(Expression),
    Section(Section),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Section {
    on: Expression,
    kind: SectionKind,
    body: Vec<Part>,
    /// Shown instead of the body.
    otherwise: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SectionKind {
    /// `#x`: for each item, or once.
    With,
    /// `#if x`: once, without a new item.
    If,
    /// `^x`, `#unless x`: when there is nothing.
    Unless,
}

impl Template {
    /// Parses source of at most [`super::limits::MAX_TEMPLATE_BYTES`] bytes.
    pub fn parse(source: &str) -> Result<Self, ParseError> {
        Ok(Self { source: source.to_owned(), parts: parse::parse(source)? })
    }

    /// Whether it is one `{{…}}` and nothing else (but space), so that the value keeps its JSON type.
    pub fn is_single(&self) -> bool {
        self.single().is_some()
    }

    fn single(&self) -> Option<&Expression> {
        let mut found = None;
        for part in &self.parts {
            match part {
                Part::Text(text) if text.trim().is_empty() => {}
                Part::Value(value) if found.is_none() => found = Some(value),
                _ => return None,
            }
        }
        found
    }

    /// Whether there is nothing to compute.
    pub fn is_literal(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// The value: of any type when [`Template::is_single`], else a string. In text null is empty, lists and
    /// objects are JSON.
    pub fn render(&self, scope: &dyn Scope) -> Result<Value, EvalError> {
        self.render_in(&mut Meter::new(), scope)
    }

    pub(crate) fn render_in(
        &self,
        meter: &mut Meter,
        scope: &dyn Scope,
    ) -> Result<Value, EvalError> {
        match self.single() {
            Some(value) => value.evaluate_in(meter, scope),
            None => Ok(Value::String(render::text(meter, scope, &self.parts, For::Text)?)),
        }
    }

    /// Like [`Template::render`], always as text.
    pub fn render_text(&self, scope: &dyn Scope) -> Result<String, EvalError> {
        render::text(&mut Meter::new(), scope, &self.parts, For::Text)
    }

    /// As HTML: the template's own text is markup, and no value that is put in becomes any, `{{{raw}}}` neither.
    pub fn render_html(&self, scope: &dyn Scope) -> Result<String, EvalError> {
        render::text(&mut Meter::new(), scope, &self.parts, For::Html)
    }

    /// The names it reads (see [`super::Expression::names`]). Names inside sections over items are not listed:
    /// they may be fields of the item.
    pub fn names(&self) -> Vec<Vec<String>> {
        let mut names = Names::default();
        collect(&self.parts, &mut names);
        names.into_paths()
    }

    /// The host functions it calls.
    pub fn calls(&self) -> Vec<Call> {
        let mut names = Names::default();
        collect(&self.parts, &mut names);
        names.calls
    }

    /// Adds what it reads and calls.
    pub(crate) fn collect(&self, names: &mut Names) {
        collect(&self.parts, names);
    }
}

fn collect(parts: &[Part], names: &mut Names) {
    walk(parts, false, &mut |node, in_item| names.add(node, in_item));
}

fn walk(parts: &[Part], in_item: bool, visit: &mut dyn FnMut(&Node, bool)) {
    for part in parts {
        match part {
            Part::Text(_) => {}
            Part::Value(value) => visit(&value.node, in_item),
            Part::Section(section) => {
                visit(&section.on.node, in_item);
                walk(&section.body, in_item || section.kind == SectionKind::With, visit);
                walk(&section.otherwise, in_item, visit);
            }
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}
