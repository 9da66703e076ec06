//! The route table. A line is: method, path, the operation's name, who may, what it does, handler.

use super::{
    api::{accounts, health, members, tokens},
    endpoint::{Access, Endpoint},
};
use Access::{May, Public, SignedIn};
use signalbox::{
    client::Method::{Delete, Get, Patch, Post},
    wire::Permission::*,
};

macro_rules! routes {
    ($($method:ident $path:literal $name:ident ($access:expr) $summary:literal => $handler:path $(, $with:ident $(($argument:expr))?)*;)*) => {
        vec![$(Endpoint::new($method, $path, stringify!($name), $access, $summary, $handler)$(.$with($($argument)?))*,)*]
    };
}

/// Every route there is.
pub fn all() -> Vec<Endpoint> {
    let mut all = account_routes();
    all.push(Endpoint::raw(
        Get,
        "/api/live",
        "live",
        SignedIn,
        "WebSocket: what changes, as it changes",
        crate::live::open,
    ));
    all
}

#[rustfmt::skip]
fn account_routes() -> Vec<Endpoint> {
    routes! {
        Get "/health" health (Public) "Whether the server is well; 503 with reasons when not" => health::health;
        Get "/api/openapi.json" openapi (Public) "This document" => health::openapi;
        Get "/api/setup" setup_state (Public) "Whether an owner is still to be set up" => accounts::setup_state;
        Post "/api/setup" setup (Public) "Makes the owner and signs in, once" => accounts::setup;
        Post "/api/session" sign_in (Public) "Signs in" => accounts::sign_in;
        Delete "/api/session" sign_out (SignedIn) "Signs out" => accounts::sign_out;
        Get "/api/me" me (SignedIn) "Who is asking" => accounts::me;
        Get "/api/members" members (May(OrgMembersManage)) "Lists members" => members::list;
        Post "/api/members" member_add (May(OrgMembersManage)) "Adds a member" => members::add;
        Patch "/api/members/{user}" member_change (May(OrgMembersManage)) "Changes a member's role" => members::change;
        Delete "/api/members/{user}" member_remove (May(OrgMembersManage)) "Ends a membership and its sessions" => members::remove;
        Get "/api/tokens" tokens (May(OrgTokensManage)) "Lists API tokens" => tokens::list;
        Post "/api/tokens" token_create (May(OrgTokensManage)) "Makes an API token; it is shown this once" => tokens::create;
        Delete "/api/tokens/{id}" token_revoke (May(OrgTokensManage)) "Ends an API token" => tokens::revoke;
    }
}
