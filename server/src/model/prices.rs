//! What models cost: a dated list (`prices.json`) and the price that an organisation sets itself.
//!
//! A model that is in neither has no price, which is not the same as costing nothing. Deliberately absent:
//! discounts for caches and batches, so that a budget errs towards stopping early.

use super::ModelCall;
use serde::Deserialize;
use signalbox::wire::{ModelPrice, ModelSettings};
use std::{collections::HashMap, sync::LazyLock};

#[derive(Deserialize)]
struct List {
    providers: HashMap<String, Provider>,
}

#[derive(Deserialize)]
struct Provider {
    models: HashMap<String, Entry>,
}

/// US dollars per million tokens.
#[derive(Clone, Copy, Deserialize)]
struct Entry {
    input: f64,
    output: f64,
}

fn list() -> &'static HashMap<String, Provider> {
    // A test holds that the list can be read; without it no model would have a price.
    static LIST: LazyLock<HashMap<String, Provider>> = LazyLock::new(|| {
        serde_json::from_str::<List>(include_str!("prices.json"))
            .map(|list| list.providers)
            .unwrap_or_default()
    });
    &LIST
}

/// The price of a model at its provider by the list.
fn listed(provider: &str, model: &str) -> Option<ModelPrice> {
    let models = &list().get(provider)?.models;
    let entry = models.get(model).or_else(|| models.get(undated(model)?))?;
    let micros = |dollars: f64| (dollars * 1e6).round() as u64;
    Some(ModelPrice { input_micros: micros(entry.input), output_micros: micros(entry.output) })
}

/// A name without the date of its snapshot: `gpt-4o-2024-08-06`, `claude-opus-4-20250514`, `…-latest`.
fn undated(model: &str) -> Option<&str> {
    if let Some(name) = model.strip_suffix("-latest") {
        return Some(name);
    }
    let digits = |text: &str, n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
    let (name, last) = model.rsplit_once('-')?;
    if digits(last, 8) {
        return Some(name);
    }
    let (name, month) = name.rsplit_once('-')?;
    let (name, year) = name.rsplit_once('-')?;
    (digits(last, 2) && digits(month, 2) && digits(year, 4)).then_some(name)
}

/// The price of a model of an organisation; none when it is not known. A server of one's own has only
/// the price that was set for it.
pub(super) fn price_of(settings: &ModelSettings, model: &str) -> Option<ModelPrice> {
    if settings.price.is_some() {
        return settings.price;
    }
    let own = settings.base_url.as_deref().is_some_and(|url| !url.trim().is_empty());
    (!own).then(|| listed(&settings.provider, model)).flatten()
}

/// What tokens cost, rounded up to a millionth of a US dollar.
pub(super) fn cost(price: ModelPrice, input_tokens: u64, output_tokens: u64) -> u64 {
    let of = |tokens: u64, micros: u64| u128::from(tokens) * u128::from(micros);
    let total =
        of(input_tokens, price.input_micros).saturating_add(of(output_tokens, price.output_micros));
    u64::try_from(total.div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// What a call costs at most, before it is made: its text at three bytes a token, and its longest answer.
pub(super) fn cost_at_most(price: ModelPrice, call: &ModelCall, longest: u32) -> u64 {
    let turns = call.turns.iter().map(|turn| match turn {
        super::Turn::User(text) => text.len(),
        super::Turn::Assistant { text, uses } => {
            text.len() + uses.iter().map(|use_| use_.input.to_string().len() + 64).sum::<usize>()
        }
        super::Turn::Tool { content, .. } => content.len() + 64,
    });
    let tools = call
        .tools
        .iter()
        .map(|offer| offer.name.len() + offer.description.len() + offer.input.to_string().len());
    let bytes = call.system.len() + turns.sum::<usize>() + tools.sum::<usize>();
    cost(price, (bytes as u64).div_ceil(3) + 64, u64::from(call.max_tokens.unwrap_or(longest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(provider: &str) -> ModelSettings {
        ModelSettings {
            provider: provider.into(),
            model: String::new(),
            base_url: None,
            api_key: None,
            price: None,
        }
    }

    #[test]
    fn the_list_is_read_and_snapshots_cost_what_their_model_costs() {
        let cases = [
            ("openai", "gpt-4o-mini", Some((150_000, 600_000))),
            ("openai", "gpt-4o-mini-2024-07-18", Some((150_000, 600_000))),
            ("openai", "gpt-4o-2024-08-06", Some((2_500_000, 10_000_000))),
            ("anthropic", "claude-opus-4-20250514", Some((15_000_000, 75_000_000))),
            ("anthropic", "claude-opus-4-5-20251101", Some((5_000_000, 25_000_000))),
            ("anthropic", "claude-3-5-haiku-latest", Some((800_000, 4_000_000))),
            // Another model, not a snapshot of a listed one.
            ("openai", "gpt-4o-audio-preview", None),
            ("openai", "gpt-4o-99", None),
            ("openai", "claude-opus-4", None),
            ("anthropic", "", None),
        ];
        for (provider, model, expected) in cases {
            let found = price_of(&settings(provider), model);
            let found = found.map(|price| (price.input_micros, price.output_micros));
            assert_eq!(found, expected, "{provider} {model}");
        }
        assert!(list().values().all(|provider| !provider.models.is_empty()));
    }

    #[test]
    fn a_server_of_ones_own_has_only_its_own_price() {
        let mut own = settings("openai");
        own.base_url = Some("http://127.0.0.1:11434/v1".into());
        assert_eq!(price_of(&own, "gpt-4o"), None);
        own.price = Some(ModelPrice { input_micros: 1, output_micros: 2 });
        assert_eq!(price_of(&own, "anything"), own.price);
    }

    #[test]
    fn costs_are_rounded_up_and_never_overflow() {
        let price = ModelPrice { input_micros: 150_000, output_micros: 600_000 };
        assert_eq!(cost(price, 0, 0), 0);
        assert_eq!(cost(price, 1, 0), 1);
        assert_eq!(cost(price, 1_000_000, 1_000_000), 750_000);
        assert_eq!(cost(price, 11, 7), 6);
        let dear = ModelPrice { input_micros: u64::MAX, output_micros: u64::MAX };
        assert_eq!(cost(dear, u64::MAX, u64::MAX), u64::MAX);
    }
}
