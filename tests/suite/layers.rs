//! The layers of the crate, held by their imports.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("src is readable") {
        let path = entry.expect("src is readable").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn files_that_mention(word: &str) -> Vec<String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found: Vec<String> = sources(&src)
        .into_iter()
        .filter(|path| {
            let text = fs::read_to_string(path).expect("a source file is text");
            text.lines()
                .any(|line| !line.trim_start().starts_with("//") && line.contains(word))
        })
        .map(|path| path.strip_prefix(&src).unwrap().display().to_string())
        .collect();
    found.sort();
    found
}

fn assert_only_in(word: &str, allowed: &[&str]) {
    let files = files_that_mention(word);
    assert!(
        !files.is_empty(),
        "nothing mentions {word}: is the test stale?"
    );
    for file in files {
        assert!(
            allowed.iter().any(|place| file.starts_with(place)),
            "{file} mentions {word}, which belongs in {allowed:?}"
        );
    }
}

#[test]
fn only_the_store_knows_sqlx() {
    assert_only_in("sqlx::", &["store/"]);
    assert_only_in(
        "rusqlite::",
        &["store/sqlite/", "store/error.rs", "store/refusal.rs"],
    );
}

#[test]
fn only_http_and_its_wiring_know_actix() {
    assert_only_in("actix_", &["http/", "app.rs"]);
}
