//! `nearby completions` and `nearby man`: what a shell and `man` know of this program.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Cli, Outcome};
use crate::output;

#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "For bash: nearby completions bash > /usr/share/bash-completion/completions/nearby"
)]
pub(super) struct CompletionsArgs {
    /// Which shell
    shell: Shell,
}

#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// The folder that the pages go to, as /usr/local/share/man/man1
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

pub(super) fn complete(args: &CompletionsArgs) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "nearby", &mut script);
    output::keep(std::io::Write::write_all(&mut output::writer(), &script));
    Outcome::Done
}

pub(super) fn write_pages(args: &ManArgs) -> anyhow::Result<Outcome> {
    let folder = args.folder.display();
    std::fs::create_dir_all(&args.folder).with_context(|| format!("{folder} cannot be made"))?;
    clap_mangen::generate_to(Cli::command(), &args.folder)
        .with_context(|| format!("the pages cannot be written to {folder}"))?;
    Ok(Outcome::Done)
}
