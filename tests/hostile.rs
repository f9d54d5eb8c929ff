//! Hostile servers: every place in HTTP/1.1, TLS and HTTP/2 where a peer can lie, stall, drip, flood or cut, as rows of
//! one table. Each says what the peer does, and what comes of it whole: the line, the exit code, the longest time. No
//! row may cost more memory than an honest server does, but for 8 MiB.

mod grpc;
mod h2c;
mod handshake;
mod http2;
mod http_body;
mod http_head;
mod json;
mod peer;
mod proxy;
mod redirects;
mod session;
mod sockets;
mod tls_peer;
mod words;

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::peak::{Ran, run};
use crate::support::{HELD_BACK, Server, exec_probe};
use peer::{Act, perform};

/// How much more memory than an honest server any hostile one may cost, in KiB.
const MOST_MEMORY: u64 = 8 * 1024;

/// How many rows run at the same time: many only wait for their deadline.
const THREADS: usize = 6;

/// How long a verdict may take where the peer makes nobody wait.
const AT_ONCE: Duration = Duration::from_secs(5);

/// How late a verdict may come behind its deadline, besides the time for which the machine had no CPU to give. The
/// tests' build is slow; a peer that holds the probe would hold it for ever.
const LATE: Duration = Duration::from_millis(400);

/// How long a process is kept from running, at least, that says [`HELD_BACK`]. It is the machine's doing and not the
/// peer's, so it is looked over, but only where it is true.
const HELD_BACK_BY: Duration = Duration::from_millis(50);

/// The limit of a run whose peer makes it wait.
const SHORT: Duration = Duration::from_millis(400);

/// The row that all memory is compared with.
const HONEST: &str = "an honest answer";

/// One behaviour, and what comes of it.
struct Row {
    name: String,
    /// What is asked: `http`, `https`, `grpc`, `grpc --tls`, `tcp`.
    ask: &'static str,
    options: Vec<&'static str>,
    /// A peer and the target by which it is found.
    start: Box<dyn Fn() -> Peer + Send + Sync>,
    is_healthy: bool,
    line: String,
    stalls: bool,
    /// Behind which byte the peer stops, where one behaviour is a run for each.
    cut: Option<usize>,
}

/// A peer that is there until this is dropped.
struct Peer {
    /// TARGET, or what stands for it in the options.
    args: Vec<String>,
    /// The line's beginning.
    label: String,
    port: u16,
    _guard: Box<dyn Any>,
}

impl Row {
    /// A row whose peer is a TCP server that does the same with each of `calls` connections.
    fn tcp(
        ask: &'static str,
        name: impl Into<String>,
        calls: usize,
        handler: impl Fn(&mut TcpStream) + Send + Sync + 'static,
    ) -> Row {
        let handler = Arc::new(handler);
        Row::new(ask, name, move || {
            let handler = handler.clone();
            let server = Server::new(calls, move |_, stream| {
                handler(stream);
                String::new()
            });
            let port = server.port;
            let (target, label) = match ask {
                "http" => (format!("127.0.0.1:{port}"), format!("http GET http://127.0.0.1:{port}/")),
                "https" => (format!("https://127.0.0.1:{port}"), format!("http GET https://127.0.0.1:{port}/")),
                "tcp" => (format!("127.0.0.1:{port}"), format!("tcp 127.0.0.1:{port}")),
                _ => (format!("127.0.0.1:{port}"), format!("grpc 127.0.0.1:{port}")),
            };
            Peer { args: vec![target], label, port, _guard: Box::new(server) }
        })
    }

    /// A row whose peer is made by hand.
    fn new(ask: &'static str, name: impl Into<String>, start: impl Fn() -> Peer + Send + Sync + 'static) -> Row {
        Row {
            name: name.into(),
            ask,
            options: Vec::new(),
            start: Box::new(start),
            is_healthy: false,
            line: String::new(),
            stalls: false,
            cut: None,
        }
    }

    /// Options of the probe's.
    fn with(mut self, options: &[&'static str]) -> Row {
        self.options.extend(options);
        self
    }

    /// Gives the probe no more than [`SHORT`], as the peer would make it wait for ever.
    fn stalls(mut self) -> Row {
        self.stalls = true;
        self
    }

    fn healthy(mut self, line: &str) -> Row {
        (self.is_healthy, self.line) = (true, line.to_owned());
        self
    }

    /// `PORT` stands for the peer's.
    fn unhealthy(mut self, line: &str) -> Row {
        self.line = line.to_owned();
        self
    }

    /// Runs it; what is wrong, and the peak memory in KiB.
    fn run(&self) -> (String, u64) {
        let peer = (self.start)();
        let line = format!("{}: {}\n", peer.label, self.line.replace("PORT", &peer.port.to_string()));
        let Ran { code, stdout, mut stderr, took, peak, waited } = run(self.command(&peer), Duration::from_secs(30));
        drop(peer);
        if self.stalls && waited > HELD_BACK_BY {
            stderr = stderr.replace(HELD_BACK, "");
        }
        let got = (code, stdout, stderr);
        let wanted = match self.is_healthy {
            true => (Some(0), line, String::new()),
            false => (Some(1), String::new(), line),
        };
        let mut wrong = String::new();
        if got != wanted {
            let _ = write!(wrong, "\n     got: {got:?}\n  wanted: {wanted:?}");
        }
        let (least, most) = if self.stalls { (SHORT, SHORT + LATE) } else { (Duration::ZERO, AT_ONCE) };
        if took < least || took > most + waited {
            let _ =
                write!(wrong, "\n    time: {took:?}, {waited:?} of it without a CPU, wanted {least:?} to {most:?}");
        }
        if peak.is_none() {
            wrong.push_str("\n  memory: unknown");
        }
        (wrong, peak.unwrap_or_default())
    }

    fn command(&self, peer: &Peer) -> std::process::Command {
        let timeout = format!("--timeout={}ms", if self.stalls { SHORT } else { AT_ONCE * 2 }.as_millis());
        let ask: &[&str] = match self.ask {
            "https" => &["http"],
            "grpc --tls" => &["grpc", "--tls"],
            ask => &[ask],
        };
        let args = ask.iter().chain(&self.options).map(ToString::to_string);
        exec_probe(args.chain([timeout]).chain(peer.args.iter().cloned())).command()
    }
}

/// A row whose server performs these acts, on one connection.
fn row<const N: usize>(ask: &'static str, name: impl Into<String>, acts: [Act; N]) -> Row {
    Row::tcp(ask, name, 1, move |stream| perform(&acts, stream))
}

#[test]
fn no_peer_gets_more_than_its_line() {
    let rows: Vec<Row> = [
        http_head::rows(),
        http_body::rows(),
        json::rows(),
        redirects::rows(),
        handshake::rows(),
        session::rows(),
        h2c::rows(),
        http2::rows(),
        grpc::rows(),
        sockets::rows(),
        words::rows(),
        proxy::rows(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let behaviours: BTreeSet<_> = rows.iter().map(|row| (row.ask, &*row.name)).collect();
    let next = AtomicUsize::new(0);
    let ran = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some((at, row)) = rows.iter().enumerate().nth(next.fetch_add(1, Ordering::SeqCst)) {
                    // A server that was not called as often as said panics.
                    let told = catch_unwind(AssertUnwindSafe(|| row.run()));
                    let (wrong, peak) = told.unwrap_or_else(|_| ("\n  the server failed".to_owned(), 0));
                    ran.lock().unwrap().push((at, wrong, peak));
                }
            });
        }
    });
    let mut ran = ran.into_inner().unwrap();
    ran.sort();
    let mut wrong = String::new();
    for (at, what, _) in ran.iter().filter(|(_, what, _)| !what.is_empty()) {
        let Row { ask, name, cut, .. } = &rows[*at];
        let _ = write!(wrong, "\n{ask}: {name}{}{what}", cut.map_or_else(String::new, |at| format!(", byte {at}")));
    }
    let honest = ran.iter().find(|(at, ..)| rows[*at].name == HONEST).expect("an honest server").2;
    let (worst, _, most) = ran.iter().max_by_key(|(.., peak)| *peak).expect("a row");
    println!("{} behaviours, {} runs", behaviours.len(), ran.len());
    let memory = format!(
        "peak memory: {honest} KiB with an honest server, at most {} KiB more with a hostile one ({}: {})",
        most - honest,
        rows[*worst].ask,
        rows[*worst].name
    );
    println!("{memory}");
    assert!(wrong.is_empty(), "{wrong}");
    assert!(most - honest <= MOST_MEMORY, "{memory}, wanted {MOST_MEMORY} KiB at most");
    let count = behaviours.len();
    let pages = [
        ("README.md", include_str!("../README.md"), format!("table of {count} hostile servers")),
        ("docs/security.md", include_str!("../docs/security.md"), format!("in {count} ways of HTTP/1.1")),
    ];
    for (page, text, counted) in pages {
        assert!(text.contains(&counted), "{page} has another number, wanted: {counted}");
    }
}
