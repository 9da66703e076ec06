//! A connection of the pool that writes, for one transaction.

use super::super::kept::Taken;
use sqlx::{PgConnection, Postgres};
use std::ops::{Deref, DerefMut};

/// A connection that goes back to its pool, unless it stands in a transaction, into which the next one would write.
pub(crate) struct Leased {
    conn: Taken<Postgres>,
    /// A transaction was begun, and nobody has heard of its end.
    pub(in super::super) is_open: bool,
}

impl Leased {
    pub(super) fn new(conn: Taken<Postgres>) -> Self {
        Self { conn, is_open: false }
    }
}

impl Deref for Leased {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.conn
    }
}

impl DerefMut for Leased {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.conn
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        match self.is_open {
            true => self.conn.close(),
            false => self.conn.keep(),
        }
    }
}
