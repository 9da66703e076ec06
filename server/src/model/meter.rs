//! The meter around a model: a budget stops a call before it is made, and what a call cost is written down.
//!
//! What a call may cost at most is set aside while it runs, so that many at once do not exceed the budget
//! together. That is kept in memory: the budget of an organisation is held by one process. Deliberately
//! absent: sums per step and run, which the run's own events hold.

use super::{
    Model, ModelAnswer, ModelCall, ModelError,
    prices::{cost, cost_at_most, price_of},
    provider::MAX_TOKENS,
};
use crate::{
    gate::Now,
    hours::day_around,
    setting::rules_of,
    store::{self, ModelUse, Source, Store, StoreError},
    telemetry::number,
};
use futures::{FutureExt, future::BoxFuture};
use signalbox::{
    id::{CallId, OrganizationId, RunId},
    wire::{ModelPrice, ModelSettings},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use tracing::{Instrument, Span, debug_span, field};

/// For whom a model is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The organisation, which pays.
    pub organization: OrganizationId,
    /// The run it belongs to.
    pub run: Option<RunId>,
    /// The call it belongs to.
    pub call: Option<CallId>,
}

/// What is set aside for calls that run, in millionths of a US dollar.
pub(super) type SetAside = Arc<Mutex<HashMap<OrganizationId, u64>>>;

/// A model whose calls are counted.
pub(super) struct Metered {
    pub(super) inner: Arc<dyn Model>,
    pub(super) asker: Asker,
    pub(super) settings: ModelSettings,
    pub(super) store: Store,
    pub(super) now: Now,
    pub(super) set_aside: SetAside,
}

/// A part of the budget that goes back when the call is over.
struct Hold {
    set_aside: SetAside,
    organization: OrganizationId,
    micros: u64,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut all = self.set_aside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(left) = all.get_mut(&self.organization) {
            *left = left.saturating_sub(self.micros);
            if *left == 0 {
                all.remove(&self.organization);
            }
        }
    }
}

fn unreadable(error: StoreError) -> ModelError {
    ModelError::Unavailable(format!("the budget cannot be read: {error}"))
}

impl Metered {
    fn price(&self, model: &str) -> Option<ModelPrice> {
        price_of(&self.settings, model)
    }

    /// Refuses the call, or sets aside what it may cost. None where no budget is set.
    async fn hold(&self, call: &ModelCall) -> Result<Option<Hold>, ModelError> {
        let organization = self.asker.organization;
        let source = &mut Source::Pool(&self.store);
        let rules = rules_of(source, organization).await.map_err(unreadable)?;
        let Some(budget_micros) = rules.outbound.model_budget_micros else { return Ok(None) };
        let model = call.model.as_deref().filter(|name| !name.is_empty());
        let model = model.unwrap_or(&self.settings.model);
        let Some(price) = self.price(model) else {
            return Err(ModelError::Unpriced { model: model.to_owned() });
        };
        let micros = cost_at_most(price, call, MAX_TOKENS);
        let (today, _) = day_around(rules.zone, (self.now)());
        let spent = store::model_spend(source, organization, today).await.map_err(unreadable)?;
        let mut all = self.set_aside.lock().unwrap_or_else(PoisonError::into_inner);
        let running = all.get(&organization).copied().unwrap_or_default();
        let spent_micros = spent.micros.saturating_add(running);
        if spent_micros.saturating_add(micros) > budget_micros {
            return Err(ModelError::OverBudget { micros, spent_micros, budget_micros });
        }
        *all.entry(organization).or_default() += micros;
        Ok(Some(Hold { set_aside: Arc::clone(&self.set_aside), organization, micros }))
    }

    /// Writes down what an answer cost. An answer is not thrown away because that failed.
    async fn note(&self, answer: &ModelAnswer, began: Instant) {
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let new = ModelUse {
            organization: self.asker.organization,
            at: (self.now)(),
            area: "llm_step",
            provider: self.settings.provider.clone(),
            model: answer.model.clone(),
            sandbox: answer.sandbox,
            input_tokens: answer.input_tokens,
            output_tokens: answer.output_tokens,
            cost_micros: answer.cost_micros,
            duration_ms,
            run: self.asker.run,
            call: self.asker.call,
        };
        let write = self
            .store
            .write(move |tx| async move { store::model_use_insert(tx, &new).await }.boxed());
        if let Err(error) = write.await {
            tracing::error!(%error, "what a model call cost was not written down");
        }
    }

    /// Below the call's span, under the names of OpenTelemetry's conventions for generative models (1.37).
    fn span_of(&self, call: &ModelCall) -> Span {
        let named = [call.model.as_deref(), Some(&self.settings.model)];
        let named = named.into_iter().flatten().find(|name| !name.is_empty());
        let model = named.unwrap_or(&self.settings.provider);
        debug_span!(
            "chat",
            otel.name = %format_args!("chat {model}"),
            otel.kind = "client",
            otel.status_code = field::Empty,
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = %self.settings.provider,
            gen_ai.request.model = model,
            gen_ai.response.model = field::Empty,
            gen_ai.usage.input_tokens = field::Empty,
            gen_ai.usage.output_tokens = field::Empty,
        )
    }

    async fn ask(&self, call: &ModelCall) -> Result<ModelAnswer, ModelError> {
        let sandbox = self.settings.provider == "sandbox";
        let _hold = if sandbox { None } else { self.hold(call).await? };
        let began = Instant::now();
        let span = self.span_of(call);
        let mut answer =
            self.inner.answer(call).instrument(span.clone()).await.inspect_err(|_| {
                span.record("otel.status_code", "ERROR");
            })?;
        span.record("gen_ai.response.model", answer.model.as_str());
        span.record("gen_ai.usage.input_tokens", number(answer.input_tokens));
        span.record("gen_ai.usage.output_tokens", number(answer.output_tokens));
        if !sandbox {
            let asked = call.model.as_deref().unwrap_or(&self.settings.model);
            let price = self.price(&answer.model).or_else(|| self.price(asked));
            answer.cost_micros =
                price.map(|price| cost(price, answer.input_tokens, answer.output_tokens));
        }
        self.note(&answer, began).await;
        Ok(answer)
    }
}

impl Model for Metered {
    fn answer<'a>(&'a self, call: &'a ModelCall) -> BoxFuture<'a, Result<ModelAnswer, ModelError>> {
        self.ask(call).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{secret::Vault, setting::Settings};
    use chrono::Utc;
    use signalbox::wire::OutboundSettings;
    use tokio::sync::Notify;

    /// Says when it was asked and answers when it is let.
    #[derive(Default)]
    struct Slow {
        asked: Notify,
        answer: Notify,
    }

    impl Model for Slow {
        fn answer<'a>(
            &'a self,
            _: &'a ModelCall,
        ) -> BoxFuture<'a, Result<ModelAnswer, ModelError>> {
            async {
                self.asked.notify_one();
                self.answer.notified().await;
                Ok(ModelAnswer { input_tokens: 10, output_tokens: 10, ..ModelAnswer::default() })
            }
            .boxed()
        }
    }

    #[tokio::test]
    async fn calls_that_run_at_the_same_time_do_not_exceed_the_budget_together() {
        let store = Store::in_memory().await.unwrap();
        let organization = OrganizationId(uuid::Uuid::now_v7());
        // 64 tokens are assumed on top of the text, 36 may be answered: 100 at most.
        let rules = OutboundSettings { model_budget_micros: Some(199), ..Default::default() };
        let settings = Settings::new(store.clone(), Arc::new(Vault::ephemeral()));
        settings.outbound_set(organization, &rules, Utc::now()).await.unwrap();
        let (slow, set_aside) = (Arc::new(Slow::default()), SetAside::default());
        let metered = Arc::new(Metered {
            inner: slow.clone(),
            asker: Asker { organization, run: None, call: None },
            settings: ModelSettings {
                provider: "openai".into(),
                model: "any".into(),
                base_url: None,
                api_key: None,
                price: Some(ModelPrice { input_micros: 1_000_000, output_micros: 1_000_000 }),
            },
            store,
            now: Arc::new(Utc::now),
            set_aside: set_aside.clone(),
        });
        let call = ModelCall { max_tokens: Some(36), ..ModelCall::default() };
        let first = {
            let (metered, call) = (metered.clone(), call.clone());
            tokio::spawn(async move { metered.answer(&call).await })
        };
        slow.asked.notified().await;
        let second = metered.answer(&call).await;
        let over = ModelError::OverBudget { micros: 100, spent_micros: 100, budget_micros: 199 };
        assert_eq!(second, Err(over));
        slow.answer.notify_one();
        assert_eq!(first.await.unwrap().unwrap().cost_micros, Some(20));
        // What was set aside is free again; what was spent is not.
        assert!(set_aside.lock().unwrap().is_empty());
        let over = ModelError::OverBudget { micros: 200, spent_micros: 20, budget_micros: 199 };
        let long = ModelCall { max_tokens: Some(136), ..ModelCall::default() };
        assert_eq!(metered.answer(&long).await, Err(over));
        slow.answer.notify_one();
        assert!(metered.answer(&call).await.is_ok());
    }
}
