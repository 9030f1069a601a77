//! Ctrl-C and a request to end: the first one cancels, the second one ends the program.

use std::io;

use tokio_util::sync::CancellationToken;

/// The exit code of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Watches from now on, as long as the future is awaited.
pub(crate) fn watch(
    cancelled: CancellationToken,
    say: impl Fn(&str) + Send,
) -> impl Future<Output = ()> + Send {
    let signals = Signals::new();
    async move {
        // Where signals cannot be watched they end the program, as they do anyway.
        let Ok(mut signals) = signals else { return };
        signals.next().await;
        say("cancelling: what was written is removed; once more ends at once");
        cancelled.cancel();
        signals.next().await;
        end();
    }
}

#[expect(clippy::exit, reason = "whoever asks twice does not want to wait for the clean-up")]
fn end() -> ! {
    std::process::exit(INTERRUPTED)
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}
