//! A connection of the pool that writes, for one transaction.

use sqlx::{PgConnection, Postgres, pool::PoolConnection};
use std::ops::{Deref, DerefMut};

/// A connection that goes back to its pool, unless it stands in a transaction, into which the next one would write.
pub(crate) struct Leased {
    conn: PoolConnection<Postgres>,
    /// A transaction was begun, and nobody has heard of its end.
    pub(in super::super) is_open: bool,
}

impl Leased {
    pub(super) fn new(conn: PoolConnection<Postgres>) -> Self {
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
        if self.is_open {
            self.conn.close_on_drop();
        }
    }
}
