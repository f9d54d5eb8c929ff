//! By another name: exec-probe takes the command lines of other tools as health checks write them, so that those run
//! unchanged where the tools are not. Which tools, and how one is chosen; each tool's own file has its options, what
//! they mean, and the exit code of each cause.

mod ask;
mod curl;
mod grpc_health_probe;
mod nc;
mod options;
pub(crate) mod sh;
mod table;
mod web;
mod wget;
mod write_out;

use std::ffi::{OsStr, OsString};
use std::time::{Duration, Instant};

use crate::outcome::{Cause, Seen};
use crate::output::Stream;
use crate::probe::Probe;
use options::Refused;

/// A tool whose command line is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// curl
    Curl,
    /// wget, GNU's and BusyBox's in one.
    Wget,
    /// OpenBSD's nc.
    Nc,
    /// `grpc_health_probe`
    GrpcHealthProbe,
}

/// A name that this program answers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// That of a tool.
    Tool(Tool),
    /// That of a shell.
    Shell,
}

/// What a tool's command line says to do.
enum Meant {
    /// To ask.
    Ask(Box<Asking>),
    /// To say who this is.
    Say { stream: Stream, code: u8 },
}

/// What is asked, and what is told of it.
struct Asking {
    /// One for each URL or port.
    probes: Vec<Probe>,
    /// The limit of each, where one is given.
    timeout: Option<Duration>,
    /// The limit until a connection is accepted.
    connect: Option<Duration>,
    /// True: phases are printed as they end.
    is_verbose: bool,
    /// What is printed.
    print: Print,
}

/// What is printed besides a failure's line.
#[derive(Default)]
struct Print {
    /// Nothing is said where all is well.
    is_silent: bool,
    /// Where the heads of responses go.
    head: Option<Heads>,
    /// The body goes to standard output.
    body: bool,
    /// Also that of a response whose status is a failure.
    body_of_failures: bool,
    /// What follows the body.
    write_out: Option<String>,
    /// A line on standard error where all is well.
    well: bool,
}

/// Where the heads of responses go.
enum Heads {
    /// To standard output, as they came.
    Output,
    /// To standard error, indented.
    Errors,
}

/// Where the two streams of a tool lead.
#[derive(Clone, Copy, Debug)]
struct Streams {
    stdout: Stream,
    stderr: Stream,
}

impl Name {
    /// The name that a word is, or that a path ends in.
    pub(crate) fn of(word: &OsStr) -> Option<Name> {
        let word = word.to_str()?;
        match (Tool::named(word), word.rsplit('/').next()) {
            (Some(tool), _) => Some(Name::Tool(tool)),
            (None, Some("sh" | "bash")) => Some(Name::Shell),
            _ => None,
        }
    }

    /// Does what the name's command line says; `args` come without the name.
    #[cold] // its frames and its code are kept apart from what a plain probe touches
    #[inline(never)]
    pub(crate) fn run(self, started: Instant, args: Vec<OsString>, env: sh::Env<'_>) -> u8 {
        match self {
            Name::Tool(tool) => ask::one(tool, args, started, env),
            Name::Shell => ask::script(&args, env, started),
        }
    }
}

impl Tool {
    /// The tool that `word` calls: a name, or a path that ends in one.
    pub(crate) fn named(word: &str) -> Option<Tool> {
        match word.rsplit('/').next() {
            Some("curl") => Some(Tool::Curl),
            Some("wget") => Some(Tool::Wget),
            Some("nc" | "netcat") => Some(Tool::Nc),
            Some("grpc_health_probe" | "grpc-health-probe") => Some(Tool::GrpcHealthProbe),
            _ => None,
        }
    }

    fn understand(self, args: Vec<OsString>, streams: Streams) -> Result<Meant, Refused> {
        match self {
            Tool::Curl => curl::understand(args, streams),
            Tool::Wget => wget::understand(args, streams),
            Tool::Nc => nc::understand(args, streams),
            Tool::GrpcHealthProbe => grpc_health_probe::understand(args, streams),
        }
    }

    /// The exit code of a failure.
    fn exit(self, cause: &Cause) -> u8 {
        match self {
            Tool::Curl => curl::exit(cause),
            Tool::Wget => wget::exit(cause),
            Tool::Nc => nc::FAILED,
            Tool::GrpcHealthProbe => grpc_health_probe::exit(cause),
        }
    }

    /// The exit code of a wrong command line.
    fn exit_usage(self) -> u8 {
        match self {
            Tool::Curl | Tool::Wget => 2,
            Tool::Nc => nc::FAILED,
            Tool::GrpcHealthProbe => grpc_health_probe::USAGE,
        }
    }

    /// The exit code where standard output takes nothing.
    fn exit_unwritable(self) -> u8 {
        match self {
            Tool::Curl => curl::UNWRITABLE,
            Tool::Wget => wget::UNWRITABLE,
            Tool::Nc | Tool::GrpcHealthProbe => self.exit_usage(),
        }
    }

    /// The exit code of several questions.
    fn together(self, codes: &[u8]) -> u8 {
        match self {
            // That of the last.
            Tool::Curl | Tool::GrpcHealthProbe => codes.last().copied().unwrap_or_default(),
            // The worst, which is the lowest.
            Tool::Wget => codes.iter().copied().filter(|code| *code > 0).min().unwrap_or_default(),
            // One open port is enough.
            Tool::Nc => codes.iter().copied().min().unwrap_or_default(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Tool::Curl => "curl",
            Tool::Wget => "wget",
            Tool::Nc => "nc",
            Tool::GrpcHealthProbe => "grpc_health_probe",
        }
    }

    /// What stands before a line that tells of an exit code.
    fn prefix(self, code: u8) -> String {
        match self {
            Tool::Curl => format!("curl: ({code}) "),
            Tool::Wget => "wget: ".to_owned(),
            Tool::Nc => "nc: ".to_owned(),
            Tool::GrpcHealthProbe => String::new(),
        }
    }

    /// What to write where there is nobody to trust.
    fn how_to_trust(self) -> &'static str {
        match self {
            Tool::Curl => "write -k or --cacert FILE",
            Tool::Wget => "write --no-check-certificate or --ca-certificate=FILE",
            Tool::Nc => "",
            Tool::GrpcHealthProbe => "write -tls-no-verify or -tls-ca-cert=FILE",
        }
    }

    /// The line of a healthy answer.
    fn well(self, probe: &Probe, seen: &Seen) -> String {
        match probe {
            Probe::Tcp(probe) => nc::connected(&probe.target),
            _ => format!("status: {seen}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names are complete, each stands once, and a refusal says why.
    fn check(options: &[table::Row], is_name: impl Fn(&str) -> bool) {
        let names: Vec<&str> = options.iter().flat_map(|row| row.names).copied().collect();
        for row in options {
            assert!(!row.names.is_empty());
            if let table::Effect::Refused(why) = row.effect {
                assert!(!why.is_empty() && !why.ends_with('.'), "{:?}: {why}", row.names);
            }
        }
        for (at, name) in names.iter().enumerate() {
            assert!(is_name(name), "{name}");
            assert!(!names[..at].contains(name), "{name} stands twice");
        }
    }

    #[test]
    fn every_option_stands_once() {
        let is_long = |name: &str| name.strip_prefix("--").is_some_and(|name| name.len() > 1 && !name.contains('='));
        let is_short = |name: &str| name.len() == 2 && name.starts_with('-') && name != "--";
        check(curl::OPTIONS, |name| is_long(name) || is_short(name));
        check(wget::OPTIONS, |name| is_long(name) || is_short(name) || name == "-nv");
        check(nc::OPTIONS, is_short);
        check(grpc_health_probe::OPTIONS, |name| name.starts_with('-') && !name.starts_with("--"));
    }

    /// Options of real checks: switches, and those with a value.
    #[test]
    fn options_in_use_are_known() {
        fn all(options: &[table::Row], switches: &str, values: &str) {
            for (names, has_value) in [(switches, false), (values, true)] {
                for name in names.split_ascii_whitespace() {
                    let row = options.iter().find(|row| row.names.contains(&name));
                    assert_eq!(row.map(|row| row.has_value), Some(has_value), "{name}");
                }
            }
        }
        all(
            curl::OPTIONS,
            "-f --fail -s --silent -S --show-error -k --insecure -L --location -I --head -G -i -a -l -v -# -g -4 -6
             --compressed --http1.1 --no-progress-meter --retry-connrefused --tcp-nodelay",
            "-o --output -X --request -H --header -m --max-time --connect-timeout -u --user --noproxy --data -d
             --unix-socket --cacert --cert --key --resolve -w --retry --retry-delay --retry-max-time -A -e",
        );
        all(
            wget::OPTIONS,
            "--spider -q --quiet -nv --no-verbose --no-check-certificate -S --no-proxy --no-cache -4 -6 -c
             --retry-connrefused",
            "-O --output-document -t --tries -T --timeout --header --proxy --method --post-data -U -Y --max-redirect
             --connect-timeout --read-timeout --dns-timeout --waitretry --user --password --ca-certificate",
        );
        all(nc::OPTIONS, "-z -n -v -u", "-w -q");
        all(
            grpc_health_probe::OPTIONS,
            "-tls -v -spiffe",
            "-addr -rpc-timeout -connect-timeout -service -tls-server-name -tls-ca-cert -tls-client-cert -tls-client-key",
        );
    }

    #[test]
    fn a_tool_is_known_by_the_last_part_of_its_path() {
        let rows = [
            ("curl", Some(Tool::Curl)),
            ("/usr/bin/curl", Some(Tool::Curl)),
            ("./wget", Some(Tool::Wget)),
            ("nc", Some(Tool::Nc)),
            ("netcat", Some(Tool::Nc)),
            ("grpc_health_probe", Some(Tool::GrpcHealthProbe)),
            ("/bin/grpc-health-probe", Some(Tool::GrpcHealthProbe)),
            ("sh", None),
            ("curl/", None),
            ("bash", None),
            ("Curl", None),
            ("", None),
        ];
        for (given, wanted) in rows {
            assert_eq!(Tool::named(given), wanted, "{given:?}");
        }
    }
}
