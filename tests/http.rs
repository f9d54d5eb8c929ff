//! The http handler against servers that say exactly what a test wants.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use crate::support::{Folder, Server, closed_port, exec_probe, read_head, response};

#[test]
fn statuses_200_to_399_are_healthy() {
    for (status, code) in [(200, 0), (204, 0), (299, 0), (304, 0), (399, 0), (400, 1), (404, 1), (503, 1), (999, 1)] {
        let server = Server::answers(1, response(&format!("{status} X"), "", ""));
        let run = exec_probe(["http", &format!(":{}/healthz", server.port)]);
        let label = format!("http GET http://localhost:{}/healthz: status {status}", server.port);
        let sent = if status < 500 { format!(" (sent Host: localhost:{})", server.port) } else { String::new() };
        match code {
            0 => run.stdout(format!("{label} (TIME)")).exit(0),
            _ => run.stderr(format!("{label}, wanted 200-399{sent}")).exit(1),
        }
    }
}

#[test]
fn a_long_list_of_wanted_statuses_is_cut() {
    let server = Server::answers(1, response("503 X", "", ""));
    let list = vec!["200"; 300].join(",");
    exec_probe(["http", &format!("--expect-status={list}"), &format!(":{}", server.port)])
        .stderr(format!("http GET http://localhost:{}/: status 503, wanted {}…", server.port, &list[..64]))
        .exit(1);
}

#[test]
fn wanted_statuses_can_be_named() {
    let rows = [("503", 503, 0), ("200,204,301-302", 204, 0), ("200,204,301-302", 203, 1), ("404", 200, 1)];
    for (list, status, code) in rows {
        let server = Server::answers(1, response(&format!("{status} X"), "", ""));
        let run = exec_probe(["http", "--expect-status", list, &format!(":{}", server.port)]);
        let label = format!("http GET http://localhost:{}/: status {status}", server.port);
        match code {
            0 => run.stdout(format!("{label} (TIME)")).exit(0),
            _ => run.stderr(format!("{label}, wanted {list}")).exit(1),
        }
    }
}

#[test]
fn the_request_is_what_the_options_say() {
    let version = env!("CARGO_PKG_VERSION");
    let own = format!("User-Agent: exec-probe/{version}\r\nAccept: */*\r\nConnection: close\r\n");
    let rows: [(&[&str], &str, String); 12] = [
        (&[], ":{}", format!("GET / HTTP/1.1\r\nHost: localhost:{{}}\r\n{own}\r\n")),
        (&[], "{}/a?b=c#d", format!("GET /a?b=c HTTP/1.1\r\nHost: localhost:{{}}\r\n{own}\r\n")),
        (&[], "http://127.0.0.1:{}?q", format!("GET /?q HTTP/1.1\r\nHost: 127.0.0.1:{{}}\r\n{own}\r\n")),
        (&[], "HTTP://LocalHost:{}/%20 \"<>`ä\u{1}", format!("GET /%20%20%22%3C%3E%60%C3%A4%01 HTTP/1.1\r\nHost: LocalHost:{{}}\r\n{own}\r\n")),
        (&["-X", "HEAD"], ":{}", format!("HEAD / HTTP/1.1\r\nHost: localhost:{{}}\r\n{own}\r\n")),
        (&["-X", "PURGE"], ":{}", format!("PURGE / HTTP/1.1\r\nHost: localhost:{{}}\r\n{own}\r\n")),
        (&["-XPOST"], ":{}", format!("POST / HTTP/1.1\r\ncontent-length: 0\r\nHost: localhost:{{}}\r\n{own}\r\n")),
        (&["-H", "Host: shop.example", "-HX-One: 1", "--header=X-One:2"], ":{}", format!("GET / HTTP/1.1\r\nHost: shop.example\r\n{own}X-One: 1\r\nX-One: 2\r\n\r\n")),
        (&["-H", "user-agent:", "-H", "Accept:"], ":{}", "GET / HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n\r\n".to_owned()),
        (&["-H", "User-Agent: me", "-H", "Connection: keep-alive", "-H", "X-Empty:"], ":{}", "GET / HTTP/1.1\r\nHost: localhost:{}\r\nAccept: */*\r\nUser-Agent: me\r\nConnection: keep-alive\r\nX-Empty: \r\n\r\n".to_owned()),
        (&["-u", "me:s3cret"], ":{}", format!("GET / HTTP/1.1\r\nHost: localhost:{{}}\r\n{own}Authorization: Basic bWU6czNjcmV0\r\n\r\n")),
        (&[], "http://me:s3c%72et@localhost:{}", format!("GET / HTTP/1.1\r\nHost: localhost:{{}}\r\n{own}Authorization: Basic bWU6czNjcmV0\r\n\r\n")),
    ];
    for (options, target, wanted) in rows {
        let server = Server::answers(1, response("200 OK", "", ""));
        let port = server.port.to_string();
        let target = target.replace("{}", &port);
        let (code, _, stderr) = exec_probe(["http"].iter().chain(options).copied().chain([target.as_str()])).output();
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{options:?} {target}");
        assert_eq!(server.finish(), [wanted.replace("{}", &port)], "{options:?} {target}");
    }
}

#[test]
fn credentials_are_never_shown() {
    let port = closed_port();
    exec_probe(["http", "-v", "-H", "X-Key: s3cret", &format!("http://me:s3cret@127.0.0.1:{port}/x")])
        .stderr(format!(
            "resolve: 127.0.0.1 is 127.0.0.1 (TIME)\nhttp GET http://127.0.0.1:{port}/x: connection refused"
        ))
        .exit(1);
}

#[test]
fn redirects_to_the_same_host_are_followed() {
    let server = Server::routes(6, |line| match line.split(' ').nth(1).unwrap_or_default() {
        "/a/start" => response("302 Found", "Location: next?x=1\r\n", "moved"),
        "/a/next?x=1" => response("301 Moved", "Location: ../b/./c\r\n", ""),
        "/b/c" => response("307 Keep", "Location: /d\r\n", ""),
        "/d" => response("308 Keep", "Location: ?y\r\n", ""),
        "/d?y" => response("303 Other", "Location: //LOCALHOST:{port}/end#top\r\n", "").replace("{port}", "PORT"),
        _ => response("200 OK", "", ""),
    });
    // The last hop names a port, which the routes can't know: it is refused, and the line names the hop.
    let port = server.port;
    exec_probe(["http", &format!(":{port}/a/start")])
        .stderr(format!("http GET http://localhost:{port}/a/start: redirected to http://localhost:{port}: status 303 with a Location that is no URL"))
        .exit(1);
    let server_requests = {
        let lines = server;
        // One more plain request, so that the count is what was said.
        exec_probe(["http", &format!(":{port}/end")])
            .stdout(format!("http GET http://localhost:{port}/end: status 200 (TIME)"))
            .exit(0);
        lines.finish()
    };
    let lines: Vec<&str> = server_requests.iter().filter_map(|request| request.lines().next()).collect();
    let wanted = ["/a/start", "/a/next?x=1", "/b/c", "/d", "/d?y", "/end"].map(|path| format!("GET {path} HTTP/1.1"));
    assert_eq!(lines, wanted);
}

#[test]
fn a_redirect_keeps_or_changes_the_method_as_the_kubelet_does() {
    for (status, sent, then) in [
        (301, "POST", "GET"),
        (302, "HEAD", "HEAD"),
        (303, "PUT", "GET"),
        (307, "POST", "POST"),
        (308, "PATCH", "PATCH"),
    ] {
        let server = Server::routes(2, move |line| match line.split(' ').nth(1) {
            Some("/to") => response("200 OK", "", ""),
            _ => response(&format!("{status} X"), "Location: /to\r\n", ""),
        });
        let (code, ..) =
            exec_probe(["http", "-X", sent, "-H", "X-Key: 1", "-H", "Host: a.b", &format!(":{}", server.port)])
                .output();
        assert_eq!(code, Some(0), "{status}");
        let requests = server.finish();
        assert!(requests[1].starts_with(&format!("{then} /to ")), "{status}: {}", requests[1]);
        assert!(requests[1].contains("\r\nX-Key: 1\r\n"), "{status}: headers go along");
        assert!(requests[1].contains("Host: a.b\r\n"), "{status}: a set Host stays where Location is relative");
    }
}

#[test]
fn redirects_that_are_not_followed() {
    let rows: [(&[&str], &str, &str, i32); 9] = [
        (&[], "302 X", "http://example.org:81/secret?x", 0),
        (&[], "302 X", "//example.org/secret", 0),
        (&["--redirects=none"], "302 X", "/loop", 0),
        (&["--expect-status=302"], "302 X", "/loop", 0),
        (&["--expect-status=200"], "302 X", "http://example.org/", 1),
        (&[], "300 X", "/loop", 0),
        (&[], "302 X", "", 0),
        (&[], "302 X", "ftp://localhost/x", 1),
        (&[], "302 X", "mailto:me", 1),
    ];
    let wanted = [
        "status 302 (TIME), not followed to http://example.org:81, which is another host name",
        "status 302 (TIME), not followed to http://example.org, which is another host name",
        "status 302 (TIME)",
        "status 302 (TIME)",
        "status 302, wanted 200",
        "status 300 (TIME)",
        "status 302 (TIME)",
        "status 302 to scheme \"ftp\", wanted http or https",
        "status 302 to scheme \"mailto\", wanted http or https",
    ];
    for ((options, status, location, code), wanted) in rows.into_iter().zip(wanted) {
        let server = Server::answers(1, response(status, &format!("Location: {location}\r\n"), ""));
        let target = format!(":{}/x", server.port);
        let run = exec_probe(["http"].iter().chain(options).copied().chain([target.as_str()]));
        let line = format!("http GET http://localhost{target}: {wanted}");
        if code == 0 { run.stdout(line).exit(0) } else { run.stderr(line).exit(1) }
    }
}

#[test]
fn a_redirect_that_can_not_be_read_is_a_failure_wherever_it_leads() {
    for location in [
        "http://evil.example:abc/",
        "http://evil.example:<b>\"/",
        "http://e vil.example/",
        "http://evil.example/100%/x",
        "http:/healthz",
        "https:healthz",
        ":80/healthz",
    ] {
        let server = Server::answers(1, response("302 X", &format!("Location: {location}\r\n"), ""));
        let target = format!(":{}/x", server.port);
        exec_probe(["http", &target])
            .stderr(format!("http GET http://localhost{target}: status 302 with a Location that is no URL"))
            .exit(1);
    }
}

#[test]
fn nine_redirects_are_followed_and_the_tenth_is_a_failure() {
    for (hops, code) in [(9, 0), (10, 1)] {
        let server = Server::routes(10, move |line| {
            let at: u32 = line.split(['/', ' ']).nth(2).and_then(|at| at.parse().ok()).unwrap_or_default();
            match at {
                at if at < hops => response("302 X", &format!("Location: /{}\r\n", at + 1), ""),
                _ => response("200 OK", "", ""),
            }
        });
        let label = format!("http GET http://localhost:{}/0", server.port);
        let run = exec_probe(["http", &format!(":{}/0", server.port)]);
        match code {
            0 => run.stdout(format!("{label}: status 200 (TIME)")).exit(0),
            _ => {
                let hop = format!("http://localhost:{}", server.port);
                run.stderr(format!("{label}: redirected to {hop}: the tenth redirect, wanted nine at most")).exit(1);
            }
        }
    }
}

#[test]
fn a_failure_behind_a_redirect_names_the_hop() {
    let port = closed_port();
    let server = Server::answers(1, response("302 X", &format!("Location: http://localhost:{port}/s3cret\r\n"), ""));
    exec_probe(["http", &format!(":{}", server.port)])
        .stderr(format!(
            "http GET http://localhost:{}/: redirected to http://localhost:{port}: connection refused (127.0.0.1, [::1])",
            server.port
        ))
        .exit(1);
}

#[test]
fn interim_responses_are_skipped_with_headers_of_their_own() {
    let interim = "HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    let server = Server::answers(1, format!("{interim}{}", response("200 OK", "", "")));
    let label = format!("http GET http://localhost:{}/", server.port);
    exec_probe(["http", &format!(":{}", server.port)]).stdout(format!("{label}: status 200 (TIME)")).exit(0);

    let server = Server::new(1, move |_, stream| {
        let request = read_head(stream);
        // Byte by byte: whatever a read ends at, the answer is the same.
        for byte in format!("{interim}{}", response("204 No", "", "")).bytes() {
            let _ = stream.write_all(&[byte]);
        }
        request
    });
    let label = format!("http GET http://localhost:{}/", server.port);
    exec_probe(["http", &format!(":{}", server.port)]).stdout(format!("{label}: status 204 (TIME)")).exit(0);

    let server = Server::answers(1, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n");
    let label = format!("http GET http://localhost:{}/", server.port);
    exec_probe(["http", &format!(":{}", server.port)]).stderr(format!("{label}: status 101, wanted 200-399")).exit(1);
}

#[test]
fn large_headers_are_accepted_up_to_64_kib_and_128_lines() {
    let head = "HTTP/1.1 200 OK\r\nX: \r\nContent-Length: 0\r\n\r\n".len();
    let sized =
        |size: usize| format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(size - head));
    let lines = |count: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(count));
    let interim = |count: usize| format!("{}{}", "HTTP/1.1 102 Wait\r\n\r\n".repeat(count), lines(1));
    let too_large = Err("response headers of more than 64 KiB");
    let too_many = Err("more than 128 response header lines");
    let rows = [
        (sized(65_536), Ok(())),
        (sized(65_537), too_large),
        (sized(200_000), too_large),
        (lines(128), Ok(())),
        (lines(129), too_many),
        (interim(1000), Ok(())),
        ("HTTP/1.1 102 Wait\r\n\r\n".repeat(10_000), too_large),
        (format!("HTTP/1.1 103 X\r\n{}\r\n{}", "A: b\r\n".repeat(64), lines(64)), Ok(())),
        (format!("HTTP/1.1 103 X\r\n{}\r\n{}", "A: b\r\n".repeat(120), lines(120)), too_many),
        (format!("HTTP/1.1 100 C\r\nX: {}\r\n\r\n{}", "x".repeat(40_000), sized(40_000)), too_large),
    ];
    for (at, (answer, wanted)) in rows.into_iter().enumerate() {
        let server = Server::answers(1, answer);
        let label = format!("http GET http://localhost:{}/{at}", server.port);
        let run = exec_probe(["http", &format!(":{}/{at}", server.port)]);
        match wanted {
            Ok(()) => run.stdout(format!("{label}: status 200 (TIME)")).exit(0),
            Err(why) => run.stderr(format!("{label}: {why}")).exit(1),
        }
    }
}

#[test]
fn the_verdict_does_not_wait_for_a_body_without_end() {
    for kind in ["text/event-stream", "text/plain"] {
        let server = Server::new(1, move |_, stream| {
            let request = read_head(stream);
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\ndata: 1\n\n");
            while stream.write_all(b":\n\n").is_ok() {
                std::thread::sleep(Duration::from_millis(10));
            }
            request
        });
        let label = format!("http GET http://localhost:{}/", server.port);
        exec_probe(["http", &format!(":{}", server.port)])
            .stdout(format!("{label}: status 200 (TIME)"))
            .takes(0, 500)
            .exit(0);
    }
}

#[test]
fn dripping_headers_end_at_the_deadline() {
    let server = Server::new(1, |_, stream| {
        let request = read_head(stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        for _ in 0..50 {
            std::thread::sleep(Duration::from_millis(100));
            if stream.write_all(b"x").is_err() {
                break;
            }
        }
        request
    });
    let label = format!("http GET http://localhost:{}/", server.port);
    exec_probe(["http", "--timeout=1s", &format!(":{}", server.port)])
        .stderr(format!("{label}: response headers not complete in 1s (connected to 127.0.0.1:{})", server.port))
        .takes(1000, 1500)
        .exit(1);
}

#[test]
fn a_flood_of_headers_after_the_deadline_is_not_read_for_ever() {
    let server = Server::new(1, |_, stream| {
        let request = read_head(stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ");
        while stream.write_all(b"xx").is_ok() {
            std::thread::sleep(Duration::from_micros(200));
        }
        request
    });
    let label = format!("http GET http://localhost:{}/", server.port);
    exec_probe(["http", "--timeout=300ms", &format!(":{}", server.port)])
        .stderr(format!("{label}: response headers not complete in 300ms (connected to 127.0.0.1:{})", server.port))
        .takes(300, 800)
        .exit(1);
}

#[test]
fn a_silent_server_is_a_time_out_that_names_its_phase() {
    let server = Server::new(2, |_, stream| {
        let _ = stream.read_to_end(&mut Vec::new());
        String::new()
    });
    let port = server.port;
    exec_probe(["http", "--timeout=300ms", &format!(":{port}/ready")])
        .stderr(format!(
            "http GET http://localhost:{port}/ready: no response headers in 300ms (connected to 127.0.0.1:{port})"
        ))
        .takes(300, 800)
        .exit(1);
    exec_probe(["http", &format!("127.0.0.1:{port}/ready")])
        .env("EXEC_PROBE_TIMEOUT", "0.3s")
        .stderr(format!("http GET http://127.0.0.1:{port}/ready: no response headers in 300ms"))
        .takes(300, 800)
        .exit(1);
}

#[test]
fn a_request_that_is_not_taken_is_a_time_out_of_its_own() {
    // A unix socket's buffer does not grow: half a megabyte of headers is more than it holds.
    let folder = Folder::new();
    let path = folder.path("deaf.sock");
    let _listener = UnixListener::bind(&path).expect("bound");
    let mut args =
        vec!["http".to_owned(), "--timeout=500ms".to_owned(), format!("--unix-socket={path}"), "/".to_owned()];
    args.extend((0..9).map(|at| format!("-HX-{at}: {}", "x".repeat(60_000))));
    exec_probe(&args)
        .stderr(format!("http GET http://localhost/ on unix:{path}: request not taken in 500ms"))
        .takes(500, 1000)
        .exit(1);
}

#[test]
fn connections_that_end_early_are_told_apart() {
    let reset = |stream: &mut std::net::TcpStream| {
        let _ = socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO));
        String::new()
    };
    let at = |port: u16| format!("(connected to 127.0.0.1:{port})");
    let server = Server::new(1, |_, stream| read_head(stream));
    let port = server.port;
    exec_probe(["http", &format!(":{port}")])
        .stderr(format!(
            "http GET http://localhost:{port}/: connection closed or reset by the peer, no response headers {}",
            at(port)
        ))
        .exit(1);
    let server = Server::new(1, |_, stream| {
        let request = read_head(stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: y\r\n");
        request
    });
    let port = server.port;
    exec_probe(["http", &format!(":{port}")])
        .stderr(format!(
            "http GET http://localhost:{port}/: connection closed or reset by the peer, response headers not complete {}",
            at(port)
        ))
        .exit(1);
    let server = Server::new(1, move |_, stream| {
        read_head(stream);
        reset(stream)
    });
    let port = server.port;
    exec_probe(["http", &format!(":{port}")])
        .stderr(format!(
            "http GET http://localhost:{port}/: connection closed or reset by the peer, no response headers {}",
            at(port)
        ))
        .exit(1);
}

/// What comes first, and the answer to it.
type Answers = &'static [(&'static [u8], &'static [u8])];

/// A server that answers by the first bytes it gets, and closes without a byte where it has no answer for them.
fn answers_by_first_bytes(times: usize, answers: Answers) -> Server {
    Server::new(times, move |_, stream| {
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).unwrap_or_default();
        if let Some((_, answer)) = answers.iter().find(|(first, _)| bytes[..count].starts_with(first)) {
            let _ = stream.write_all(answer);
        }
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
        String::new()
    })
}

#[test]
fn a_server_that_closes_without_a_word_is_asked_what_it_speaks() {
    const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
    const BAD: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\r\n";
    const OK: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
    let closed = "connection closed or reset by the peer, no response headers";
    let tls = "the server speaks TLS; https:// asks it";
    let http2 = "the server speaks HTTP/2 only, wanted HTTP/1.1; --http2 asks it, `grpc` if it is a gRPC server";
    let proxy = "the server wants the PROXY protocol's header before HTTP; --proxy-protocol=v1 sends it";
    const BARE: &[u8] = b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n";
    let rows: [(&str, usize, Answers, &str); 9] = [
        ("a TLS alert", 2, &[(&[22, 3, 1], &[21, 3, 3, 0, 2, 2, 40])], tls),
        ("a TLS server's hello", 2, &[(&[22, 3, 1], &[22, 3, 3, 0, 90, 2])], tls),
        ("our own hello sent back", 4, &[(&[22, 3, 1], &[22, 3, 1, 0, 90, 1])], closed),
        ("HTTP/2 settings", 4, &[(b"PRI * HTTP/2.0\r\n", SETTINGS)], http2),
        ("HTTP/2 settings, and HTTP/1.1 as well", 4, &[(b"PRI * HTTP/2.0\r\n", SETTINGS), (BARE, BAD)], closed),
        ("HTTP behind a PROXY header", 5, &[(b"PROXY UNKNOWN\r\n", OK)], proxy),
        ("HTTP behind a PROXY header, and without it as well", 5, &[(b"PROXY UNKNOWN\r\n", OK), (BARE, BAD)], closed),
        ("a handler that dies", 4, &[(&[22], BAD), (b"PRI", BAD), (b"PROXY", BAD), (BARE, BAD)], closed),
        ("nothing ever", 4, &[], closed),
    ];
    for (name, times, answers, wanted) in rows {
        let server = answers_by_first_bytes(times, answers);
        let port = server.port;
        let line = format!("http GET http://localhost:{port}/: {wanted} (connected to 127.0.0.1:{port})\n");
        let ran = exec_probe(["http", &format!(":{port}")]).output();
        assert_eq!(ran, (Some(1), String::new(), line), "{name}");
    }
}

#[test]
fn a_second_look_ends_soon_and_within_the_deadline() {
    for (timeout, most) in [("10s", 2000), ("200ms", 350)] {
        let server = Server::new(2, |at, stream| {
            if at == 0 {
                read_head(stream);
            } else {
                let _ = stream.read_to_end(&mut Vec::new());
            }
            String::new()
        });
        let (label, port) = (format!("http GET http://localhost:{}/", server.port), server.port);
        let closed = "connection closed or reset by the peer, no response headers";
        exec_probe(["http", &format!("--timeout={timeout}"), &format!(":{port}")])
            .stderr(format!("{label}: {closed} (connected to 127.0.0.1:{port})"))
            .takes(150, most)
            .exit(1);
    }
}

#[test]
fn answers_that_are_no_http_are_told() {
    let frame = b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64".to_vec();
    let rows = [
        (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), "the answer is not HTTP (connected to 127.0.0.1:PORT)"),
        (
            b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x01".to_vec(),
            "the server speaks HTTP/2 only, wanted HTTP/1.1; --http2 asks it, `grpc` if it is a gRPC server (connected to 127.0.0.1:PORT)",
        ),
        (
            frame,
            "the server speaks HTTP/2 only, wanted HTTP/1.1; --http2 asks it, `grpc` if it is a gRPC server (connected to 127.0.0.1:PORT)",
        ),
        (b"HTTP/1.1 2x0 OK\r\n\r\n".to_vec(), "malformed HTTP response: invalid response status"),
        (
            b"HTTP/1.1 1000 Odd\r\n\r\nHTTP/1.1 200 OK\r\n\r\n".to_vec(),
            "malformed HTTP response: invalid response status",
        ),
        (b"HTTP/1.1 099 OK\r\n\r\n".to_vec(), "malformed HTTP response: invalid status code: 099"),
        (b"HTTP/3.0 200 OK\r\n\r\n".to_vec(), "malformed HTTP response: invalid HTTP version"),
        (b"HTTP/1.1 200 OK\r\nA\tB: c\r\n\r\n".to_vec(), "malformed HTTP response: invalid header name"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n".to_vec(),
            "malformed HTTP response: content-length header not a number",
        ),
    ];
    for (answer, wanted) in rows {
        let server = Server::answers(1, answer);
        let (label, port) = (format!("http GET http://localhost:{}/", server.port), server.port.to_string());
        exec_probe(["http", &format!(":{port}")])
            .stderr(format!("{label}: {}", wanted.replace("PORT", &port)))
            .exit(1);
    }
}

#[test]
fn lenient_answers_are_read() {
    for answer in [
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 200\r\n\r\n",
        "HTTP/1.1 200 OK\nA: b\n\n",
        "HTTP/1.1 200 \r\n\r\nx",
        "HTTP/1.1    200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\td\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\nA B: c\r\n\r\n",
        "HTTP/1.1 100 C\r\nX: y\n\r\nHTTP/1.1 200 OK\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding:  CHUNKED \r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
    ] {
        let server = Server::answers(1, answer);
        let label = format!("http GET http://localhost:{}/", server.port);
        exec_probe(["http", &format!(":{}", server.port)]).stdout(format!("{label}: status 200 (TIME)")).exit(0);
    }
}

#[test]
fn a_folded_location_is_one_and_one_with_a_blank_in_its_name_is_none() {
    for (location, wanted) in [
        ("Location:\r\n /to", ["/", "/to"].as_slice()),
        ("Location: /t\r\n\t o", ["/", "/t%20o"].as_slice()),
        ("Location : /to", ["/"].as_slice()),
    ] {
        let server = Server::routes(wanted.len(), move |line| match line.split(' ').nth(1) {
            Some("/") => response("302 X", &format!("{location}\r\n"), ""),
            _ => response("302 X", "", ""),
        });
        let target = format!("http://localhost:{}/", server.port);
        exec_probe(["http", &target]).stdout(format!("http GET {target}: status 302 (TIME)")).exit(0);
        let paths: Vec<String> = server.finish().iter().map(|head| head.split(' ').nth(1).unwrap().into()).collect();
        assert_eq!(paths, wanted, "{location}");
    }
}

#[test]
fn framing_that_the_kubelet_refuses_is_a_failure_whatever_the_status() {
    let coding = "malformed HTTP response: a transfer-encoding other than chunked";
    let length = "malformed HTTP response: content-length header not a number";
    for (status, headers, wanted) in [
        ("200 OK", "Transfer-Encoding: identity", coding),
        ("204 No", "Transfer-Encoding: gzip, chunked", coding),
        ("302 X", "Location: /\r\nTransfer-Encoding: chunked, chunked", coding),
        ("503 X", "Transfer-Encoding:", coding),
        ("200 OK", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", coding),
        ("200 OK", "Content-Length: 3,3", length),
        ("200 OK", "Content-Length: 3, 3", length),
        ("204 No", "Content-Length: +3", length),
    ] {
        let server = Server::answers(1, format!("HTTP/1.1 {status}\r\n{headers}\r\n\r\n"));
        let target = format!("http://localhost:{}/", server.port);
        exec_probe(["http", &target]).stderr(format!("http GET {target}: {wanted}")).exit(1);
    }
}

#[test]
fn the_host_that_was_sent_is_told_where_a_server_may_have_checked_it() {
    let rows: [(&str, &[&str], &str); 7] = [
        ("400 X", &[], " (sent Host: localhost:PORT)"),
        ("403 X", &["-H", "Host: shop.example"], " (sent Host: shop.example)"),
        ("404 X", &["-H", "host:{env.SHOP}"], " (sent Host: {env.SHOP})"),
        ("421 X", &["-H", "Host: a.{env.SHOP}"], " (sent Host: a.{env.SHOP})"),
        ("401 X", &[], ""),
        ("410 X", &[], ""),
        ("503 X", &[], ""),
    ];
    for (status, options, sent) in rows {
        let server = Server::answers(1, response(status, "", "{\"error\": \"https only\"}"));
        let target = format!("http://localhost:{}/", server.port);
        exec_probe(["http"].iter().chain(options).copied().chain([target.as_str()]))
            .env("SHOP", "secret.example")
            .stderr(format!(
                "http GET {target}: status {}, wanted 200-399{}",
                &status[..3],
                sent.replace("PORT", &server.port.to_string())
            ))
            .exit(1);
    }
}

#[test]
fn a_400_of_a_tls_port_says_so() {
    let bodies = [
        "<center>The plain HTTP request was sent to HTTPS port</center>",
        "Client sent an HTTP request to an HTTPS server.\n",
        "<p>Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
        "Bad Request\r\nThis combination of host and port requires TLS.\r\n",
    ];
    for body in bodies {
        let server = Server::answers(1, response("400 Bad Request", "", body));
        let target = format!("http://localhost:{}/", server.port);
        exec_probe(["http", &target])
            .stderr(format!("http GET {target}: status 400, wanted 200-399; the server speaks TLS; https:// asks it"))
            .exit(1);
    }
    // A 400 that is wanted is healthy, and another status means what it says.
    let server = Server::answers(1, response("400 X", "", bodies[0]));
    let target = format!("http://localhost:{}/", server.port);
    exec_probe(["http", "--expect-status=400", &target])
        .stdout(format!("http GET {target}: status 400 (TIME)"))
        .exit(0);
    let server = Server::answers(1, response("500 X", "", bodies[0]));
    let target = format!("http://localhost:{}/", server.port);
    exec_probe(["http", &target]).stderr(format!("http GET {target}: status 500, wanted 200-399")).exit(1);
}

#[test]
fn a_method_of_32_letters_is_sent() {
    let server = Server::answers(1, response("501 X", "", ""));
    let (method, target) = ("X".repeat(32), format!("http://localhost:{}/", server.port));
    exec_probe(["http", "-X", &method, &target])
        .stderr(format!("http {method} {target}: status 501, wanted 200-399"))
        .exit(1);
    assert!(server.finish()[0].starts_with(&method));
}

#[test]
fn redirects_are_left_without_waiting_for_their_bodies() {
    let (tell, left) = std::sync::mpsc::channel();
    let server = Server::new(10, move |_, stream| {
        let request = read_head(stream);
        let at: u32 = request.split(['/', ' ']).nth(2).and_then(|at| at.parse().ok()).unwrap_or_default();
        let is_redirect = at < 9;
        let answer = match is_redirect {
            true => format!("HTTP/1.1 302 X\r\nLocation: /{}\r\n\r\nmoved", at + 1),
            false => response("200 OK", "", ""),
        };
        let _ = stream.write_all(answer.as_bytes());
        let answered = Instant::now();
        let _ = stream.read_to_end(&mut Vec::new());
        if is_redirect {
            let _ = tell.send(answered.elapsed());
        }
        request
    });
    let target = format!("http://localhost:{}/0", server.port);
    exec_probe(["http", &target]).stdout(format!("http GET {target}: status 200 (TIME)")).exit(0);
    server.finish();
    // A final answer is given 20 ms to end; the shortest of nine, as the machine may be busy.
    let shortest = left.iter().take(9).min().expect("nine redirects");
    assert!(shortest < Duration::from_millis(15), "{shortest:?}");
}

#[test]
fn verbose_tells_what_the_server_says_of_its_answer() {
    let headers = "Server: nginx/1.27\r\nContent-Type: text/html; charset=utf-8\r\nContent-Encoding: gzip\r\n\
                   Location: http://me:s3cret@else.example/a/b?token=s3cret\r\n";
    let server = Server::answers(1, response("302 X", headers, "\x1f\u{8b}"));
    let (code, _, stderr) = exec_probe(["http", "-v", &format!(":{}", server.port)]).output();
    let notes: Vec<&str> = stderr.lines().filter(|line| line.starts_with("note: ")).collect();
    let wanted = [
        "note: Server: nginx/1.27",
        "note: Content-Type: text/html; charset=utf-8",
        "note: Content-Encoding: gzip, not decoded",
        "note: Location: http://else.example/a/b",
    ];
    assert_eq!((code, notes.as_slice()), (Some(0), wanted.as_slice()), "{stderr}");
}

#[test]
fn a_compressed_body_is_named_and_not_shown() {
    for (coding, note) in [("gzip", "; the body is compressed (gzip)"), ("identity", "")] {
        let headers = format!("Content-Encoding: {coding}\r\n");
        let server = Server::answers(1, response("200 OK", &headers, "{\n  \"status\": \"DOWN\"\n}"));
        let target = format!("http://localhost:{}/", server.port);
        let body = if coding == "gzip" { "compressed (gzip)" } else { "{ \"status\": \"DOWN\" }" };
        exec_probe(["http", "--show-body", "--expect-body=\"UP\"", &target])
            .stderr(format!("http GET {target}: no '\"UP\"' in the body{note}\nbody: {body}"))
            .exit(1);
    }
}

#[test]
fn the_body_is_searched_in_its_first_10_kib() {
    let chunked = |parts: &[&str]| {
        let parts: String = parts.iter().map(|part| format!("{:x}\r\n{part}\r\n", part.len())).collect();
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{parts}0\r\n\r\n")
    };
    let filler = "x".repeat(10 * 1024 - 5);
    let rows = [
        (response("200 OK", "", "all ready here"), Ok(())),
        (chunked(&["all rea", "dy here"]), Ok(())),
        ("HTTP/1.0 200 OK\r\n\r\nready".to_owned(), Ok(())),
        (response("200 OK", "", &format!("{filler}ready")), Ok(())),
        (response("200 OK", "", &format!("{filler}.ready")), Err("no \"ready\" in the body's first 10 KiB")),
        (response("200 OK", "", ""), Err("no \"ready\" in the body")),
        (response("204 No", "", ""), Err("no \"ready\" in the body")),
        (response("503 X", "", "ready"), Err("status 503, wanted 200-399")),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nrea".to_owned(),
            Err("connection closed or reset by the peer, response body not complete (connected to 127.0.0.1:PORT)"),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_owned(),
            Err("malformed HTTP response: chunk length cannot be read as a number"),
        ),
    ];
    for (answer, wanted) in rows {
        let server = Server::answers(1, answer);
        let (label, port) = (format!("http GET http://localhost:{}/", server.port), server.port.to_string());
        let run = exec_probe(["http", "--expect-body=ready", &format!(":{port}")]);
        match wanted {
            Ok(()) => run.stdout(format!("{label}: status 200 (TIME)")).exit(0),
            Err(why) => run.stderr(format!("{label}: {}", why.replace("PORT", &port))).exit(1),
        }
    }
}

#[test]
fn a_body_that_is_waited_for_ends_at_the_text_or_at_the_deadline() {
    for (text, code) in [("ready", 0), ("never", 1)] {
        let server = Server::new(1, |_, stream| {
            let request = read_head(stream);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nready\n");
            let _ = stream.read_to_end(&mut Vec::new());
            request
        });
        let (label, port) = (format!("http GET http://localhost:{}/", server.port), server.port);
        let run = exec_probe(["http", "--timeout=400ms", "--expect-body", text, &format!(":{port}")]);
        match code {
            0 => run.stdout(format!("{label}: status 200 (TIME)")).takes(0, 390).exit(0),
            _ => run
                .stderr(format!("{label}: response body not complete in 400ms (connected to 127.0.0.1:{port})"))
                .takes(400, 900)
                .exit(1),
        }
    }
}

#[test]
fn the_body_is_shown_only_on_demand_and_only_when_unhealthy() {
    let server = Server::answers(3, response("500 X", "", &format!("db:\tdown\n\u{1b}[0m{}\n", "y".repeat(300))));
    let (label, port) = (format!("http GET http://localhost:{}/", server.port), server.port);
    let failure = format!("{label}: status 500, wanted 200-399");
    exec_probe(["http", &format!(":{port}")]).stderr(&failure).exit(1);
    exec_probe(["http", "--show-body", &format!(":{port}")])
        .stderr(format!("{failure}\nbody: db: down [0m{}…", "y".repeat(256 - 12)))
        .exit(1);
    exec_probe(["http", "--show-body", "--expect-status=500", &format!(":{port}")])
        .stdout(format!("{label}: status 500 (TIME)"))
        .exit(0);
    let server = Server::new(1, |_, stream| {
        let request = read_head(stream);
        let _ = stream.write_all(b"HTTP/1.1 500 X\r\n\r\nhalf");
        let _ = stream.read_to_end(&mut Vec::new());
        request
    });
    let (label, port) = (format!("http GET http://localhost:{}/", server.port), server.port);
    exec_probe(["http", "--show-body", &format!(":{port}")])
        .stderr(format!("{label}: status 500, wanted 200-399\nbody: half"))
        .takes(200, 700)
        .exit(1);
}

#[test]
fn a_small_answer_is_read_to_its_end_so_that_no_server_sees_a_reset() {
    let server = Server::new(5, |_, stream| {
        let request = read_head(stream);
        let _ = stream.write_all(b"HTTP/1.0 404 Not Found\r\n\r\n");
        // Simple servers send the body on its own; a client that is gone by then resets the connection.
        std::thread::sleep(Duration::from_millis(5));
        stream.write_all(&[b'x'; 3000]).expect("still there");
        let _ = stream.shutdown(Shutdown::Write);
        stream.read_to_end(&mut Vec::new()).expect("ended without a reset");
        request
    });
    let label = format!("http GET http://localhost:{}/", server.port);
    for _ in 0..5 {
        exec_probe(["http", &format!(":{}", server.port)])
            .stderr(format!("{label}: status 404, wanted 200-399 (sent Host: localhost:{})", server.port))
            .exit(1);
    }
    server.finish();
}

#[test]
fn a_unix_socket_is_asked_and_named() {
    let folder = Folder::new();
    let path = folder.path("app.sock");
    let listener = UnixListener::bind(&path).expect("bound");
    let thread = std::thread::spawn(move || {
        let mut seen = Vec::new();
        for _ in 0..6 {
            let (mut stream, _) = listener.accept().expect("a connection");
            seen.push(read_head(&mut stream).lines().take(2).collect::<Vec<_>>().join("|"));
            let _ = stream.write_all(response("200 OK", "", "").as_bytes());
        }
        seen
    });
    // Over a unix socket any name will do: nobody is looked up.
    for (prefix, target, shown) in [
        ("", "/healthz", "http://localhost/healthz"),
        ("", "localhost/healthz", "http://localhost/healthz"),
        ("", ":81/x", "http://localhost:81/x"),
        ("unix:", "/x", "http://localhost/x"),
        ("unix://", "http://docker/version", "http://docker/version"),
        ("", "v1.example:8080/x", "http://v1.example:8080/x"),
    ] {
        exec_probe(["http", &format!("--unix-socket={prefix}{path}"), target])
            .stdout(format!("http GET {shown} on unix:{path}: status 200 (TIME)"))
            .exit(0);
    }
    let wanted = [
        "GET /healthz HTTP/1.1|Host: localhost",
        "GET /healthz HTTP/1.1|Host: localhost",
        "GET /x HTTP/1.1|Host: localhost:81",
        "GET /x HTTP/1.1|Host: localhost",
        "GET /version HTTP/1.1|Host: docker",
        "GET /x HTTP/1.1|Host: v1.example:8080",
    ];
    assert_eq!(thread.join().expect("the server ended"), wanted);
    exec_probe(["http", &format!("--unix-socket={}", folder.path("none")), "/"])
        .stderr(format!("http GET http://localhost/ on unix:{}: no such socket", folder.path("none")))
        .exit(1);
}

#[test]
fn proxies_in_the_environment_change_nothing() {
    let server = Server::answers(1, response("200 OK", "", ""));
    let label = format!("http GET http://localhost:{}/", server.port);
    let mut run = exec_probe(["http", &format!(":{}", server.port)]);
    for name in ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy", "https_proxy", "HTTPS_PROXY"] {
        run = run.env(name, "http://127.0.0.1:1");
    }
    run.stdout(format!("{label}: status 200 (TIME)")).exit(0);
}

#[test]
fn phases_are_told_as_they_end() {
    let server = Server::answers(1, response("200 OK", "", "ready"));
    let port = server.port;
    let (code, stdout, stderr) = exec_probe(["http", "-v", "--expect-body=ready", &format!(":{port}")]).output();
    assert_eq!(code, Some(0));
    assert!(stdout.starts_with(&format!("http GET http://localhost:{port}/: status 200 (")), "{stdout}");
    let phases: Vec<&str> = stderr.lines().map(|line| line.rsplit_once(" (").expect("a time").0).collect();
    let connect = format!("connect: 127.0.0.1:{port}");
    let wanted = [
        "resolve: localhost is 127.0.0.1, ::1",
        &connect,
        "request: 106 bytes",
        "headers: status 200",
        "body: 5 bytes read",
    ];
    let length = stderr.lines().find_map(|line| line.strip_prefix("request: ")).expect("a request");
    assert!(length.contains(" bytes"), "{stderr}");
    for (got, wanted) in phases.iter().zip(wanted) {
        if !wanted.starts_with("request") {
            assert_eq!(*got, wanted);
        }
    }
    assert_eq!(phases.len(), wanted.len(), "{stderr}");
}

#[test]
fn quiet_is_silent_only_when_healthy() {
    let server =
        Server::routes(
            2,
            |line| {
                if line.contains("/up") { response("200 OK", "", "") } else { response("500 X", "", "") }
            },
        );
    exec_probe(["http", "-q", &format!(":{}/up", server.port)]).exit(0);
    exec_probe(["http", "--quiet", &format!(":{}/down", server.port)])
        .stderr(format!("http GET http://localhost:{}/down: status 500, wanted 200-399", server.port))
        .exit(1);
}

#[test]
fn the_exit_code_for_unhealthy_can_be_chosen() {
    let port = closed_port();
    exec_probe(["http", "--unhealthy-exit=3", &format!("127.0.0.1:{port}")])
        .stderr(format!("http GET http://127.0.0.1:{port}/: connection refused"))
        .exit(3);
}
