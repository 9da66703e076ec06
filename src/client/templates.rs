//! Calls about message templates.

use super::{Answer, Client, Method, encode, workflows::page_query};
use crate::wire::{Page, PageQuery, TemplateChange, TemplateCreate, TemplateView};

impl Client {
    /// `GET /api/templates`.
    pub async fn templates(&self, page: &PageQuery) -> Answer<Page<TemplateView>> {
        self.get(format!("/api/templates{}", page_query(page))).await
    }
    /// `GET /api/templates/{id}`.
    pub async fn template(&self, id: &str) -> Answer<TemplateView> {
        self.get(format!("/api/templates/{}", encode(id))).await
    }
    /// `POST /api/templates`.
    pub async fn template_create(&self, body: &TemplateCreate) -> Answer<TemplateView> {
        self.post("/api/templates".into(), body).await
    }
    /// `PUT /api/templates/{id}`.
    pub async fn template_change(&self, id: &str, body: &TemplateChange) -> Answer<TemplateView> {
        let path = format!("/api/templates/{}", encode(id));
        self.with_body(Method::Put, path, body, Vec::new()).await
    }
    /// `DELETE /api/templates/{id}`.
    pub async fn template_delete(&self, id: &str) -> Answer<()> {
        self.delete(format!("/api/templates/{}", encode(id))).await
    }
}
