//! Contacts: the people the organisation talks to. List, search, add, change, delete.

mod consent;

use crate::api::{failure, toast_failure, trouble, use_client};
use crate::session::may;
use crate::ui::{
    Bind, Button, ButtonKind, Cell, Checkbox, Column, Dialog, EmptyState, Icon, PageHeader,
    RecordForm, Removal, Row, Skeleton, StateBadge, Table, TextArea, TextInput, Time, Toast,
    Toasts, Tone, Trouble,
};
use consent::{ConsentFields, ConsentForm};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::components::A;
use serde_json::{Map, Value};
use signalbox::wire::{ContactInput, ContactView, Page, PageQuery, Permission};

/// `/contacts`.
#[component]
pub fn Contacts() -> impl IntoView {
    let client = use_client();
    let search = RwSignal::new(String::new());
    let editing = RwSignal::new(None::<ContactView>);
    let open = RwSignal::new(false);
    let page = Resource::new(
        move || search.get(),
        move |search| {
            let client = client.clone();
            async move {
                let search = (!search.trim().is_empty()).then(|| search.trim().to_owned());
                client.contacts(&PageQuery { search, limit: Some(100), ..Default::default() }).await
            }
        },
    );
    let refetch = Callback::new(move |()| page.refetch());
    let add = Callback::new(move |()| {
        editing.set(None);
        open.set(true);
    });
    let may_edit = || may(Permission::ContactRecordEdit);
    view! {
        <PageHeader title="Contacts" subtitle="The people your workflows write to.">
            <Show when=may_edit>
                <Button kind=ButtonKind::Primary icon=Icon::Plus on_click=move |_| add.run(())>
                    "Add contact"
                </Button>
            </Show>
        </PageHeader>
        <div class="max-w-sm px-4 pb-3 md:px-6">
            <TextInput
                name="contact-search"
                label="Search"
                input_type="search"
                value=Bind::from(search)
                placeholder="Name, email, status"
            />
        </div>
        <Transition fallback=|| {
            view! { <Skeleton rows=8 /> }
        }>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(found) => {
                        let edit = Callback::new(move |contact| {
                            editing.set(Some(contact));
                            open.set(true);
                        });
                        let searched = search.with_untracked(|s| !s.trim().is_empty());
                        view! { <List page=found searched=searched edit=edit add=add /> }.into_any()
                    }
                    Err(error) => failure(&error, Some(refetch)),
                }
            })}
        </Transition>
        <Editor open=open editing=editing on_saved=refetch />
    }
}

#[component]
fn List(
    page: Page<ContactView>,
    searched: bool,
    edit: Callback<ContactView>,
    add: Callback<()>,
) -> impl IntoView {
    if page.items.is_empty() && searched {
        return view! {
            <EmptyState
                icon=Icon::Search
                title="Nobody matches"
                text="Search by a part of the name, the email address or the status."
            />
        }
        .into_any();
    }
    if page.items.is_empty() {
        return view! {
            <EmptyState
                icon=Icon::Users
                title="No contacts yet"
                text="A contact is a person your organisation talks to. Workflows look contacts up, write to them and update them."
            >
                <Button icon=Icon::Plus on_click=move |_| add.run(())>
                    "Add contact"
                </Button>
            </EmptyState>
        }
        .into_any();
    }
    let more = page.next_cursor.is_some();
    view! {
        <div class="px-1 md:px-3">
            <Table
                caption="Contacts"
                columns=vec![
                    Column::text("Name"),
                    Column::text("Email"),
                    Column::text("Status"),
                    Column::text("Source"),
                    Column::text("Changed"),
                    Column::text("Runs"),
                    Column::text("Id"),
                ]
            >
                {page
                    .items
                    .into_iter()
                    .map(|contact| view! { <ContactRow contact=contact edit=edit /> })
                    .collect_view()}
            </Table>
        </div>
        {more
            .then(|| {
                view! {
                    <p class="p-4 text-sm text-text-3">
                        "There are more. Search to narrow the list down."
                    </p>
                }
            })}
    }
    .into_any()
}

#[component]
fn ContactRow(contact: ContactView, edit: Callback<ContactView>) -> impl IntoView {
    let shown = contact.clone();
    let said = consent::badge(&shown);
    let name = if shown.name.is_empty() { "No name".to_owned() } else { shown.name };
    view! {
        <Row>
            <Cell>
                <button
                    type="button"
                    class="target font-medium hover:underline"
                    on:click=move |_| edit.run(contact.clone())
                >
                    {name}
                </button>
            </Cell>
            <Cell>{shown.email}</Cell>
            <Cell>
                {shown
                    .do_not_contact
                    .then(|| {
                        view! {
                            <StateBadge tone=Tone::Stop icon=Icon::Lock label="Do not contact" />
                        }
                    })}
                " " {said} " "
                {shown.status}
            </Cell>
            <Cell>{shown.source}</Cell>
            <Cell>
                <Time at_ms=shown.updated_at.timestamp_millis() />
            </Cell>
            <Cell>
                <A href=format!("/runs?contact={}", shown.id) attr:class="target hover:underline">
                    "Show runs"
                </A>
            </Cell>
            <Cell>
                <span class="font-mono text-xs text-text-3 select-all">{shown.id.to_string()}</span>
            </Cell>
        </Row>
    }
}

/// What is typed into the dialog.
#[derive(Clone, Copy)]
struct Form {
    name: RwSignal<String>,
    email: RwSignal<String>,
    phone: RwSignal<String>,
    status: RwSignal<String>,
    timezone: RwSignal<String>,
    tags: RwSignal<String>,
    total_spent: RwSignal<String>,
    do_not_contact: RwSignal<bool>,
    consent: ConsentForm,
    metadata: RwSignal<String>,
}

impl Form {
    fn of(contact: Option<&ContactView>) -> Self {
        let text =
            |read: fn(&ContactView) -> String| RwSignal::new(contact.map(read).unwrap_or_default());
        Self {
            name: text(|c| c.name.clone()),
            email: text(|c| c.email.clone().unwrap_or_default()),
            phone: text(|c| c.phone.clone().unwrap_or_default()),
            status: text(|c| c.status.clone()),
            timezone: text(|c| c.timezone.clone().unwrap_or_default()),
            tags: text(|c| c.tags.join(", ")),
            total_spent: text(|c| c.total_spent.map(|n| n.to_string()).unwrap_or_default()),
            do_not_contact: RwSignal::new(contact.is_some_and(|c| c.do_not_contact)),
            consent: ConsentForm::of(contact),
            metadata: text(|c| {
                if c.metadata.is_empty() {
                    String::new()
                } else {
                    serde_json::to_string_pretty(&c.metadata).unwrap_or_default()
                }
            }),
        }
    }

    /// The input to send; keys that were taken out of the metadata are sent as null.
    fn input(&self, before: Option<&ContactView>) -> Result<ContactInput, Trouble> {
        let total = self.total_spent.get_untracked();
        let total_spent = match total.trim() {
            "" => None,
            text => Some(text.parse::<f64>().map_err(|_| {
                Trouble::new(
                    "Total spent is not a number.",
                    "Write it like 1250.50, without a currency.",
                )
            })?),
        };
        let tags = self.tags.get_untracked();
        let tags = tags.split(',').map(str::trim).filter(|tag| !tag.is_empty());
        Ok(ContactInput {
            name: Some(self.name.get_untracked().trim().to_owned()),
            email: Some(self.email.get_untracked().trim().to_owned()),
            phone: Some(self.phone.get_untracked().trim().to_owned()),
            status: Some(self.status.get_untracked().trim().to_owned()),
            timezone: Some(self.timezone.get_untracked().trim().to_owned())
                .filter(|zone| !zone.is_empty()),
            do_not_contact: Some(self.do_not_contact.get_untracked()),
            consent: self.consent.change(before)?,
            tags: Some(tags.map(str::to_owned).collect()),
            total_spent,
            metadata: Some(metadata_of(&self.metadata.get_untracked(), before)?),
            ..Default::default()
        })
    }
}

fn metadata_of(text: &str, before: Option<&ContactView>) -> Result<Map<String, Value>, Trouble> {
    let mut metadata: Map<String, Value> = if text.trim().is_empty() {
        Map::new()
    } else {
        serde_json::from_str(text).map_err(|error| {
            Trouble::new(
                format!("More fields is not a JSON object: {error}."),
                "Write it like {\"plan\": \"pro\"}.",
            )
        })?
    };
    for key in before.iter().flat_map(|contact| contact.metadata.keys()) {
        if !metadata.contains_key(key) {
            metadata.insert(key.clone(), Value::Null);
        }
    }
    Ok(metadata)
}

#[component]
fn Editor(
    open: RwSignal<bool>,
    editing: RwSignal<Option<ContactView>>,
    on_saved: Callback<()>,
) -> impl IntoView {
    let title = Signal::derive(move || {
        if editing.with(Option::is_some) { "Contact".to_owned() } else { "Add contact".to_owned() }
    });
    view! {
        <Dialog open=open title=title>
            <EditorForm open=open contact=editing.get_untracked() on_saved=on_saved />
        </Dialog>
    }
}

#[component]
fn EditorForm(
    open: RwSignal<bool>,
    contact: Option<ContactView>,
    on_saved: Callback<()>,
) -> impl IntoView {
    let form = Form::of(contact.as_ref());
    let client = StoredValue::new(use_client());
    let toasts = Toasts::expect();
    let saving = RwSignal::new(false);
    let wrong = RwSignal::new(None::<Trouble>);
    let before = StoredValue::new(contact.clone());
    let save = move |()| {
        let input = match before.with_value(|before| form.input(before.as_ref())) {
            Ok(input) => input,
            Err(what) => return wrong.set(Some(what)),
        };
        saving.set(true);
        spawn_local(async move {
            let client = client.get_value();
            let id = before.with_value(|before| before.as_ref().map(|contact| contact.id));
            let answer = match id {
                Some(id) => client.contact_update(id, &input).await,
                None => client.contact_create(&input).await,
            };
            saving.try_set(false);
            match answer {
                Ok(saved) => {
                    open.try_set(false);
                    toasts.push(Toast::done(format!("{} is saved.", saved.name)));
                    on_saved.try_run(());
                }
                Err(error) => {
                    wrong.try_set(Some(trouble(&error)));
                }
            }
        });
    };
    let delete = Callback::new(move |()| {
        let Some(id) = before.with_value(|before| before.as_ref().map(|c| c.id)) else { return };
        spawn_local(async move {
            match client.get_value().contact_delete(id).await {
                Ok(()) => {
                    open.try_set(false);
                    toasts.push(Toast::done("The contact is deleted."));
                    on_saved.try_run(());
                }
                Err(error) => toast_failure(toasts, &error),
            }
        });
    });
    let removal = contact.is_some().then_some(Removal {
        question: "Runs that wait for this contact will not find it. Delete it?",
        run: delete,
    });
    view! {
        <RecordForm open=open wrong=wrong saving=saving on_save=save removal=removal>
            <div class="grid gap-4 sm:grid-cols-2">
                <TextInput name="contact-name" label="Name" value=Bind::from(form.name) />
                <TextInput
                    name="contact-email"
                    label="Email"
                    input_type="email"
                    value=Bind::from(form.email)
                />
                <TextInput
                    name="contact-phone"
                    label="Phone"
                    value=Bind::from(form.phone)
                    placeholder="+491701234567"
                />
                <TextInput
                    name="contact-status"
                    label="Status"
                    value=Bind::from(form.status)
                    placeholder="active, inactive, VIP"
                />
                <TextInput
                    name="contact-zone"
                    label="Time zone"
                    value=Bind::from(form.timezone)
                    placeholder="Europe/Berlin"
                />
                <TextInput name="contact-spent" label="Total spent" value=Bind::from(form.total_spent) />
            </div>
            <TextInput
                name="contact-tags"
                label="Tags"
                value=Bind::from(form.tags)
                help="With commas between them."
            />
            <TextArea
                name="contact-metadata"
                label="More fields"
                value=Bind::from(form.metadata)
                rows=4
                mono=true
                optional=true
                help="A JSON object. Expressions read these fields like the others."
            />
            <ConsentFields form=form.consent />
            <Checkbox
                name="contact-dnc"
                label="Do not contact"
                value=Bind::from(form.do_not_contact)
                help="No workflow, no person and no rule can send this contact anything."
            />
        </RecordForm>
    }
}
