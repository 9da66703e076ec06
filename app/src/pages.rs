//! The pages, one file each. A page is a component without arguments; it reads its parameters
//! from the route and its data through the API client.

mod contacts;
mod editor;
mod entry;
mod inbox;
mod not_found;
mod run;
mod runs;
mod sandbox;
mod settings;
mod setup;
mod sign_in;
mod templates;
mod workflows;

pub use contacts::Contacts;
pub use editor::EditorPage;
pub use inbox::Inbox;
pub use not_found::NotFound;
pub use run::Run;
pub use runs::Runs;
pub use sandbox::Sandbox;
pub use settings::Settings;
pub use setup::Setup;
pub use sign_in::SignIn;
pub use templates::Templates;
pub use workflows::WorkflowsPage;
pub(crate) use workflows::{About, Gallery, ImportForm, Making};
