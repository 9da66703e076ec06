//! Which runs the list shows: state, workflow, contact, time, words. The filter stands in the address, so that it can be
//! passed on and survives a reload.

use crate::api::use_client;
use crate::looks;
use crate::ui::{Bind, SelectField, SelectOption, TextInput, now_ms};
use chrono::DateTime;
use leptos::{prelude::*, task::spawn_local};
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};
use leptos_router::params::ParamsMap;
use signalbox::id::ContactId;
use signalbox::run::RunPhase;
use signalbox::wire::{PageQuery, RunQuery, RunView};
use std::time::Duration;

/// Typing rests so long before the list is fetched.
const TYPING: Duration = Duration::from_millis(250);
const HOUR_MS: i64 = 3_600_000;
/// Spans of time as the address has them, in words, and in hours.
const SPANS: [(&str, &str, i64); 4] = [
    ("1h", "The last hour", 1),
    ("24h", "The last 24 hours", 24),
    ("7d", "The last 7 days", 7 * 24),
    ("30d", "The last 30 days", 30 * 24),
];

/// What is filtered by; an empty text is no filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The word of a state.
    pub state: String,
    /// The id of a workflow.
    pub workflow: String,
    /// The id of a contact that they are about, or that they wrote to.
    pub contact: String,
    /// One of the spans: started within.
    pub within: String,
    /// Words.
    pub q: String,
}

/// One of the parts of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its state.
    State,
    /// Its workflow.
    Workflow,
    /// Its contact.
    Contact,
    /// Its time.
    Within,
    /// Its words.
    Words,
}

impl Part {
    /// All of them.
    pub const ALL: [Part; 5] =
        [Part::State, Part::Workflow, Part::Contact, Part::Within, Part::Words];

    /// What the button says that takes it away.
    pub fn without(self) -> &'static str {
        match self {
            Part::State => "Any state",
            Part::Workflow => "Any workflow",
            Part::Contact => "Any contact",
            Part::Within => "Any time",
            Part::Words => "Without the search words",
        }
    }
}

impl Filter {
    fn of(query: &ParamsMap) -> Filter {
        let word = |name: &str| query.get(name).unwrap_or_default();
        let state = RunPhase::parse(&word("state")).map_or("", RunPhase::as_str).to_owned();
        let within = word("within");
        let known = SPANS.iter().any(|(span, ..)| *span == within);
        Filter {
            state,
            workflow: word("workflow")
                .parse::<signalbox::id::WorkflowId>()
                .map_or_else(|_| String::new(), |id| id.to_string()),
            contact: word("contact")
                .parse::<ContactId>()
                .map_or_else(|_| String::new(), |id| id.to_string()),
            within: if known { within } else { String::new() },
            q: word("q"),
        }
    }

    fn address(&self) -> String {
        let mut map = ParamsMap::new();
        let parts = [
            ("state", &self.state),
            ("workflow", &self.workflow),
            ("contact", &self.contact),
            ("within", &self.within),
            ("q", &self.q),
        ];
        for (name, value) in parts {
            if !value.trim().is_empty() {
                map.insert(name, value.clone());
            }
        }
        format!("/runs{}", map.to_query_string())
    }

    /// What the server is asked for.
    pub fn wanted(&self) -> RunQuery {
        let span = SPANS.iter().find(|(span, ..)| *span == self.within);
        let since = span.map(|(_, _, hours)| now_ms() - hours * HOUR_MS);
        RunQuery {
            state: RunPhase::parse(&self.state),
            workflow: self.workflow.parse().ok(),
            contact: self.contact.parse().ok(),
            after: since.and_then(DateTime::from_timestamp_millis),
            q: (!self.q.trim().is_empty()).then(|| self.q.trim().to_owned()),
            ..Default::default()
        }
    }

    /// The parts that filter.
    pub fn parts(&self) -> Vec<Part> {
        let filters = |part: &Part| !self.part(*part).trim().is_empty();
        Part::ALL.into_iter().filter(filters).collect()
    }

    /// The same without a part.
    pub fn without(&self, part: Part) -> Filter {
        let mut other = self.clone();
        match part {
            Part::State => other.state.clear(),
            Part::Workflow => other.workflow.clear(),
            Part::Contact => other.contact.clear(),
            Part::Within => other.within.clear(),
            Part::Words => other.q.clear(),
        }
        other
    }

    fn part(&self, part: Part) -> &str {
        match part {
            Part::State => &self.state,
            Part::Workflow => &self.workflow,
            Part::Contact => &self.contact,
            Part::Within => &self.within,
            Part::Words => &self.q,
        }
    }

    /// Whether runs in this state belong into the list.
    pub fn has_place_for(&self, phase: RunPhase) -> bool {
        RunPhase::parse(&self.state).is_none_or(|wanted| wanted == phase)
    }

    /// Whether a run that has no row may come into the list when it changes: by its state, or as it writes to the contact.
    pub fn may_come_in(&self) -> bool {
        !self.state.is_empty() || !self.contact.is_empty()
    }

    /// Whether a run that was just started belongs into the list, as far as its row tells; none: of its contacts it has
    /// the names alone.
    pub fn lets_through(&self, run: &RunView) -> Option<bool> {
        let text = format!("{}\n{}", run.workflow_name, run.started_by).to_lowercase();
        let fits = self.has_place_for(run.status.phase())
            && (self.workflow.is_empty() || self.workflow == run.workflow.to_string())
            && self.q.to_lowercase().split_whitespace().all(|word| text.contains(word));
        (!fits || self.contact.is_empty()).then_some(fits)
    }
}

/// The filter of the address, which follows it and is followed by it.
pub fn use_filter() -> RwSignal<Filter> {
    let query = use_query_map();
    let filter = RwSignal::new(query.with_untracked(Filter::of));
    let written = StoredValue::new(filter.get_untracked());
    let navigate = use_navigate();
    Effect::new(move || {
        let wanted = filter.get();
        if written.get_value() != wanted {
            written.set_value(wanted.clone());
            let options = NavigateOptions { replace: true, scroll: false, ..Default::default() };
            navigate(&wanted.address(), options);
        }
    });
    // Somebody followed a link to this page while it was open.
    Effect::new(move || {
        let said = query.with(Filter::of);
        if written.get_value() != said {
            written.set_value(said.clone());
            filter.set(said);
        }
    });
    filter
}

/// The controls.
#[component]
pub fn FilterBar(filter: RwSignal<Filter>) -> impl IntoView {
    let client = use_client();
    // Asked for by the awake page alone: what the server draws must not depend on how fast an answer came.
    let workflows = RwSignal::new(Vec::<SelectOption>::new());
    Effect::new(move || {
        let client = client.clone();
        spawn_local(async move {
            let all = PageQuery { limit: Some(200), ..Default::default() };
            let Ok(page) = client.workflows(&all).await else { return };
            let named = page.items.into_iter().map(|w| SelectOption::new(w.id.to_string(), w.name));
            workflows.try_set(named.collect());
        });
    });
    let mut states = vec![SelectOption::new("", "All states")];
    states.extend(RunPhase::ALL.map(|p| SelectOption::new(p.as_str(), looks::phase(p).2)));
    let mut spans = vec![SelectOption::new("", "Any time")];
    spans.extend(SPANS.map(|(span, words, _)| SelectOption::new(span, words)));
    let names = Signal::derive(move || {
        let mut options = vec![SelectOption::new("", "All workflows")];
        options.extend(workflows.get());
        let wanted = filter.with(|filter| filter.workflow.clone());
        if !options.iter().any(|option| option.value == wanted) {
            options.push(SelectOption::new(wanted, "Another workflow"));
        }
        options
    });
    let part = move |read: fn(&Filter) -> &String, write: fn(&mut Filter, String)| {
        Bind::new(
            Signal::derive(move || filter.with(|filter| read(filter).clone())),
            move |value| {
                filter.update(|filter| write(filter, value));
            },
        )
    };
    view! {
        <div class="flex flex-wrap items-start gap-3 px-4 pb-3 md:px-6" role="search" aria-label="Runs">
            <div class="w-52">
                <Words filter=filter />
            </div>
            <div class="w-48">
                <SelectField
                    name="run-state"
                    label="State"
                    value=part(|f| &f.state, |f, value| f.state = value)
                    options=Signal::stored(states)
                />
            </div>
            <div class="w-56">
                <SelectField
                    name="run-workflow"
                    label="Workflow"
                    value=part(|f| &f.workflow, |f, value| f.workflow = value)
                    options=names
                />
            </div>
            <OfContact filter=filter />
            <div class="w-44">
                <SelectField
                    name="run-within"
                    label="Started"
                    value=part(|f| &f.within, |f, value| f.within = value)
                    options=Signal::stored(spans)
                />
            </div>
        </div>
    }
}

/// The contact, where one is filtered by: contacts lead here from their own page, there are too many to choose from.
#[component]
fn OfContact(filter: RwSignal<Filter>) -> impl IntoView {
    let client = use_client();
    let name = RwSignal::new(String::new());
    let wanted = Memo::new(move |_| filter.with(|filter| filter.contact.clone()));
    Effect::new(move || {
        let (client, id) = (client.clone(), wanted.get().parse::<ContactId>());
        name.set(String::new());
        let Ok(id) = id else { return };
        spawn_local(async move {
            let Ok(contact) = client.contact(id).await else { return };
            if wanted.try_get_untracked() == Some(id.to_string()) {
                let named = Some(contact.name).filter(|name| !name.is_empty());
                name.try_set(named.or(contact.email).unwrap_or_default());
            }
        });
    });
    let options = Signal::derive(move || {
        let name = Some(name.get()).filter(|name| !name.is_empty());
        vec![
            SelectOption::new("", "All contacts"),
            SelectOption::new(wanted.get(), name.unwrap_or_else(|| "One contact".to_owned())),
        ]
    });
    let value = Bind::new(wanted, move |value| filter.update(|filter| filter.contact = value));
    view! {
        <Show when=move || wanted.with(|wanted| !wanted.is_empty())>
            <div class="w-40">
                <SelectField name="run-contact" label="Contact" value=value options=options />
            </div>
        </Show>
    }
}

/// The search words; the filter follows when typing rests.
#[component]
fn Words(filter: RwSignal<Filter>) -> impl IntoView {
    let typed = RwSignal::new(filter.with_untracked(|filter| filter.q.clone()));
    Effect::new(move || typed.set(filter.with(|filter| filter.q.clone())));
    let rest = StoredValue::new(None::<TimeoutHandle>);
    let write = move |text: String| {
        typed.set(text.clone());
        rest.update_value(|last| {
            if let Some(last) = last.take() {
                last.clear();
            }
            let apply = move || {
                filter.try_update(|filter| filter.q = text);
            };
            *last = set_timeout_with_handle(apply, TYPING).ok();
        });
    };
    view! {
        <TextInput
            name="run-search"
            label="Search"
            input_type="search"
            value=Bind::new(typed, write)
            placeholder="Workflow, input, error"
        />
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_survives_the_address() {
        let filter = Filter {
            state: "Failed".into(),
            workflow: String::new(),
            contact: "00000000-0000-0000-0000-00000000000c".into(),
            within: "7d".into(),
            q: "ada & co?".into(),
        };
        let address = filter.address();
        let text = address.strip_prefix("/runs?").expect("a query");
        let mut map = ParamsMap::new();
        for (name, value) in url_pairs(text) {
            map.insert(name, value);
        }
        assert_eq!(Filter::of(&map), filter, "{address}");
        assert_eq!(Filter::default().address(), "/runs");
    }

    fn url_pairs(text: &str) -> Vec<(String, String)> {
        let plain = |part: &str| {
            let bytes = part.as_bytes();
            let (mut out, mut at) = (Vec::new(), 0);
            while at < bytes.len() {
                if bytes[at] == b'%' {
                    out.push(u8::from_str_radix(&part[at + 1..at + 3], 16).expect("hex"));
                    at += 3;
                } else {
                    out.push(bytes[at]);
                    at += 1;
                }
            }
            String::from_utf8(out).expect("text")
        };
        let pair = |pair: &str| pair.split_once('=').map(|(a, b)| (plain(a), plain(b)));
        text.split('&').filter_map(pair).collect()
    }

    #[test]
    fn nonsense_in_the_address_is_no_filter() {
        let mut map = ParamsMap::new();
        map.insert("state", "Nonsense".to_owned());
        map.insert("within", "soon".to_owned());
        map.insert("workflow", "x".to_owned());
        map.insert("contact", "x".to_owned());
        assert_eq!(Filter::of(&map), Filter::default());
    }

    #[test]
    fn parts_are_what_filters() {
        let filter = Filter { state: "Failed".into(), q: " ".into(), ..Default::default() };
        assert_eq!(filter.parts(), [Part::State]);
        assert_eq!(filter.without(Part::State).parts(), []);
        assert!(filter.wanted().q.is_none());
    }
}
