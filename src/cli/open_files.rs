//! The system's limit on open files, which connections count as.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files beside connections: the database's, the log and the like.
const OTHERS: u64 = 128;
/// Connections that each worker closes or turns away at a time.
const CLOSING_PER_WORKER: u64 = 100;

/// Raises the limit as far as this process may.
pub(super) fn raise_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // What is refused leaves it as it was.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    );
}

/// How many connections the limit leaves room for.
pub(super) fn room_for_connections(workers: usize) -> usize {
    match getrlimit(Resource::Nofile).current {
        Some(files) => room(files, workers as u64),
        None => usize::MAX,
    }
}

fn room(files: u64, workers: u64) -> usize {
    let others = OTHERS + workers * CLOSING_PER_WORKER;
    let room = files.saturating_sub(others).max(files / 2);
    usize::try_from(room).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_other_files() {
        assert_eq!(room(1_024, 2), 696);
        assert_eq!(room(256, 8), 128);
    }
}
