//! Runs the built binary and compares all it gives: exit code, both streams, time. Servers bind before they are
//! named, and fail the test if they were not called as often as said.

pub(crate) mod peak;

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The binary that is tested: the one that cargo has built with these tests, or that of EXEC_PROBE_TESTED. The released one
/// is built by other means, and takes another amount of memory.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("EXEC_PROBE_TESTED").map_or_else(|| env!("CARGO_BIN_EXE_exec-probe").into(), PathBuf::from)
}

/// Whether that binary counts memory in 32 bits: its ELF class.
pub(crate) fn has_32_bits() -> bool {
    std::fs::read(binary()).expect("the binary")[4] == 1
}

/// The command line to come.
pub(crate) struct Invocation {
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    stdout: String,
    stderr: String,
    between: (Duration, Duration),
}

/// `exec-probe` with these arguments, in an empty environment.
pub(crate) fn exec_probe<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Invocation {
    Invocation {
        args: args.into_iter().map(|arg| arg.as_ref().to_owned()).collect(),
        env: Vec::new(),
        stdout: String::new(),
        stderr: String::new(),
        between: (Duration::ZERO, Duration::from_secs(10)),
    }
}

impl Invocation {
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// One line, or several, on standard output; measured times are written `(TIME)`.
    pub(crate) fn stdout(mut self, lines: impl AsRef<str>) -> Self {
        self.stdout = format!("{}\n", lines.as_ref());
        self
    }

    /// One line, or several, on standard error.
    pub(crate) fn stderr(mut self, lines: impl AsRef<str>) -> Self {
        self.stderr = format!("{}\n", lines.as_ref());
        self
    }

    /// A usage error of this command: the line's frame is the same for all.
    pub(crate) fn usage(self, message: impl AsRef<str>) {
        let program = match self.args.first().and_then(|first| first.to_str()) {
            Some(command @ ("http" | "tcp" | "grpc" | "file" | "install" | "serve")) => {
                format!("exec-probe {command}")
            }
            _ => "exec-probe".to_owned(),
        };
        let spared = match program.rsplit(' ').next() {
            Some("install") => "installed",
            Some("serve") => "served",
            _ => "asked",
        };
        self.stderr(format!("{program}: {}; nothing was {spared}", message.as_ref())).exit(64);
    }

    /// How long the run may take, in milliseconds.
    pub(crate) fn takes(mut self, least: u64, most: u64) -> Self {
        self.between = (Duration::from_millis(least), Duration::from_millis(most));
        self
    }

    /// Runs it and compares everything.
    #[track_caller]
    pub(crate) fn exit(self, code: i32) {
        let started = Instant::now();
        let output = self.command().output().expect("the binary starts");
        let took = started.elapsed();
        let mut wrong = String::new();
        let mut compare = |what: &str, got: String, wanted: String| {
            if got != wanted {
                let _ = write!(wrong, "\n{what}\n     got: {got:?}\n  wanted: {wanted:?}");
            }
        };
        compare("exit code", format!("{:?}", output.status.code()), format!("{:?}", Some(code)));
        compare("stdout", without_times(&output.stdout), self.stdout);
        compare("stderr", without_machine(&output.stderr), self.stderr);
        if took < self.between.0 || took > self.between.1 {
            let _ = write!(wrong, "\ntime\n     got: {took:?}\n  wanted: {:?}", self.between);
        }
        assert!(wrong.is_empty(), "exec-probe {:?}{wrong}", self.args);
    }

    /// Runs it and returns exit code, standard output and standard error, for tests that look closer.
    pub(crate) fn output(self) -> (Option<i32>, String, String) {
        let output = self.command().output().expect("the binary starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command.args(&self.args).env_clear().envs(self.env.iter().cloned()).stdin(Stdio::null());
        command
    }
}

/// What a process says that was kept from running past its deadline; tests/held_back.rs looks for it.
pub(crate) const HELD_BACK: &str = " (this process was not scheduled in time: CPU limit?)";

/// What was printed, without what is the machine's: measured times, and that it was busy.
pub(crate) fn without_machine(bytes: &[u8]) -> String {
    without_times(bytes).replace(HELD_BACK, "")
}

/// Replaces every measured time, `(0.8ms)`, by `(TIME)`.
pub(crate) fn without_times(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::new();
    let mut rest = &*text;
    while let Some(open) = rest.find('(') {
        let (before, from) = rest.split_at(open);
        out.push_str(before);
        let inside = from[1..].split(')').next().unwrap_or_default();
        let number = inside.strip_suffix("ms").unwrap_or_default();
        let is_time = number.contains('.') && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        out.push_str(if is_time { "(TIME)" } else { "(" });
        rest = if is_time { &from[inside.len() + 2..] } else { &from[1..] };
    }
    out + rest
}

/// A TCP server on a free port of 127.0.0.1 that is called a known number of times.
pub(crate) struct Server {
    pub(crate) port: u16,
    addr: SocketAddr,
    times: usize,
    seen: Arc<Mutex<Vec<String>>>,
    called: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Gives each of `times` connections to `handler`, with its number.
    pub(crate) fn new(
        times: usize,
        handler: impl Fn(usize, &mut TcpStream) -> String + Send + Sync + 'static,
    ) -> Server {
        Server::on("127.0.0.1:0", times, handler)
    }

    /// On ::1 alone, for a probe that is to find nobody on 127.0.0.1. The kernel would pick a port that may be another
    /// test's there.
    pub(crate) fn on_ipv6(
        times: usize,
        handler: impl Fn(usize, &mut TcpStream) -> String + Send + Sync + 'static,
    ) -> Server {
        Server::on(&format!("[::1]:{}", closed_port()), times, handler)
    }

    pub(crate) fn on(
        addr: &str,
        times: usize,
        handler: impl Fn(usize, &mut TcpStream) -> String + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind(addr).expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let seen = Arc::new(Mutex::new(vec![String::new(); times]));
        let called = Arc::new(AtomicUsize::new(0));
        let (seen_there, called_there) = (seen.clone(), called.clone());
        let thread = std::thread::spawn(move || {
            let handler = &handler;
            std::thread::scope(|scope| {
                for at in 0..times {
                    let Ok((mut stream, _)) = listener.accept() else { return };
                    if called_there.load(Ordering::SeqCst) == usize::MAX {
                        return;
                    }
                    called_there.fetch_add(1, Ordering::SeqCst);
                    let seen = seen_there.clone();
                    scope.spawn(move || {
                        let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
                        let request = handler(at, &mut stream);
                        seen.lock().unwrap()[at] = request;
                    });
                }
            });
        });
        Server { port: addr.port(), addr, times, seen, called, thread: Some(thread) }
    }

    /// Reads each request's head and answers with these bytes, then closes its side.
    pub(crate) fn answers(times: usize, response: impl Into<Vec<u8>>) -> Server {
        let response = response.into();
        Server::new(times, move |_, stream| {
            let request = read_head(stream);
            let _ = stream.write_all(&response);
            let _ = stream.shutdown(Shutdown::Write);
            // Waits for the other side, so that nothing is reset that should be read.
            let _ = stream.read_to_end(&mut Vec::new());
            request
        })
    }

    /// Answers by the request line: what the function returns for it.
    pub(crate) fn routes(times: usize, route: impl Fn(&str) -> String + Send + Sync + 'static) -> Server {
        Server::new(times, move |_, stream| {
            let request = read_head(stream);
            let _ = stream.write_all(route(request.lines().next().unwrap_or_default()).as_bytes());
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
            request
        })
    }

    /// Waits for all calls and returns what they asked.
    pub(crate) fn finish(mut self) -> Vec<String> {
        self.join();
        self.seen.lock().unwrap().clone()
    }

    fn join(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        // The probe may be gone before the server has come to accept.
        let patience = Instant::now() + Duration::from_secs(2);
        while self.called.load(Ordering::SeqCst) < self.times && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(1));
        }
        let called = self.called.load(Ordering::SeqCst);
        if called < self.times {
            // Wakes accept, which then sees that it is over.
            self.called.store(usize::MAX, Ordering::SeqCst);
            let _ = TcpStream::connect(self.addr);
        }
        let joined = thread.join();
        if !std::thread::panicking() {
            assert!(joined.is_ok(), "the server failed");
            assert_eq!(called, self.times, "calls of the server");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.join();
    }
}

/// Reads until the empty line behind a request's headers.
pub(crate) fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// A small complete response.
pub(crate) fn response(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// A port that nobody listens on.
pub(crate) fn closed_port() -> u16 {
    // Below the range that the kernel picks from, so that no other test is given it: bound for a moment to see.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let port = 20_000 + (std::process::id() + NEXT.fetch_add(1, Ordering::SeqCst) * 7) % 10_000;
        let port = u16::try_from(port).expect("below 30,000");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && TcpListener::bind(("::1", port)).is_ok() {
            return port;
        }
    }
}

/// A folder that is removed with the value.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("exec-probe-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("a new folder");
        Folder(path)
    }

    /// Writes a file and returns its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.0.join(name), content).expect("a file is written");
        self.path(name)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("UTF-8").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
