//! What a contact said about emails: shown as a badge, edited as a part of the contact's form.
//!
//! Deliberately absent: texts and calls, whose channels do not exist yet; the API takes them all the same.

use crate::ui::{
    Bind, Icon, SelectField, SelectOption, StateBadge, TextInput, Tone, Trouble, now_ms,
};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use leptos::prelude::*;
use signalbox::wire::{
    Consent, ConsentInput, ConsentKind, ConsentState, ContactView, MessageChannel,
};

fn of_email(contact: &ContactView) -> Option<&Consent> {
    contact.consent.iter().find(|consent| consent.channel == MessageChannel::Email)
}

fn word(state: Option<ConsentState>) -> &'static str {
    match state {
        None => "",
        Some(ConsentState::Granted) => "granted",
        Some(ConsentState::Revoked) => "revoked",
        Some(ConsentState::Expired) => "expired",
    }
}

fn state_of(word: &str) -> Option<ConsentState> {
    [ConsentState::Granted, ConsentState::Revoked, ConsentState::Expired]
        .into_iter()
        .find(|state| self::word(Some(*state)) == word)
}

/// The badge of a row; nothing where nothing is known.
pub(super) fn badge(contact: &ContactView) -> Option<AnyView> {
    let now = DateTime::from_timestamp_millis(now_ms()).unwrap_or_default();
    let (tone, icon, label) = match of_email(contact)?.state_at(now) {
        ConsentState::Granted => (Tone::Clear, Icon::Check, "Consent given"),
        ConsentState::Revoked => (Tone::Stop, Icon::Lock, "Consent revoked"),
        ConsentState::Expired => (Tone::Wait, Icon::Clock, "Consent expired"),
    };
    Some(view! { <StateBadge tone=tone icon=icon label=label /> }.into_any())
}

/// What is typed.
#[derive(Clone, Copy)]
pub(super) struct ConsentForm {
    state: RwSignal<String>,
    kind: RwSignal<String>,
    until: RwSignal<String>,
    source: RwSignal<String>,
}

impl ConsentForm {
    /// As it stands in a contact.
    pub(super) fn of(contact: Option<&ContactView>) -> Self {
        let said = contact.and_then(of_email);
        let kind = match said.map(|said| said.kind) {
            Some(ConsentKind::Implied) => "implied",
            _ => "express",
        };
        Self {
            state: RwSignal::new(word(said.map(|said| said.state)).into()),
            kind: RwSignal::new(kind.into()),
            until: RwSignal::new(until_of(said)),
            source: RwSignal::new(said.map(|said| said.source.clone()).unwrap_or_default()),
        }
    }

    /// The change to send; none when nothing was changed, so that the time of the consent stays.
    pub(super) fn change(
        &self,
        before: Option<&ContactView>,
    ) -> Result<Option<Vec<ConsentInput>>, Trouble> {
        let now = Self::of(before);
        let same =
            |a: RwSignal<String>, b: RwSignal<String>| a.get_untracked() == b.get_untracked();
        if same(self.state, now.state)
            && same(self.kind, now.kind)
            && same(self.until, now.until)
            && same(self.source, now.source)
        {
            return Ok(None);
        }
        let state = state_of(&self.state.get_untracked());
        let until = self.until.get_untracked();
        let expires_at = match until.trim() {
            "" => None,
            _ if state != Some(ConsentState::Granted) => None,
            text => Some(beginning_of(text).ok_or_else(|| {
                Trouble::new(
                    "The consent\u{2019}s last day is not a date.",
                    "Choose it in the calendar.",
                )
            })?),
        };
        Ok(Some(vec![ConsentInput {
            channel: MessageChannel::Email,
            state,
            kind: match self.kind.get_untracked().as_str() {
                "implied" => ConsentKind::Implied,
                _ => ConsentKind::Express,
            },
            source: self.source.get_untracked().trim().to_owned(),
            at: None,
            expires_at,
        }]))
    }
}

fn until_of(said: Option<&Consent>) -> String {
    let at = said.and_then(|said| said.expires_at);
    at.map(|at| at.format("%Y-%m-%d").to_string()).unwrap_or_default()
}

fn beginning_of(text: &str) -> Option<DateTime<Utc>> {
    let date = NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok()?;
    Some(date.and_time(NaiveTime::MIN).and_utc())
}

/// The part of the form.
#[component]
pub(super) fn ConsentFields(form: ConsentForm) -> impl IntoView {
    let known = move || !form.state.get().is_empty();
    let granted = move || form.state.get() == "granted";
    view! {
        <div class="grid gap-4 sm:grid-cols-2">
            <SelectField
                name="contact-consent"
                label="Consent to emails"
                value=Bind::from(form.state)
                options=Signal::stored(
                    vec![
                        SelectOption::new("", "Nothing is known"),
                        SelectOption::new("granted", "Given"),
                        SelectOption::new("revoked", "Revoked: nothing is sent"),
                        SelectOption::new("expired", "Expired"),
                    ],
                )
            />
            <Show when=known>
                <SelectField
                    name="contact-consent-kind"
                    label="How"
                    value=Bind::from(form.kind)
                    options=Signal::stored(
                        vec![
                            SelectOption::new("express", "Express: the contact said so"),
                            SelectOption::new("implied", "Implied by what the contact did"),
                        ],
                    )
                />
                <TextInput
                    name="contact-consent-source"
                    label="Where it comes from"
                    value=Bind::from(form.source)
                    optional=true
                    placeholder="Sign-up form of 3 May"
                />
            </Show>
            <Show when=granted>
                <TextInput
                    name="contact-consent-until"
                    label="Ends on"
                    input_type="date"
                    value=Bind::from(form.until)
                    optional=true
                    help="From this day on (UTC) it counts as expired."
                />
            </Show>
        </div>
    }
}
