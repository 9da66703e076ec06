//! Who is asking: sessions of browsers, tokens of machines, passwords, and whether a request comes
//! from our own pages.
//!
//! Deliberately absent: what a caller may do (that is declared on each route) and SQL.

mod caller;
mod cookie;
mod origin;
mod password;
mod secret;
mod throttle;

pub use caller::{
    Caller, Credential, Identity, RememberedTokens, SESSION_AGE_DAYS, SESSION_IDLE_HOURS, identify,
    identity_from_headers,
};
pub use cookie::{cookie_clear, cookie_set, session_secret};
pub use origin::{Site, site_of};
pub use password::{PasswordError, Passwords};
pub use secret::{Secret, ServerKey, hmac_sha256, signing_key};
pub use throttle::Throttle;
