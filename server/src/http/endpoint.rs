//! What a route says about itself: method, path, who may, body, answer, handler. The router, the
//! OpenAPI document and the tests of permissions are all made from it.

use super::{
    body::{self, BODY_MAX, BodyRule, FromBody, SchemaOf},
    call::{Answer, Call, Parameter, Query, Who, parse_query},
    failure::Failure,
    reply::Reply,
};
use crate::{app_state::AppState, auth::Caller};
use axum::{
    extract::{ConnectInfo, FromRequestParts, Path, Request},
    http::request::Parts,
    response::Response,
};
use futures::{FutureExt, future::BoxFuture};
use serde::de::DeserializeOwned;
use signalbox::{client::Method, wire::Permission};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody, from our own pages or without a browser.
    Public,
    /// Whoever knows the address: its path has a secret in it.
    Address,
    /// Every member and token, whatever the role.
    SignedIn,
    /// Roles with this permission.
    May(Permission),
}

/// Another answer of a route than its first one.
#[derive(Clone, Copy)]
pub struct Also {
    /// The status.
    pub status: u16,
    /// When it is given.
    pub when: &'static str,
    /// The body, if it is JSON.
    pub answer: Option<SchemaOf>,
}

/// A handler behind the gatekeeper; the last argument is the largest body, in bytes.
pub type Run = Arc<
    dyn Fn(
            AppState,
            Option<Caller>,
            Request,
            usize,
        ) -> BoxFuture<'static, Result<Response, Failure>>
        + Send
        + Sync,
>;

/// One route.
#[derive(Clone)]
pub struct Endpoint {
    /// The method.
    pub method: Method,
    /// The path with its parameters in braces.
    pub path: &'static str,
    /// The operation's name, as in the client: `workflow_import`.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Who may use it.
    pub access: Access,
    /// Query parameters.
    pub query: &'static [Parameter],
    /// What the body must be.
    pub body: BodyRule,
    /// Largest body, in bytes.
    pub body_max: usize,
    /// The status when all is well.
    pub status: u16,
    /// What is answered then.
    pub answer: Option<SchemaOf>,
    /// What else is answered, besides errors.
    pub also: Vec<Also>,
    /// Whether it takes an `Idempotency-Key`.
    pub idempotent: bool,
    /// Whether it needs `If-Match`.
    pub if_match: bool,
    /// The handler.
    pub run: Run,
}

impl Endpoint {
    /// A typed route. There is none without an [`Access`].
    pub fn new<P, Q, B, C, R, F, H>(
        method: Method,
        path: &'static str,
        name: &'static str,
        access: Access,
        summary: &'static str,
        handler: H,
    ) -> Self
    where
        P: DeserializeOwned + Send + 'static,
        Q: Query,
        B: FromBody,
        C: Who,
        R: Reply,
        F: Future<Output = Answer<R>> + Send + 'static,
        H: Fn(Call<P, Q, B, C>) -> F + Send + Sync + Clone + 'static,
    {
        let run: Run = Arc::new(move |state, caller, request, limit| {
            let handler = handler.clone();
            async move {
                let call = read_call(state, caller, request, limit).await?;
                handler(call).await.map(Reply::respond)
            }
            .boxed()
        });
        Self {
            method,
            path,
            name,
            summary,
            access,
            query: Q::PARAMETERS,
            body: B::rule(),
            body_max: BODY_MAX,
            status: R::STATUS,
            answer: R::schema(),
            also: R::also(),
            idempotent: false,
            if_match: false,
            run,
        }
    }

    /// With another limit for the body, in bytes.
    #[must_use]
    pub fn body_max(mut self, limit: usize) -> Self {
        self.body_max = limit;
        self
    }

    /// A route whose handler reads the request itself. What it reads and answers beyond a plain 200 is said
    /// with [`Self::query`], [`Self::answers`] and [`Self::also`].
    pub fn raw<F>(
        method: Method,
        path: &'static str,
        name: &'static str,
        access: Access,
        summary: &'static str,
        handler: fn(AppState, Option<Caller>, Request) -> F,
    ) -> Self
    where
        F: Future<Output = Result<Response, Failure>> + Send + 'static,
    {
        Self {
            method,
            path,
            name,
            summary,
            access,
            query: &[],
            body: if method == Method::Get { BodyRule::None } else { BodyRule::Any },
            body_max: BODY_MAX,
            status: 200,
            answer: None,
            also: Vec::new(),
            idempotent: false,
            if_match: false,
            run: Arc::new(move |state, caller, request, _| handler(state, caller, request).boxed()),
        }
    }

    /// It knows these query parameters.
    #[must_use]
    pub fn query<Q: Query>(mut self) -> Self {
        self.query = Q::PARAMETERS;
        self
    }

    /// It answers with this status and body when all is well.
    #[must_use]
    pub fn answers(mut self, status: u16, answer: Option<SchemaOf>) -> Self {
        self.status = status;
        self.answer = answer;
        self
    }

    /// It answers so as well.
    #[must_use]
    pub fn also(mut self, also: Also) -> Self {
        self.also.push(also);
        self
    }

    /// It takes an `Idempotency-Key`.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// It needs `If-Match`.
    #[must_use]
    pub fn if_match(mut self) -> Self {
        self.if_match = true;
        self
    }

    /// Whether it only reads.
    pub fn is_safe(&self) -> bool {
        self.method == Method::Get
    }

    /// The names of the path's parameters, in order.
    pub fn path_parameters(&self) -> Vec<&'static str> {
        let parts = self.path.split('/');
        let name = |part: &'static str| {
            let inner = part.strip_prefix('{')?.strip_suffix('}')?;
            Some(inner.strip_prefix('*').unwrap_or(inner))
        };
        parts.filter_map(name).collect()
    }
}

async fn read_call<P, Q, B, C>(
    state: AppState,
    caller: Option<Caller>,
    request: Request,
    limit: usize,
) -> Result<Call<P, Q, B, C>, Failure>
where
    P: DeserializeOwned + Send + 'static,
    Q: Query,
    B: FromBody,
    C: Who,
{
    let (mut parts, stream) = request.into_parts();
    let caller = C::of(caller)?;
    let bytes = body::read(&parts.headers, stream, limit).await?;
    let path = read_path(&mut parts).await?;
    let query = parse_query(&parts.uri)?;
    let body = B::parse(&parts.headers, &bytes)?;
    let peer = peer(&parts.extensions);
    Ok(Call { state, caller, path, query, body, headers: parts.headers, peer })
}

/// Path parameters. One that does not parse names nothing that could exist.
pub async fn read_path<P: DeserializeOwned + Send + 'static>(
    parts: &mut Parts,
) -> Result<P, Failure> {
    match Path::<P>::from_request_parts(parts, &()).await {
        Ok(Path(path)) => Ok(path),
        Err(_) => Err(Failure::not_found("thing").help("The path has an id that is none.")),
    }
}

/// Where the connection comes from.
pub fn peer(extensions: &axum::http::Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip())
}
