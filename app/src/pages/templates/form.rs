//! The form of one template: add, change, delete.

use crate::api::{toast_failure, trouble, use_client};
use crate::ui::{Bind, RecordForm, Removal, TextArea, TextInput, Toast, Toasts, Trouble};
use leptos::{prelude::*, task::spawn_local};
use signalbox::wire::{TemplateChange, TemplateCreate, TemplateView};

/// What is typed.
#[derive(Clone, Copy)]
struct Typed {
    id: RwSignal<String>,
    name: RwSignal<String>,
    subject: RwSignal<String>,
    text: RwSignal<String>,
    html: RwSignal<String>,
}

impl Typed {
    fn of(template: Option<&TemplateView>) -> Self {
        let field = |read: fn(&TemplateView) -> String| {
            RwSignal::new(template.map(read).unwrap_or_default())
        };
        Self {
            id: field(|t| t.id.clone()),
            name: field(|t| t.name.clone()),
            subject: field(|t| t.subject.clone()),
            text: field(|t| t.text.clone()),
            html: field(|t| t.html.clone().unwrap_or_default()),
        }
    }

    fn wanted(self) -> TemplateCreate {
        TemplateCreate {
            id: self.id.get_untracked().trim().to_owned(),
            name: self.name.get_untracked(),
            subject: self.subject.get_untracked(),
            text: self.text.get_untracked(),
            html: Some(self.html.get_untracked()).filter(|html| !html.trim().is_empty()),
        }
    }
}

/// The form; of a template that is there already, or of a new one.
#[component]
pub fn TemplateForm(
    open: RwSignal<bool>,
    template: Option<TemplateView>,
    on_saved: Callback<()>,
) -> impl IntoView {
    let client = StoredValue::new(use_client());
    let toasts = Toasts::expect();
    let (saving, wrong) = (RwSignal::new(false), RwSignal::new(None::<Trouble>));
    let typed = Typed::of(template.as_ref());
    let before = StoredValue::new(template.map(|template| (template.id, template.revision)));
    let save = move |()| {
        let wanted = typed.wanted();
        saving.set(true);
        spawn_local(async move {
            let client = client.get_value();
            let answer = match before.get_value() {
                None => client.template_create(&wanted).await,
                Some((id, revision)) => {
                    let TemplateCreate { name, subject, text, html, .. } = wanted;
                    let change = TemplateChange { revision, name, subject, text, html };
                    client.template_change(&id, &change).await
                }
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
        let Some((id, _)) = before.get_value() else { return };
        spawn_local(async move {
            match client.get_value().template_delete(&id).await {
                Ok(()) => {
                    open.try_set(false);
                    toasts.push(Toast::done("The template is deleted."));
                    on_saved.try_run(());
                }
                Err(error) => toast_failure(toasts, &error),
            }
        });
    });
    let is_there = before.with_value(Option::is_some);
    let removal = is_there.then_some(Removal {
        question: "Steps that send it fail from now on. Delete it?",
        run: delete,
    });
    view! {
        <RecordForm open=open wrong=wrong saving=saving on_save=save removal=removal>
            <Fields typed=typed is_there=is_there />
        </RecordForm>
    }
}

#[component]
fn Fields(typed: Typed, is_there: bool) -> impl IntoView {
    view! {
        <div class="grid gap-4 sm:grid-cols-2">
            <TextInput
                name="template-id"
                label="Id"
                value=Bind::from(typed.id)
                disabled=is_there
                required=true
                mono=true
                placeholder="tmpl_intro"
                help="Steps name it in Template."
            />
            <TextInput name="template-name" label="Name" value=Bind::from(typed.name) />
        </div>
        <TextInput
            name="template-subject"
            label="Subject"
            value=Bind::from(typed.subject)
            help="Used where the step has no subject."
        />
        <TextArea
            name="template-text"
            label="Text"
            value=Bind::from(typed.text)
            rows=8
            help="{{contact.name}}, {{input.topic}} and whatever the step can read."
        />
        <TextArea
            name="template-html"
            label="HTML"
            value=Bind::from(typed.html)
            rows=6
            mono=true
            optional=true
            help="Shown instead of the text where the reader can. Values are escaped."
        />
    }
}
