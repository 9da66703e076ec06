//! Forms made from JSON schemas: the parameters of a tool, the input of a run, the answer of a
//! person. Every value keeps its JSON type; a schema that is not understood gets a typed JSON editor
//! and never a bare string.
//!
//! Deliberately absent: checking whole values against a schema ([`signalbox::graph::check`] and the
//! server do); fields check only what is typed into them.

pub mod field;
mod json_field;
mod list_field;
pub mod model;
mod schema_form;
mod template_field;

pub use json_field::JsonField;
pub use list_field::ListField;
pub use schema_form::SchemaForm;
pub use template_field::{Language, TemplateField};
