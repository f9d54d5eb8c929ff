//! Below all protocols: backlogs that are full, sockets that vanish, paths that are no sockets, peers that leave at
//! once.

use std::any::Any;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::peer::Act::{Flood, Reset, Stay};
use super::{Peer, Row, row};
use crate::support::Folder;

const LATE: &str = "no connection in 400ms";
const REFUSED: &str = "connection refused";
const MISSING: &str = "no such socket";

pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![
        row("tcp", "a reset at accept", [Reset]).healthy("connected (TIME)"),
        row("tcp", "a flood at accept", [Flood(vec![0])]).healthy("connected (TIME)"),
        row("tcp", "silence", [Stay]).healthy("connected (TIME)"),
    ];
    for ask in ["tcp", "http", "grpc"] {
        rows.push(Row::new(ask, "a full backlog", move || full_backlog(ask)).stalls().unhealthy(LATE));
    }
    for ask in ["tcp", "http", "grpc"] {
        rows.extend([
            unix(ask, "a unix socket whose backlog is full", full_unix_backlog).stalls().unhealthy(LATE),
            unix(ask, "a unix socket that was removed", |path| {
                let listener = UnixListener::bind(path).expect("bound");
                std::fs::remove_file(path).expect("removed");
                Box::new(listener)
            })
            .unhealthy(MISSING),
            unix(ask, "a unix socket whose server is gone", |path| {
                drop(UnixListener::bind(path).expect("bound"));
                Box::new(())
            })
            .unhealthy(REFUSED),
            unix(ask, "a file in place of a unix socket", |path| {
                std::fs::write(path, "").expect("written");
                Box::new(())
            })
            .unhealthy(REFUSED),
            unix(ask, "a folder in place of a unix socket", |path| {
                std::fs::create_dir(path).expect("made");
                Box::new(())
            })
            .unhealthy(REFUSED),
            unix(ask, "a link that leads nowhere", |path| link("nowhere", path)).unhealthy(MISSING),
            unix(ask, "a link to itself", |path| link(path.to_str().expect("UTF-8"), path))
                .unhealthy("could not ask: connect gave ELOOP"),
            unix(ask, "a unix socket of datagrams", |path| Box::new(UnixDatagram::bind(path).expect("bound")))
                .unhealthy("not a stream socket"),
            unix(ask, "a FIFO in place of a unix socket", |path| {
                rustix::fs::mkfifoat(rustix::fs::CWD, path, 0o600.into()).expect("made");
                Box::new(())
            })
            .unhealthy(REFUSED),
        ]);
    }
    let vanishes = "connection closed or reset by the peer, no";
    rows.push(
        unix("http", "a unix socket that vanishes unaccepted", vanish)
            .unhealthy(&format!("{vanishes} response headers")),
    );
    rows.push(
        unix("grpc", "a unix socket that vanishes unaccepted", vanish).unhealthy(&format!("{vanishes} answer")),
    );
    rows
}

/// A row whose target is a path; what is made there lives as long as the box.
fn unix(ask: &'static str, name: &str, make: impl Fn(&Path) -> Box<dyn Any> + Send + Sync + 'static) -> Row {
    Row::new(ask, name, move || {
        let folder = Folder::new();
        let path = folder.path("app.sock");
        let made = make(Path::new(&path));
        let (args, label) = match ask {
            "http" => (
                vec![format!("--unix-socket={path}"), "/".into()],
                format!("http GET http://localhost/ on unix:{path}"),
            ),
            _ => (vec![format!("unix://{path}")], format!("{ask} unix:{path}")),
        };
        Peer { args, label, port: 0, _guard: Box::new((made, folder)) }
    })
}

fn link(to: &str, path: &Path) -> Box<dyn Any> {
    std::os::unix::fs::symlink(to, path).expect("linked");
    Box::new(())
}

/// A listener that accepts nobody, and whose queue is full.
fn full_backlog(ask: &str) -> Peer {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("bound");
    listener.listen(0).expect("listens");
    let addr = listener.local_addr().expect("bound").as_socket().expect("TCP");
    let mut held = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&addr, Duration::from_millis(200)) {
        held.push(stream);
    }
    let label = if ask == "http" { format!("http GET http://{addr}/") } else { format!("{ask} {addr}") };
    Peer { args: vec![addr.to_string()], label, port: addr.port(), _guard: Box::new((listener, held)) }
}

fn full_unix_backlog(path: &Path) -> Box<dyn Any> {
    let socket = || Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
    let addr = SockAddr::unix(path).expect("an address");
    let listener = socket();
    listener.bind(&addr).expect("bound");
    listener.listen(0).expect("listens");
    let first = socket();
    first.connect(&addr).expect("the first fits");
    Box::new((listener, first))
}

/// Closes the listener once somebody waits in its queue, without accepting.
fn vanish(path: &Path) -> Box<dyn Any> {
    let listener = UnixListener::bind(path).expect("bound");
    listener.set_nonblocking(true).expect("non-blocking");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            // Readable means that somebody waits. Readiness has no family, so any type of tokio's tells.
            let listener = std::net::TcpStream::from(OwnedFd::from(listener));
            let listener = tokio::net::TcpStream::from_std(listener).expect("registered");
            let _ = tokio::time::timeout(Duration::from_secs(5), listener.readable()).await;
        });
    });
    Box::new(())
}
