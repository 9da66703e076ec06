//! What leaves, when and how much: sending hours, caps, consent, the models' budget.

use super::{Sending, loaded};
use crate::api::use_client;
use crate::ui::{
    Bind, Button, ButtonKind, Checkbox, SelectField, SelectOption, TextInput, Trouble,
};
use leptos::prelude::*;
use signalbox::wire::{ConsentPolicy, Day, OutboundSettings, OutboundView, SendingHours};

/// The tab.
#[component]
pub fn SendingTab() -> impl IntoView {
    let client = use_client();
    let settings = Resource::new(
        || (),
        move |()| {
            let client = client.clone();
            async move { client.settings_outbound().await }
        },
    );
    loaded(settings, |found| view! { <Form found=found /> }.into_any())
}

const POLICIES: [(ConsentPolicy, &str, &str); 3] = [
    (ConsentPolicy::NotRequired, "not_required", "Not required; revoked consent always refuses"),
    (ConsentPolicy::Any, "any", "Required, express or implied"),
    (ConsentPolicy::Express, "express", "Required and express"),
];

/// What is typed.
#[derive(Clone, Copy)]
struct Fields {
    consent: RwSignal<String>,
    hours: RwSignal<bool>,
    from: RwSignal<String>,
    to: RwSignal<String>,
    days: [RwSignal<bool>; 7],
    contact_max: RwSignal<String>,
    organization_max: RwSignal<String>,
    budget: RwSignal<String>,
}

impl Fields {
    fn of(settings: &OutboundSettings) -> Self {
        let policy = POLICIES.iter().find(|(policy, ..)| *policy == settings.email_consent);
        let number = |n: Option<u32>| RwSignal::new(n.map(|n| n.to_string()).unwrap_or_default());
        let hours = &settings.sending_hours;
        Self {
            consent: RwSignal::new(policy.map_or("not_required", |(_, word, _)| word).into()),
            hours: RwSignal::new(hours.enabled),
            from: RwSignal::new(hours.from.clone()),
            to: RwSignal::new(hours.to.clone()),
            days: Day::ALL.map(|day| RwSignal::new(hours.days.contains(&day))),
            contact_max: number(settings.contact_daily_max),
            organization_max: number(settings.organization_daily_max),
            budget: RwSignal::new(settings.model_budget_micros.map(dollars).unwrap_or_default()),
        }
    }

    fn settings(&self) -> Result<OutboundSettings, Trouble> {
        let word = self.consent.get_untracked();
        let policy = POLICIES.iter().find(|(_, other, _)| *other == word);
        let days = Day::ALL.into_iter().zip(self.days);
        Ok(OutboundSettings {
            email_consent: policy.map(|(policy, ..)| *policy).unwrap_or_default(),
            sending_hours: SendingHours {
                enabled: self.hours.get_untracked(),
                from: self.from.get_untracked(),
                to: self.to.get_untracked(),
                days: days.filter(|(_, on)| on.get_untracked()).map(|(day, _)| day).collect(),
            },
            contact_daily_max: number(self.contact_max, "Emails to one contact a day")?,
            organization_daily_max: number(self.organization_max, "Emails a day")?,
            model_budget_micros: micros(&self.budget.get_untracked())?,
        })
    }
}

fn number(field: RwSignal<String>, name: &str) -> Result<Option<u32>, Trouble> {
    match field.get_untracked().trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            let what = format!("\u{201c}{name}\u{201d} is not a whole number.");
            Trouble::new(what, "Write a number, or leave it empty for no limit.")
        }),
    }
}

/// `1.25` as people type it.
fn dollars(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    let short = text.trim_end_matches('0');
    short.strip_suffix('.').unwrap_or(short).to_owned()
}

fn micros(text: &str) -> Result<Option<u64>, Trouble> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let amount = text.parse::<f64>().ok().filter(|n| n.is_finite() && (0.0..=1e6).contains(n));
    amount.map(|amount| Some((amount * 1e6).round() as u64)).ok_or_else(|| {
        Trouble::new(
            "The models\u{2019} budget is not an amount.",
            "Write US dollars like 5 or 2.50, or leave it empty for no limit.",
        )
    })
}

/// How much of today is used up.
fn used(view: &OutboundView) -> String {
    let emails = match view.sent_today {
        1 => "1 email has left today".to_owned(),
        many => format!("{many} emails have left today"),
    };
    let unknown = match view.model_unpriced_calls {
        0 => String::new(),
        1 => ", and one call whose price is not known".to_owned(),
        many => format!(", and {many} calls whose price is not known"),
    };
    format!("{emails}. Models have cost ${}{unknown}.", dollars(view.model_spent_micros))
}

#[component]
fn Form(found: OutboundView) -> impl IntoView {
    let client = StoredValue::new(use_client());
    let sending = Sending::new();
    let fields = Fields::of(&found.settings);
    let today = RwSignal::new(used(&found));
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let body = match fields.settings() {
            Ok(body) => body,
            Err(trouble) => return sending.wrong.set(Some(trouble)),
        };
        let client = client.get_value();
        sending.send(
            async move { client.settings_outbound_set(&body).await },
            "The sending rules are saved.",
            move |saved| today.set(used(&saved)),
        );
    };
    let policies = POLICIES.map(|(_, word, label)| SelectOption::new(word, label)).to_vec();
    view! {
        <form class="flex flex-col gap-5" on:submit=save>
            {sending.trouble()}
            <p class="text-sm text-text-2" data-testid="used-today">
                {move || today.get()}
            </p>
            <SelectField
                name="email-consent"
                label="Consent before an email"
                value=Bind::from(fields.consent)
                options=Signal::stored(policies)
                help="Noted in each contact. Messages that belong to something the contact did, such as an order, usually need none; advertising usually does."
            />
            <HoursFields fields=fields />
            <div class="grid gap-4 sm:grid-cols-2">
                <TextInput
                    name="contact-max"
                    label="Emails to one contact a day"
                    input_type="number"
                    value=Bind::from(fields.contact_max)
                    optional=true
                    help="Empty: any number. More are held until the contact's next day."
                />
                <TextInput
                    name="organization-max"
                    label="Emails of the organisation a day"
                    input_type="number"
                    value=Bind::from(fields.organization_max)
                    optional=true
                    help="Empty: any number. More are held until the next day."
                />
            </div>
            <TextInput
                name="model-budget"
                label="Models may cost a day (US dollars)"
                value=Bind::from(fields.budget)
                optional=true
                help="Empty: anything. A call that could exceed it is refused before it is made."
            />
            <div>
                <Button kind=ButtonKind::Primary button_type="submit" pending=sending.working>
                    "Save"
                </Button>
            </div>
        </form>
    }
}

#[component]
fn HoursFields(fields: Fields) -> impl IntoView {
    view! {
        <fieldset class="flex flex-col gap-3">
            <legend class="sr-only">"Sending hours"</legend>
            <Checkbox
                name="sending-hours"
                label="Send emails only at certain hours"
                value=Bind::from(fields.hours)
                help="In the contact's time zone, or the organisation's where that is not known. Approved emails wait for the next hour in which they may leave."
            />
            <Show when=move || fields.hours.get()>
                <div class="grid max-w-sm grid-cols-2 gap-4">
                    <TextInput
                        name="hours-from"
                        label="From"
                        input_type="time"
                        value=Bind::from(fields.from)
                    />
                    <TextInput
                        name="hours-to"
                        label="To"
                        input_type="time"
                        value=Bind::from(fields.to)
                    />
                </div>
                <div class="flex flex-wrap gap-4">
                    {Day::ALL
                        .into_iter()
                        .zip(fields.days)
                        .map(|(day, on)| {
                            view! {
                                <Checkbox
                                    name=format!("hours-{}", day.word().to_lowercase())
                                    label=day.word()
                                    value=Bind::from(on)
                                />
                            }
                        })
                        .collect_view()}
                </div>
            </Show>
        </fieldset>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_back_as_it_was_written() {
        for (micros_, text) in [(5_000_000, "5"), (2_500_000, "2.5"), (125_000, "0.125"), (0, "0")]
        {
            assert_eq!(dollars(micros_), text);
            assert_eq!(micros(text).ok().flatten(), Some(micros_));
        }
        assert_eq!(micros(" ").ok(), Some(None));
        for bad in ["five", "-1", "NaN", "2,50", "1e9"] {
            assert!(micros(bad).is_err(), "{bad}");
        }
    }
}
