//! Tells cargo what else the server is made from: the migrations, and with the feature `embed`
//! the built front end.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../migrations");
    println!("cargo:rerun-if-env-changed=SIGNALBOX_SITE_ROOT");
    if std::env::var_os("CARGO_FEATURE_EMBED").is_none() {
        return;
    }
    match std::env::var("SIGNALBOX_SITE_ROOT") {
        Ok(folder) => println!("cargo:rerun-if-changed={folder}"),
        Err(_) => {
            println!("cargo:error=the feature embed needs SIGNALBOX_SITE_ROOT; run `make build`");
        }
    }
}
