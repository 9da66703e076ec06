//! Which words of a JSON Schema have schemas in them.

/// What stands under a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// A schema.
    One,
    /// A list of schemas.
    List,
    /// Schemas by name.
    Named,
}

/// The schemas that stand under a word. `None`: none do.
pub(crate) fn holds(word: &str) -> Option<Holds> {
    Some(match word {
        "items"
        | "additionalProperties"
        | "contains"
        | "propertyNames"
        | "not"
        | "if"
        | "then"
        | "else"
        | "unevaluatedItems"
        | "unevaluatedProperties" => Holds::One,
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => Holds::List,
        "properties" | "patternProperties" | "dependentSchemas" | "$defs" | "definitions" => {
            Holds::Named
        }
        _ => return None,
    })
}
