//! Being told to stop, by SIGINT or SIGTERM.
//!
//! Both are listened to from the start of the process to its end, whatever it does or waits
//! for: nothing else would end process 1 of a container, for which the system has no default
//! action. What can be stopped in good order takes [`stop`] for as long as it can; at any
//! other moment a signal ends the process at once, and so does a second one, as what is under way
//! may wait for others.

use std::io;
use std::sync::{LazyLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::output::note;

/// A second signal this soon is the first again: shells and the programs that start others
/// both pass it on.
const ONE_AND_THE_SAME: Duration = Duration::from_secs(1);

/// Whether the process was told to stop.
static TOLD: LazyLock<watch::Sender<bool>> = LazyLock::new(|| watch::Sender::new(false));

/// Listens to both signals from now on; `exit_code` is that of a process which nothing
/// stops in good order.
///
/// # Errors
/// When the process may not listen to signals.
pub(super) fn listen(exit_code: u8) -> io::Result<()> {
    let (tell, told) = mpsc::channel();
    // A thread of its own, so that a signal arrives however busy the others are.
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || match Signals::new() {
            Ok((runtime, signals)) => {
                let _ = tell.send(Ok(()));
                runtime.block_on(signals.obey(exit_code));
            }
            Err(error) => {
                let _ = tell.send(Err(error));
            }
        })?;
    told.recv().map_err(io::Error::other)?
}

struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<(tokio::runtime::Runtime, Self)> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let entered = runtime.enter();
        let signals = Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        };
        drop(entered);
        Ok((runtime, signals))
    }

    async fn obey(mut self, exit_code: u8) {
        let mut told_at: Option<Instant> = None;
        loop {
            let name = tokio::select! {
                _ = self.interrupt.recv() => "SIGINT",
                _ = self.terminate.recv() => "SIGTERM",
            };
            match told_at {
                None if TOLD.receiver_count() > 0 => {
                    told_at = Some(Instant::now());
                    TOLD.send_replace(true);
                    tracing::info!("{name}: stopping; once more ends it at once");
                }
                Some(at) if at.elapsed() < ONE_AND_THE_SAME => {}
                _ => {
                    note!("stopped by {name}");
                    std::process::exit(exit_code.into());
                }
            }
        }
    }
}

/// Turns true at the first signal. As long as it is held, signals do not end the process:
/// whoever holds it does, soon.
pub(super) fn stop() -> watch::Receiver<bool> {
    TOLD.subscribe()
}

/// Is ready once the process is told to stop; see [`stop`].
pub(super) fn told_to_stop() -> impl Future<Output = ()> + Send + 'static {
    let mut stop = stop();
    async move {
        // The sender is never dropped.
        let _ = stop.wait_for(|told| *told).await;
    }
}
