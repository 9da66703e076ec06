//! In what the document can be written: the formats, and the notations of each.

use signalbox::format::{Format, Notation};

/// What ends the value of a choice in YAML.
const YAML: &str = "+yaml";

/// A format in a notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub format: Format,
    pub notation: Notation,
}

impl Choice {
    pub fn json(format: Format) -> Self {
        Self { format, notation: Notation::Json }
    }

    /// All that can be chosen. The server writes what the browser cannot, of a workflow that it has.
    pub fn all(is_on_server: bool) -> Vec<Self> {
        let mut all = Vec::new();
        for format in Format::ALL {
            all.push(Self::json(format));
            if format.has_yaml() {
                all.push(Self { format, notation: Notation::Yaml });
            }
        }
        all.retain(|choice| is_on_server || choice.is_written_here());
        all
    }

    /// Whether the browser writes it by itself.
    pub fn is_written_here(self) -> bool {
        self.notation == Notation::Json && Format::EVERYWHERE.contains(&self.format)
    }

    /// Its value in a select.
    pub fn value(self) -> String {
        let end = if self.notation == Notation::Yaml { YAML } else { "" };
        format!("{}{end}", self.format.name())
    }

    /// The choice of a value.
    pub fn of(value: &str) -> Self {
        let (name, notation) = match value.strip_suffix(YAML) {
            Some(name) => (name, Notation::Yaml),
            None => (value, Notation::Json),
        };
        Self { format: Format::from_name(name).unwrap_or(Format::SignalboxV1), notation }
    }

    /// What people read in the select.
    pub fn words(self) -> String {
        let words = match self.format {
            Format::SignalboxV1 => "Signalbox (everything)",
            Format::VisualWorkflow => "Visual workflow",
            Format::VisualWorkflowConfig => "Visual workflow, workflowConfig and stepsConfig",
            other => other.title(),
        };
        if self.notation == Notation::Yaml { format!("{words}, YAML") } else { words.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_can_be_chosen_of_a_workflow_that_the_server_has() {
        let all = Choice::all(true);
        for format in Format::ALL {
            assert!(all.contains(&Choice::json(format)), "{format:?}");
            let yaml = Choice { format, notation: Notation::Yaml };
            assert_eq!(all.contains(&yaml), format.has_yaml(), "{format:?}");
        }
        for choice in &all {
            assert_eq!(Choice::of(&choice.value()), *choice);
        }
        let here: Vec<Format> =
            Choice::all(false).into_iter().map(|choice| choice.format).collect();
        assert_eq!(here, Format::EVERYWHERE);
    }
}
