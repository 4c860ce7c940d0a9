//! Being told to stop.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Turns true at the first SIGINT or SIGTERM, which no longer end the process.
///
/// # Errors
/// When the process may not listen to signals.
pub(super) fn stop() -> std::io::Result<watch::Receiver<bool>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (told, stop) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        told.send_replace(true);
        // Held to the end: a dropped sender would look like a reason to go on.
        told.closed().await;
    });
    Ok(stop)
}

/// Is ready once the process is told to stop.
///
/// # Errors
/// When the process may not listen to signals.
pub(super) fn told_to_stop() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut stop = stop()?;
    Ok(async move {
        // An error would mean that nobody can tell any more: nothing to wait for.
        let _ = stop.wait_for(|told| *told).await;
    })
}
