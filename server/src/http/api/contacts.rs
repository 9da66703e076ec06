//! Contacts.

use crate::{
    gate::ContactError,
    http::{
        api::page,
        body::Json,
        call::{Answer, Call, NoQuery},
        failure::Failure,
        idempotent,
        reply::{Created, Done, Found},
    },
};
use signalbox::{
    id::ContactId,
    wire::{ApiError, ContactInput, ContactView, Page, PageQuery},
};

impl From<ContactError> for Failure {
    fn from(error: ContactError) -> Self {
        match error {
            ContactError::Store(error) => error.into(),
            other => ApiError::from(other).into(),
        }
    }
}

/// `GET /api/contacts`.
pub async fn list(call: Call<(), PageQuery>) -> Answer<Found<Page<ContactView>>> {
    page::limit(call.query.limit)?;
    page::cursor::<ContactId>(call.query.cursor.as_deref())?;
    Ok(Found(call.state.gate().contacts(call.organization(), &call.query).await?))
}

/// `GET /api/contacts/{id}`.
pub async fn fetch(call: Call<ContactId>) -> Answer<Found<ContactView>> {
    Ok(Found(call.state.gate().contact(call.organization(), call.path).await?))
}

/// `POST /api/contacts`.
pub async fn create(call: Call<(), NoQuery, Json<ContactInput>>) -> Answer<Created<ContactView>> {
    let (state, organization, Json(input)) = (&call.state, call.organization(), &call.body);
    let work = async { Ok(state.gate().contact_create(organization, input).await?) };
    idempotent::once(state, organization, "contact_create", &call.headers, input, work)
        .await
        .map(Created)
}

/// `PATCH /api/contacts/{id}`.
pub async fn update(
    call: Call<ContactId, NoQuery, Json<ContactInput>>,
) -> Answer<Found<ContactView>> {
    let (organization, Json(input)) = (call.organization(), &call.body);
    Ok(Found(call.state.gate().contact_update(organization, call.path, input).await?))
}

/// `DELETE /api/contacts/{id}`.
pub async fn delete(call: Call<ContactId>) -> Answer<Done> {
    call.state.gate().contact_delete(call.organization(), call.path).await?;
    Ok(Done)
}
