//! How each contestant is measured. Time and page faults are medians of many spawns, all contestants in each round,
//! in an order that changes from round to round: what else the machine does then meets all of them alike. System
//! calls and instructions are counted in a run of their own, since whoever counts them slows the program down.

use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use crate::contestants::{Contestant, find};

/// What a contestant costs.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) contestant: Contestant,
    pub(crate) wall: Quantiles,
    /// Minor page faults, the median.
    pub(crate) faults: u64,
    pub(crate) system_calls: u64,
    /// Instructions in user space. None where valgrind can't run the program.
    pub(crate) instructions: Option<u64>,
    /// Of the file.
    pub(crate) bytes: u64,
    /// Of the libraries it loads.
    pub(crate) library_bytes: u64,
}

/// A tenth of all is below `low`, a half below `median`, a tenth above `high`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quantiles {
    pub(crate) low: Duration,
    pub(crate) median: Duration,
    pub(crate) high: Duration,
}

/// Measures all in `rounds` rounds, with the tracers' logs in `folder`. Fails if a contestant does once.
pub(crate) fn all(
    contestants: Vec<Contestant>,
    rounds: usize,
    folder: &Path,
) -> Result<Vec<Measured>, Box<dyn Error>> {
    let mut spawns = spawn(&contestants, rounds)?;
    let mut measured = Vec::new();
    for (contestant, (wall, faults)) in contestants.into_iter().zip(&mut spawns) {
        wall.sort_unstable();
        faults.sort_unstable();
        let at = |part: usize| wall[(wall.len() - 1) * part / 10];
        measured.push(Measured {
            wall: Quantiles { low: at(1), median: at(5), high: at(9) },
            faults: faults[faults.len() / 2],
            system_calls: system_calls(&contestant, &folder.join("calls"))?,
            instructions: instructions(&contestant, &folder.join("instructions"))?,
            bytes: fs::metadata(&contestant.program)?.len(),
            library_bytes: library_bytes(&contestant.program)?,
            contestant,
        });
    }
    Ok(measured)
}

/// Wall time and page faults of each spawn of one contestant.
type Spawns = (Vec<Duration>, Vec<u64>);

/// One after the other, never two at a time.
fn spawn(contestants: &[Contestant], rounds: usize) -> Result<Vec<Spawns>, Box<dyn Error>> {
    let mut spawns: Vec<Spawns> = contestants.iter().map(|_| Spawns::default()).collect();
    // One command each for all rounds, since making it is no part of the cost.
    let mut commands: Vec<Command> = contestants.iter().map(|contestant| contestant.command(&[])).collect();
    let null = fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    for command in &mut commands {
        command.stdin(null.try_clone()?).stdout(null.try_clone()?).stderr(null.try_clone()?);
    }
    let mut order: Vec<usize> = (0..contestants.len()).collect();
    let mut shuffle = Shuffle(0x9e37_79b9_7f4a_7c15);
    for _ in 0..rounds {
        shuffle.order(&mut order);
        for &index in &order {
            sleep(GAP);
            let before = reaped_faults()?;
            let began = Instant::now();
            let status = commands[index].spawn()?.wait()?;
            let wall = began.elapsed();
            if !status.success() {
                return Err(format!("{}: {status}", contestants[index]).into());
            }
            let (walls, faults) = &mut spawns[index];
            walls.push(wall);
            faults.push(reaped_faults()?.saturating_sub(before));
        }
    }
    Ok(spawns)
}

/// Long enough for a server to be done with the connection before.
const GAP: Duration = Duration::from_millis(2);

/// Minor page faults of all children that have been waited for.
fn reaped_faults() -> Result<u64, Box<dyn Error>> {
    Ok(getrusage(UsageWho::RUSAGE_CHILDREN)?.minor_page_faults().try_into()?)
}

/// How many system calls it makes, threads included, its own start (execve) as well.
fn system_calls(contestant: &Contestant, log: &Path) -> Result<u64, Box<dyn Error>> {
    let strace = installed("strace")?;
    let options = ["-f", "-qq", "-e", "signal=none", "-o"].map(OsStr::new);
    let within = [&[strace.as_os_str()], &options[..], &[log.as_os_str()]].concat();
    if !contestant.command(&within).stdout(Stdio::null()).stderr(Stdio::null()).status()?.success() {
        return Err(format!("{contestant}: it fails under strace").into());
    }
    // The end of a call that another thread's interrupted is no call.
    let log = fs::read_to_string(log)?;
    Ok(log.lines().filter(|line| line.contains('(') && !line.contains("<... ")).count().try_into()?)
}

/// How many instructions it executes in user space.
fn instructions(contestant: &Contestant, log: &Path) -> Result<Option<u64>, Box<dyn Error>> {
    let valgrind = installed("valgrind")?;
    let out = format!("--callgrind-out-file={}", log.display());
    let within = [valgrind.as_os_str(), OsStr::new("--tool=callgrind"), OsStr::new(&out)];
    let output = contestant.command(&within).output()?;
    if !output.status.success() {
        return Ok(None);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected : "));
    let (_, number) = collected.ok_or_else(|| format!("{contestant}: valgrind counted nothing"))?;
    Ok(Some(number.trim().parse()?))
}

/// The size of the libraries that the loader would map, itself among them.
fn library_bytes(program: &Path) -> Result<u64, Box<dyn Error>> {
    let output = Command::new(installed("ldd")?).arg(program).output()?;
    let mut bytes = 0;
    // A static program has none, and is a failure to ldd.
    for line in String::from_utf8_lossy(&output.stdout).lines().filter(|_| output.status.success()) {
        if let Some(path) = line.split_whitespace().find(|word| word.starts_with('/')) {
            bytes += fs::metadata(path)?.len();
        }
    }
    Ok(bytes)
}

fn installed(program: &str) -> Result<PathBuf, String> {
    find(program).ok_or_else(|| format!("{program} is not on PATH"))
}

/// The same orders in each run of the benchmark (xorshift64*, Fisher and Yates).
struct Shuffle(u64);

impl Shuffle {
    fn order(&mut self, order: &mut [usize]) {
        for last in (1..order.len()).rev() {
            order.swap(last, self.below(last + 1));
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap_or_default() % limit
    }
}
