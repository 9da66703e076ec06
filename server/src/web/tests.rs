//! Files and pages through the router, on a site folder made for each test.

use super::{Site, router};
use axum::{
    body::{Body, to_bytes},
    http::{Request, Response, StatusCode},
};
use std::path::PathBuf;
use tower::ServiceExt;

/// A site folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Folder {
        let root = std::env::temp_dir().join(format!("signalbox-web-{}", uuid::Uuid::new_v4()));
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Folder(root)
    }

    fn built() -> Folder {
        Folder::new(&[
            ("pkg/signalbox.aa.js", "js"),
            ("pkg/signalbox.aa.wasm", "wasm"),
            ("pkg/signalbox.aa.wasm.br", "brotli"),
            ("pkg/signalbox.aa.wasm.gz", "gzip"),
            ("pkg/signalbox.aa.css", "css"),
            ("favicon.svg", "svg"),
            ("hash.txt", "plain"),
            ("secret.key", "secret"),
        ])
    }

    async fn ask(&self, method: &str, path: &str, encodings: &str) -> Response<Body> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("accept-encoding", encodings)
            .header("cookie", "signalbox_theme=dark")
            .body(Body::empty())
            .unwrap();
        router(Site::folder(&self.0), |_| async { || () }).oneshot(request).await.unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

fn header(response: &Response<Body>, name: &str) -> String {
    response.headers().get(name).map_or_else(String::new, |v| v.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn files_come_in_the_best_encoding_with_their_type_and_cache_rule() {
    let site = Folder::built();
    let immutable = "public, max-age=31536000, immutable";
    let cases = [
        ("/pkg/signalbox.aa.wasm", "gzip, br", "brotli", "br", "application/wasm", immutable),
        (
            "/pkg/signalbox.aa.wasm",
            "gzip;q=1, br;q=0",
            "gzip",
            "gzip",
            "application/wasm",
            immutable,
        ),
        ("/pkg/signalbox.aa.wasm", "", "wasm", "", "application/wasm", immutable),
        ("/pkg/signalbox.aa.js", "br", "js", "", "text/javascript; charset=utf-8", immutable),
        ("/favicon.svg", "br", "svg", "", "image/svg+xml", "public, max-age=86400"),
    ];
    for (path, accept, body, encoding, kind, cache) in cases {
        let response = site.ask("GET", path, accept).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(header(&response, "content-encoding"), encoding, "{path} {accept}");
        assert_eq!(header(&response, "content-type"), kind, "{path}");
        assert_eq!(header(&response, "cache-control"), cache, "{path}");
        assert_eq!(text(response).await, body, "{path} {accept}");
    }
}

#[tokio::test]
async fn nothing_outside_the_site_is_served() {
    let site = Folder::built();
    let paths = ["/secret.key", "/../secret.key", "/pkg/../secret.key", "/pkg//x.js", "/.env.txt"];
    for path in paths {
        let response = site.ask("GET", path, "").await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(text(response).await.contains("There is nothing here"), "{path}");
    }
}

#[tokio::test]
async fn a_page_has_its_policy_its_theme_and_the_hashed_names() {
    let site = Folder::built();
    let response = site.ask("GET", "/nowhere", "").await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(header(&response, "cache-control"), "no-store");
    let policy = header(&response, "content-security-policy");
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
    assert!(nonce.len() >= 16, "{policy}");
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let body = text(response).await;
    for part in [
        "<!DOCTYPE html>",
        "data-theme=\"dark\"",
        "/pkg/signalbox.aa.js",
        "/pkg/signalbox.aa.wasm",
        "href=\"/pkg/signalbox.aa.css\"",
        &format!("nonce=\"{nonce}\""),
        "<title>Not found · Signalbox</title>",
    ] {
        assert!(body.contains(part), "{part} is not in {body}");
    }
    assert!(!body.contains(" style=\""), "inline styles break the policy");
}

#[tokio::test]
async fn a_page_fetches_its_parts_with_the_application_and_the_others_later() {
    let site = Folder::built();
    for (name, text) in [
        ("__wasm_split.bb.js", "js"),
        (
            "__wasm_split_manifest.cc.json",
            r#"{"entry": ["split_entry.dd"], "inbox": ["chunk_1.ee", "split_inbox.ff"]}"#,
        ),
    ] {
        std::fs::write(site.0.join("pkg").join(name), text).unwrap();
    }
    let body = text(site.ask("GET", "/sign-in?next=/inbox", "").await).await;
    for part in [
        "rel=\"modulepreload\" href=\"/pkg/__wasm_split.bb.js\"",
        "rel=\"preload\" href=\"/pkg/split_entry.dd.wasm\"",
        "rel=\"prefetch\" href=\"/pkg/chunk_1.ee.wasm\"",
        "rel=\"prefetch\" href=\"/pkg/split_inbox.ff.wasm\"",
    ] {
        assert!(body.contains(part), "{part} is not in {body}");
    }
}

#[tokio::test]
async fn only_reading_is_allowed_and_an_unbuilt_front_end_says_so() {
    let site = Folder::built();
    let refused = site.ask("POST", "/inbox", "").await;
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(header(&refused, "allow"), "GET, HEAD");
    let empty = Folder::new(&[]);
    let response = empty.ask("GET", "/", "").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(text(response).await.contains("scripts/build debug"));
}
