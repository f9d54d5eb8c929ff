//! `--help`, made from the tables of commands and flags; the README holds the same text, and a test compares them.

use crate::cli::command::{COMMANDS, Command};
use crate::cli::flags::{self, Flag};

/// The width that descriptions are broken at.
const WIDTH: usize = 100;

/// Where descriptions begin.
const INDENT: usize = 32;

const ABOVE_COMMANDS: &str = "\
exec-probe asks a container, from the inside, whether it is well, and exits with a status that Kubernetes, Docker
and Podman understand. It asks this host only: localhost, an address of its own, or a unix socket.

";

const BELOW_COMMANDS: &str = "    exec-probe help [COMMAND], --help, --version

Examples:
    exec-probe http :8080/healthz
    exec-probe http --timeout=1800ms --header='Host: shop.example' :8080/healthz
    exec-probe http --unix-socket=/run/app.sock /healthz
    exec-probe tcp :5432
    exec-probe grpc --service=orders.v1 \":{env.PORT:-50051}\"
    exec-probe file --max-age=30s /tmp/healthy
    exec-probe install /probe

{env.NAME}, {env.NAME:-default} and {file./path} in any option value and in TARGET, PATH or DEST are replaced.

By the name curl, wget, nc, grpc_health_probe or sh (a link, or the first word) it takes that tool's command line.

Exit code: 0 healthy, 1 unhealthy (or --unhealthy-exit), 64 wrong command line and nothing was asked, 70 a defect.
";

/// The help of everything, or of one command.
pub(crate) fn text(command: Option<&Command>) -> String {
    let Some(command) = command else {
        let list = COMMANDS.map(listed).concat();
        return format!("{ABOVE_COMMANDS}{list}{BELOW_COMMANDS}");
    };
    let Command { name, operand, about, .. } = command;
    let mut out = format!("exec-probe {name} [OPTIONS] {operand}\n\n{about}\n");
    for flag in flags::of(command) {
        out.push_str(&row(flag));
    }
    out
}

/// One command: how it is typed and what it does.
fn listed(command: &Command) -> String {
    let Command { name, operand, summary, .. } = command;
    let typed = format!("exec-probe {name:4} [OPTIONS] {operand}");
    format!("    {typed:34}  {summary}\n")
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
