//! `--help`, made from the flag table; the README holds the same text, and a test compares them.

use crate::cli::flags::{Command, Flag};

/// The width that descriptions are broken at.
const WIDTH: usize = 100;

/// Where descriptions begin.
const INDENT: usize = 32;

const TOP: &str = "\
exec-probe asks a container, from the inside, whether it is well, and exits with a status that Kubernetes, Docker
and Podman understand. It asks this host only: localhost, an address of its own, or a unix socket.

    exec-probe http [OPTIONS] TARGET    one HTTP request; healthy on status 200-399
    exec-probe tcp  [OPTIONS] TARGET    one TCP connection; healthy once it is accepted
    exec-probe grpc [OPTIONS] TARGET    one grpc.health.v1.Health/Check; healthy on SERVING
    exec-probe file [OPTIONS] PATH      a file exists, and is fresh enough
    exec-probe install [OPTIONS] DEST   copies this binary to DEST, a folder or a file
    exec-probe help [COMMAND], --help, --version

Examples:
    exec-probe http :8080/healthz
    exec-probe http --timeout=1800ms --header='Host: shop.example' :8080/healthz
    exec-probe http --unix-socket=/run/app.sock /healthz
    exec-probe tcp :5432
    exec-probe grpc --service=orders.v1 \":{env.PORT:-50051}\"
    exec-probe file --max-age=30s /tmp/healthy
    exec-probe install /probe

{env.NAME}, {env.NAME:-default} and {file./path} in any option value and in TARGET, PATH or DEST are replaced.

Exit code: 0 healthy, 1 unhealthy (or --unhealthy-exit), 64 wrong command line and nothing was asked, 70 a defect.
";

/// The help of everything, or of one command.
pub(crate) fn text(command: Option<Command>) -> String {
    let Some(command) = command else { return TOP.to_owned() };
    let mut out = format!("exec-probe {} [OPTIONS] {}\n\n{}\n", command.name(), command.operand(), about(command));
    for flag in command.flags() {
        out.push_str(&row(flag));
    }
    out
}

fn about(command: Command) -> &'static str {
    match command {
        Command::Http => {
            "One HTTP request; healthy on status 200-399. TARGET: :8080/healthz, 8080, localhost:8080/x, [::1]:8080/x,\n\
             https://localhost:8443/x; with --unix-socket also /healthz alone.\n"
        }
        Command::Tcp => {
            "One TCP connection; healthy once it is accepted. TARGET: :5432, 5432, localhost:5432, [::1]:5432,\n\
             unix:///run/app.sock.\n"
        }
        Command::Grpc => {
            "One grpc.health.v1.Health/Check; healthy on SERVING. TARGET: :50051, 50051, localhost:50051,\n\
             [::1]:50051, unix:///run/app.sock.\n"
        }
        Command::Install => {
            "Copies this binary to DEST, a folder (the name stays exec-probe) or a file, for other containers to run:\n\
             what an init container does. It replaces a copy that is running, or leaves everything as it was.\n"
        }
        Command::File => {
            "Looks at a regular file, or at the one that a symbolic link leads to; healthy if it can be read.\n"
        }
    }
}

/// One flag: its spelling, then its description, broken into lines.
fn row(flag: &Flag) -> String {
    let short = flag.short.map_or_else(|| "    ".to_owned(), |short| format!("{short}, "));
    let value = flag.value.map_or_else(String::new, |value| format!(" {value}"));
    let repeats = if flag.repeats { "; may be given several times" } else { "" };
    let default = match (flag.default, flag.env) {
        (Some(default), Some(env)) => format!(" [default: ${env}, else {default}]"),
        (Some(default), None) => format!(" [default: {default}]"),
        (None, _) => String::new(),
    };
    let mut line = format!("  {short}{}{value}", flag.long);
    let mut out = String::new();
    for word in format!("{}{repeats}{default}", flag.help).split(' ') {
        if line.len() < INDENT {
            line = format!("{line:INDENT$}");
        } else if line.len() + 1 + word.len() > WIDTH || (out.is_empty() && !line[INDENT - 1..].starts_with(' ')) {
            out.push_str(line.trim_end());
            out.push('\n');
            line = " ".repeat(INDENT);
        } else {
            line.push(' ');
        }
        line.push_str(word);
    }
    format!("{out}{}\n", line.trim_end())
}
