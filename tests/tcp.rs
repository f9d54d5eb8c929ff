//! The tcp handler.

use std::io::Read;
use std::os::unix::net::UnixListener;

use crate::support::{Folder, Server, closed_port, exec_probe};

#[test]
fn an_accepted_connection_is_healthy() {
    for target in ["localhost:{}", ":{}", "{}", "127.0.0.1:{}", "LOCALHOST.:{}", "web.localhost:{}", "0.0.0.0:{}"] {
        let server = Server::new(1, |_, stream| {
            let mut said = String::new();
            stream.read_to_string(&mut said).expect("ended without a reset");
            said
        });
        let target = target.replace("{}", &server.port.to_string());
        let name = match target.split_once(':') {
            Some(("", _)) | None => format!("localhost:{}", server.port),
            Some(_) => target.clone(),
        };
        exec_probe(["tcp", &target]).stdout(format!("tcp {name}: connected (TIME)")).exit(0);
        assert_eq!(server.finish(), [""], "{target}: a tcp probe says nothing");
    }
}

#[test]
fn a_refused_port_is_told_with_the_addresses_behind_a_name() {
    let port = closed_port();
    let rows = [
        (format!("127.0.0.1:{port}"), String::new()),
        (format!("[::1]:{port}"), String::new()),
        (format!("localhost:{port}"), " (127.0.0.1, [::1])".to_owned()),
    ];
    for (target, tried) in rows {
        exec_probe(["tcp", &target])
            .stderr(format!("tcp {target}: connection refused{tried}"))
            .takes(0, 1000)
            .exit(1);
    }
}

#[test]
fn a_server_on_one_family_only_is_found_by_localhost() {
    for addr in ["127.0.0.1:0", "[::1]:0"] {
        let server = Server::on(addr, 1, |_, _| String::new());
        let target = format!("localhost:{}", server.port);
        exec_probe(["tcp", &target]).stdout(format!("tcp {target}: connected (TIME)")).takes(0, 1000).exit(0);
    }
}

#[test]
fn unix_sockets_are_told_apart() {
    let folder = Folder::new();
    let (open, dead, missing) = (folder.path("open"), folder.path("dead"), folder.path("missing"));
    let _listener = UnixListener::bind(&open).expect("bound");
    drop(UnixListener::bind(&dead).expect("bound"));
    let file = folder.file("file", "");
    exec_probe(["tcp", &format!("unix://{open}")]).stdout(format!("tcp unix:{open}: connected (TIME)")).exit(0);
    exec_probe(["tcp", &format!("unix:{open}")]).stdout(format!("tcp unix:{open}: connected (TIME)")).exit(0);
    let rows = [(&dead, "connection refused"), (&missing, "no such socket"), (&file, "connection refused")];
    for (path, wanted) in rows {
        exec_probe(["tcp", &format!("unix:{path}")]).stderr(format!("tcp unix:{path}: {wanted}")).exit(1);
    }
}

#[test]
fn a_full_backlog_is_a_connect_time_out_on_both_families_of_localhost() {
    // Nobody accepts: what the kernel queues is connected, what does not fit waits.
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    listener.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("bound");
    listener.listen(0).expect("listens");
    let addr = listener.local_addr().expect("bound").as_socket().expect("TCP");
    let mut held = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&addr, std::time::Duration::from_millis(200)) {
        held.push(stream);
    }
    let target = format!("localhost:{}", addr.port());
    exec_probe(["tcp", "--timeout=700ms", &target])
        .stderr(format!("tcp {target}: no connection in 700ms (127.0.0.1)"))
        .takes(700, 1200)
        .exit(1);
    let target = addr.to_string();
    exec_probe(["tcp", "--timeout=300ms", &target])
        .stderr(format!("tcp {target}: no connection in 300ms"))
        .takes(300, 800)
        .exit(1);
}

#[test]
fn a_full_backlog_of_a_unix_socket_is_a_connect_time_out() {
    let folder = Folder::new();
    let path = folder.path("full");
    let listener = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).expect("a socket");
    let addr = socket2::SockAddr::unix(&path).expect("an address");
    listener.bind(&addr).expect("bound");
    listener.listen(0).expect("listens");
    let client = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).expect("a socket");
    client.connect(&addr).expect("the first fits");
    exec_probe(["tcp", "--timeout=300ms", &format!("unix:{path}")])
        .stderr(format!("tcp unix:{path}: no connection in 300ms"))
        .takes(300, 800)
        .exit(1);
}
