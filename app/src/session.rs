//! Who is signed in, as a context below the frame.

use leptos::prelude::*;
use signalbox::wire::{ApiError, Me, Permission};

/// Who asks for a page, found out by the server before it draws: as a context there, absent in the browser.
#[derive(Clone, Debug)]
pub struct Visitor(pub Result<Me, ApiError>);

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
