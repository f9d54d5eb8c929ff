//! What a probe costs beside the programs it replaces: time from spawn to exit, page faults, system calls,
//! instructions, size. `tools/bench` builds whom it compares, and runs it.
//!
//! Here is the order of things only: contestants.rs says who asks what, servers.rs whom, measure.rs how it is
//! counted, report.rs and chart.rs how it is shown. Times depend on the machine and its load, ratios little, counts
//! not at all: hence a table of targets in ratios and counts, and never a failure for one that is missed.

mod chart;
mod contestants;
mod measure;
mod report;
mod servers;

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs, io};

use report::Report;
use servers::Servers;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell where standard error is closed.
            let _ = writeln!(io::stderr(), "spawn: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    // cargo bench adds its own word.
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    if words == [servers::GRPC] {
        return servers::serve_grpc();
    }
    let Options { rounds, write } = Options::parse(&words)?;
    let folder =
        PathBuf::from(env::var_os("BENCH_FOLDER").ok_or("run tools/bench: it builds the contestants this compares")?);

    let servers = Servers::start(&folder)?;
    let (contestants, absent) = contestants::gather(&folder, &servers)?;
    let measured = measure::all(contestants, rounds, &folder)?;
    drop(servers);

    let report = Report::new(measured, absent, rounds)?;
    writeln!(io::stdout(), "{report}")?;
    if write {
        report.write_page()?;
        fs::write(chart::PATH, chart::draw(report.rows(), rounds))?;
    }
    Ok(())
}

/// The command line: `[ROUNDS] [--write]`.
struct Options {
    rounds: usize,
    /// Puts the figures into docs/cost.md and the chart beside it.
    write: bool,
}

impl Options {
    fn parse(words: &[String]) -> Result<Options, Box<dyn Error>> {
        let mut options = Options { rounds: 400, write: false };
        for word in words {
            match word.as_str() {
                "--write" => options.write = true,
                word => options.rounds = word.parse().map_err(|_| format!("{word}: wanted [ROUNDS] [--write]"))?,
            }
        }
        if options.rounds == 0 {
            return Err("0 rounds: wanted at least one".into());
        }
        Ok(options)
    }
}
