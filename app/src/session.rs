//! Who is signed in, as a context below the frame.

use leptos::prelude::*;
use signalbox::client::Client;
use signalbox::wire::{ApiError, Me, Permission};

/// Who asks for a page, and what the frame around every page shows. Found out by the server before it draws: as a
/// context there, absent in the browser.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Who it is.
    pub me: Result<Me, ApiError>,
    /// How many approvals wait; none for those who may not see them.
    pub waiting: Option<u64>,
}

impl Visitor {
    /// Asks the API.
    pub async fn find(client: &Client) -> Self {
        let me = client.me().await;
        let waiting = if me.is_ok() { crate::frame::waiting(client).await } else { None };
        Self { me, waiting }
    }
}

/// The person and the organisation.
#[derive(Clone, Copy)]
pub struct Session(StoredValue<Me>);

impl Session {
    /// Provides the session to everything below.
    pub(crate) fn provide(me: Me) -> Session {
        let session = Session(StoredValue::new(me));
        provide_context(session);
        session
    }

    /// Who it is.
    pub fn me(&self) -> Me {
        self.0.get_value()
    }

    /// Whether the role allows it. The server checks again; this only hides what would fail.
    pub fn may(&self, permission: Permission) -> bool {
        self.0.with_value(|me| me.permissions.contains(&permission))
    }
}

/// The session; pages inside the frame always have one.
pub fn use_session() -> Option<Session> {
    use_context()
}

/// Whether the signed-in person may do something.
pub fn may(permission: Permission) -> bool {
    use_session().is_some_and(|session| session.may(permission))
}
