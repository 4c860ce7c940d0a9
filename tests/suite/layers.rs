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

/// The modules of the crate, each above those that it may import.
const LAYERS: [&str; 21] = [
    "output",
    "progress",
    "domain",
    "wire",
    "store",
    "metrics",
    "engine",
    "catalog",
    "collections",
    "backfill",
    "adopt",
    "transfer",
    "follow",
    "upkeep",
    "expiry",
    "keyring",
    "sockets",
    "http",
    "app",
    "telemetry",
    "cli",
];

/// The code of a file: neither its comments nor its tests, which may look around freely.
fn code_of(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source file is text");
    let code = text.split("#[cfg(test)]\nmod tests").next();
    let lines = code.unwrap_or_default().lines();
    let lines = lines.filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The source files of a folder, as paths within it, with their code.
fn codes(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found: Vec<(String, String)> = sources(&folder)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter(|path| path.file_stem().is_none_or(|stem| stem != "tests"))
        .map(|path| {
            let within = path.strip_prefix(&folder).unwrap().display().to_string();
            (within, code_of(&path))
        })
        .collect();
    found.sort();
    found
}

fn assert_only_in(word: &str, allowed: &[&str]) {
    let mentioned: Vec<String> = codes("src")
        .into_iter()
        .filter(|(_, code)| code.contains(word))
        .map(|(file, _)| file)
        .collect();
    assert!(
        !mentioned.is_empty(),
        "nothing mentions {word}: is the test stale?"
    );
    for file in mentioned {
        assert!(
            allowed.iter().any(|place| file.starts_with(place)),
            "{file} mentions {word}, which belongs in {allowed:?}"
        );
    }
}

/// The modules of the crate that a code imports from, in braces too.
fn imported(code: &str) -> Vec<&str> {
    let mut modules = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let list = match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or_default(),
            None => rest.split([';', ',', '(', '<']).next().unwrap_or_default(),
        };
        modules.extend(list.split(',').filter_map(|path| {
            let module = path
                .trim()
                .split(|c: char| !(c.is_alphanumeric() || c == '_'))
                .next();
            module.filter(|module| !module.is_empty())
        }));
    }
    modules
}

#[test]
fn every_module_imports_only_from_those_under_it() {
    let place = |module: &str| LAYERS.iter().position(|layer| *layer == module);
    let mut seen = 0;
    for (file, code) in codes("src") {
        let module = file.split(['/', '.']).next().unwrap_or_default();
        if matches!(module, "lib" | "main") {
            continue;
        }
        let Some(own) = place(module) else {
            panic!("{file} is in no layer: put `{module}` where it belongs in LAYERS");
        };
        for import in imported(&code) {
            // Else it is a macro or the name of the crate's own function.
            let Some(under) = place(import) else {
                continue;
            };
            seen += 1;
            assert!(
                under <= own,
                "{file} imports from {import}, which is above {module}"
            );
        }
    }
    assert!(seen > 200, "imports are found: {seen}");
}

#[test]
fn which_database_it_is_is_known_in_its_folder_only() {
    let folders = ["store/mysql/", "store/sqlite/"];
    for (file, code) in codes("src") {
        if folders.iter().any(|folder| file.starts_with(folder)) {
            continue;
        }
        let allowed: &[&str] = match file.as_str() {
            // What libraries say, and what their numbers mean.
            "store/error.rs" => &["MySql", "Sqlite", "SqliteFailure"],
            "store/refusal.rs" => &["MySqlDatabaseError", "SqliteFailure"],
            // A setting of embedded files, which others pass over.
            "cli/database.rs" | "store/database/mod.rs" | "store/mod.rs" => &["SqliteSynchronous"],
            _ => &[],
        };
        let words = code.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        for word in words.filter(|word| word.contains("MySql") || word.contains("Sqlite")) {
            let is_adopting = word == "NotMySql";
            assert!(
                is_adopting || allowed.contains(&word),
                "{file} mentions {word}"
            );
        }
        let is_door = matches!(
            file.as_str(),
            "store/mod.rs" | "store/database/url.rs" | "store/database/backend.rs"
        );
        for module in ["mysql::", "sqlite::"] {
            // Libraries have such names, too.
            let own = code.replace(&format!("sqlx::{module}"), "");
            let own = own.replace("rusqlite::", "");
            assert!(
                is_door || !own.contains(module),
                "{file} reaches into {module}"
            );
        }
    }
}

#[test]
fn neither_folder_of_a_database_knows_the_other() {
    for (folder, other, library) in [
        ("store/mysql/", "sqlite", "rusqlite::"),
        ("store/sqlite/", "mysql", "MySql"),
    ] {
        let mut seen = 0;
        for (file, code) in codes("src") {
            if file.starts_with(folder) {
                seen += 1;
                assert!(!code.contains(library), "{file} mentions {library}");
                let path = format!("store::{other}");
                assert!(!code.contains(&path), "{file} mentions {path}");
            }
        }
        assert!(seen > 20, "{folder} has files: {seen}");
    }
}

#[test]
fn only_the_store_knows_its_libraries() {
    assert_only_in("sqlx::", &["store/"]);
    assert_only_in("mysql_async::", &["store/mysql/feed/"]);
    assert_only_in(
        "rusqlite::",
        &[
            "store/sqlite/",
            "store/error.rs",
            "store/refusal.rs",
            "store/organizations.rs",
            "store/migrate/error.rs",
        ],
    );
}

#[test]
fn only_http_and_its_wiring_know_actix() {
    assert_only_in("actix_", &["http/", "app.rs"]);
}

/// Suites stand on the support, and it on none of them.
#[test]
fn the_support_of_the_tests_knows_no_suite() {
    for (file, code) in codes("tests/suite/support") {
        for import in imported(&code) {
            assert_eq!(import, "support", "support/{file} imports from {import}");
        }
    }
}
