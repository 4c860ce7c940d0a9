//! `nearby migrate new`: the files of the next migration, for both stores.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, ensure};

use crate::cli::Outcome;
use crate::output::say;

const STORES: [&str; 2] = ["mysql", "sqlite"];

/// Writes the next number's files to a checkout of the source.
pub(super) fn write(checkout: &Path, name: &str) -> anyhow::Result<Outcome> {
    let all_allowed = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    ensure!(
        all_allowed && !name.is_empty(),
        "a migration is named in lower-case letters, digits and underscores, as in `add_opening_hours`; got `{name}`"
    );
    let folders = STORES.map(|store| checkout.join("migrations").join(store));
    ensure!(
        folders.iter().all(|folder| folder.is_dir()) && checkout.join("Cargo.toml").is_file(),
        "migrations are part of the source: run this in a checkout of nearby, next to its Cargo.toml"
    );
    let mut last = 0;
    for folder in &folders {
        last = last.max(last_version(folder)?);
    }
    // One number for both stores, so that a version means the same step on either.
    let version = last + 1;
    for folder in &folders {
        for (direction, comment) in [
            ("up", "What this adds and why. Never edited once released."),
            ("down", "Undoes what the other file does."),
        ] {
            let path = folder.join(format!("{version:04}_{name}.{direction}.sql"));
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&path)
                .with_context(|| format!("cannot write {}", path.display()))?;
            writeln!(file, "-- {comment}")?;
            say!("{}", path.display());
        }
    }
    Ok(Outcome::Done)
}

fn last_version(folder: &Path) -> anyhow::Result<u32> {
    let mut last = 0;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().into_string().unwrap_or_default();
        let number = name.split_once('_').and_then(|(n, _)| n.parse().ok());
        last = last.max(number.unwrap_or(0));
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Cargo.toml"), "").unwrap();
        for store in STORES {
            fs::create_dir_all(folder.path().join("migrations").join(store)).unwrap();
        }
        folder
    }

    fn files(checkout: &Path, store: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(checkout.join("migrations").join(store))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn both_stores_get_the_number_after_the_highest_of_either() {
        let folder = checkout();
        fs::write(folder.path().join("migrations/sqlite/0007_a.up.sql"), "").unwrap();
        write(folder.path(), "add_hours").unwrap();
        let expected = ["0008_add_hours.down.sql", "0008_add_hours.up.sql"];
        assert_eq!(files(folder.path(), "mysql"), expected);
        assert_eq!(files(folder.path(), "sqlite")[1..], expected);
        write(folder.path(), "more").unwrap();
        assert!(files(folder.path(), "mysql").contains(&"0009_more.up.sql".to_owned()));
    }

    #[test]
    fn outside_of_a_checkout_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let error = write(folder.path(), "add_hours").unwrap_err();
        assert!(error.to_string().contains("in a checkout of nearby"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_name_that_could_leave_its_folder_is_refused() {
        let folder = checkout();
        for name in ["", "../x", "Add", "a b", "a.up"] {
            assert!(write(folder.path(), name).is_err(), "{name}");
        }
        assert!(files(folder.path(), "mysql").is_empty());
    }
}
