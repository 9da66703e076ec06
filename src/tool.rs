//! The tool catalogue: every typed operation that touches the world, as data.
//!
//! One file a family under `tool/`. The server's registry must implement exactly these; a test
//! holds the two together. Deliberately absent: the functions themselves.

mod approval;
mod customer;
mod email;
mod event;
mod http;
mod late;
mod schema;
mod spec;
#[cfg(test)]
mod tests;
mod utility;
mod voice;

pub use late::{
    MESSAGE_NAMES, SUBJECT, late_source, late_subject, late_text, may_speak_of_message,
};
pub use spec::{Effect, ToolFamily, ToolSpec};

use std::{collections::HashMap, sync::LazyLock};

static CATALOGUE: LazyLock<Vec<ToolSpec>> = LazyLock::new(|| {
    [
        customer::specs(),
        email::specs(),
        voice::specs(),
        approval::specs(),
        http::specs(),
        event::specs(),
        utility::specs(),
    ]
    .concat()
});

static BY_NAME: LazyLock<HashMap<&'static str, usize>> = LazyLock::new(|| {
    let mut names = HashMap::new();
    for (index, spec) in CATALOGUE.iter().enumerate() {
        for name in std::iter::once(&spec.name).chain(&spec.aliases) {
            names.entry(name.as_str()).or_insert(index);
        }
    }
    names
});

/// Every tool, in the order of the palette.
pub fn catalogue() -> &'static [ToolSpec] {
    &CATALOGUE
}

/// The tool of a canonical name or an alias: `customer.get_by_id`, `customer_get`.
pub fn find(name_or_alias: &str) -> Option<&'static ToolSpec> {
    BY_NAME.get(name_or_alias).and_then(|index| CATALOGUE.get(*index))
}

/// The tool of a document's `type` with `parameters.operation`: `customer` and `get_by_id`,
/// `approval` and `create_approval`.
pub fn find_operation(kind: &str, operation: &str) -> Option<&'static ToolSpec> {
    find(&format!("{kind}.{operation}"))
        .or_else(|| find(&format!("{kind}_{operation}")))
        .or_else(|| find(operation).filter(|spec| spec.name.starts_with(&format!("{kind}."))))
}
