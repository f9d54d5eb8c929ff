//! Ending at once where it matters: the kernel sends process 1 of a container no signal that it has no handler for, so
//! that without one SIGTERM would do nothing, and the runtime kill it 10 or 30 seconds later.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Lets SIGTERM and SIGINT end process 1 with the exit code that shells give for them: 143 and 130. The handler ends the
/// process itself; no thread waits for it. For every other process the kernel's default does that already. What the
/// process becomes by execve starts without handlers.
pub(crate) fn end_at_once() {
    if std::process::id() == 1 {
        end_by(|signal| 128 + signal);
    }
}

/// Lets SIGTERM and SIGINT end this process with 0, as what was to run until then has done so.
pub(crate) fn end_with_success() {
    end_by(|_| 0);
}

fn end_by(code: impl Fn(i32) -> i32) {
    for signal in [libc::SIGTERM, libc::SIGINT] {
        // Where it is refused, the runtime's SIGKILL is left, as without.
        let _ =
            signal_hook::flag::register_conditional_shutdown(signal, code(signal), Arc::new(AtomicBool::new(true)));
    }
}
