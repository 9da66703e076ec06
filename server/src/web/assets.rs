//! The built files of the front end: inside the binary (feature `embed`, every release build) or
//! in a folder (debug builds). Absent: range requests; no file is large enough.

use app::shell::{PageAssets, PartAssets};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where the files of the front end are.
#[derive(Clone, Debug)]
pub struct Site(Arc<Source>);

#[derive(Debug)]
enum Source {
    #[cfg(feature = "embed")]
    Embedded,
    Folder(PathBuf),
}

/// The site folder as it was when the binary was compiled, with its pre-compressed variants.
#[cfg(feature = "embed")]
#[derive(rust_embed::Embed)]
#[folder = "$SIGNALBOX_SITE_ROOT"]
struct Embedded;

/// The encodings that files are stored in, best first, with their extension.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

impl Site {
    /// The files inside the binary; in a debug build the folder of `LEPTOS_SITE_ROOT`, else
    /// `target/site` beside the binary's profile folder, else `target/site` here.
    pub fn discover() -> Site {
        #[cfg(feature = "embed")]
        return Site(Arc::new(Source::Embedded));
        #[cfg(not(feature = "embed"))]
        Site::folder(default_folder())
    }

    /// The files of a folder, read anew at each request.
    pub fn folder(folder: impl Into<PathBuf>) -> Site {
        Site(Arc::new(Source::Folder(folder.into())))
    }

    /// The hashed names of what a page loads. None when the front end has not been built.
    pub async fn page_assets(&self) -> Option<PageAssets> {
        let names = self.package_names();
        let newest = |extension: &str| {
            let fits = |name: &&String| name.starts_with("signalbox.") && name.ends_with(extension);
            names.iter().find(fits).map(|name| format!("/pkg/{name}"))
        };
        let (js, wasm, css) = (newest(".js")?, newest(".wasm")?, newest(".css")?);
        Some(PageAssets { js, wasm, css, parts: self.part_assets(&names).await })
    }

    /// The wasm files of the parts, from the manifest that the build leaves beside them. None in
    /// a build without parts.
    async fn part_assets(&self, names: &[String]) -> Option<PartAssets> {
        let named = |start: &str, end: &str| {
            names.iter().find(|name| name.starts_with(start) && name.ends_with(end))
        };
        let loader = named("__wasm_split.", ".js")?;
        let manifest =
            self.read(&format!("pkg/{}", named("__wasm_split_manifest.", ".json")?)).await?;
        let manifest: BTreeMap<String, Vec<String>> = serde_json::from_slice(&manifest).ok()?;
        let path = |file: String| format!("/pkg/{file}.wasm");
        let files = manifest
            .into_iter()
            .map(|(part, files)| (part, files.into_iter().map(path).collect()))
            .collect();
        Some(PartAssets { js: format!("/pkg/{loader}"), files })
    }

    /// The names in `pkg/`, newest first.
    fn package_names(&self) -> Vec<String> {
        match &*self.0 {
            #[cfg(feature = "embed")]
            Source::Embedded => Embedded::iter()
                .filter_map(|path| path.strip_prefix("pkg/").map(str::to_owned))
                .collect(),
            Source::Folder(folder) => names_newest_first(&folder.join("pkg")),
        }
    }

    /// The file at a request's path, in the best encoding that the client takes. None when there
    /// is no such file; then it is a page.
    pub async fn file(&self, path: &str, request: &HeaderMap) -> Option<Response<Body>> {
        let path = safe_path(path)?;
        let content_type = content_type(path)?;
        for (encoding, extension) in ENCODINGS {
            if accepts(request, encoding)
                && let Some(data) = self.read(&format!("{path}{extension}")).await
            {
                return answer(path, content_type, Some(encoding), data);
            }
        }
        answer(path, content_type, None, self.read(path).await?)
    }

    async fn read(&self, path: &str) -> Option<Cow<'static, [u8]>> {
        match &*self.0 {
            #[cfg(feature = "embed")]
            Source::Embedded => Embedded::get(path).map(|file| file.data),
            Source::Folder(folder) => tokio::fs::read(folder.join(path)).await.ok().map(Cow::Owned),
        }
    }
}

#[cfg(not(feature = "embed"))]
fn default_folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("LEPTOS_SITE_ROOT") {
        return folder.into();
    }
    let beside = std::env::current_exe()
        .ok()
        .and_then(|binary| Some(binary.parent()?.parent()?.join("site")))
        .filter(|folder| folder.is_dir());
    beside.unwrap_or_else(|| PathBuf::from("target/site"))
}

fn names_newest_first(folder: &Path) -> Vec<String> {
    let list = || -> io::Result<Vec<(std::time::SystemTime, String)>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            names.push((entry.metadata()?.modified()?, name));
        }
        Ok(names)
    };
    // A folder that is missing or being rebuilt has no names; the page says what to do.
    let mut names = list().unwrap_or_default();
    names.sort_by(|a, b| b.cmp(a));
    names.into_iter().map(|(_, name)| name).collect()
}

/// The path inside the site; none for anything that could lead out of it.
fn safe_path(path: &str) -> Option<&str> {
    let path = path.strip_prefix('/')?;
    let fits = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    path.split('/').all(fits).then_some(path)
}

/// Only these kinds of file are served.
fn content_type(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "js" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        _ => return None,
    })
}

fn accepts(request: &HeaderMap, encoding: &str) -> bool {
    let listed = |value: &HeaderValue| {
        value.to_str().is_ok_and(|value| {
            value.split(',').any(|item| {
                let (name, quality) = item.split_once(';').unwrap_or((item, ""));
                name.trim() == encoding && !matches!(quality.trim(), "q=0" | "q=0.0")
            })
        })
    };
    request.get_all(header::ACCEPT_ENCODING).iter().any(listed)
}

fn answer(
    path: &str,
    content_type: &'static str,
    encoding: Option<&'static str>,
    data: Cow<'static, [u8]>,
) -> Option<Response<Body>> {
    // Names in pkg/ carry a hash of their content.
    let cache = if path.starts_with("pkg/") {
        "public, max-age=31536000, immutable"
    } else {
        "public, max-age=86400"
    };
    let body = match data {
        Cow::Borrowed(data) => Body::from(data),
        Cow::Owned(data) => Body::from(data),
    };
    let mut response = Response::builder()
        .status(StatusCode::OK)
        .header(header::CONTENT_TYPE, content_type)
        .header(header::CACHE_CONTROL, cache)
        .header(header::VARY, "accept-encoding")
        .header("x-content-type-options", "nosniff");
    if let Some(encoding) = encoding {
        response = response.header(header::CONTENT_ENCODING, encoding);
    }
    response.body(body).ok()
}
