//! Scripts of this grammar, and lines thrown together, beside dash and bash: whatever is accepted here has to call
//! the same tools with the same words, send their output to the same places and exit with the same code.
//!
//! The tools are a stub that writes down how it was called, prints a letter on each stream and exits with its first
//! argument. `cargo test` needs no shell, so that tools/e2e runs this.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::random::{Random, TOOLS};
use super::{Script, Stream};

/// What the scripts' variables hold.
const VARIABLES: [(&str, &str); 11] = [
    ("HOME", "/home"),
    ("PORT", "8080"),
    ("EMPTY", ""),
    ("BLANKS", " a  b\tc\nd "),
    ("BLANK", " "),
    ("QUOTES", "it's \"x\" \\ \\a \\\\"),
    ("DOLLAR", "$PORT `x` ${PORT} # | ; && >x"),
    ("PATTERN", "http://h/?a=[b]*"),
    ("CODE", "3"),
    ("TOKEN", "s3cr3t"),
    ("TILDE", "~/x {a,b} a=~"),
];

const STUB: &str = "#!/bin/sh
printf '%s\\0' \"${0##*/}\" \"$@\" >>\"$CALLS\"
printf '\\1\\0' >>\"$CALLS\"
printf o
printf e >&2
case $1 in [0-9] | [0-9][0-9]) exit \"$1\" ;; esac
exit 0
";

const SEED: u64 = 0x5eed;

/// What a script did: each call with its words, what came on both streams, the exit code.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    calls: Vec<Vec<String>>,
    stdout: String,
    stderr: String,
    code: i32,
}

#[test]
#[expect(clippy::print_stdout, reason = "says how much it compared")]
#[ignore = "needs dash and bash: tools/e2e runs it"]
fn dash_and_bash_do_the_same() {
    let stubs = Stubs::new();
    let mut random = Random(SEED);
    let mut compared = 0;
    for round in 0..1500 {
        let text = if round % 3 == 0 { random.soup() } else { random.list() };
        let script = Script::parse(&text, &env);
        let script = match script {
            Ok(script) => script,
            Err(_) if round % 3 == 0 => continue,
            Err(refused) => panic!("of the grammar, and refused: {refused}\n{text}"),
        };
        let ours = ours(&script);
        let shells = if text.contains("&>") { &["bash"][..] } else { &["dash", "bash"] };
        for shell in shells {
            let theirs = stubs.run(shell, &text);
            // A path to a tool is the tool here, whether there is such a file or not.
            if theirs.stderr.contains("not found") || theirs.stderr.contains("No such file") {
                assert!(text.contains('/'), "{shell} finds no tool in\n{text}");
                continue;
            }
            assert_eq!(theirs, ours, "{shell} (left) does another thing with\n{text}");
            compared += 1;
        }
    }
    assert!(compared > 1500, "{compared} runs are too few to show anything");
    println!("{compared} runs of dash and bash are the same");
}

/// Throws lines together and reads them: none panics, and a refusal is one line without a value.
#[test]
fn no_line_is_too_wild_to_be_read() {
    let mut random = Random(SEED);
    let mut taken = 0;
    for _ in 0..20_000 {
        let text = random.soup();
        match Script::parse(&text, &env) {
            Ok(script) => {
                let mut calls = 0;
                script.run(&mut |_| {
                    calls += 1;
                    0
                });
                taken += 1;
            }
            Err(refused) => {
                let line = refused.to_string();
                assert!(!line.contains(char::is_control) && !line.contains("s3cr3t"), "{line}\n{text}");
            }
        }
    }
    assert!(taken > 500, "{taken} of 20,000 lines were read, too few to show anything");
}

fn env(name: &str) -> Option<OsString> {
    VARIABLES.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).into())
}

fn ours(script: &Script) -> Seen {
    let mut seen = Seen::default();
    let code = script.run(&mut |call| {
        let name = format!("{:?}", call.tool);
        let code = call.args.first().filter(|arg| matches!(arg.len(), 1..=2)).and_then(|arg| arg.parse().ok());
        seen.calls.push(std::iter::once(name).chain(call.args.iter().cloned()).collect());
        for (stream, letter) in [(call.stdout, 'o'), (call.stderr, 'e')] {
            match stream {
                Stream::Out => seen.stdout.push(letter),
                Stream::Err => seen.stderr.push(letter),
                Stream::Null => {}
            }
        }
        code.unwrap_or_default()
    });
    seen.code = code.into();
    seen
}

/// A folder with the stub under the names of the tools.
struct Stubs(PathBuf);

impl Stubs {
    fn new() -> Stubs {
        let folder = std::env::temp_dir().join(format!("exec-probe-sh-{}", std::process::id()));
        let inside = folder.join("inside");
        fs::create_dir_all(&inside).unwrap();
        // What a pattern would find.
        for name in ["a", "b"] {
            fs::write(inside.join(name), "").unwrap();
        }
        let stub = folder.join("stub");
        fs::write(&stub, STUB).unwrap();
        fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).unwrap();
        for name in TOOLS {
            symlink(&stub, folder.join(name)).unwrap();
        }
        Stubs(folder)
    }

    /// Runs a script in a folder with two files.
    fn run(&self, shell: &str, text: &str) -> Seen {
        let calls = self.0.join("calls");
        fs::write(&calls, "").unwrap();
        let output = Command::new(shell)
            .args(["-c", text])
            .current_dir(self.0.join("inside"))
            .env_clear()
            .envs(VARIABLES)
            .env("CALLS", &calls)
            .env("PATH", format!("{}:/usr/bin:/bin", self.0.display()))
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("{shell}: {error}"));
        let mut streams = [output.stdout, output.stderr].map(|stream| String::from_utf8(stream).unwrap());
        let [stdout, stderr] = streams.each_mut().map(std::mem::take);
        Seen { calls: read(&calls), stdout, stderr, code: output.status.code().unwrap() }
    }
}

impl Drop for Stubs {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn read(calls: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(calls).unwrap();
    let mut all = Vec::new();
    for call in text.split("\u{1}\0").filter(|call| !call.is_empty()) {
        let mut words: Vec<String> = call.split_terminator('\0').map(str::to_owned).collect();
        let name = super::Tool::named(&words[0]).unwrap();
        words[0] = format!("{name:?}");
        all.push(words);
    }
    all
}
