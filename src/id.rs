//! The registry of typed ids. Each id is a UUID (version 7 when it is made fresh, version 5 when
//! it is derived from what it identifies); [`NodeId`] alone is a slug that people write.
//!
//! Deliberately absent: making fresh ids. Randomness comes from the caller.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The id that is derived from `parts`: the same parts always give the same id.
            /// Used where a repeated attempt must find what an earlier one made.
            pub fn derive(namespace: Uuid, parts: &[&str]) -> Self {
                // A unit separator keeps ("a","bc") and ("ab","c") apart.
                let name = format!("{}\u{1f}{}", stringify!($name), parts.join("\u{1f}"));
                Self(Uuid::new_v5(&namespace, name.as_bytes()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> { text.parse().map(Self) }
        }
        impl From<Uuid> for $name { fn from(id: Uuid) -> Self { Self(id) } }
    )*};
}

ids! {
    /// The tenant that owns everything else.
    OrganizationId;
    /// A person who signs in.
    UserId;
    /// A named definition that an organisation owns.
    WorkflowId;
    /// One execution of one version.
    RunId;
    /// A durable request for a human decision.
    ApprovalId;
    /// One email, SMS or call.
    MessageId;
    /// One email that came in.
    InboundId;
    /// A person the organisation talks to.
    ContactId;
    /// A machine's credential.
    ApiTokenId;
    /// A browser's sign-in.
    SessionId;
    /// One use of a tool by an activation.
    CallId;
    /// A webhook's public address.
    HookId;
}

/// A node's id: a slug, unique within its graph; 1 to 120 characters of letters, digits, `_`, `-`, `.`, `:`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct NodeId(pub String);

impl NodeId {
    /// Longest slug, in characters.
    pub const LENGTH_MAX: usize = 120;

    /// Whether this is a slug that a graph may use.
    pub fn is_valid(&self) -> bool {
        !self.0.is_empty()
            && self.0.chars().count() <= Self::LENGTH_MAX
            && self.0.chars().all(|c| c.is_alphanumeric() || "_-.:".contains(c))
    }

    /// The slug's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for NodeId {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}
impl From<String> for NodeId {
    fn from(text: String) -> Self {
        Self(text)
    }
}
impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({})", self.0)
    }
}
