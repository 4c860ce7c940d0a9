//! `nearby import`

mod attributes;
mod journal;

use std::path::{Path, PathBuf};
use std::pin::pin;

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use secrecy::SecretString;
use tokio::sync::{oneshot, watch};

use attributes::{Wanted, new_attributes, with_new};
use journal::Begun;

use super::Outcome;
use super::collections::CollectionArgs;
use super::database::{PoolArgs, url_of};
use super::signals::told_to_stop;
use crate::output::note;
use crate::progress::Progress;
use crate::store::{
    Collection, Database, DatabaseUrl, Journal, SentAgain, Store, StoreError, Work, WorkAction,
};
use crate::transfer::read::{
    BytesRead, ImportFields, Listed, Mapping, OpenError, ReadOptions, RowReader, Source,
    TextEncoding, split_unused,
};
use crate::transfer::{
    Format, Halt, ImportError, Imported, MAX_BATCH_ROWS, Report, RowBatches, Survey, import, survey,
};

#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write centers from a file into the database: CSV, GeoJSON, GeoPackage, GPX or KML\n\n\
        A row with an id replaces the center that has it, or creates it; the last of several rows \
        with one id wins. A row without an id creates a center. A row says everything of its \
        center: fields that the file lacks become empty. view_count, created_at and updated_at \
        are the database's own and not imported. Attributes that the file has are imported under \
        their names; those that it has not are left as they are.",
    after_long_help = "CSV needs a header with at least name, latitude and longitude; lat, lng, \
        lon, long, title, url and the like are known too, in any case. Empty cells are absent \
        values. GeoJSON needs Point geometries, or null where the coordinates are not known; \
        properties have the names of the fields. So have the columns of a GeoPackage layer, whose \
        fid is no id unless --map id=fid says so. Of GPX, waypoints are taken: name, desc as \
        description, link or url as website, and what stands in extensions under the name of a \
        field. Of KML or KMZ, placemarks: name, description, address, phoneNumber as phone, link as \
        website, and ExtendedData under the name of a field. Coordinates are WGS 84; heights are \
        left out.\n\n\
        A stopped import is run again: rows with ids are not written twice, and of a file whose rows \
        have none the database knows how far it came, for 30 days. Standard input and pipes cannot \
        be read again: there a stopped import says how to go on with --from-line.\n\n\
        Exit code: 0 every row was taken, 1 rows were rejected, 2 it could not run or was stopped."
)]
pub(super) struct Args {
    /// The file, gzipped or not; `-` reads standard input
    file: PathBuf,
    /// The format; found out from the content where it is not given
    #[arg(long, value_parser = Format::parser(Format::read()))]
    format: Option<Format>,
    /// The column, or property, that holds a field; may be repeated
    #[arg(long = "map", value_name = "FIELD=COLUMN")]
    mappings: Vec<Mapping>,
    /// Attributes to make columns for, between commas, as `category` or `category:text`: what they
    /// hold is found out from the file where it is not given. For the tables that nearby makes
    #[arg(long, value_name = "NAME[:KIND],…", value_delimiter = ',')]
    with_attributes: Vec<Wanted>,
    /// What separates CSV columns: one character, or `tab`; found out from the header where it is not given
    #[arg(long, value_name = "CHAR", value_parser = parse_delimiter)]
    delimiter: Option<u8>,
    /// The encoding of a text without a byte order mark, as `windows-1252` or `utf-16le` [default: UTF-8]
    #[arg(long, value_name = "NAME")]
    encoding: Option<TextEncoding>,
    /// The layer of a GeoPackage that has several of points
    #[arg(long, value_name = "NAME")]
    layer: Option<String>,
    /// What to do with rows that cannot be taken
    #[arg(long, value_enum, default_value_t = OnError::Abort)]
    on_error: OnError,
    /// Where `--on-error skip` writes the rejected rows [default: FILE.rejected.csv]
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Check every row and write nothing to the database
    #[arg(long)]
    dry_run: bool,
    /// Make a new center of every row, whatever its id
    #[arg(long)]
    ignore_ids: bool,
    /// Begin at this line (row of a GeoPackage), wherever an earlier import was stopped
    #[arg(long, value_name = "LINE", value_parser = clap::value_parser!(u64).range(1..))]
    from_line: Option<u64>,
    /// How many rows go into one transaction
    #[arg(long, value_name = "ROWS", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=MAX_BATCH_ROWS as u64))]
    batch_size: u64,
    /// The database: `mysql://user:password@host[:port][,host[:port]…]/database`, or `sqlite:PATH`, created where it is missing
    #[arg(
        long,
        env = "DATABASE_URL",
        value_name = "URL",
        hide_env_values = true,
        required_unless_present_any = ["database_url_file", "dry_run"],
        help_heading = "Database"
    )]
    database_url: Option<SecretString>,
    /// A file with that URL, as orchestrators mount secrets
    #[arg(
        long,
        env = "DATABASE_URL_FILE",
        value_name = "FILE",
        conflicts_with = "database_url",
        help_heading = "Database"
    )]
    database_url_file: Option<PathBuf>,
    #[command(flatten)]
    collection: CollectionArgs,
    #[command(flatten)]
    pool: PoolArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OnError {
    /// Write nothing if any row of a file is wrong; end at the first of a stream
    Abort,
    /// Write the others and list the rejected rows in a report
    Skip,
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let url = url_of(
        args.database_url.as_ref(),
        args.database_url_file.as_deref(),
    )?;
    let mut known = collection_of(url.as_ref(), &args).await;
    if args.dry_run {
        known = known.context(UNKNOWN);
    }
    let collection = known?;
    let new = new_attributes(&args, &collection).await?;
    let job = Job::new(&args, &with_new(&collection, &new)?)?;
    if args.dry_run {
        attributes::tell(&new, "the import would add");
        let before = match &url {
            Some(url) => stopped_before(url, &args, &job).await?,
            None => None,
        };
        return job.dry_run(before).await;
    }
    let url = url.expect("clap demands a URL without --dry-run");
    if args.on_error == OnError::Abort && job.size.is_some() {
        let checked = job.survey("checking", false, Journal::default()).await?;
        if checked.rejected > 0 {
            tell_unused(&checked);
            tell_rejected(&checked);
            note!(
                "nothing was written; mend the file, or write the other rows with --on-error skip"
            );
            return Ok(Outcome::FoundWrong);
        }
    }
    let importing = async |database: &Database| {
        if !new.is_empty() {
            database.ensure_schema_for(&collection).await?;
            database.add_attributes(&collection, &new).await?;
            attributes::tell(&new, "added");
        }
        import_into(database, &args, &job).await
    };
    let imported = args.pool.with_new(&url, importing).await?;
    job.conclude(imported)
}

const UNKNOWN: &str = "how many rows would be written is not known (without --database-url and \
                       DATABASE_URL, --dry-run checks the file alone)";

/// The collection, with the attributes that its database knows by now.
async fn collection_of(url: Option<&DatabaseUrl>, args: &Args) -> anyhow::Result<Collection> {
    match url.filter(|url| !url.is_to_be_created()) {
        None => args.collection.declared(),
        Some(url) => {
            let asking = async |database: &Database| args.collection.declared_in(database).await;
            args.pool.with_existing(url, asking).await
        }
    }
}

/// How far a stopped import of the file came. The database is asked as the import would
/// ask it: without its answer nobody knows what would be written.
async fn stopped_before(
    url: &DatabaseUrl,
    args: &Args,
    job: &Job<'_>,
) -> anyhow::Result<Option<Journal>> {
    if url.is_to_be_created() {
        return Ok(None);
    }
    let declared = args.collection.declared()?;
    let asking = async |database: &Database| {
        database.check_schema_for(&declared).await?;
        Ok(journal::look(&Store::new(database, &declared), job).await)
    };
    let looked = args.pool.with_existing(url, asking).await;
    looked.context(UNKNOWN)?
}

async fn import_into(database: &Database, args: &Args, job: &Job<'_>) -> anyhow::Result<Imported> {
    let declared = args.collection.declared()?;
    database.ensure_schema_for(&declared).await?;
    let collection = args.collection.open_located(database).await?;
    let store = Store::new(database, &collection);
    let Begun { journaling, before } = journal::begin(&store, job).await?;
    let (batches, mut reading) = job.batches("importing", args.on_error == OnError::Skip)?;
    let batches = batches.continuing(before);
    let progress = |rows| reading.tell(rows);
    let imported = import(&store, batches, journaling, progress, told_to_stop()).await;
    reading.progress.finish();
    note_import(database, &collection, &imported, "nearby import").await;
    if !imported.dropped.is_empty() {
        note!(
            "not imported, as {} have no such field, or compute it: {}",
            collection.name,
            Listed(imported.dropped.iter().map(|field| field.name()))
        );
    }
    Ok(imported)
}

/// Notes in the audit log what was written, if anything was.
pub(super) async fn note_import(
    database: &Database,
    collection: &Collection,
    imported: &Imported,
    by: &str,
) {
    let written = imported.written;
    if written.inserted + written.updated == 0 {
        return;
    }
    let counts = [
        ("inserted", written.inserted),
        ("updated", written.updated),
        ("unchanged", written.unchanged),
    ];
    let work = Work {
        by,
        action: WorkAction::Imported,
        collection: collection.name.as_str(),
        counts: &counts,
    };
    database.note_work(work).await;
}

/// How far a file is read.
struct Reading {
    progress: Progress,
    /// What was read of it; `None` of a stream, whose size nobody knows.
    file: Option<BytesRead>,
}

impl Reading {
    fn tell(&mut self, rows: u64) {
        match &self.file {
            Some(read) => self.progress.set_in_file(read.get(), rows),
            None => self.progress.set(rows),
        }
    }
}

/// One file and what is to be done with it.
struct Job<'a> {
    args: &'a Args,
    fields: ImportFields,
    source: Source,
    /// In bytes; `None` of a stream, which can be read only once.
    size: Option<u64>,
    name: String,
    report: PathBuf,
}

type Batches = RowBatches<Box<dyn std::io::Read + Send>>;

impl<'a> Job<'a> {
    fn new(args: &'a Args, collection: &Collection) -> anyhow::Result<Self> {
        let source = Source::of_argument(&args.file);
        let size = source.size()?;
        let (name, report) = match &source {
            Source::Path(path) => (path.display().to_string(), rejected_name(path)),
            Source::Stdin | Source::Bundled(_) => (
                "standard input".to_owned(),
                PathBuf::from("stdin.rejected.csv"),
            ),
        };
        let report = args.report.clone().unwrap_or(report);
        if args.report.is_some() && args.on_error == OnError::Abort {
            bail!("--report needs --on-error skip: an import that aborts lists no rows");
        }
        if report == args.file {
            bail!("--report must not be the file that is imported");
        }
        Ok(Self {
            args,
            fields: ImportFields::new(collection.fields()),
            source,
            size,
            name,
            report,
        })
    }

    fn read_options(&self) -> ReadOptions {
        let args = self.args;
        ReadOptions {
            format: args.format,
            named: self.source.format(),
            delimiter: args.delimiter,
            fields: self.fields.clone(),
            mappings: args.mappings.clone(),
            encoding: args.encoding,
            layer: args.layer.clone(),
            ignores_ids: args.ignore_ids,
        }
    }

    /// Why the file cannot be read, with its name.
    fn refused(&self, error: OpenError) -> anyhow::Error {
        match error {
            // It says the name itself.
            OpenError::Source(error) => error.into(),
            OpenError::Input(error) => anyhow::Error::new(error).context(self.name.clone()),
        }
    }

    /// Opens the file for one pass.
    fn batches(&self, doing: &str, reports: bool) -> anyhow::Result<(Batches, Reading)> {
        let args = self.args;
        let read = BytesRead::default();
        let options = self.read_options();
        let reader = RowReader::of_source(&self.source, read.clone(), &options)
            .map_err(|error| self.refused(error))?;
        let is_stream = reader.unit() == "line";
        let report = reports
            .then(|| Report::create(&self.report, reader.csv_header()))
            .transpose()
            .with_context(|| format!("cannot write {}", self.report.display()))?;
        let rows = usize::try_from(args.batch_size).unwrap_or(MAX_BATCH_ROWS);
        let mut batches = RowBatches::new(reader, rows).from_line(args.from_line.unwrap_or(1));
        batches = match (report, args.on_error) {
            (Some(report), _) => batches.reporting(report),
            (None, OnError::Abort) if doing == "importing" => batches.stopping(),
            (None, _) => batches,
        };
        let size = self.size.filter(|_| is_stream);
        let progress = match size {
            Some(bytes) => Progress::of_file(doing, bytes),
            None => Progress::new(doing, None),
        };
        let reading = Reading {
            progress,
            file: size.map(|_| read),
        };
        Ok((batches, reading))
    }

    /// Reads the file to its end, from where a stopped import ended, and writes nothing to
    /// the database.
    async fn survey(&self, doing: &str, reports: bool, before: Journal) -> anyhow::Result<Survey> {
        let (batches, mut reading) = self.batches(doing, reports)?;
        let batches = batches.continuing(before);
        let (done, mut surveyed) = oneshot::channel();
        let (tell, mut told) = watch::channel(0);
        // See `import`: a thread that may wait for a pipe is none of the runtime's.
        std::thread::spawn(move || done.send(survey(batches, |rows| _ = tell.send(rows))));
        let mut stop = pin!(told_to_stop());
        let surveyed = loop {
            tokio::select! {
                surveyed = &mut surveyed => break surveyed.context("the reading thread ended")?,
                () = &mut stop => bail!("stopped; nothing was written"),
                // An error only says that there is no more to tell.
                Ok(()) = told.changed() => reading.tell(*told.borrow_and_update()),
            }
        };
        reading.progress.finish();
        surveyed.with_context(|| format!("{}; nothing was written", self.name))
    }

    async fn dry_run(&self, before: Option<Journal>) -> anyhow::Result<Outcome> {
        if let Some(Journal {
            records, noted_at, ..
        }) = &before
        {
            note!(
                "dry run: the import would go on after record {records} of one that was stopped at \
                 {noted_at} (--from-line 1 begins again)"
            );
        }
        let reports = self.args.on_error == OnError::Skip;
        let survey = self
            .survey("checking", reports, before.unwrap_or_default())
            .await?;
        tell_unused(&survey);
        let Survey {
            rows,
            rejected,
            with_id,
            without_coordinates,
            written_before,
            ..
        } = survey;
        let to_write = survey.taken() - written_before;
        note!(
            "dry run: {rows} rows read, {rejected} rejected, {without_coordinates} without coordinates"
        );
        if rejected > 0 && self.args.on_error == OnError::Abort {
            tell_rejected(&survey);
            note!("nothing would be written: the import would abort");
            return Ok(Outcome::FoundWrong);
        }
        if written_before > 0 {
            note!("{written_before} rows are written already");
        }
        note!(
            "{to_write} rows would be written: {with_id} inserted or updated by id, {} inserted as new centers",
            to_write - with_id
        );
        Ok(self.outcome(&survey))
    }

    /// Says what became of the import.
    fn conclude(&self, imported: Imported) -> anyhow::Result<Outcome> {
        let written = imported.written;
        let counts = format!(
            "{} inserted, {} updated, {} unchanged, {} without coordinates",
            written.inserted, written.updated, written.unchanged, imported.without_coordinates
        );
        let rows = imported.rows();
        if let Some(survey) = &imported.survey {
            tell_unused(survey);
            let before = match survey.written_before {
                0 => String::new(),
                rows => format!(", {rows} written before"),
            };
            note!(
                "{} rows read: {counts}, {} rejected{before}",
                survey.rows,
                survey.rejected
            );
        } else {
            note!("{rows} rows written: {counts}");
        }
        let go_on = how_to_go_on(&imported);
        match (imported.halt, &imported.survey) {
            (None, Some(survey)) => Ok(self.outcome(survey)),
            (Some(Halt::Rejected(row)), _) => {
                note!("{row}");
                note!("aborted there; the {rows} rows before it are written");
                Ok(Outcome::FoundWrong)
            }
            (Some(Halt::Refused(row)), _) => {
                note!("{row}");
                note!("aborted there; {go_on}");
                Ok(Outcome::FoundWrong)
            }
            (Some(Halt::Failed(error)), _) => {
                bail!("{}: {:#}; {go_on}", self.name, anyhow::Error::new(error))
            }
            (Some(Halt::Asked) | None, _) => bail!("stopped; {go_on}"),
        }
    }

    fn outcome(&self, survey: &Survey) -> Outcome {
        if survey.rejected == 0 {
            return Outcome::Done;
        }
        tell_rejected(survey);
        note!("all of them are in {}", self.report.display());
        Outcome::FoundWrong
    }
}

fn how_to_go_on(imported: &Imported) -> String {
    let rows = imported.rows();
    let (unit, last) = (imported.unit, imported.last_line);
    // What the table does not take is mended in the file, which is another one then.
    let is_refused = matches!(imported.halt, Some(Halt::Refused(_)));
    let failed = match &imported.halt {
        Some(Halt::Failed(ImportError::Store(error))) => Some(error),
        _ => None,
    };
    let written = if rows == 0 {
        "nothing was written".to_owned()
    } else {
        format!("what was written stays, up to {unit} {last}")
    };
    let knows_how_far = imported.is_noted && !is_refused;
    if let Some(StoreError::Unsettled { sent_again, .. }) = failed {
        let may_be = "the rows after that may have been written as well";
        let how = if *sent_again == SentAgain::MayDouble {
            "look whether they were before you import them again"
        } else {
            "run the same command again, no row is written twice"
        };
        return format!("{written}, and {may_be}: {how}");
    }
    let how = if rows == 0 {
        match failed {
            Some(_) => "run the same command again when that is mended".to_owned(),
            None => return written,
        }
    } else if knows_how_far {
        "run the same command again: it goes on from there".to_owned()
    } else if imported.with_id == rows {
        "run the same command again: rows with ids are not written twice".to_owned()
    } else {
        format!("go on with --from-line {}", last + 1)
    };
    format!("{written}; {how}")
}

fn tell_unused(survey: &Survey) {
    let (assigned, unknown) = split_unused(&survey.unused);
    if !unknown.is_empty() {
        note!(
            "not imported, as they map to no field: {} (--map FIELD=COLUMN maps them, \
             --with-attributes NAME,… makes attributes of them)",
            Listed(unknown.iter())
        );
    }
    if !assigned.is_empty() {
        note!(
            "not imported, as the database assigns them: {}",
            Listed(assigned.iter())
        );
    }
}

fn tell_rejected(survey: &Survey) {
    for row in &survey.first_rejected {
        note!("{row}");
    }
    let shown = survey.first_rejected.len() as u64;
    if survey.rejected > shown {
        note!("and {} more", survey.rejected - shown);
    }
    note!(
        "{} of {} rows cannot be taken",
        survey.rejected,
        survey.rows
    );
}

fn rejected_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".rejected.csv");
    PathBuf::from(name)
}

fn parse_delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b"\"\r\n".contains(byte) => {
            Ok(*byte)
        }
        _ => Err("one character such as `;`, or `tab`".to_owned()),
    }
}
