//! The figures as tables: for standard output, and for docs/cost.md between its two marks.

use std::error::Error;
use std::fmt::{self, Display};
use std::process::Command;
use std::{fs, iter};

use crate::contestants::{Asked, CURL, FLOOR, MUSL, find};
use crate::measure::Measured;

/// All that a run has to tell.
pub(crate) struct Report {
    rows: Vec<Measured>,
    /// A line on each contestant that is not there.
    absent: Vec<String>,
    /// Machine, versions, date and method.
    circumstances: String,
}

impl Report {
    pub(crate) fn new(rows: Vec<Measured>, absent: Vec<String>, rounds: usize) -> Result<Report, Box<dyn Error>> {
        let circumstances = circumstances(rounds)?;
        Ok(Report { rows, absent, circumstances })
    }

    pub(crate) fn rows(&self) -> &[Measured] {
        &self.rows
    }

    /// Replaces what stands between the marks of docs/cost.md in the present folder, the package's own.
    pub(crate) fn write_page(&self) -> Result<(), Box<dyn Error>> {
        let page = fs::read_to_string(PAGE)?;
        let parts = page.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
        let (before, after) = parts.ok_or_else(|| format!("{PAGE}: no {BEGIN} … {END}"))?;
        fs::write(
            PAGE,
            format!("{before}{BEGIN}\n{}\n{}\n{END}{after}", table(&self.figures()), self.circumstances),
        )?;
        Ok(())
    }

    /// One line per contestant, under a heading.
    fn figures(&self) -> Vec<Vec<String>> {
        let heading = ["asked", "by", "ms", "10-90 %", "minor faults", "system calls", "instructions", "bytes"];
        let mut before = None;
        let rows = self.rows.iter().map(|row| {
            let Measured { contestant, wall, .. } = row;
            let asked = if before == Some(contestant.asked) { String::new() } else { contestant.asked.to_string() };
            before = Some(contestant.asked);
            let libraries = match row.library_bytes {
                0 => String::new(),
                bytes => format!(" + {}", grouped(bytes)),
            };
            vec![
                asked,
                contestant.name.to_owned(),
                milliseconds(wall.median),
                format!("{}-{}", milliseconds(wall.low), milliseconds(wall.high)),
                grouped(row.faults),
                grouped(row.system_calls),
                row.instructions.map_or_else(|| "?".to_owned(), grouped),
                format!("{}{libraries}", grouped(row.bytes)),
            ]
        });
        iter::once(heading.map(str::to_owned).to_vec()).chain(rows).collect()
    }

    /// What was wanted of the musl binary, what came out, and whether that is enough.
    fn targets(&self) -> Result<Vec<Vec<String>>, String> {
        let find = |asked: Asked, name: &str| {
            let is_it = |row: &&Measured| row.contestant.asked == asked && row.contestant.name == name;
            self.rows.iter().find(is_it).ok_or_else(|| format!("{asked} of {name} was not measured"))
        };
        let ratio = |asked, other_asked, other| {
            let (own, other) = (find(asked, MUSL)?, find(other_asked, other)?);
            Ok::<f64, String>(own.wall.median.as_secs_f64() / other.wall.median.as_secs_f64())
        };
        let ratios = [
            ("http, time: C floor's", ratio(Asked::Http, Asked::Http, FLOOR)?, 1.5),
            ("http, time: curl's", ratio(Asked::Http, Asked::Http, CURL)?, 0.15),
            ("tcp, time: C floor's", ratio(Asked::Tcp, Asked::Tcp, FLOOR)?, 1.25),
            ("grpc, time: C floor's for http", ratio(Asked::Grpc, Asked::Http, FLOOR)?, 3.0),
            ("https, verified, time: curl's", ratio(Asked::HttpsVerified, Asked::HttpsVerified, CURL)?, 0.25),
        ];
        let http = find(Asked::Http, MUSL)?;
        let counts = [
            ("http, minor faults", Some(http.faults), 44, 36),
            ("http, system calls", Some(http.system_calls), 36, 30),
            ("http, instructions", http.instructions, 90_000, 60_000),
            ("bytes", Some(http.bytes), 2_200_000, 1_900_000),
        ];
        let heading = ["target", "at most", "stretch", "measured", "met"].map(str::to_owned).to_vec();
        let ratios = ratios.map(|(name, measured, most)| {
            let met = if measured <= most { "yes" } else { "no" };
            vec![name.to_owned(), format!("{most} x"), String::new(), format!("{measured:.2} x"), met.to_owned()]
        });
        let counts = counts.map(|(name, measured, most, stretch)| {
            let met = match measured {
                Some(measured) if measured <= stretch => "yes, stretch",
                Some(measured) if measured <= most => "yes",
                _ => "no",
            };
            let measured = measured.map_or_else(|| "?".to_owned(), grouped);
            vec![name.to_owned(), grouped(most), grouped(stretch), measured, met.to_owned()]
        });
        Ok(iter::once(heading).chain(ratios).chain(counts).collect())
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "{}", table(&self.figures()))?;
        for line in &self.absent {
            writeln!(f, "Left out: {line}")?;
        }
        writeln!(f, "\n{}\n", self.circumstances)?;
        match self.targets() {
            Ok(targets) => f.write_str(&table(&targets)),
            Err(missing) => f.write_str(&missing),
        }
    }
}

/// A Markdown table that reads well as it stands: the heading first, numbers to the right.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> =
        (0..columns).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
    let is_number =
        |text: &str| text.is_empty() || text.starts_with(|first: char| first.is_ascii_digit() || first == '?');
    let right: Vec<bool> =
        (0..columns).map(|column| rows.iter().skip(1).all(|row| is_number(&row[column]))).collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        for ((cell, width), right) in row.iter().zip(&widths).zip(&right) {
            text += &if *right { format!("| {cell:>width$} ") } else { format!("| {cell:width$} ") };
        }
        text += "|\n";
        if number == 0 {
            for (width, right) in widths.iter().zip(&right) {
                text += &format!("|{}{}", "-".repeat(width + 1), if *right { ":" } else { "-" });
            }
            text += "|\n";
        }
    }
    text
}

/// 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// 0.43
pub(crate) fn milliseconds(length: std::time::Duration) -> String {
    format!("{:.2}", length.as_secs_f64() * 1000.0)
}

/// What one must know to repeat it.
fn circumstances(rounds: usize) -> Result<String, Box<dyn Error>> {
    let value = |file: &str, key: &str| -> Result<String, Box<dyn Error>> {
        let text = fs::read_to_string(file)?;
        let found = text.lines().find_map(|line| line.strip_prefix(key));
        Ok(found.map_or("unknown", |value| value.trim_matches([':', '=', '"', ' ', '\t'])).to_owned())
    };
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let processors =
        fs::read_to_string("/proc/cpuinfo")?.lines().filter(|line| line.starts_with("processor")).count();
    let model = value("/proc/cpuinfo", "model name")?;
    let system = value("/etc/os-release", "PRETTY_NAME")?;
    let date = Command::new("date").args(["-u", "+%F"]).output()?;
    let versions: Vec<String> =
        [("nginx", "-v"), (CURL, "-V"), ("wget", "-V"), ("busybox", "--help"), ("grpc_health_probe", "-version")]
            .into_iter()
            .filter_map(|(program, flag)| Some(format!("{program} {}", version(program, flag)?)))
            .collect();
    Ok(format!(
        "From spawn to exit: the median of {rounds} spawns in shuffled order, and what 10 % are below and above; \
         faults as medians.\n{model}, {processors} CPUs, {system}, Linux {}.\n{}.\n{}, by `tools/bench --write`.",
        kernel.trim(),
        versions.join(", "),
        String::from_utf8_lossy(&date.stdout).trim(),
    ))
}

/// The first word of a program's own words on its version that has a dot and a digit first. None if it isn't there.
fn version(program: &str, flag: &str) -> Option<String> {
    let output = Command::new(find(program)?).arg(flag).output().ok()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let mut words = said.split([' ', '\n', '/', ',', ';']).map(|word| word.trim_start_matches('v'));
    words.find(|word| word.starts_with(|first: char| first.is_ascii_digit()) && word.contains('.')).map(str::to_owned)
}

/// The page that shows the figures, seen from the package's folder.
const PAGE: &str = "docs/cost.md";
const BEGIN: &str = "<!-- bench -->";
const END: &str = "<!-- /bench -->";
