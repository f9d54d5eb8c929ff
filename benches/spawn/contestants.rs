//! Who is measured, and what each is asked: one table. All ask for 127.0.0.1, so that nobody is measured looking up a
//! name.

use std::collections::HashSet;
use std::error::Error;
use std::ffi::OsStr;
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use crate::servers::Servers;

/// What is asked of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Nothing,
    Http,
    Tcp,
    Grpc,
    Https,
    HttpsVerified,
}

impl Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Asked::Nothing => "nothing",
            Asked::Http => "http",
            Asked::Tcp => "tcp",
            Asked::Grpc => "grpc",
            Asked::Https => "https",
            Asked::HttpsVerified => "https, verified",
        })
    }
}

/// One program with its arguments. It exits 0 if the server is well.
#[derive(Debug)]
pub(crate) struct Contestant {
    pub(crate) asked: Asked,
    /// As the tables show it.
    pub(crate) name: &'static str,
    /// The copy that is run.
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
}

impl Contestant {
    /// The command in an empty environment, led by `within`: a tracer, or nothing.
    pub(crate) fn command(&self, within: &[&OsStr]) -> Command {
        let mut words = within.iter().copied().chain([self.program.as_os_str()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).args(&self.args).env_clear().stdin(Stdio::null());
        command
    }

    /// Runs it once. An error names the contestant, and has its own last word on standard error.
    pub(crate) fn check(&self) -> Result<(), String> {
        let output = self.command(&[]).output().map_err(|error| format!("{self}: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("{self}: {} ({})", output.status, said.trim().lines().last().unwrap_or("silently")))
    }
}

impl Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} of {}", self.asked, self.name)
    }
}

/// Copies all programs into `folder`/copies by the same means, since equal files that were written differently differ
/// by 15 % in time, and checks each contestant's verdict once. Also returns a line on each that is not there.
pub(crate) fn gather(folder: &Path, servers: &Servers) -> Result<(Vec<Contestant>, Vec<String>), Box<dyn Error>> {
    let copies = folder.join("copies");
    fs::create_dir_all(&copies)?;
    let (mut contestants, mut absent, mut copied) = (Vec::new(), Vec::new(), HashSet::new());
    for (asked, name, file, args, presence) in table(servers) {
        let original = match presence {
            Presence::Built => Some(folder.join(file)),
            Presence::Installed | Presence::Able | Presence::Found => find(file),
        };
        let Some(original) = original else {
            if presence != Presence::Found {
                return Err(format!("{file} is not on PATH").into());
            }
            absent.push(format!("{asked} of {name}: not on PATH"));
            continue;
        };
        let program = copies.join(file);
        if copied.insert(file) {
            fs::copy(&original, &program).map_err(|error| format!("{}: {error}", original.display()))?;
        }
        let contestant =
            Contestant { asked, name, program, args: args.split_whitespace().map(str::to_owned).collect() };
        match contestant.check() {
            Ok(()) => contestants.push(contestant),
            Err(line) if presence == Presence::Able => absent.push(line),
            Err(line) => return Err(line.into()),
        }
    }
    Ok((contestants, absent))
}

/// Who must be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    /// By tools/bench, in its folder.
    Built,
    /// By tools/bench, on PATH.
    Installed,
    /// The same, but it may not be able to ask this.
    Able,
    /// By whoever runs this, or not at all.
    Found,
}

/// Asked what, shown as, file, arguments, presence. From the least to the most that can be expected.
fn table(servers: &Servers) -> Vec<(Asked, &'static str, &'static str, String, Presence)> {
    use Asked::{Grpc, Http, Https, HttpsVerified, Nothing, Tcp};
    use Presence::{Able, Built, Found, Installed};

    let (port, secure, grpc) = (servers.http, servers.https, servers.grpc);
    let (url, https) = (format!("http://127.0.0.1:{port}/ok"), format!("https://127.0.0.1:{secure}/ok"));
    let authority = servers.authority.display();
    // By itself, wget reads all authorities of the system, seven times the instructions of all else; curl, asked like
    // this, reads none. What makes wget slow even so is 40 ms of Nagle's algorithm against a delayed acknowledgement.
    let wget = format!("-q -O /dev/null --ca-directory={}", servers.no_authorities.display());
    vec![
        (Nothing, NULL, "null", String::new(), Built),
        (Http, FLOOR, "floor", format!("http {port}"), Built),
        (Http, MUSL, "exec-probe-musl", format!("http {url}"), Built),
        (Http, GLIBC, "exec-probe-glibc", format!("http {url}"), Built),
        (Http, "httpcheck", "httpcheck", url.clone(), Found),
        (Http, "busybox wget", "busybox", format!("wget -q -O /dev/null {url}"), Installed),
        (Http, "wget", "wget", format!("-q -O /dev/null {url}"), Installed),
        (Http, CURL, "curl", format!("-fsS -o /dev/null {url}"), Installed),
        (Tcp, FLOOR, "floor", format!("tcp {port}"), Built),
        (Tcp, MUSL, "exec-probe-musl", format!("tcp 127.0.0.1:{port}"), Built),
        (Tcp, GLIBC, "exec-probe-glibc", format!("tcp 127.0.0.1:{port}"), Built),
        (Tcp, "portcheck", "portcheck", format!("--port {port}"), Found),
        (Grpc, MUSL, "exec-probe-musl", format!("grpc 127.0.0.1:{grpc}"), Built),
        (Grpc, GLIBC, "exec-probe-glibc", format!("grpc 127.0.0.1:{grpc}"), Built),
        (Grpc, "grpc_health_probe", "grpc_health_probe", format!("-addr=127.0.0.1:{grpc}"), Found),
        (Https, MUSL, "exec-probe-musl", format!("http {https}"), Built),
        (Https, GLIBC, "exec-probe-glibc", format!("http {https}"), Built),
        (Https, "busybox wget", "busybox", format!("wget -q -O /dev/null {https}"), Able),
        (Https, "wget", "wget", format!("{wget} --no-check-certificate {https}"), Installed),
        (Https, CURL, "curl", format!("-fsS -o /dev/null -k {https}"), Installed),
        (HttpsVerified, MUSL, "exec-probe-musl", format!("http --cacert={authority} {https}"), Built),
        (HttpsVerified, GLIBC, "exec-probe-glibc", format!("http --cacert={authority} {https}"), Built),
        (HttpsVerified, "wget", "wget", format!("{wget} --ca-certificate={authority} {https}"), Installed),
        (HttpsVerified, CURL, "curl", format!("-fsS -o /dev/null --cacert {authority} {https}"), Installed),
    ]
}

/// The C programs beside this file.
pub(crate) const NULL: &str = "C null";
pub(crate) const FLOOR: &str = "C floor";

/// The released binary, and what `cargo build --release` gives where glibc is the system's own.
pub(crate) const MUSL: &str = "exec-probe";
pub(crate) const GLIBC: &str = "exec-probe (glibc)";

pub(crate) const CURL: &str = "curl";

/// The full path of a program: the environment of the contestants has no PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}
