//! Ctrl-C and SIGTERM, for commands that end between two batches.

use tokio::signal::unix::{SignalKind, signal};

/// Is ready when the process is asked to stop. From its first poll on, the
/// signals no longer kill.
pub(super) async fn asked_to_stop() {
    let mut terminate = signal(SignalKind::terminate()).expect("SIGTERM can be listened to");
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.expect("SIGINT can be listened to");
        }
    }
}
