//! What people type who come from curl, wget or grpc_health_probe, and what to type instead.

use crate::cli::command::{COMMANDS, Command, SERVE};
use crate::cli::flags::{self, Flag};
use crate::cli::usage::{Complaint, Named, is_harmless};
use crate::text::VALUE_CHARS;
use crate::word::Wrong;

/// Options of other programs that want the same advice.
struct Habit {
    words: &'static [&'static str],
    /// The flag that the advice speaks of: it is given to commands only that have it.
    needs: Option<&'static Flag>,
    advice: &'static str,
}

static HABITS: &[Habit] = &[
    always(&["-f", "--fail", "--fail-with-body"], "always on: a bad status is unhealthy; leave it out"),
    always(
        &["-s", "--silent", "-#", "--progress-bar", "--no-progress-meter", "-nv", "--no-verbose"],
        "always on: there is no progress to hide; leave it out",
    ),
    always(&["-S", "--show-error"], "always on: failures are always printed; leave it out"),
    always(&["-L", "--location"], "redirects to the same host name are followed; leave it out"),
    always(
        &["-k", "--insecure", "--no-check-certificate", "-tls-no-verify", "--tls-no-verify"],
        "always on: certificates are not verified without --cacert; leave it out",
    ),
    always(&["-m", "-T", "--max-time"], "the limit is --timeout, such as --timeout=2s"),
    always(
        &[
            "--connect-timeout",
            "-connect-timeout",
            "-rpc-timeout",
            "--rpc-timeout",
            "--read-timeout",
            "--dns-timeout",
        ],
        "one limit for all is --timeout, such as --timeout=2s",
    ),
    always(&["-o", "-O", "--output-document", "--remote-name"], "the body is never printed; leave it out"),
    always(&["-w", "--write-out"], "the line that is printed holds the status; leave it out"),
    always(&["-i", "--include", "--server-response"], "headers are never printed; leave it out"),
    always(&["--spider"], "the body is never kept; leave it out"),
    always(&["-x", "--proxy", "--no-proxy", "--noproxy", "-Y", "--preproxy"], "no proxy is ever used; leave it out"),
    always(
        &["-d", "--data", "--data-raw", "--json", "--post-data", "--post-file", "-F", "--form", "--upload-file"],
        "a probe has no body",
    ),
    always(&["-G", "--get"], "a probe has no body to turn into a query; leave it out"),
    always(
        &["-4", "--ipv4", "--inet4-only", "-6", "--ipv6", "--inet6-only"],
        "the address says it: 127.0.0.1 or [::1]; leave it out",
    ),
    always(
        &[
            "-g",
            "--globoff",
            "--compressed",
            "--http1.1",
            "--tcp-nodelay",
            "-a",
            "--append",
            "-l",
            "--list-only",
            "-c",
            "--continue",
            "--no-cache",
            "-gzip",
            "--gzip",
        ],
        "makes no difference here; leave it out",
    ),
    always(
        &["--retry", "--retry-delay", "--retry-max-time", "--retry-connrefused", "-t", "--tries", "--waitretry"],
        "a probe asks once, and its caller asks again; leave it out",
    ),
    always(&["-K", "--config"], "options are read from the command line only"),
    always(&["-V", "--version"], "is typed alone: exec-probe --version"),
    always(&["--help"], "prints the help only as the one word after the command, such as exec-probe http --help"),
    where_known(&["-I", "--head"], &flags::METHOD, "a HEAD request is -X HEAD"),
    where_known(&["--request"], &flags::METHOD, "the method is --method or -X"),
    where_known(&["--max-redirect", "--max-redirs"], &flags::REDIRECTS, "none are followed with --redirects=none"),
    where_known(&["-A", "-U", "--user-agent"], &flags::HEADER, "the agent's name is -H 'User-Agent: NAME'"),
    where_known(
        &["-user-agent", "--user-agent", "-A"],
        &flags::METADATA,
        "the agent's name is -H 'user-agent: NAME'",
    ),
    where_known(&["-e", "--referer"], &flags::HEADER, "a header is -H 'Referer: URL'"),
    where_known(&["-b", "--cookie"], &flags::HEADER, "a cookie is -H 'Cookie: NAME=VALUE'"),
    where_known(
        &["--resolve", "--connect-to"],
        &flags::HEADER,
        "a probe asks this host only; a name is sent by -H 'Host: NAME' and --server-name=NAME",
    ),
    where_known(
        &["--password", "--http-password", "--http-user"],
        &flags::USER,
        "name and password are --user=NAME:PASSWORD",
    ),
    where_known(&["-addr", "--addr"], &flags::SERVICE, "the address is typed alone: exec-probe grpc :50051"),
    where_known(&["-service"], &flags::SERVICE, "two dashes: --service=NAME"),
    where_known(&["-rpc-header", "--rpc-header", "--header"], &flags::METADATA, "metadata is -H 'NAME: VALUE'"),
    where_known(&["--metadata"], &flags::HEADER, "a header is -H 'NAME: VALUE'"),
    where_known(&["-tls-ca-cert", "--tls-ca-cert", "--ca-certificate"], &flags::CACERT, "this is --cacert=FILE"),
    where_known(
        &["-tls-client-cert", "--tls-client-cert", "--certificate", "-E"],
        &flags::CERT,
        "this is --cert=FILE",
    ),
    where_known(&["-tls-client-key", "--tls-client-key", "--private-key"], &flags::KEY, "this is --key=FILE"),
    where_known(&["-tls-server-name", "--tls-server-name"], &flags::SERVER_NAME, "this is --server-name=NAME"),
    where_known(
        &["-spiffe", "--spiffe", "-alts", "--alts"],
        &flags::CACERT,
        "certificates come from files: --cacert, --cert and --key",
    ),
];

const fn always(words: &'static [&'static str], advice: &'static str) -> Habit {
    Habit { words, needs: None, advice }
}

const fn where_known(words: &'static [&'static str], flag: &'static Flag, advice: &'static str) -> Habit {
    Habit { words, needs: Some(flag), advice }
}

impl Habit {
    fn is_for(&self, command: &Command) -> bool {
        self.needs.is_none_or(|flag| flag.is_of(command))
    }
}

/// True for an option of another program with one dash and a long name.
pub(super) fn is_strange(name: &str) -> bool {
    name.len() > 2 && HABITS.iter().any(|habit| habit.words.contains(&name))
}

/// What to say of a word with a dash that is no option of this command.
pub(super) fn unknown_option(command: &'static Command, word: &str) -> Complaint {
    let end = word.find(|char: char| char == '=' || char.is_whitespace()).unwrap_or(word.len());
    let name = &word[..end];
    advice(command, name).unwrap_or_else(|| {
        let why = format!("no such option; see exec-probe {} --help", command.name);
        Complaint::new(Named::Option(word), Wrong(why))
    })
}

fn advice(command: &'static Command, name: &str) -> Option<Complaint> {
    if let Some(complaint) = habit(command, name) {
        return Some(complaint);
    }
    let near = |near: &'static str| {
        Complaint::new(Named::Option(name), Wrong(format!("no such option; did you mean {near}?")))
    };
    if !name.starts_with("--") {
        let is_doubled = |flag: &&Flag| flag.long.strip_prefix('-') == Some(name);
        if let Some(flag) = flags::of(command).find(is_doubled) {
            let why = format!("no such option; did you mean {}?", flag.long);
            return Some(Complaint::new(Named::Ours(&flag.long[1..]), Wrong(why)));
        }
        if name.starts_with("-h") {
            return Some(Complaint::of(Named::Ours("-h"), host(command)));
        }
    }
    let has = |other: &&'static Command| {
        let is_this = |flag: &Flag| {
            flag.long == name || (!name.starts_with("--") && flag.short.is_some_and(|short| name.starts_with(short)))
        };
        flags::of(other).any(is_this)
    };
    if let Some(other) = COMMANDS.into_iter().find(has).filter(|_| !has(&command)) {
        if *command == SERVE && other.is_probe {
            let why = "is an option of a path's command, and comes after that command";
            return Some(Complaint::new(Named::Option(name), Wrong(why.to_owned())));
        }
        let why = format!("no such option of {}; {} has it", command.name, other.name);
        return Some(Complaint::new(Named::Option(name), Wrong(why)));
    }
    if !name.starts_with("--") {
        return cluster(command, name);
    }
    // The opposite of an option is none of its spellings.
    nearest(name, flags::of(command).map(|flag| flag.long)).filter(|_| !name.starts_with("--no-")).map(near)
}

fn habit(command: &Command, name: &str) -> Option<Complaint> {
    HABITS.iter().filter(|habit| habit.is_for(command)).find_map(|habit| {
        let word = habit.words.iter().find(|word| **word == name)?;
        Some(Complaint::of(Named::Ours(word), habit.advice))
    })
}

/// `-h` is the host for pg_isready, redis-cli and mysqladmin: a help with exit 0 would be healthy for ever.
fn host(command: &Command) -> &'static str {
    if command.operand == "TARGET" {
        "the host is part of TARGET, such as localhost:5432; help is --help"
    } else {
        "help is --help"
    }
}

/// Several letters in one word, such as `-fsS` or `-qO-`.
fn cluster(command: &Command, word: &str) -> Option<Complaint> {
    let letters = word.strip_prefix('-')?;
    match letters.chars().find(|letter| !is_harmless(*letter)) {
        Some(letter) => habit(command, &format!("-{letter}")),
        None if letters.is_empty() => None,
        None => Some(Complaint::of(
            Named::Letters(word),
            "failing on a bad status, silence and following are always on; leave it out",
        )),
    }
}

/// The candidate that is fewest edits away, if that is few for its length.
pub(super) fn nearest(word: &str, candidates: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    if word.len() > VALUE_CHARS {
        return None;
    }
    let edits = |candidate| (strsim::osa_distance(word, candidate), candidate);
    let (edits, candidate) = candidates.map(edits).min_by_key(|(edits, _)| *edits)?;
    (edits <= candidate.trim_start_matches('-').len() / 2).then_some(candidate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command::{GRPC, HTTP};

    /// The options that health checks in public repositories give to these tools, less those that are ours too.
    #[test]
    fn every_option_that_health_checks_use_has_an_answer() {
        let curl = "-f --fail -s --silent -S --show-error -o -k --insecure -L --location -m --max-time --connect-timeout \
                    -I --head -G --noproxy --data -d --resolve -w -i -a -l -# -g -4 -6 --compressed --http1.1 \
                    --no-progress-meter --retry --retry-delay --retry-max-time --retry-connrefused --tcp-nodelay -A -e \
                    --request -V -x --proxy -b -K";
        let wget = "--spider -O --output-document -t --tries -nv --no-verbose -T --no-check-certificate --proxy -S \
                    --post-data -s -U -Y --no-proxy --no-cache --max-redirect --connect-timeout --read-timeout \
                    --dns-timeout --waitretry --retry-connrefused --password --ca-certificate -c -qO-";
        let grpc = "-addr -rpc-timeout -tls -tls-ca-cert -tls-client-cert -tls-client-key -connect-timeout -service \
                    -tls-server-name -tls-no-verify -spiffe -alts -gzip -rpc-header -user-agent";
        for (command, options) in [(&HTTP, curl), (&HTTP, wget), (&GRPC, grpc)] {
            for option in options.split_whitespace() {
                assert!(advice(command, option).is_some(), "{} {option}", command.name);
            }
        }
    }

    #[test]
    fn no_answer_is_hidden_by_an_option_of_ours() {
        for command in COMMANDS {
            for word in HABITS.iter().filter(|habit| habit.is_for(command)).flat_map(|habit| habit.words) {
                let hides = |flag: &Flag| flag.long == *word || flag.short == Some(*word);
                assert!(!flags::of(command).any(hides), "{} {word}", command.name);
            }
        }
    }

    #[test]
    fn suggestions_count_swaps_once() {
        let flags = ["--timeout", "--tls"];
        for (word, wanted) in [("--timoeut", Some("--timeout")), ("--tsl", Some("--tls")), ("--zzz", None)] {
            assert_eq!(nearest(word, flags.into_iter()), wanted, "{word}");
        }
    }
}
