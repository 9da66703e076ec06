//! Approval after, with a scoring model that looks first: with enough confidence nobody is asked.

use super::Machine;
use super::edges::Completion;
use crate::run::{ActivationId, CallRequest, Confidence, EventBody, ScoreRequest, Usage};
use serde_json::{Value, json};

impl Machine<'_> {
    /// Asks the scoring model about an output.
    pub(super) fn score(
        &mut self,
        id: ActivationId,
        node: usize,
        output: Value,
        usage: Option<Usage>,
        threshold: f64,
    ) {
        let Some(call) = self.call_id(id) else { return };
        let asked = self.activation(id).and_then(|activation| activation.request.as_ref());
        let request = ScoreRequest {
            title: self.graph.source(node).title().to_owned(),
            asked: json!(asked),
            output,
            threshold,
        };
        self.emit(EventBody::CallRequested {
            activation: id,
            attempt: 1,
            call,
            request: CallRequest::Score(Box::new(request)),
            timeout_ms: self.time_left_ms(),
            route: Default::default(),
            claim_until: None,
            usage,
        });
        self.answer_dry(id);
    }

    /// Whether the open call of an activation asks how good its output is.
    pub(super) fn is_scored(&self, id: ActivationId) -> bool {
        let request = self.activation(id).and_then(|activation| activation.request.as_ref());
        matches!(request, Some(CallRequest::Score(_)))
    }

    /// The scoring model said how good it is: it flows on, or a person looks.
    pub(super) fn scored(&mut self, id: ActivationId, node: usize, answer: &Value) {
        let threshold = self.threshold(node).unwrap_or(1.0);
        let Some(confidence) = Confidence::read(answer, threshold) else {
            let why =
                "It could not be scored: the scoring model did not answer with its four numbers.";
            return self.ask_review_of_scored(id, why);
        };
        let is_enough = confidence.is_enough();
        let why = format!(
            "The scoring model gives it {:.2} of 1, less than {threshold:.2}: {}.",
            confidence.value,
            confidence.band()
        );
        self.emit(EventBody::Scored { activation: id, confidence });
        if !is_enough {
            return self.ask_review_of_scored(id, &why);
        }
        let Some(activation) = self.activation(id) else { return };
        let (output, usage) = (activation.output.clone(), activation.usage.clone());
        self.complete(id, "success", output, Completion { usage, ..Completion::default() });
    }

    /// A person looks at what was scored, or could not be.
    pub(super) fn ask_review_of_scored(&mut self, id: ActivationId, why: &str) {
        let Some((node, _)) = self.place(id) else { return };
        let Some(activation) = self.activation(id) else { return };
        let (output, usage) = (activation.output.clone(), activation.usage.clone());
        self.ask_review(id, node, output, usage, why);
    }
}
