//! What can go wrong in the store, in words the layers above can act on.

/// Why a read or a write did not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// What was named does not exist in this organisation.
    #[error("{what} was not found")]
    NotFound {
        /// What was looked for: `workflow`, `run`.
        what: &'static str,
    },
    /// Someone else changed it first. Read it again and decide again.
    #[error("{what} was changed in the meantime; read it again")]
    Conflict {
        /// What was changed.
        what: &'static str,
    },
    /// A rule of the schema forbids it; the text names the rule (`runs.organization_id, runs.idempotency_key`).
    #[error("the database refused it: {0}")]
    Constraint(String),
    /// The database cannot be reached, is full, or is closing. A write that got this may or may not
    /// be on disk: read before trying again.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// What is stored cannot be read.
    #[error("{table}.{column} cannot be read: {detail}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// It is larger than the store takes.
    #[error("{what} is {size} bytes; at most {limit} are taken")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size, in bytes.
        size: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The data folder cannot be used; the text says why and what to do.
    #[error("{0}")]
    Setup(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::RowNotFound => Self::NotFound { what: "row" },
            sqlx::Error::Database(ref inner)
                if let Some(refused) = super::postgres::refusal(inner.as_ref()) =>
            {
                refused
            }
            sqlx::Error::Database(ref inner)
                if inner.is_unique_violation()
                    || inner.is_foreign_key_violation()
                    || inner.is_check_violation() =>
            {
                let text = inner.message();
                Self::Constraint(text.rsplit_once(": ").map_or(text, |(_, rule)| rule).to_owned())
            }
            sqlx::Error::ColumnDecode { index, source } => Self::Corrupt {
                table: "row",
                column: "column",
                detail: format!("column {index}: {source}"),
            },
            // What was gathered could not be sent (`Tx::send_first`): it says itself why.
            sqlx::Error::AnyDriverError(inner) => match inner.downcast::<Self>() {
                Ok(own) => *own,
                Err(other) => Self::Unavailable(other.to_string()),
            },
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl StoreError {
    /// Names what was not found: `.map_err(StoreError::of("run"))`.
    pub fn of(what: &'static str) -> impl Fn(sqlx::Error) -> Self {
        move |error| match error {
            sqlx::Error::RowNotFound => Self::NotFound { what },
            other => other.into(),
        }
    }

    /// Whether a rule that names `column` refused it.
    pub fn is_constraint_on(&self, column: &str) -> bool {
        matches!(self, Self::Constraint(rule) if rule.contains(column))
    }
}
