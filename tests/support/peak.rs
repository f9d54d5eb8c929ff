//! One run of the built binary with its peak memory, exactly: getrusage's figure will not do, since exec carries the
//! peak of the process before it over, which is this one's.

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::without_times;

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// From the start to the first byte that it prints.
    pub(crate) took: Duration,
    /// The most memory that was resident up to then, in KiB, as the kernel counts it: in batches of up to 32 pages a
    /// CPU. None if it printed nothing.
    pub(crate) peak: Option<u64>,
    /// How long it was ready to run and was not let, the machine being busy.
    pub(crate) waited: Duration,
}

/// Runs a command whose output streams are full pipes: it stops at its first byte, when all its work is done, and is
/// looked at there. Only then there is room. Measured times are written `(TIME)`. A run of more than `patience` is
/// ended.
pub(crate) fn run(mut command: Command, patience: Duration) -> Ran {
    let (mut stdout, writer) = full_pipe();
    command.stdout(writer);
    let (mut stderr, writer) = full_pipe();
    command.stderr(writer);
    let started = Instant::now();
    let mut child = command.spawn().expect("the binary starts");
    // It holds the writing ends.
    drop(command);
    let (mut peak, mut waited) = (None, Duration::ZERO);
    while started.elapsed() < patience {
        if is_printing(&child) {
            (peak, waited) = (high_water_mark(&child), waited_for_a_cpu(&child));
            break;
        }
        if child.try_wait().expect("a child").is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let took = started.elapsed();
    if took >= patience {
        let _ = child.kill();
    }
    for (reader, filled) in [&mut stdout, &mut stderr] {
        reader.read_exact(&mut vec![0; *filled]).expect("what was filled in");
    }
    let text = |reader: &mut PipeReader| {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).expect("what was printed");
        without_times(&bytes)
    };
    let (stdout, stderr) = (text(&mut stdout.0), text(&mut stderr.0));
    Ran { code: child.wait().expect("an end").code(), stdout, stderr, took, peak, waited }
}

/// A pipe without room, and how much is in it.
fn full_pipe() -> ((PipeReader, usize), PipeWriter) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let flags = rustix::fs::fcntl_getfl(&writer).expect("flags");
    rustix::fs::fcntl_setfl(&writer, flags | rustix::fs::OFlags::NONBLOCK).expect("set");
    let mut filled = 0;
    while let Ok(count) = writer.write(&[0; 4096]) {
        filled += count;
    }
    rustix::fs::fcntl_setfl(&writer, flags).expect("set");
    ((reader, filled), writer)
}

/// True if the process is in a write on standard output or standard error.
fn is_printing(child: &Child) -> bool {
    let syscall = std::fs::read_to_string(format!("/proc/{}/syscall", child.id())).unwrap_or_default();
    let mut words = syscall.split(' ');
    words.next() == Some(&*libc::SYS_write.to_string()) && matches!(words.next(), Some("0x1" | "0x2"))
}

/// The most memory that was ever resident, in KiB.
fn high_water_mark(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// How long the process has stood in a CPU's queue: the second number of schedstat, in nanoseconds.
fn waited_for_a_cpu(child: &Child) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/schedstat", child.id())).unwrap_or_default();
    stat.split(' ').nth(1).and_then(|nanos| nanos.parse().ok()).map_or(Duration::ZERO, Duration::from_nanos)
}
