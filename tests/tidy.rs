//! The layers of ARCHITECTURE.md and the house rules, read from the sources themselves: who may use what,
//! how files open, how long they get. A rule that is broken is named with its file and line.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Lines that a file may have: past it, it has more than one purpose.
const LINES_MAX: usize = 600;

/// A folder, what its files must not speak of, and the files that may.
struct Layer {
    folder: &'static str,
    forbidden: &'static [&'static str],
    except: &'static [&'static str],
    why: &'static str,
}

const LAYERS: &[Layer] = &[
    Layer {
        folder: "src",
        forbidden: &["tokio::", "sqlx::", "axum::", "leptos::", "web_sys::", "genai::", "lettre::"],
        except: &[],
        why: "the domain is pure",
    },
    Layer {
        folder: "src",
        forbidden: &["reqwest::", "gloo_net::"],
        except: &["src/client/http.rs", "src/client/browser.rs"],
        why: "only a transport of the client speaks to a network",
    },
    Layer {
        folder: "src",
        forbidden: &[
            "Utc::now",
            "SystemTime::now",
            "Instant::now",
            "rand::",
            "now_v7",
            "new_v4",
            "std::env",
        ],
        except: &[],
        why: "time, randomness and ids come in as arguments",
    },
    Layer {
        folder: "app/src",
        forbidden: &["sqlx::", "axum::", "tokio::", "reqwest::", "gloo_net::http"],
        except: &[],
        why: "the interface speaks through signalbox::client alone",
    },
    Layer {
        folder: "server/src",
        forbidden: &["sqlx::"],
        except: &["server/src/store"],
        why: "SQL stands in the store alone",
    },
    Layer {
        folder: "server/src",
        forbidden: &["crate::channel", "channel::smtp", "lettre::"],
        except: &[
            "server/src/gate",
            "server/src/channel",
            "server/src/assemble.rs",
            "server/src/setting.rs",
        ],
        why: "only the send gate calls a channel",
    },
    Layer {
        folder: "server/src",
        forbidden: &["reqwest::Client"],
        except: &["server/src/egress", "server/src/model", "server/src/cli/bench"],
        why: "what a workflow asks of the world goes through the guarded egress client",
    },
];

#[test]
fn layers_hold() {
    let mut broken = Vec::new();
    for layer in LAYERS {
        for file in sources(layer.folder).filter(|file| !is_test(file)) {
            let name = relative(&file);
            if layer.except.iter().any(|except| name.starts_with(except.trim_end_matches(".rs"))) {
                continue;
            }
            for (number, line) in code(&file) {
                for word in layer.forbidden.iter().filter(|word| line.contains(**word)) {
                    broken.push(format!("{name}:{number} uses {word} although {}", layer.why));
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn files_say_what_they_are_and_stay_small() {
    let mut broken = Vec::new();
    let folders = ["src", "app/src", "frontend/src", "server/src", "server/tests", "tests"];
    for file in folders.iter().flat_map(|folder| sources(folder)) {
        let (name, text) = (relative(&file), read(&file));
        if !text.starts_with("//!") {
            broken.push(format!("{name} does not open with //!"));
        }
        if text.lines().count() > LINES_MAX {
            broken.push(format!("{name} has more than {LINES_MAX} lines"));
        }
        if name.ends_with("/mod.rs") {
            broken.push(format!("{name}: the module's file is name.rs, beside name/"));
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn migrations_of_both_databases_are_pairs() {
    let names = |folder: &str| -> Vec<String> {
        let Ok(entries) = fs::read_dir(root().join("migrations").join(folder)) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    };
    let (sqlite, postgres) = (names("sqlite"), names("postgres"));
    let numbers = sqlite.iter().map(|name| name.split('_').next().unwrap_or_default());
    let expected: Vec<String> = (1..=sqlite.len()).map(|number| format!("{number:04}")).collect();
    assert_eq!(numbers.collect::<Vec<_>>(), expected, "numbers follow one another");
    if !postgres.is_empty() {
        assert_eq!(sqlite, postgres);
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn relative(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).to_string_lossy().replace('\\', "/")
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// All Rust files below a folder.
fn sources(folder: &str) -> impl Iterator<Item = PathBuf> + use<> {
    let mut open = vec![root().join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    assert!(!files.is_empty(), "{folder} has Rust files");
    files.sort();
    files.into_iter()
}

fn is_test(file: &Path) -> bool {
    relative(file).split('/').any(|part| matches!(part, "tests" | "tests.rs" | "fixtures.rs"))
}

/// The lines of code with their numbers: no comments, and nothing from the tests at the end of a file.
fn code(file: &Path) -> Vec<(usize, String)> {
    let text = read(file);
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let opens_tests = |pair: &[&str]| {
        pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{')
    };
    let end = lines.windows(2).position(opens_tests).unwrap_or(lines.len());
    let numbered = lines[..end].iter().enumerate().map(|(at, line)| (at + 1, (*line).to_owned()));
    numbered.filter(|(_, line)| !line.starts_with("//")).collect()
}
