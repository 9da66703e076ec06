//! Message templates.

use crate::{
    app_state::AppState,
    http::{
        api::page,
        body::Json,
        call::{Answer, Call, NoQuery},
        failure::Failure,
        idempotent,
        reply::{Created, Done, Found},
    },
    setting::Settings,
    store,
};
use signalbox::wire::{Page, PageQuery, TemplateChange, TemplateCreate, TemplateView};

fn settings(state: &AppState) -> &Settings {
    state.gate().channels().settings()
}

/// `GET /api/templates`.
pub async fn list(call: Call<(), PageQuery>) -> Answer<Found<Page<TemplateView>>> {
    page::limit(call.query.limit)?;
    page::name_cursor(call.query.cursor.as_deref())?;
    Ok(Found(settings(&call.state).templates(call.organization(), &call.query).await?))
}

/// `GET /api/templates/{id}`.
pub async fn fetch(call: Call<String>) -> Answer<Found<TemplateView>> {
    Ok(Found(store::template_fetch(call.state.store(), call.organization(), &call.path).await?))
}

/// `POST /api/templates`.
pub async fn create(
    call: Call<(), NoQuery, Json<TemplateCreate>>,
) -> Answer<Created<TemplateView>> {
    let (state, organization, Json(wanted)) = (&call.state, call.organization(), &call.body);
    let by = call.caller.label();
    let work =
        async { Ok(settings(state).template_create(organization, wanted, by, state.now()).await?) };
    idempotent::once(state, organization, "template_create", &call.headers, wanted, work)
        .await
        .map(Created)
}

/// `PUT /api/templates/{id}`.
pub async fn change(
    call: Call<String, NoQuery, Json<TemplateChange>>,
) -> Answer<Found<TemplateView>> {
    let (organization, by, now) = (call.organization(), call.caller.label(), call.state.now());
    let Json(TemplateChange { revision, name, subject, text, html }) = call.body;
    let wanted = TemplateCreate { id: call.path, name, subject, text, html };
    let settings = settings(&call.state);
    Ok(Found(settings.template_change(organization, revision, &wanted, by, now).await?))
}

/// `DELETE /api/templates/{id}`.
pub async fn delete(call: Call<String>) -> Answer<Done> {
    match settings(&call.state).template_remove(call.organization(), &call.path).await? {
        true => Ok(Done),
        false => Err(Failure::not_found("message template")),
    }
}
