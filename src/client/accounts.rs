//! Calls about accounts.

use super::{Answer, Client, Method};
use crate::id::{ApiTokenId, UserId};
use crate::wire::{
    Me, Member, MemberAdd, MemberChange, SessionSwitch, Setup, SetupState, SignIn, TokenCreate,
    TokenCreated, TokenView,
};

impl Client {
    /// `GET /api/setup`.
    pub async fn setup_state(&self) -> Answer<SetupState> {
        self.get("/api/setup".into()).await
    }
    /// `POST /api/setup`: makes the owner and signs in.
    pub async fn setup(&self, body: &Setup) -> Answer<Me> {
        self.post("/api/setup".into(), body).await
    }
    /// `POST /api/setup?token=`: with the token of the link that the server printed; needed when
    /// the request does not come from the server's own machine.
    pub async fn setup_with(&self, body: &Setup, token: Option<&str>) -> Answer<Me> {
        let parameters = super::query(&[("token", token.map(str::to_owned))]);
        self.post(format!("/api/setup{parameters}"), body).await
    }
    /// `POST /api/session`: signs in.
    pub async fn sign_in(&self, body: &SignIn) -> Answer<Me> {
        self.post("/api/session".into(), body).await
    }
    /// `DELETE /api/session`: signs out.
    pub async fn sign_out(&self) -> Answer<()> {
        self.delete("/api/session".into()).await
    }
    /// `POST /api/session/organization`: the session acts in another organisation from now on.
    pub async fn session_switch(&self, body: &SessionSwitch) -> Answer<Me> {
        self.post("/api/session/organization".into(), body).await
    }
    /// `GET /api/me`.
    pub async fn me(&self) -> Answer<Me> {
        self.get("/api/me".into()).await
    }
    /// `GET /api/members`.
    pub async fn members(&self) -> Answer<Vec<Member>> {
        self.get("/api/members".into()).await
    }
    /// `POST /api/members`.
    pub async fn member_add(&self, body: &MemberAdd) -> Answer<Member> {
        self.post("/api/members".into(), body).await
    }
    /// `PATCH /api/members/{user}`.
    pub async fn member_change(&self, user: UserId, body: &MemberChange) -> Answer<Member> {
        self.with_body(Method::Patch, format!("/api/members/{user}"), body, Vec::new()).await
    }
    /// `DELETE /api/members/{user}`.
    pub async fn member_remove(&self, user: UserId) -> Answer<()> {
        self.delete(format!("/api/members/{user}")).await
    }
    /// `GET /api/tokens`.
    pub async fn tokens(&self) -> Answer<Vec<TokenView>> {
        self.get("/api/tokens".into()).await
    }
    /// `POST /api/tokens`.
    pub async fn token_create(&self, body: &TokenCreate) -> Answer<TokenCreated> {
        self.post("/api/tokens".into(), body).await
    }
    /// `DELETE /api/tokens/{id}`.
    pub async fn token_revoke(&self, id: ApiTokenId) -> Answer<()> {
        self.delete(format!("/api/tokens/{id}")).await
    }
}
