//! Secrets: out of the environment, or out of files, as orchestrators mount them.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use secrecy::SecretString;

/// The largest file that is taken for a secret.
const MAX_BYTES: u64 = 64 * 1024;

/// The secret in an environment variable, or in the file that the variable of this name and
/// `_FILE` names. An empty variable beside a file says nothing.
///
/// # Errors
/// When both are set, and when what is there cannot be read as a text.
pub(super) fn of_environment(name: &str) -> anyhow::Result<Option<SecretString>> {
    let file_variable = format!("{name}_FILE");
    let file = std::env::var_os(&file_variable).filter(|path| !path.is_empty());
    let given = std::env::var_os(name).filter(|secret| file.is_none() || !secret.is_empty());
    match (given, file) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => bail!("{name} and {file_variable} are both set: unset one of them"),
        (Some(given), None) => match given.into_string() {
            Ok(secret) => Ok(Some(secret.into())),
            Err(_) => bail!("{name} is not UTF-8"),
        },
        (None, Some(path)) => of_file(Path::new(&path))
            .with_context(|| format!("cannot take the secret that {file_variable} names"))
            .map(Some),
    }
}

/// The secret in a file, without blanks and line breaks at its ends.
///
/// # Errors
/// When the file cannot be read, is empty or no text, or is too large for a secret.
pub(super) fn of_file(path: &Path) -> anyhow::Result<SecretString> {
    let told = path.display();
    let file = File::open(path).with_context(|| format!("cannot read {told}"))?;
    let mut text = String::new();
    file.take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read {told}"))?;
    if text.len() as u64 > MAX_BYTES {
        bail!("{told} has more than {MAX_BYTES} bytes, which is no secret");
    }
    match text.trim() {
        "" => bail!("{told} is empty"),
        secret => Ok(secret.into()),
    }
}
