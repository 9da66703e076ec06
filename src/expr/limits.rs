//! The bounds of the language, and the meter that counts against them.

/// Longest source of one expression, bytes.
pub const MAX_EXPRESSION_BYTES: usize = 8 * 1024;
/// Longest source of one template, bytes.
pub const MAX_TEMPLATE_BYTES: usize = 256 * 1024;
/// Deepest nesting of brackets, sections and JSON values.
pub const MAX_DEPTH: usize = 64;
/// Most steps of one evaluation.
pub const MAX_FUEL: u64 = 100_000;
/// Largest result of one evaluation, bytes.
pub const MAX_OUTPUT_BYTES: usize = 1024 * 1024;
