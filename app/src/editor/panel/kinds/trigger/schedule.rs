//! A schedule: the rule, how it reads, when it comes next, and what becomes of missed times. The server reads
//! the rule out, so that the zones' tables stay out of the browser.

use super::trigger;
use crate::api::use_client;
use crate::editor::panel::duration_field::DurationField;
use crate::editor::panel::step::Step;
use crate::ui::{Bind, Checkbox, SelectField, SelectOption, TextInput, exact, said, use_now};
use leptos::{prelude::*, task::spawn_local};
use signalbox::graph::{Misfire, NodeKind, ScheduleRule, TriggerKind};
use signalbox::time::{self, Cron};
use signalbox::wire::ScheduleNext;
use std::time::Duration;

/// How long after the last letter the server is asked, in milliseconds.
const ASK_AFTER_MS: u64 = 300;

fn rule<T: Clone + PartialEq + Send + Sync + 'static>(
    step: Step,
    field: &'static str,
    read: fn(&ScheduleRule) -> T,
    write: fn(&mut ScheduleRule, T),
) -> Bind<T> {
    let value = Memo::new(move |_| {
        step.node.with(|node| match &node.kind {
            NodeKind::Trigger(settings) => read(&settings.schedule),
            _ => read(&ScheduleRule::default()),
        })
    });
    Bind::new(value, move |value| {
        step.change(field, |kind| {
            if let NodeKind::Trigger(settings) = kind {
                write(&mut settings.schedule, value);
            }
        });
    })
}

#[component]
pub(super) fn Schedule(step: Step) -> impl IntoView {
    let cron = step.bind(
        "cron",
        |kind| match trigger(kind) {
            Some(TriggerKind::Schedule { cron, .. }) => cron.clone(),
            _ => String::new(),
        },
        |kind, text: String| {
            if let NodeKind::Trigger(settings) = kind
                && let TriggerKind::Schedule { cron, .. } = &mut settings.trigger
            {
                *cron = text;
            }
        },
    );
    let zone = step.bind(
        "timezone",
        |kind| match trigger(kind) {
            Some(TriggerKind::Schedule { timezone, .. }) => timezone.clone().unwrap_or_default(),
            _ => String::new(),
        },
        |kind, text: String| {
            if let NodeKind::Trigger(settings) = kind
                && let TriggerKind::Schedule { timezone, .. } = &mut settings.trigger
            {
                *timezone = (!text.trim().is_empty()).then_some(text);
            }
        },
    );
    let error =
        Signal::derive(move || cron.get().parse::<Cron>().err().map(|error| error.to_string()));
    view! {
        <TextInput
            name="trigger-cron"
            label="Schedule"
            help="Five fields: minute, hour, day, month, weekday. 0 9 * * 1 is Mondays at 9."
            value=cron
            error=error
            mono=true
            disabled=step.readonly()
        />
        <TextInput
            name="trigger-zone"
            label="Time zone"
            help="Such as Europe/Berlin. Empty: the organisation's."
            value=zone
            disabled=step.readonly()
        />
        <Reading cron=cron zone=zone />
        <Missed step=step />
    }
}

/// How the rule reads, and the next five times in its zone.
#[component]
fn Reading(cron: Bind<String>, zone: Bind<String>) -> impl IntoView {
    let (client, now) = (StoredValue::new(use_client()), use_now());
    let read = RwSignal::new(None::<ScheduleNext>);
    let asked = Memo::new(move |_| (cron.get(), zone.get()));
    let waiting = StoredValue::new(None::<TimeoutHandle>);
    Effect::new(move || {
        let (rule, named) = asked.get();
        if let Some(earlier) = waiting.get_value() {
            earlier.clear();
        }
        // What cannot be read has no times: the field says what is wrong with it.
        let is_zone = named.trim().is_empty() || time::zone(named.trim()).is_ok();
        if !is_zone || rule.parse::<Cron>().is_err() {
            read.set(None);
            return;
        }
        let ask = move || {
            spawn_local(async move {
                let named = Some(named.trim()).filter(|named| !named.is_empty());
                let answer = client.get_value().schedule_next(&rule, named).await;
                // The rule may have changed while the answer was on its way, or the form be gone.
                let current = asked.try_get_untracked();
                if current.is_some_and(|(now, _)| now == rule) {
                    read.try_set(answer.ok());
                }
            });
        };
        waiting.set_value(set_timeout_with_handle(ask, Duration::from_millis(ASK_AFTER_MS)).ok());
    });
    on_cleanup(move || {
        if let Some(Some(waiting)) = waiting.try_get_value() {
            waiting.clear();
        }
    });
    move || {
        read.get().map(|read| {
            let mut words = read.words;
            if let Some(first) = words.get(..1).map(str::to_uppercase) {
                words.replace_range(..1, &first);
            }
            let times = read.next.into_iter().map(|at| {
                let (zone, at_ms) = (read.timezone.clone(), at.timestamp_millis());
                let title = exact(at_ms, &zone);
                view! {
                    <li>
                        <time datetime=at.to_rfc3339() title=title>
                            {move || said(at_ms, now.get(), &zone)}
                        </time>
                    </li>
                }
            });
            view! {
                <div class="flex flex-col gap-1 text-sm" data-testid="schedule-reading">
                    <p class="font-medium">{format!("{words} {}", read.timezone)}</p>
                    <p class="text-text-2">{format!("Next times in {}:", read.timezone)}</p>
                    <ul class="text-text-2">{times.collect_view()}</ul>
                </div>
            }
        })
    }
}

/// What becomes of missed times, and of runs that take long.
#[component]
fn Missed(step: Step) -> impl IntoView {
    let misfire = rule(
        step,
        "misfire",
        |rule| match rule.misfire {
            Misfire::Coalesce => "coalesce".to_owned(),
            Misfire::Skip => "skip".to_owned(),
            Misfire::All => "all".to_owned(),
        },
        |rule, word| {
            rule.misfire = match word.as_str() {
                "skip" => Misfire::Skip,
                "all" => Misfire::All,
                _ => Misfire::Coalesce,
            }
        },
    );
    let overlap = rule(step, "no-overlap", |rule| rule.no_overlap, |rule, on| rule.no_overlap = on);
    let lateness = rule(
        step,
        "max-lateness",
        |rule| rule.max_lateness_ms,
        |rule, ms: Option<u64>| rule.max_lateness_ms = ms,
    );
    let options = vec![
        SelectOption::new("coalesce", "One run for all of them"),
        SelectOption::new("skip", "None"),
        SelectOption::new("all", "One run each, 100 at most"),
    ];
    let skips = Memo::new(move |_| misfire.get() == "skip");
    view! {
        <SelectField
            name="trigger-misfire"
            label="After missed times"
            help="Times that came while the server was down."
            value=misfire
            options=options
            disabled=step.readonly()
        />
        {move || {
            (!skips.get())
                .then(|| {
                    view! {
                        <DurationField
                            name="trigger-lateness"
                            label="No later than"
                            help="A time that is missed by more is left out. Empty: until the next time comes."
                            value=lateness
                            disabled=step.readonly()
                        />
                    }
                })
        }}
        <Checkbox
            name="trigger-no-overlap"
            label="Leave a time out while the run before is going on"
            value=overlap
            disabled=step.readonly()
        />
    }
}
