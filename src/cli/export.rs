//! `nearby export`

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::NamedTempFile;

use super::Outcome;
use super::collections::CollectionArgs;
use super::database::DatabaseArgs;
use super::signals::told_to_stop;
use crate::output::{self, note};
use crate::progress::Progress;
use crate::store::{Collection, Database, Store};
use crate::transfer::write::CenterWriter;
use crate::transfer::{ExportError, Exported, Format, PRIVATE_MODE, export};

#[derive(Debug, clap::Args)]
#[command(long_about = "Write the centers of the database to a file\n\n\
        CSV, GeoJSON, newline-delimited GeoJSON, GeoPackage or FlatGeobuf: every field of every \
        center, by id, in a form that import takes back (all but FlatGeobuf). The file appears \
        when it is complete and not before. CSV does not tell an empty text from an absent one; \
        the others do. FlatGeobuf sorts centers by place and needs some 150 bytes of memory for each.")]
pub(super) struct Args {
    /// The file, gzipped where its name ends in `.gz`; `-` writes to standard output
    file: PathBuf,
    /// The format; taken from the file's name where it is not given, CSV on standard output
    #[arg(long, value_parser = Format::parser(Format::written()))]
    format: Option<Format>,
    /// Put a `'` before texts of a CSV file that a spreadsheet would take for formulas: those that
    /// begin with `=`, `+`, `-`, `@`, a tab or a line break. For people; import does not take it away
    #[arg(long)]
    excel_safe: bool,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    collection: CollectionArgs,
    #[command(flatten)]
    database: DatabaseArgs,
}

impl Args {
    fn begin<W: Write>(
        &self,
        out: W,
        format: Format,
        collection: &Collection,
    ) -> io::Result<CenterWriter<W>> {
        let writer = CenterWriter::begin(out, format, collection)?;
        Ok(if self.excel_safe {
            writer.excel_safe()
        } else {
            writer
        })
    }
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let target = Target::new(&args)?;
    if args.excel_safe && target.format() != Format::Csv {
        bail!("--excel-safe is for CSV: no other format is taken for formulas");
    }
    let exporting = async |database: &Database| export_from(database, &args, target).await;
    args.database.with(exporting).await
}

async fn export_from(database: &Database, args: &Args, target: Target) -> anyhow::Result<Outcome> {
    if let Target::File { path, .. } = &target
        && database.is_kept_in(path)
    {
        bail!(
            "{} is of the database that is exported, which --force would destroy: name another file",
            args.file.display()
        );
    }
    let declared = args.collection.declared()?;
    database.ensure_schema_for(&declared).await?;
    let collection = args.collection.open(database).await?;
    let store = Store::new(database, &collection);
    // What was drawn in a declared layer while nobody served the file.
    store.take_over_moved().await?;
    let mut shown = Progress::new("exporting", None);
    let progress = |rows| shown.set(rows);
    let written = match target {
        Target::Stdout(format) => {
            let out = BufWriter::new(output::writer());
            let writer = args.begin(out, format, &collection)?;
            export_to_stdout(&store, writer, progress).await
        }
        Target::File { path, format } => {
            export_to_file(&store, format, &path, args, progress).await
        }
    };
    shown.finish();
    if let Some(exported) = written? {
        note!(
            "{} centers exported, {} without coordinates",
            exported.rows,
            exported.without_coordinates
        );
    }
    Ok(Outcome::Done)
}

enum Target {
    Stdout(Format),
    File { path: PathBuf, format: Format },
}

impl Target {
    fn format(&self) -> Format {
        match self {
            Self::Stdout(format) | Self::File { format, .. } => *format,
        }
    }

    fn new(args: &Args) -> anyhow::Result<Self> {
        if args.file == Path::new("-") {
            let format = args.format.unwrap_or(Format::Csv);
            if format == Format::GeoPackage {
                bail!("a GeoPackage is a file and no stream: name one");
            }
            return Ok(Self::Stdout(format));
        }
        let shown = args.file.display();
        let named = Format::of_name(&args.file)
            .filter(|named| Format::written().any(|written| written == *named));
        let format = args.format.or(named).with_context(|| {
            format!(
                "the name {shown} tells no format that is written: end it in {} (and .gz), or give --format",
                Format::extensions(Format::written())
            )
        })?;
        if format == Format::GeoPackage && Format::is_gzip_name(&args.file) {
            bail!("a GeoPackage is written as it is: leave the .gz out of {shown}");
        }
        // Where a link leads is replaced, not the link.
        let path = match fs::canonicalize(&args.file) {
            Ok(path) => {
                if !path.is_file() {
                    bail!("{shown} is not a file; `-` writes to standard output");
                }
                if !args.force {
                    bail!("{shown} is there already: --force replaces it");
                }
                path
            }
            Err(_) => args.file.clone(),
        };
        Ok(Self::File { path, format })
    }
}

/// `None` where standard output takes no more; the end of the process says why.
async fn export_to_stdout(
    store: &Store,
    writer: CenterWriter<impl Write>,
    progress: impl FnMut(u64),
) -> anyhow::Result<Option<Exported>> {
    let exported = async {
        let (exported, mut out) = export(store, writer, progress, told_to_stop()).await?;
        out.flush()?;
        Ok(exported)
    };
    match exported.await {
        Ok(exported) => Ok(Some(exported)),
        Err(ExportError::Write(_)) if !output::is_read() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Writes beside the target and takes its place at the end, so that the target
/// is whole or not there; what is beside it is removed when anything fails.
async fn export_to_file(
    store: &Store,
    format: Format,
    path: &Path,
    args: &Args,
    progress: impl FnMut(u64),
) -> anyhow::Result<Option<Exported>> {
    let cannot_write = || format!("cannot write {}", path.display());
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    // A file that is replaced was opened to whoever may read it; another one holds rows.
    let mode = match fs::metadata(path) {
        Ok(replaced) => replaced.permissions(),
        Err(_) => Permissions::from_mode(PRIVATE_MODE),
    };
    let mut temporary = tempfile::Builder::new()
        .prefix(".nearby-export-")
        .tempfile_in(folder)
        .with_context(cannot_write)?;
    let exported = write_file(store, format, path, args, &mut temporary, progress)
        .await
        .with_context(|| format!("{} was not written", path.display()))?;
    let file = temporary.as_file();
    file.set_permissions(mode).with_context(cannot_write)?;
    file.sync_all().with_context(cannot_write)?;
    let persisted = if args.force {
        temporary.persist(path)
    } else {
        temporary.persist_noclobber(path)
    };
    persisted.with_context(cannot_write)?;
    Ok(Some(exported))
}

async fn write_file(
    store: &Store,
    format: Format,
    path: &Path,
    args: &Args,
    temporary: &mut NamedTempFile,
    progress: impl FnMut(u64),
) -> Result<Exported, ExportError> {
    let stop = told_to_stop();
    let collection = store.collection();
    if format == Format::GeoPackage {
        let writer = CenterWriter::geopackage(temporary.path(), collection)?;
        return Ok(export(store, writer, progress, stop).await?.0);
    }
    let out: BufWriter<&mut File> = BufWriter::with_capacity(64 * 1024, temporary.as_file_mut());
    if Format::is_gzip_name(path) {
        let out = GzEncoder::new(out, Compression::default());
        let writer = args.begin(out, format, collection)?;
        let (exported, out) = export(store, writer, progress, stop).await?;
        out.finish()?.flush()?;
        Ok(exported)
    } else {
        let writer = args.begin(out, format, collection)?;
        let (exported, mut out) = export(store, writer, progress, stop).await?;
        out.flush()?;
        Ok(exported)
    }
}
