//! Pages as the server draws them.

use super::support::{As, Server};
use crate::support::folder::Folder;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, header},
};
use server::{router, web::Site};
use signalbox::wire::Role;
use std::collections::BTreeMap;
use tower::ServiceExt;

/// A built front end: the names are what counts here.
fn built() -> Folder {
    let folder = Folder::new();
    std::fs::create_dir(folder.0.join("pkg")).unwrap();
    for kind in ["js", "wasm", "css"] {
        std::fs::write(folder.0.join(format!("pkg/signalbox.aa.{kind}")), kind).unwrap();
    }
    folder
}

async fn page(pages: &Router, cookie: &str, path: &str) -> String {
    let request = Request::builder().uri(path).header(header::COOKIE, cookie);
    let response = pages.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    String::from_utf8(to_bytes(response.into_body(), 1 << 24).await.unwrap().to_vec()).unwrap()
}

/// The data that a page carries for the browser, by the number under which that looks for it.
fn carried(page: &str) -> BTreeMap<u32, String> {
    let numbered = page.split("__RESOLVED_RESOURCES[").skip(1);
    let read = |text: &str| {
        let (number, rest) = text.split_once("] = ")?;
        Some((number.parse().ok()?, rest.split_once(';').map_or(rest, |(data, _)| data).to_owned()))
    };
    numbered.filter_map(read).collect()
}

/// Otherwise what is drawn and what the browser is given may differ by what happened in between, and the page does
/// not wake up.
#[tokio::test]
async fn a_page_carries_what_it_shows_once() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let As::Browser(cookie) = server.browser(&acme.user(Role::Owner).email).await else { panic!() };
    let folder = built();
    let pages = router::whole(&server.state, Site::folder(&folder.0));
    for path in
        ["/inbox", "/runs", "/workflows", "/contacts", "/templates", "/sandbox", "/settings"]
    {
        let carried = carried(&page(&pages, &cookie, path).await);
        // Who asks with how many wait, and what the page shows.
        assert_eq!(carried.len(), 2, "{path}: {carried:#?}");
        let who = carried.values().next().unwrap();
        assert!(who.contains("owner@acme.example"), "{path}: {who}");
    }
}
