//! What a handler is given: the state, who asks, and the parsed parts of the request.

use super::failure::Failure;
use crate::{app_state::AppState, auth::Caller};
use axum::http::{HeaderMap, Uri};
use serde::de::DeserializeOwned;
use signalbox::wire::{ErrorCode, PageQuery, RunQuery, WorkflowQuery};
use std::net::IpAddr;

/// A request to a typed endpoint: path parameters, query, body, and who asks ([`Caller`], or
/// [`Nobody`] where nobody needs to be signed in).
pub struct Call<P = (), Q = NoQuery, B = (), C = Caller> {
    /// The server.
    pub state: AppState,
    /// Who asks.
    pub caller: C,
    /// Path parameters.
    pub path: P,
    /// Query parameters.
    pub query: Q,
    /// The body.
    pub body: B,
    /// The headers.
    pub headers: HeaderMap,
    /// Where the connection comes from; none inside the process.
    pub peer: Option<IpAddr>,
}

/// What a handler gives.
pub type Answer<T> = Result<T, Failure>;

impl<P, Q, B> Call<P, Q, B> {
    /// The organisation that the request acts in.
    pub fn organization(&self) -> signalbox::id::OrganizationId {
        self.caller.organization()
    }
}

/// Who asks, or that it does not matter.
pub trait Who: Sized + Send + 'static {
    /// Takes the caller that the gatekeeper found.
    fn of(caller: Option<Caller>) -> Result<Self, Failure>;
}

/// On routes for everybody.
pub struct Nobody;

impl Who for Nobody {
    fn of(_: Option<Caller>) -> Result<Self, Failure> {
        Ok(Self)
    }
}

impl Who for Caller {
    fn of(caller: Option<Caller>) -> Result<Self, Failure> {
        caller.ok_or_else(|| Failure::new(ErrorCode::Unauthenticated, "Sign in first."))
    }
}

/// A query parameter, for the documentation and to refuse unknown ones.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// The type in JSON Schema: `string`, `integer`.
    pub kind: &'static str,
    /// What it means.
    pub description: &'static str,
}

const fn parameter(name: &'static str, kind: &'static str, description: &'static str) -> Parameter {
    Parameter { name, kind, description }
}

/// Query parameters of an endpoint.
pub trait Query: DeserializeOwned + Send + 'static {
    /// All there are.
    const PARAMETERS: &'static [Parameter];
}

/// No query parameters.
#[derive(serde::Deserialize)]
pub struct NoQuery {}

impl Query for NoQuery {
    const PARAMETERS: &'static [Parameter] = &[];
}

const LIMIT: Parameter = parameter("limit", "integer", "1 to 200; 50 unless given");
const CURSOR: Parameter = parameter("cursor", "string", "next_cursor of an earlier page");

impl Query for PageQuery {
    const PARAMETERS: &'static [Parameter] =
        &[LIMIT, CURSOR, parameter("search", "string", "words to look for")];
}

impl Query for WorkflowQuery {
    const PARAMETERS: &'static [Parameter] = &[
        LIMIT,
        CURSOR,
        parameter("search", "string", "words to look for"),
        parameter("tag", "string", "only workflows with this tag"),
        parameter("template", "boolean", "true: only templates; false: only those that are none"),
        parameter("archived", "boolean", "true: only archived ones; only the others unless given"),
    ];
}

impl Query for RunQuery {
    const PARAMETERS: &'static [Parameter] = &[
        parameter("state", "string", "only runs in this state, such as Executing or Failed"),
        parameter("workflow", "string", "only runs of this workflow"),
        parameter("contact", "string", "only runs about this contact"),
        parameter(
            "after",
            "string",
            "only runs started at this time or later, such as 2026-11-03T08:00:00Z",
        ),
        parameter("before", "string", "only runs started before this time"),
        parameter(
            "q",
            "string",
            "one to three words that must occur in the workflow's name, who started it, the input or the error",
        ),
        LIMIT,
        CURSOR,
    ];
}

macro_rules! queries {
    ($($(#[$doc:meta])* $name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty, $kind:literal, $text:literal;)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Default, serde::Deserialize)]
        #[allow(missing_docs)]
        pub struct $name { $($(#[$attribute])* pub $field: $type,)* }
        impl Query for $name {
            const PARAMETERS: &'static [Parameter] = &[$(parameter(stringify!($field), $kind, $text),)*];
        }
    )*};
}

queries! {
    /// `GET /api/approvals`.
    ApprovalQuery {
        state: Option<String>, "string", "pending, approved, rejected, expired or withdrawn; all unless given";
        limit: Option<u32>, "integer", "1 to 200; 50 unless given";
        cursor: Option<String>, "string", "next_cursor of an earlier page";
        search: Option<String>, "string", "words to look for";
    }
    /// `GET /api/runs/{id}/events`.
    EventsQuery {
        #[serde(default)]
        after: u64, "integer", "the last event number that was seen; 0 unless given";
    }
    /// `GET /api/runs/{id}/wait`.
    WaitQuery {
        timeout_ms: Option<u64>, "integer", "how long to wait, in milliseconds; 30,000 unless given, 300,000 at most";
        until: Option<String>, "string", "person: until the run ends or needs a person, as it is unless given; end: until it ends";
    }
    /// `GET /api/workflows/{id}/export`.
    ExportQuery {
        format: Option<String>, "string", "the format's name; the workflow's own unless given";
        version: Option<u32>, "integer", "a published version; the draft unless given";
        notation: Option<String>, "string", "json, or yaml for signalbox/v1 and dag; json unless given";
        report: Option<bool>, "boolean", "true: answers {document, problems}, with what the format cannot say";
    }
    /// `POST /api/setup`.
    SetupQuery {
        token: Option<String>, "string", "the token of the link that the server printed; needed from other machines";
    }
    /// `GET /api/schedules/next`.
    ScheduleQuery {
        #[serde(default)]
        cron: String, "string", "the schedule, such as 0 9 * * 1-5";
        timezone: Option<String>, "string", "IANA zone; the organisation's unless given";
    }
    /// `POST /hooks/{token}`.
    HookQuery {
        respond: Option<String>, "string", "accepted: answer at once; finished: answer when the run has ended, or after 30 s with its address; as the trigger says unless given";
    }
}

/// Parses a query; unknown and repeated parameters are refused.
pub fn parse_query<Q: Query>(uri: &Uri) -> Result<Q, Failure> {
    let text = uri.query().unwrap_or_default();
    let mut seen = std::collections::BTreeSet::new();
    for (name, _) in url::form_urlencoded::parse(text.as_bytes()) {
        if !Q::PARAMETERS.iter().any(|known| known.name == name) {
            let known: Vec<_> = Q::PARAMETERS.iter().map(|known| known.name).collect();
            let help = match known.is_empty() {
                true => "This path takes no query parameters.".to_owned(),
                false => format!("Known here: {}.", known.join(", ")),
            };
            let text = format!("The query parameter `{name}` is not known.");
            return Err(Failure::new(ErrorCode::InvalidParameter, text).help(help));
        }
        if !seen.insert(name.clone().into_owned()) {
            let text = format!("The query parameter `{name}` stands there twice.");
            return Err(Failure::new(ErrorCode::InvalidParameter, text));
        }
    }
    axum::extract::Query::try_from_uri(uri).map(|query| query.0).map_err(|error| {
        Failure::new(ErrorCode::InvalidParameter, format!("The query is not understood: {error}."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<Q: Query>(uri: &str) -> Option<ErrorCode> {
        parse_query::<Q>(&uri.parse().unwrap()).err().map(|failure| failure.error.code)
    }

    #[test]
    fn queries_are_strict() {
        let wrong = Some(ErrorCode::InvalidParameter);
        assert_eq!(code::<PageQuery>("/x"), None);
        assert_eq!(code::<PageQuery>("/x?limit=5&search=a%20b"), None);
        assert_eq!(code::<PageQuery>("/x?limit=five"), wrong);
        assert_eq!(code::<PageQuery>("/x?limit=-1"), wrong);
        assert_eq!(code::<PageQuery>("/x?limt=5"), wrong);
        assert_eq!(code::<PageQuery>("/x?limit=5&limit=6"), wrong);
        assert_eq!(code::<RunQuery>("/x?workflow=%00"), wrong);
        assert_eq!(code::<RunQuery>("/x?state=Failed&after=2026-11-03T08:00:00Z&q=a"), None);
        assert_eq!(code::<RunQuery>("/x?after=2026-11-03T08:00:00%2B01:00"), None);
        assert_eq!(code::<RunQuery>("/x?state=failed-ish"), wrong);
        assert_eq!(code::<RunQuery>("/x?before=yesterday"), wrong);
        assert_eq!(code::<NoQuery>("/x?a"), wrong);
    }
}
