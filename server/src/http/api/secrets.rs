//! The organisation's secrets, and sealing what somebody typed into a workflow.

use crate::{
    app_state::AppState,
    http::{
        body::Json,
        call::{Answer, Call, NoQuery},
        failure::Failure,
        idempotent,
        reply::{Created, Done, Found},
    },
    setting::Settings,
};
use signalbox::{
    format,
    graph::Graph,
    id::OrganizationId,
    wire::{SecretSet, SecretView},
};

fn settings(state: &AppState) -> &Settings {
    state.gate().channels().settings()
}

/// `GET /api/secrets`.
pub async fn list(call: Call) -> Answer<Found<Vec<SecretView>>> {
    Ok(Found(settings(&call.state).secrets(call.organization()).await?))
}

/// `POST /api/secrets`.
pub async fn set(call: Call<(), NoQuery, Json<SecretSet>>) -> Answer<Created<SecretView>> {
    let (state, organization, Json(wanted)) = (&call.state, call.organization(), &call.body);
    let work = async {
        let SecretSet { name, value } = wanted;
        Ok(settings(state).secret_set(organization, name, value, state.now()).await?)
    };
    idempotent::once(state, organization, "secret_set", &call.headers, wanted, work)
        .await
        .map(Created)
}

/// `DELETE /api/secrets/{name}`.
pub async fn delete(call: Call<String>) -> Answer<Done> {
    match settings(&call.state).secret_remove(call.organization(), &call.path).await? {
        true => Ok(Done),
        false => Err(Failure::not_found("secret")),
    }
}

/// Seals the secrets that stand in a graph as plain text, before it is kept.
pub fn seal(
    state: &AppState,
    organization: OrganizationId,
    graph: &mut Graph,
) -> Result<(), Failure> {
    let settings = settings(state);
    let mut seal = |name: &str, plain: &str| settings.seal_inline(organization, name, plain);
    let sealed = format::seal_secrets(graph, &mut seal);
    sealed.map(drop).map_err(|error| Failure::internal("a secret was not sealed", &error))
}

/// The names that `{{secrets.name}}` may have in every workflow.
pub async fn names(state: &AppState, organization: OrganizationId) -> Result<Vec<String>, Failure> {
    Ok(settings(state).secret_names(organization).await?)
}
