//! A lock that searches share, and that lets them pass a writer who waits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// How long searches may pass a writer.
const PATIENCE: Duration = Duration::from_millis(20);

/// A reader-writer lock whose readers do not queue behind a writer that waits.
///
/// Where more threads run than there are cores, one that searches is now and then
/// set aside for milliseconds, with its share of the lock. A writer has to wait
/// for it then; were new readers to wait behind the writer, one idle thread would
/// hold up every search. So they pass, until the writer has waited for
/// [`PATIENCE`]: many cores that never all stop searching must not shut it out.
#[derive(Debug, Default)]
pub(super) struct SearchLock<T> {
    inner: RwLock<T>,
    urgent_writers: AtomicUsize,
}

impl<T> SearchLock<T> {
    /// Waits for a writer at work, or one that has waited long.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, T> {
        if self.urgent_writers.load(Ordering::Relaxed) == 0 {
            self.inner.read_recursive()
        } else {
            self.inner.read()
        }
    }

    /// Waits for readers and other writers.
    pub(super) fn write(&self) -> RwLockWriteGuard<'_, T> {
        if let Some(guard) = self.inner.try_write_for(PATIENCE) {
            return guard;
        }
        self.urgent_writers.fetch_add(1, Ordering::Relaxed);
        let guard = self.inner.write();
        self.urgent_writers.fetch_sub(1, Ordering::Relaxed);
        guard
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_reader_passes_a_writer_that_waits() {
        let lock = Arc::new(SearchLock::<u32>::default());
        let set_aside = lock.read();
        let writing = thread::spawn({
            let lock = Arc::clone(&lock);
            move || *lock.write() = 1
        });
        // Another thread reads to its end while the writer waits.
        let (done, passed) = channel();
        let reading = thread::spawn({
            let lock = Arc::clone(&lock);
            move || {
                let until = Instant::now() + PATIENCE / 4;
                while Instant::now() < until {
                    assert_eq!(*lock.read(), 0);
                }
                done.send(()).unwrap();
            }
        });
        passed
            .recv_timeout(Duration::from_secs(5))
            .expect("it passes");
        drop(set_aside);
        writing.join().unwrap();
        reading.join().unwrap();
        assert_eq!(*lock.read(), 1);
    }

    #[test]
    fn readers_that_never_all_stop_do_not_shut_a_writer_out() {
        let lock = Arc::new(SearchLock::<bool>::default());
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let lock = Arc::clone(&lock);
                thread::spawn(move || {
                    loop {
                        let guard = lock.read();
                        thread::sleep(Duration::from_millis(2));
                        if *guard {
                            return;
                        }
                    }
                })
            })
            .collect();
        *lock.write() = true;
        for reader in readers {
            reader.join().unwrap();
        }
    }
}
