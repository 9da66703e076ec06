//! A duration as people type it: an amount and a unit. The value is in milliseconds.

use crate::editor::form::field::CONTROL;
use crate::ui::Bind;
use leptos::prelude::*;

const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("seconds", 1_000),
    ("minutes", 60_000),
    ("hours", 3_600_000),
    ("days", 86_400_000),
];

/// The largest unit that gives a whole amount.
pub(super) fn split(ms: u64) -> (u64, &'static str) {
    let fits = UNITS.iter().rev().find(|(_, size)| ms >= *size && ms.is_multiple_of(*size));
    fits.map_or((ms, "seconds"), |(unit, size)| (ms / size, unit))
}

/// The milliseconds of an amount; none when it is empty, an error in words when it is not one.
pub(super) fn joined(amount: &str, unit: &str) -> Result<Option<u64>, String> {
    let amount = amount.trim();
    if amount.is_empty() {
        return Ok(None);
    }
    let size = UNITS.iter().find(|(name, _)| *name == unit).map_or(1_000, |(_, size)| *size);
    let number: f64 = amount.parse().map_err(|_| "This must be a number".to_owned())?;
    let ms = number * size as f64;
    const TEN_YEARS_MS: f64 = 3_652.0 * 86_400_000.0;
    if (0.0..=TEN_YEARS_MS).contains(&ms) {
        Ok(Some(ms.round() as u64))
    } else {
        Err("This must be between 0 and 10 years".to_owned())
    }
}

/// The field. None is shown as empty.
#[component]
pub(in crate::editor) fn DurationField(
    /// Id, unique on the page.
    name: &'static str,
    /// The label.
    label: &'static str,
    /// The duration in milliseconds.
    value: Bind<Option<u64>>,
    /// What it is for.
    #[prop(optional)]
    help: &'static str,
    /// True when it cannot be changed.
    #[prop(into)]
    disabled: Signal<bool>,
) -> impl IntoView {
    let first = value.get_untracked().map(split);
    let amount = RwSignal::new(first.map(|(amount, _)| amount.to_string()).unwrap_or_default());
    let unit = RwSignal::new(first.map_or("minutes", |(_, unit)| unit).to_owned());
    let parsed = Memo::new(move |_| joined(&amount.get(), &unit.get()));
    let error = Signal::derive(move || parsed.with(|parsed| parsed.as_ref().err().cloned()));
    Effect::new(move |_| {
        let outside = value.get();
        let own = parsed.get_untracked().unwrap_or(outside);
        if own != outside {
            let (new, word) = outside.map_or((String::new(), "minutes"), |ms| {
                let (amount, unit) = split(ms);
                (amount.to_string(), unit)
            });
            amount.set(new);
            unit.set(word.to_owned());
        }
    });
    let typed = move || {
        if let Ok(ms) = parsed.get_untracked() {
            value.set(ms);
        }
    };
    view! {
        <crate::editor::form::field::Labelled name=name label=label help=help error=error>
            <div class="flex gap-1">
                <input
                    id=name
                    name=name
                    inputmode="decimal"
                    autocomplete="off"
                    class=format!("{CONTROL} h-8 tabular-nums")
                    disabled=move || disabled.get()
                    prop:value=move || amount.get()
                    on:input=move |event| {
                        amount.set(event_target_value(&event));
                        typed();
                    }
                />
                <select
                    aria-label=format!("{label}, unit")
                    class=format!("{CONTROL} h-8 w-28")
                    disabled=move || disabled.get()
                    on:change=move |event| {
                        unit.set(event_target_value(&event));
                        typed();
                    }
                >
                    {UNITS
                        .iter()
                        .map(|(word, _)| {
                            view! { <option value=*word selected=move || unit.get() == *word>{*word}</option> }
                        })
                        .collect_view()}
                </select>
            </div>
        </crate::editor::form::field::Labelled>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back() {
        for (ms, amount, unit) in [
            (86_400_000, 1, "days"),
            (5_400_000, 90, "minutes"),
            (1_500, 1_500, "ms"),
            (0, 0, "seconds"),
            (7_200_000, 2, "hours"),
        ] {
            assert_eq!(split(ms), (amount, unit));
            assert_eq!(joined(&amount.to_string(), unit), Ok(Some(ms)));
        }
        assert_eq!(joined("0.5", "hours"), Ok(Some(1_800_000)));
        assert_eq!(joined(" ", "days"), Ok(None));
        for wrong in ["x", "-1", "NaN", "1e9"] {
            assert!(joined(wrong, "days").is_err(), "{wrong}");
        }
    }
}
