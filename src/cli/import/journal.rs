//! Where an import of rows without ids goes on that was stopped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::sync::oneshot;

use super::Job;
use crate::cli::signals::told_to_stop;
use crate::output::note;
use crate::store::{ImportId, Journal, Known, Store, StoreError};
use crate::transfer::read::Source;
use crate::transfer::{Journaling, Notes, import_id};

/// A journal that was written this recently may be of an import under way.
const RECENT: Duration = Duration::from_secs(10);
/// How long such a journal is watched.
const WATCH: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What an import notes, and how far it came when it was stopped.
pub(super) struct Begun {
    pub(super) journaling: Journaling,
    pub(super) before: Journal,
}

impl Begun {
    fn without_journal(why: &'static str) -> Self {
        let say = move || {
            note!(
                "{why}, so an import of rows without ids that is stopped cannot be continued by \
                 itself: give the rows ids, or go on with --from-line as a stopped import says"
            );
        };
        Self {
            journaling: Journaling::Off(Box::new(say)),
            before: Journal::default(),
        }
    }
}

/// Looks whether an import was stopped, and where it goes on.
pub(super) async fn begin(store: &Store, job: &Job<'_>) -> anyhow::Result<Begun> {
    if job.size.is_none() {
        return Ok(Begun::without_journal(
            "standard input and pipes can be read only once",
        ));
    }
    let import = Arc::new(identify(store, job).await?);
    let known = match store.look_up_import(&import).await {
        Err(StoreError::Missing(_) | StoreError::Denied(_)) => {
            return Ok(Begun::without_journal(
                "the database has no table import_journal that this user may write",
            ));
        }
        known => known?,
    };
    let before = match known {
        Known::Nothing => None,
        Known::Begun(journal) => Some(settled(store, &import, journal).await?),
        Known::OtherBegun(journal) => {
            if job.args.from_line.is_none() {
                bail!(changed(job, &journal));
            }
            note_doubling(job, &journal);
            store.forget_import(&import).await?;
            None
        }
    };
    if let Some(Journal {
        records, noted_at, ..
    }) = &before
    {
        note!(
            "continuing after record {records} of an import that was stopped at {noted_at} \
             (--from-line 1 begins again)"
        );
    }
    let noted = before.as_ref().map(|journal| journal.records);
    Ok(Begun {
        journaling: Journaling::On(Notes::new(import, noted)),
        before: before.unwrap_or_default(),
    })
}

/// Looks how far a stopped import came, and changes nothing.
pub(super) async fn look(store: &Store, job: &Job<'_>) -> anyhow::Result<Option<Journal>> {
    if job.size.is_none() {
        return Ok(None);
    }
    let import = Arc::new(identify(store, job).await?);
    match store.known_import(&import).await {
        Ok(Known::Begun(journal)) => Ok(Some(journal)),
        Ok(Known::OtherBegun(journal)) if job.args.from_line.is_none() => {
            bail!(changed(job, &journal))
        }
        Ok(Known::OtherBegun(journal)) => {
            note_doubling(job, &journal);
            Ok(None)
        }
        // Nothing can have been noted where there is nowhere to.
        Ok(Known::Nothing) | Err(StoreError::Missing(_) | StoreError::Denied(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Says what whoever begins at a line makes twice of what a stopped import wrote.
fn note_doubling(job: &Job<'_>, journal: &Journal) {
    let Journal { line, noted_at, .. } = journal;
    let begins = job.args.from_line.unwrap_or(1);
    if begins <= *line {
        note!(
            "an import of {name} that was stopped at {noted_at} wrote what it had up to line {line}: \
             rows without ids from line {begins} up to there are written a second time \
             (--from-line {next} goes on after them)",
            name = job.name,
            next = line + 1,
        );
    }
}

/// Reads the file on a thread of its own, as a file may be long.
async fn identify(store: &Store, job: &Job<'_>) -> anyhow::Result<ImportId> {
    let Source::Path(path) = &job.source else {
        bail!("only a file has an identity");
    };
    let (path, options) = (path.clone(), job.read_options());
    let from_line = job.args.from_line;
    let table = store.collection().table.as_str().to_owned();
    let (done, identified) = oneshot::channel();
    std::thread::spawn(move || done.send(import_id(path, &options, from_line, &table)));
    tokio::select! {
        identified = identified => identified
            .context("the reading thread ended")?
            .map_err(|error| job.refused(error)),
        () = told_to_stop() => bail!("stopped; nothing was written"),
    }
}

/// The journal of an import that nobody goes on with just now.
async fn settled(
    store: &Store,
    import: &Arc<ImportId>,
    mut journal: Journal,
) -> anyhow::Result<Journal> {
    let began = Instant::now();
    while journal.age < RECENT && began.elapsed() < WATCH {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = told_to_stop() => bail!("stopped; nothing was written"),
        }
        match store.look_up_import(import).await? {
            Known::Begun(now) if now.records == journal.records => journal = now,
            _ => bail!(
                "another process imports this file into {} just now: wait until it is done, or stop \
                 it and run this again",
                store.collection().name
            ),
        }
    }
    Ok(journal)
}

fn changed(job: &Job<'_>, journal: &Journal) -> String {
    let Journal { line, noted_at, .. } = journal;
    format!(
        "{name} or the options have changed since an import of it was stopped at {noted_at}, when \
         what it had up to line {line} was written. Nothing was written now: go on with --from-line \
         {next}, or begin again with --from-line 1, which makes new centers of rows without ids",
        name = job.name,
        next = line + 1,
    )
}
