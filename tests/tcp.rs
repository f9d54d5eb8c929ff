//! The tcp handler.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
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
    let hears = |_: usize, _: &mut TcpStream| String::new();
    for server in [Server::new(1, hears), Server::on_ipv6(1, hears)] {
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

/// A server that says its words, one by one for each byte that it is sent, and keeps what it was sent.
fn speaks(banner: &'static [u8], answer: &'static [u8], stays: bool) -> Server {
    Server::new(1, move |_, stream| {
        let mut heard = Vec::new();
        let _ = stream.write_all(banner);
        let mut start = [0; 4096];
        if let Ok(count @ 1..) = stream.read(&mut start) {
            heard.extend_from_slice(&start[..count]);
            let _ = stream.write_all(answer);
        }
        if stays {
            let _ = stream.read_to_end(&mut heard);
        }
        String::from_utf8_lossy(&heard).into_owned()
    })
}

#[test]
fn what_a_server_says_first_is_looked_at() {
    let rows: [(&[u8], &str); 4] = [
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "SSH-2.0-"),
        (b"220-hello\r\n220 FTP ready\r\n", r"220 FTP ready\r\n"),
        (b"N\0\0\0\x0a8.0.36\0\xff", r"\0\x0a8.0.36\0\xff"),
        (b"a\\b\tc", r"\\b\tc"),
    ];
    for (banner, wanted) in rows {
        let server = speaks(banner, b"", true);
        let target = format!("localhost:{}", server.port);
        exec_probe(["tcp", "--expect-banner", wanted, &target])
            .stdout(format!("tcp {target}: banner as wanted (TIME)"))
            .takes(0, 1000)
            .exit(0);
        assert_eq!(server.finish(), [""], "nothing is sent");
    }
}

#[test]
fn another_banner_is_shown() {
    let rows: [(&[u8], bool, &str); 7] = [
        (b"220 mail ready\r\n", true, "the banner is \"220 mail ready\", wanted \"SSH-2.0-\\r\""),
        (b"Host is blocked", false, "the banner is \"Host is blocked\", wanted \"SSH-2.0-\\r\""),
        (b"\r\n\x1b[2Ja\0b\xff\r\nx", true, "the banner is \"?[2Ja?b\u{fffd}\", wanted \"SSH-2.0-\\r\""),
        (b"\n", false, "the banner is \"\", wanted \"SSH-2.0-\\r\""),
        (b"no line", true, "banner not complete in 300ms (connected to 127.0.0.1:PORT)"),
        (b"", true, "no banner in 300ms (connected to 127.0.0.1:PORT)"),
        (&[b'x'; 5000], true, "no \"SSH-2.0-\\r\" in the banner's first 4 KiB"),
    ];
    for (banner, stays, wanted) in rows {
        let server = Server::new(1, move |_, stream| {
            let _ = stream.write_all(banner);
            if stays {
                let _ = stream.read_to_end(&mut Vec::new());
            }
            String::new()
        });
        let target = format!("localhost:{}", server.port);
        let wanted = wanted.replace("PORT", &server.port.to_string());
        exec_probe(["tcp", "--timeout=300ms", r"--expect-banner=SSH-2.0-\r", &target])
            .stderr(format!("tcp {target}: {wanted}"))
            .takes(0, 1000)
            .exit(1);
    }
    let server = Server::new(1, |_, stream| {
        let _ = stream.shutdown(std::net::Shutdown::Both);
        String::new()
    });
    let target = format!("127.0.0.1:{}", server.port);
    exec_probe(["tcp", "--expect-banner=x", &target])
        .stderr(format!("tcp {target}: connection closed or reset by the peer, no banner"))
        .exit(1);
}

#[test]
fn a_text_is_sent_and_its_answer_looked_at() {
    let server = speaks(b"", b"+PONG\r\n", true);
    let target = format!("localhost:{}", server.port);
    exec_probe(["tcp", "--send", r"\x50ING\r\n", "--expect", r"+PONG\r\n", &target])
        .stdout(format!("tcp {target}: answer as wanted (TIME)"))
        .takes(0, 1000)
        .exit(0);
    assert_eq!(server.finish(), ["PING\r\n"]);
    // Both, and what the banner holds is no answer.
    let server = speaks(b"220 ready\r\n", b"250 fine\r\n", true);
    let target = format!("localhost:{}", server.port);
    exec_probe(["tcp", "--expect-banner=220", r"--send=NOOP\r\n", "--expect=220", "--timeout=300ms", &target])
        .stderr(format!("tcp {target}: the answer is \"250 fine\", wanted \"220\""))
        .exit(1);
    assert_eq!(server.finish(), ["NOOP\r\n"]);
    let server = speaks(b"", b"OK", false);
    let object = exec_probe(["tcp", "--output=json", "--send=x", "--expect=+PONG", &server.port.to_string()]);
    let (code, _, object) = object.output();
    assert_eq!(code, Some(1), "{object}");
    for wanted in ["\"cause\":\"answer\"", "\"status\":null", "\"phase\":\"headers\"", "the answer is \\\"OK\\\""] {
        assert!(object.contains(wanted), "{wanted}: {object}");
    }
}

#[test]
fn nothing_that_was_sent_is_ever_shown() {
    let password = r"s3c\r-ret";
    let server = Server::new(1, |_, stream| {
        let mut start = [0; 4096];
        let count = stream.read(&mut start).expect("a text");
        let said = String::from_utf8_lossy(&start[..count]).into_owned();
        let _ = stream.write_all(format!("-ERR unknown '{}', {}\r\n", said.trim(), said.to_uppercase()).as_bytes());
        said
    });
    let target = format!("localhost:{}", server.port);
    exec_probe(["tcp", r"--send=AUTH {env.PASSWORD}\r\n", "--expect=+OK", &target])
        .env("PASSWORD", password)
        .stderr(format!("tcp {target}: the answer is \"-ERR unknown '…', …\", wanted \"+OK\""))
        .exit(1);
    assert_eq!(server.finish(), [format!("AUTH {password}\r\n")], "a placeholder's value has no escapes");
    // Nor is it in a usage error.
    exec_probe(["tcp", r"--send=AUTH: s3cret\q", "--expect=x", ":1"])
        .usage("--send \"…\": wanted \\r, \\n, \\t, \\0, \\\\ or \\x and two hexadecimal digits after a backslash");
}

#[test]
fn conversations_that_can_not_be_meant() {
    let escapes = r"wanted \r, \n, \t, \0, \\ or \x and two hexadecimal digits after a backslash";
    let long = "x".repeat(4097);
    let rows: [(&[&str], String); 8] = [
        (&["--send=x"], "--send: wanted --expect as well".into()),
        (&["--expect=x"], "--expect: wanted --send as well; what the server says first is --expect-banner".into()),
        (&["--expect-banner="], "--expect-banner \"\": wanted a text".into()),
        (&["--send=", "--expect="], "--send \"…\": wanted a text; --expect \"\": wanted a text".into()),
        (&[r"--expect-banner=\e[0m"], format!(r#"--expect-banner "\e[0m": {escapes}"#)),
        (&["--send", &long, "--expect=x"], "--send \"…\": wanted at most 4 KiB".into()),
        (&["--expect-banner", &long], format!("--expect-banner \"{}…\": wanted at most 4 KiB", "x".repeat(64))),
        (&["--expect-banner=a", "--expect-banner=b"], "--expect-banner: given 2 times, wanted once".into()),
    ];
    for (options, wanted) in rows {
        exec_probe(["tcp"].iter().chain(options).chain(&[":1"])).usage(wanted);
    }
}
