//! Calls about contacts.

use super::{Answer, Client, Method, workflows::page_query};
use crate::id::ContactId;
use crate::wire::{ContactInput, ContactView, Page, PageQuery};

impl Client {
    /// `GET /api/contacts`.
    pub async fn contacts(&self, page: &PageQuery) -> Answer<Page<ContactView>> {
        self.get(format!("/api/contacts{}", page_query(page))).await
    }
    /// `GET /api/contacts/{id}`.
    pub async fn contact(&self, id: ContactId) -> Answer<ContactView> {
        self.get(format!("/api/contacts/{id}")).await
    }
    /// `POST /api/contacts`.
    pub async fn contact_create(&self, body: &ContactInput) -> Answer<ContactView> {
        self.post("/api/contacts".into(), body).await
    }
    /// `PATCH /api/contacts/{id}`.
    pub async fn contact_update(&self, id: ContactId, body: &ContactInput) -> Answer<ContactView> {
        self.with_body(Method::Patch, format!("/api/contacts/{id}"), body, Vec::new()).await
    }
    /// `DELETE /api/contacts/{id}`.
    pub async fn contact_delete(&self, id: ContactId) -> Answer<()> {
        self.delete(format!("/api/contacts/{id}")).await
    }
}
