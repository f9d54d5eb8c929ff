//! The tcp handler.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use crate::support::{Folder, Server, closed_port, exec_probe, response};

#[test]
fn an_accepted_connection_is_healthy() {
    for target in [
        "localhost:{}",
        ":{}",
        "{}",
        "127.0.0.1:{}",
        "LOCALHOST.:{}",
        "web.localhost:{}",
        "0.0.0.0:{}",
        "+:{}",
        "*:{}",
    ] {
        let server = Server::new(1, |_, stream| {
            let mut said = String::new();
            stream.read_to_string(&mut said).expect("ended without a reset");
            said
        });
        let target = target.replace("{}", &server.port.to_string());
        let name = match target.split_once(':') {
            Some(("" | "+" | "*", _)) | None => format!("localhost:{}", server.port),
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

/// Needs a name of this host in `/etc/hosts`, as a container has its own there; elsewhere there is nothing to ask.
#[test]
fn this_hosts_own_name_is_found_in_the_hosts_file() {
    let file = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let words = |line: &str| line.split('#').next().map(|line| line.split_whitespace().map(str::to_owned).collect());
    let lines: Vec<Vec<String>> = file.lines().filter_map(words).collect();
    let is_own = |ip: &str| ip.parse().is_ok_and(|ip: std::net::IpAddr| TcpListener::bind((ip, 0)).is_ok());
    let own = lines.iter().filter(|words| words.first().is_some_and(|ip| is_own(ip))).find_map(|words| {
        let name = words.iter().skip(1).find(|name| !name.ends_with("localhost"))?;
        let is_elsewhere_too = lines.iter().any(|other| other != words && other.contains(name));
        (!is_elsewhere_too).then(|| (words[0].clone(), name.clone()))
    });
    let Some((ip, name)) = own else { return };
    let ip: std::net::IpAddr = ip.parse().expect("an address");
    let server = Server::on(&std::net::SocketAddr::new(ip, 0).to_string(), 1, |_, _| String::new());
    let target = format!("{{env.HOSTNAME}}:{}", server.port);
    exec_probe(["tcp", &target])
        .env("HOSTNAME", &name)
        .stdout(format!("tcp {name}:{}: connected (TIME)", server.port))
        .exit(0);
    server.finish();
    let port = closed_port();
    let shown = std::net::SocketAddr::new(ip, 0).to_string();
    let shown = shown.trim_end_matches(":0");
    exec_probe(["tcp", &format!("{name}:{port}")])
        .stderr(format!("tcp {name}:{port}: connection refused ({shown})"))
        .exit(1);
}

#[test]
fn an_abstract_unix_socket_is_asked_by_its_name() {
    let name = format!("exec-probe-test-{}", std::process::id());
    let addr = SocketAddr::from_abstract_name(&name).expect("an address");
    let target = format!("unix-abstract:{name}");
    exec_probe(["tcp", &target]).stderr(format!("tcp {target}: connection refused")).exit(1);
    let listener = UnixListener::bind_addr(&addr).expect("bound");
    exec_probe(["tcp", &target]).stdout(format!("tcp {target}: connected (TIME)")).exit(0);
    exec_probe(["tcp", "unix-abstract:{env.NAME}"])
        .env("NAME", &name)
        .stdout("tcp unix-abstract:{env.NAME}: connected (TIME)")
        .exit(0);
    let thread = std::thread::spawn(move || {
        // The two connections above said nothing.
        for _ in 0..3 {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut start = [0; 5];
            if stream.read(&mut start).is_ok_and(|read| read > 0) {
                let _ = stream.write_all(response("200 OK", "", "").as_bytes());
            }
        }
    });
    exec_probe(["http", &format!("--unix-socket={target}"), "/x"])
        .stdout(format!("http GET http://localhost/x on {target}: status 200 (TIME)"))
        .exit(0);
    thread.join().expect("the server ended");
    exec_probe(["grpc", &target]).stderr(format!("grpc {target}: connection refused")).exit(1);
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
