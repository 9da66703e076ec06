//! Pages whose code the browser fetches when they are first opened: one wasm file for each [`Part`],
//! and files that parts share. The split is made by cargo-leptos (`--split`, feature `split`, release
//! builds); without the feature the same pages are in the one wasm file and nothing waits.
//!
//! Deliberately absent: which page has which path ([`crate::routes`]).

use crate::inbox::{Ask, Card, KeysList};
use crate::pages::{self, About, Gallery, ImportForm, Making};
use crate::settings::PauseBanner;
use crate::ui::{ErrorPanel, Skeleton, Trouble};
use futures::FutureExt;
use leptos::{prelude::*, task::spawn_local};
use leptos_router::LazyRoute;
use signalbox::id::ApprovalId;
use signalbox::wire::ApprovalView;

/// The code of a part could not be fetched: no connection, or the server has a newer build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the code of this page could not be fetched")]
pub struct NotFetched;

#[cfg(all(feature = "split", target_arch = "wasm32"))]
impl From<leptos::wasm_split::SplitLoaderError> for NotFetched {
    fn from(_: leptos::wasm_split::SplitLoaderError) -> Self {
        NotFetched
    }
}

/// A part of the interface with a wasm file of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Signing in, setting up.
    Entry,
    /// The inbox's list.
    Inbox,
    /// The list of workflows.
    Workflows,
    /// The editor and a run, gallery and import: what works with graphs.
    Canvas,
    /// Runs, contacts, sandbox, settings, and an item of the inbox in full.
    Office,
}

impl Part {
    /// Every part.
    pub const ALL: [Part; 5] =
        [Part::Entry, Part::Inbox, Part::Workflows, Part::Canvas, Part::Office];

    /// Its name in the split's manifest.
    pub fn name(self) -> &'static str {
        match self {
            Part::Entry => "entry",
            Part::Inbox => "inbox",
            Part::Workflows => "workflows",
            Part::Canvas => "canvas",
            Part::Office => "office",
        }
    }

    /// Fetches its code, unless that is here already; what is in it is then drawn at once.
    pub async fn fetch(self) -> Result<(), NotFetched> {
        // Each function asks for itself; the file is fetched once.
        let fetched = match self {
            Part::Entry => fetch_sign_in().await.and(fetch_setup().await),
            Part::Inbox => fetch_inbox().await,
            Part::Workflows => fetch_workflows().await,
            Part::Canvas => {
                let first = fetch_editor().await;
                first
                    .and(fetch_run().await)
                    .and(fetch_gallery().await)
                    .and(fetch_import().await)
                    .and(fetch_about_workflow().await)
            }
            Part::Office => {
                let first = fetch_runs().await.and(fetch_contacts().await);
                first
                    .and(fetch_sandbox().await)
                    .and(fetch_templates().await)
                    .and(fetch_settings().await)
                    .and(fetch_card().await)
                    .and(fetch_inbox_keys().await)
                    .and(fetch_pause_banner().await)
            }
        };
        fetched.map_err(|_| NotFetched)
    }
}

fn shown(made: Result<AnyView, NotFetched>) -> AnyView {
    made.unwrap_or_else(|error| {
        let trouble = Trouble::new(
            error.to_string(),
            "Reload the page; if it stays so, check the connection to the server",
        );
        view! { <ErrorPanel trouble=trouble /> }.into_any()
    })
}

/// A function that draws something and is in a part: `part: fn that draws(arguments), fn that
/// fetches => view`.
macro_rules! in_part {
    ($part:ident: $draw:ident($($arg:ident: $type:ty),*), $fetch:ident => $view:expr) => {
        #[cfg(all(feature = "split", target_arch = "wasm32"))]
        #[leptos::wasm_split::wasm_split(
            $part,
            wasm_split_path = ::leptos::wasm_split,
            fallible,
            preload($fetch)
        )]
        fn $draw($($arg: $type),*) -> Result<AnyView, NotFetched> {
            Ok($view.into_any())
        }

        #[cfg(not(all(feature = "split", target_arch = "wasm32")))]
        async fn $draw($($arg: $type),*) -> Result<AnyView, NotFetched> {
            Ok($view.into_any())
        }

        #[cfg(not(all(feature = "split", target_arch = "wasm32")))]
        async fn $fetch() -> Result<(), NotFetched> {
            Ok(())
        }
    };
}

/// A route whose page is in a part.
macro_rules! lazy_page {
    ($route:ident, $part:ident: $draw:ident, $fetch:ident, $page:path) => {
        #[doc = concat!("The route of [`", stringify!($page), "`].")]
        pub struct $route;

        impl LazyRoute for $route {
            fn data() -> Self {
                $route
            }

            async fn view(_: Self) -> AnyView {
                shown($draw().await)
            }

            async fn preload() {
                // A failure shows when the page is drawn.
                let _ = $fetch().await;
            }
        }

        in_part!($part: $draw(), $fetch => $page());
    };
}

lazy_page!(SignInRoute, entry: draw_sign_in, fetch_sign_in, pages::SignIn);
lazy_page!(SetupRoute, entry: draw_setup, fetch_setup, pages::Setup);
lazy_page!(InboxRoute, inbox: draw_inbox, fetch_inbox, pages::Inbox);
lazy_page!(WorkflowsRoute, workflows: draw_workflows, fetch_workflows, pages::WorkflowsPage);
lazy_page!(EditorRoute, canvas: draw_editor, fetch_editor, pages::EditorPage);
lazy_page!(RunRoute, canvas: draw_run, fetch_run, pages::Run);
lazy_page!(RunsRoute, office: draw_runs, fetch_runs, pages::Runs);
lazy_page!(ContactsRoute, office: draw_contacts, fetch_contacts, pages::Contacts);
lazy_page!(SandboxRoute, office: draw_sandbox, fetch_sandbox, pages::Sandbox);
lazy_page!(TemplatesRoute, office: draw_templates, fetch_templates, pages::Templates);
lazy_page!(SettingsRoute, office: draw_settings, fetch_settings, pages::Settings);

in_part!(office: draw_card(
    id: ApprovalId,
    seen: Signal<Option<ApprovalView>>,
    asked: RwSignal<Option<Ask>>,
    decided: Callback<ApprovalView>
), fetch_card => view! { <Card id=id seen=seen asked=asked on_decided=decided /> });
in_part!(canvas: draw_gallery(making: Making), fetch_gallery => view! { <Gallery making=making /> });
in_part!(canvas: draw_import(making: Making), fetch_import => view! { <ImportForm making=making /> });

in_part!(canvas: draw_about_workflow(making: Making), fetch_about_workflow => view! { <About making=making /> });

in_part!(office: draw_inbox_keys(), fetch_inbox_keys => view! { <KeysList /> });
in_part!(office: draw_pause_banner(), fetch_pause_banner => view! { <PauseBanner /> });

/// The inbox's keys.
pub(crate) fn inbox_keys() -> AnyView {
    piece(draw_inbox_keys, fetch_inbox_keys)
}

/// Says that outbound is paused.
pub(crate) fn pause_banner() -> AnyView {
    piece_below(0, draw_pause_banner, fetch_pause_banner)
}

/// One item of the inbox in full.
pub(crate) fn card(
    id: ApprovalId,
    seen: Signal<Option<ApprovalView>>,
    asked: RwSignal<Option<Ask>>,
    decided: Callback<ApprovalView>,
) -> AnyView {
    piece(move || draw_card(id, seen, asked, decided), fetch_card)
}

/// The gallery of starters.
pub(crate) fn gallery(making: Making) -> AnyView {
    piece(move || draw_gallery(making), fetch_gallery)
}

/// The form that imports a document.
pub(crate) fn import(making: Making) -> AnyView {
    piece(move || draw_import(making), fetch_import)
}

/// The dialogs about one workflow.
pub(crate) fn about_workflow(making: Making) -> AnyView {
    piece(move || draw_about_workflow(making), fetch_about_workflow)
}

/// Draws a piece of a page: at once where its code is here, as it always is on the server, else
/// when it has come.
fn piece<Drawing, Fetching, E>(
    draw: impl Fn() -> Drawing + Send + 'static,
    fetch: impl FnOnce() -> Fetching + 'static,
) -> AnyView
where
    Drawing: Future<Output = Result<AnyView, NotFetched>>,
    Fetching: Future<Output = Result<(), E>> + 'static,
    E: 'static,
{
    piece_below(6, draw, fetch)
}

/// As [`piece`], with so many grey rows in its place until it has come.
fn piece_below<Drawing, Fetching, E>(
    rows: usize,
    draw: impl Fn() -> Drawing + Send + 'static,
    fetch: impl FnOnce() -> Fetching + 'static,
) -> AnyView
where
    Drawing: Future<Output = Result<AnyView, NotFetched>>,
    Fetching: Future<Output = Result<(), E>> + 'static,
    E: 'static,
{
    if let Some(made) = draw().now_or_never() {
        return shown(made);
    }
    let over = RwSignal::new(false);
    spawn_local(async move {
        // A failure shows when it is drawn.
        let _ = fetch().await;
        over.try_set(true);
    });
    let view = move || match over.get() {
        true => shown(draw().now_or_never().unwrap_or(Err(NotFetched))),
        false => view! { <Skeleton rows=rows /> }.into_any(),
    };
    view.into_any()
}
