//! `http --http2` against a real HTTP/2 server, and https servers that speak nothing else. Peers that only pretend are in
//! the hostile table.

use std::io::{Read, Write};

use h2::server::SendResponse;
use http::{HeaderValue, Request, Response};
use hyper::body::Bytes;

use crate::support::{Server, exec_probe};
use crate::tls::{https, secure};

/// A server of the h2 crate without TLS, on its own thread; it ends with the test process.
pub(crate) fn h2c(answer: impl Fn(Request<()>) -> (Response<()>, Vec<u8>) + Send + Sync + 'static) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    listener.set_nonblocking(true).expect("non-blocking");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("registered");
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut connection) = h2::server::handshake(stream).await else { continue };
                while let Some(Ok((request, respond))) = connection.accept().await {
                    let (response, body) = answer(request.map(|_| ()));
                    send(respond, response, body);
                }
            }
        });
    });
    port
}

fn send(mut respond: SendResponse<Bytes>, response: Response<()>, body: Vec<u8>) {
    if let Ok(mut stream) = respond.send_response(response, body.is_empty())
        && !body.is_empty()
    {
        let _ = stream.send_data(body.into(), true);
    }
}

pub(crate) fn status(code: u16) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = code.try_into().expect("a status");
    response
}

/// Answers with what it was asked.
fn echo() -> u16 {
    h2c(|request| {
        let mut lines = vec![format!("{} {}", request.method(), request.uri())];
        lines.extend(
            request.headers().iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap_or("?"))),
        );
        (status(200), lines.join("|").into_bytes())
    })
}

#[test]
fn what_is_sent_is_what_http1_sends_but_for_the_connections_headers() {
    let port = echo();
    let own = concat!("user-agent=exec-probe/", env!("CARGO_PKG_VERSION"), "|accept=*/*");
    let rows: [(&[&str], String); 4] = [
        (&[], format!("GET http://localhost:{port}/a?b=c|{own}")),
        (&["-H", "Host: example.org:81", "-H", "X: y"], format!("GET http://example.org:81/a?b=c|{own}|x=y")),
        (&["-X", "POST"], format!("POST http://localhost:{port}/a?b=c|{own}|content-length=0")),
        (&["-u", "a:b"], format!("GET http://localhost:{port}/a?b=c|{own}|authorization=Basic YTpi")),
    ];
    let target = format!(":{port}/a?b=c");
    for (options, wanted) in rows {
        let expect = format!("--expect-body={wanted}");
        let method = if options.contains(&"POST") { "POST" } else { "GET" };
        exec_probe(["http", "--http2", &target, &expect].iter().chain(options))
            .stdout(format!("http {method} http://localhost:{port}/a?b=c: status 200 (TIME)"))
            .exit(0);
    }
}

#[test]
fn statuses_bodies_and_redirects_are_judged_as_those_of_http1() {
    let port = h2c(|request| match request.uri().path() {
        "/up" => (status(200), br#"{"status":"UP"}"#.to_vec()),
        "/long" => (status(200), vec![b'x'; 300_000]),
        "/to" | "/round" => {
            let mut response = status(302);
            let to = if request.uri().path() == "/to" { "/up" } else { "/round" };
            response.headers_mut().insert("location", HeaderValue::from_static(to));
            (response, Vec::new())
        }
        "/lines" | "/most" | "/large" => {
            let mut response = status(200);
            let (count, size) = match request.uri().path() {
                "/lines" => (129, 1),
                "/most" => (128, 400),
                _ => (70, 1000),
            };
            let value = HeaderValue::from_str(&"v".repeat(size)).expect("a value");
            for _ in 0..count {
                response.headers_mut().append("x", value.clone());
            }
            (response, Vec::new())
        }
        _ => (status(503), b"warming up".to_vec()),
    });
    let rows: [(&str, &[&str], Result<&str, &str>); 12] = [
        ("/up", &[], Ok("status 200")),
        ("/up", &["--expect-json=/status=UP"], Ok("status 200")),
        ("/up", &["--expect-json=/status=DOWN"], Err("/status is \"UP\", wanted \"DOWN\"")),
        ("/up", &["--expect-body=DOWN"], Err("no \"DOWN\" in the body")),
        ("/up", &["-X", "HEAD"], Ok("status 200")),
        ("/to", &["--expect-json=/status=UP"], Ok("status 200")),
        ("/to", &["--redirects=none"], Ok("status 302")),
        ("/round", &[], Err("redirected to http://localhost:PORT: the tenth redirect, wanted nine at most")),
        ("/long", &["--expect-body=y"], Err("no \"y\" in the body's first 10 KiB")),
        ("/most", &[], Ok("status 200")),
        ("/lines", &[], Err("more than 128 response header lines")),
        ("/large", &[], Err("response headers of more than 64 KiB")),
    ];
    for (path, options, wanted) in rows {
        let method = if options.contains(&"HEAD") { "HEAD" } else { "GET" };
        let label = format!("http {method} http://localhost:{port}{path}");
        let target = format!(":{port}{path}");
        let probe = exec_probe(["http", "--http2", &target].iter().chain(options));
        match wanted {
            Ok(line) => probe.stdout(format!("{label}: {line} (TIME)")).exit(0),
            Err(line) => probe.stderr(format!("{label}: {}", line.replace("PORT", &port.to_string()))).exit(1),
        }
    }
    exec_probe(["http", "--http2", "--show-body", &format!(":{port}/down")])
        .stderr(format!("http GET http://localhost:{port}/down: status 503, wanted 200-399\nbody: warming up"))
        .exit(1);
}

#[test]
fn servers_of_http1_are_named() {
    // What each answers to a version that it does not know, and how many times it is asked by each probe: where its first
    // answer is no status line, as that of Python's http.server, two looks follow.
    let rows: [(&[u8], usize); 3] =
        [(b"HTTP/1.1 505 X\r\nConnection: close\r\n\r\n", 1), (b"<!DOCTYPE HTML>\n", 3), (b"", 3)];
    for (answer, calls) in rows {
        let server = Server::new(2 * calls, move |_, stream| {
            let mut request = [0; 64];
            let length = stream.read(&mut request).unwrap_or_default();
            let answer = if request[..length].starts_with(b"GET ") { b"HTTP/1.1 400 X\r\n\r\n" } else { answer };
            let _ = stream.write_all(answer);
            String::new()
        });
        let port = server.port;
        exec_probe(["http", "--http2", &format!(":{port}")])
            .stderr(format!(
                "http GET http://localhost:{port}/: the server speaks HTTP/1.1, not HTTP/2; leave --http2 out to ask it \
                 (connected to 127.0.0.1:{port})"
            ))
            .exit(1);
        exec_probe(["grpc", &format!(":{port}")])
            .stderr(format!(
                "grpc localhost:{port}: the server speaks HTTP/1.1, not HTTP/2, so no gRPC (connected to 127.0.0.1:{port})"
            ))
            .exit(1);
        assert_eq!(server.finish().len(), 2 * calls, "{:?}", String::from_utf8_lossy(answer));
    }
}

/// A TLS server that offers these by ALPN and answers each request of HTTP/2 with status 200.
fn secure_h2(times: usize, protocols: &[&str]) -> Server {
    let mut config = secure();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    crate::tls::talking(times, config, |tls| {
        let _ = tls.read(&mut [0; 4096]);
        let _ = tls.write_all(b"\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x05\0\0\0\x01\x88");
        let _ = tls.flush();
        let _ = tls.read_to_end(&mut Vec::new());
        String::new()
    })
}

#[test]
fn https_servers_of_http2_only_are_asked_with_the_option_or_without() {
    for (options, calls) in [(&["http"][..], 2), (&["http", "--http2"], 1)] {
        let server = secure_h2(calls, &["h2"]);
        let target = format!("https://localhost:{}", server.port);
        exec_probe(options.iter().copied().chain([&*target]))
            .stdout(format!("http GET {target}/: status 200 (TIME)"))
            .exit(0);
    }
    let mut config = secure();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let server = https(1, config);
    let target = format!("https://localhost:{}", server.port);
    exec_probe(["http", "--http2", &target])
        .stderr(format!("http GET {target}/: the server speaks HTTP/1.1, not HTTP/2; leave --http2 out to ask it (connected to 127.0.0.1:{})", server.port))
        .exit(1);
}

#[test]
fn tools_that_speak_only_http1_are_refused_by_servers_of_http2_only() {
    let rows = [
        (&["curl", "-k", "--http1.1"][..], "curl: (35)", 35),
        (&["wget", "--no-check-certificate", "--spider"], "wget:", 4),
    ];
    for (tool, says, code) in rows {
        let server = secure_h2(1, &["h2"]);
        let target = format!("https://localhost:{}/", server.port);
        exec_probe(tool.iter().copied().chain([&*target]))
            .stderr(format!("{says} http GET {target}: the server speaks no HTTP/1.1 over TLS (ALPN)"))
            .exit(code);
    }
    let server = secure_h2(2, &["h2"]);
    exec_probe(["curl", "-k", "-sf", &format!("https://localhost:{}/", server.port)]).exit(0);
}

#[test]
fn what_http2_has_not_is_refused() {
    exec_probe(["http", "--http2", "-H", "Connection: close", ":1"])
        .usage("--http2 with a header of HTTP/1.1's connections, such as Connection");
}
