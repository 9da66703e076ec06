//! Texts in the words of a run: names mean there what they mean in the step that asks.

use super::{EngineError, EngineHandle};
use signalbox::{
    id::{OrganizationId, RunId},
    run::{ActivationId, TemplateScope},
};

impl EngineHandle {
    /// Lets something read in the scope of an activation, as it is on disk. `about` are names that go before
    /// those of the run. `None`: the run has no such activation.
    pub async fn read_in<T>(
        &self,
        organization: OrganizationId,
        run: RunId,
        activation: ActivationId,
        about: serde_json::Map<String, serde_json::Value>,
        read: impl FnOnce(&TemplateScope<'_>) -> T + Send,
    ) -> Result<Option<T>, EngineError> {
        let live = self.inner.load(organization, run).await?;
        let now = self.inner.clock.now();
        let scope =
            TemplateScope::new(&live.graph, &live.context, &live.state, activation, now, about);
        Ok(scope.map(|scope| read(&scope)))
    }
}
