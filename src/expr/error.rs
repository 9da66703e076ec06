//! What can go wrong: when reading source ([`ParseError`]) and when computing ([`EvalError`]).

use thiserror::Error;

/// Source that is not an expression or template: where, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message} (line {line}, column {column})")]
pub struct ParseError {
    /// A sentence: what stands there and what was expected.
    pub message: String,
    /// Byte offset into the source.
    pub offset: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl ParseError {
    /// An error at a byte offset of `source`.
    pub(crate) fn at(source: &str, offset: usize, message: impl Into<String>) -> Self {
        let mut offset = offset.min(source.len());
        while !source.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &source[..offset];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            message: message.into(),
            offset,
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// A string inside a JSON value that is not a template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{error} at {pointer:?}")]
pub struct ValueTemplateError {
    /// JSON pointer of the string, or of the object whose key it is (empty: the value itself).
    pub pointer: String,
    /// What is wrong in it.
    pub error: ParseError,
}

/// A computation that could not be done.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct EvalError {
    /// One of `undeclared_name`, `unknown_function`, `bad_argument`, `function_failed`, `bad_pattern`,
    /// `too_many_steps`, `too_large`, `too_deep`.
    pub code: &'static str,
    /// A sentence: what happened and what to do next.
    pub message: String,
}

impl EvalError {
    /// An error with a stable code and a sentence.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}
