//! What exec-probe says, and how it exits, for servers that are well, ill, gone, hung or endless:
//!
//! ```text
//! cargo run --example demo
//! ```
//!
//! Builds the binary as `cargo build --release` does, starts an HTTP server (hyper) and a gRPC server with the health
//! service (tonic) on free ports of this host, and runs the binary against them as a kubelet would: one process per
//! probe. Fails if any outcome is not the one it announces.

#![allow(clippy::print_stdout, reason = "a demonstration talks to whoever runs it")]

use std::convert::Infallible;
use std::error::Error;
use std::path::{Display, Path, PathBuf};
use std::pin::Pin;
use std::process::{Command, ExitCode, Stdio};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::time::Interval;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let binary = build()?;

    // The servers run on a thread of their own: this one waits for exec-probe.
    let servers = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (http, grpc, closed) = servers.block_on(start())?;
    println!("An HTTP server now listens on port {http} and a gRPC server on port {grpc}.");
    println!("Each command stands as you would type it, with the one line it prints and its exit code.");

    let cases = [
        Case {
            about: "Healthy: the server answers, with a status from 200 to 399.",
            args: format!("http :{http}/healthz"),
            line: format!("http GET http://localhost:{http}/healthz: status 200"),
            exit: 0,
        },
        Case {
            about: "Unhealthy: the server answers, but says that it is not well.",
            args: format!("http :{http}/sick"),
            line: format!("http GET http://localhost:{http}/sick: status 503, wanted 200-399"),
            exit: 1,
        },
        Case {
            about: "Unhealthy: nobody listens on that port.",
            args: format!("http :{closed}/healthz"),
            line: format!("http GET http://localhost:{closed}/healthz: connection refused"),
            exit: 1,
        },
        Case {
            about: "Unhealthy: the server hangs. It accepts the connection, and never answers.",
            args: format!("http --timeout=500ms :{http}/hung"),
            line: format!("http GET http://localhost:{http}/hung: no response headers in 500ms"),
            exit: 1,
        },
        Case {
            about: "Healthy, at once: these server-sent events never end, but the headers have said it all.",
            args: format!("http :{http}/events"),
            line: format!("http GET http://localhost:{http}/events: status 200"),
            exit: 0,
        },
        Case {
            about: "Healthy: the gRPC health service says SERVING.",
            args: format!("grpc :{grpc}"),
            line: format!("grpc localhost:{grpc}: SERVING"),
            exit: 0,
        },
        Case {
            about: "Unhealthy: one service behind the same gRPC port is NOT_SERVING.",
            args: format!("grpc --service={SERVICE} :{grpc}"),
            line: format!("grpc localhost:{grpc} service {SERVICE}: NOT_SERVING, wanted SERVING"),
            exit: 1,
        },
        Case {
            about: "A mistake: the option is mistyped. Nothing was asked, and the exit code tells it from an illness.",
            args: format!("http --timout=500ms :{http}/healthz"),
            line: "exec-probe http: --timout: no such option; did you mean --timeout?".to_owned(),
            exit: 64,
        },
    ];
    let mut differing = 0;
    for case in &cases {
        differing += usize::from(!case.show(&binary)?);
    }
    if differing > 0 {
        println!("\n{differing} of {} outcomes differ from what was announced.", cases.len());
        return Ok(ExitCode::FAILURE);
    }
    println!("\nNow try it on a server of your own, in place of 8080:\n");
    println!("    {} http :8080/healthz", as_typed(&binary));
    println!("    {} help", as_typed(&binary));
    Ok(ExitCode::SUCCESS)
}

/// One run of exec-probe, and what is announced of it.
struct Case {
    about: &'static str,
    /// What is typed behind `exec-probe`.
    args: String,
    /// How its line begins; what follows is times and addresses.
    line: String,
    exit: i32,
}

impl Case {
    /// Runs exec-probe, prints command, line and exit code, and returns whether they are the announced ones.
    fn show(&self, binary: &Path) -> Result<bool, Box<dyn Error>> {
        // No environment, as in a bare container.
        let output = Command::new(binary).args(self.args.split(' ')).env_clear().output()?;
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        // Healthy lines come on standard output, all others on standard error; the other stream stays empty.
        let (said, silent) = if self.exit == 0 { (stdout, stderr) } else { (stderr, stdout) };
        println!("\n{}", self.about);
        println!("    $ exec-probe {}", self.args);
        for line in said.lines().chain(silent.lines()) {
            println!("    {line}");
        }
        let exit = output.status.code();
        println!("    {}", exit.map_or_else(|| output.status.to_string(), |exit| format!("exit code {exit}")));
        let is_announced =
            exit == Some(self.exit) && said.starts_with(&self.line) && said.lines().count() == 1 && silent.is_empty();
        if !is_announced {
            println!("    DIFFERS: wanted exit code {} and {:?} ...", self.exit, self.line);
        }
        Ok(is_announced)
    }
}

/// Has cargo build the binary, by itself: built along with this example, it would get features that only the servers
/// here need. Returns its path.
fn build() -> Result<PathBuf, Box<dyn Error>> {
    let args = ["build", "--release", "--bin", "exec-probe", "--message-format=json-render-diagnostics"];
    println!("Building exec-probe (cargo build --release) ...");
    // In the package's folder, where .cargo/config.toml makes the binary a static one.
    let cargo = &mut Command::new(env!("CARGO"));
    // What `cargo run` tells its program, ring's build script takes for a change: without this, the next `cargo build
    // --release` would compile ring, and all that uses it, once more.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            cargo.env_remove(name);
        }
    }
    let output = cargo.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("cargo build: {}", output.status).into());
    }
    for line in output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let message: serde_json::Value = serde_json::from_slice(line)?;
        let name = message["target"]["name"].as_str();
        if let (Some("exec-probe"), Some(path)) = (name, message["executable"].as_str()) {
            return Ok(path.into());
        }
    }
    Err("cargo build named no executable".into())
}

/// Starts the servers. Returns the HTTP port, the gRPC port, and one that nobody listens on.
async fn start() -> Result<(u16, u16, u16), Box<dyn Error>> {
    let [http, grpc, closed] =
        [TcpListener::bind(LOOPBACK).await?, TcpListener::bind(LOOPBACK).await?, TcpListener::bind(LOOPBACK).await?];
    let ports = (http.local_addr()?.port(), grpc.local_addr()?.port(), closed.local_addr()?.port());

    tokio::spawn(async move {
        while let Ok((stream, _)) = http.accept().await {
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)));
        }
    });
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status(SERVICE, ServingStatus::NotServing).await;
    let grpc = TcpIncoming::from(grpc).with_nodelay(Some(true));
    tokio::spawn(tonic::transport::Server::builder().add_service(health).serve_with_incoming(grpc));
    Ok(ports)
}

/// The HTTP server's pages.
async fn answer(request: Request<Incoming>) -> Result<Response<Page>, hyper::http::Error> {
    let text = |text: &'static str| Page::Text(Some(Bytes::from_static(text.as_bytes())));
    match request.uri().path() {
        "/healthz" => Response::builder().body(text("ok\n")),
        "/sick" => Response::builder().status(503).body(text("the database is gone\n")),
        "/events" => Response::builder()
            .header("content-type", "text/event-stream")
            .body(Page::Events(tokio::time::interval(Duration::from_millis(100)))),
        "/hung" => std::future::pending().await,
        _ => Response::builder().status(404).body(text("no such page\n")),
    }
}

/// A response body: a text, or events without end.
enum Page {
    Text(Option<Bytes>),
    Events(Interval),
}

impl Body for Page {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Page::Text(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Page::Events(ticks) => {
                ticks.poll_tick(context).map(|_| Some(Ok(Frame::data(Bytes::from_static(b"data: tick\n\n")))))
            }
        }
    }
}

/// A path as one would type it in the folder that the demo was started in.
fn as_typed(path: &Path) -> Display<'_> {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display()
}

/// Any free port of this host.
const LOOPBACK: (&str, u16) = ("127.0.0.1", 0);

/// The gRPC service that is not well.
const SERVICE: &str = "orders.v1";
