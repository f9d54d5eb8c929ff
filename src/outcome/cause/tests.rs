//! Tests of causes: each one's word in JSON and its text, as docs/troubleshooting.md has them.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;
use crate::outcome::Turn;
use crate::page;

kinds! { Cause:
    Cause::Refused { .. } => "Refused",
    Cause::Unreachable { .. } => "Unreachable",
    Cause::NoSuchAddress { .. } => "NoSuchAddress",
    Cause::NotLocal { .. } => "NotLocal",
    Cause::NoSocket => "NoSocket",
    Cause::Denied => "Denied",
    Cause::NotAStream => "NotAStream",
    Cause::Timeout { .. } => "Timeout",
    Cause::Closed { .. } => "Closed",
    Cause::Status { .. } => "Status",
    Cause::BodyLacks { .. } => "BodyLacks",
    Cause::Json(_) => "Json",
    Cause::HeadersTooLarge => "HeadersTooLarge",
    Cause::TooManyHeaders => "TooManyHeaders",
    Cause::Malformed { .. } => "Malformed",
    Cause::OnlyHttp2 => "OnlyHttp2",
    Cause::OnlyHttp1 => "OnlyHttp1",
    Cause::NotHttp => "NotHttp",
    Cause::SpeaksTls { .. } => "SpeaksTls",
    Cause::WantsProxy => "WantsProxy",
    Cause::OutOfTls { .. } => "OutOfTls",
    Cause::Tls(_) => "Tls",
    Cause::TooManyRedirects => "TooManyRedirects",
    Cause::Location { .. } => "Location",
    Cause::Serving { .. } => "Serving",
    Cause::UnknownServing { .. } => "UnknownServing",
    Cause::Unimplemented => "Unimplemented",
    Cause::UnknownService => "UnknownService",
    Cause::Code { .. } => "Code",
    Cause::NotHttp2 { .. } => "NotHttp2",
    Cause::NotGrpc { .. } => "NotGrpc",
    Cause::TurnedAway { .. } => "TurnedAway",
    Cause::BadGrpc { .. } => "BadGrpc",
    Cause::Said(_) => "Said",
    Cause::File(_) => "File",
    Cause::Stale { .. } => "Stale",
    Cause::FileLacks { .. } => "FileLacks",
    Cause::Install(_) => "Install",
    Cause::NotListening { .. } => "NotListening",
    Cause::System { .. } => "System",
}

/// Every cause, its word in JSON, and its text.
fn causes() -> Vec<(Cause, &'static str, &'static str)> {
    let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, 80));
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, 80));
    let limit = Duration::from_millis(900);
    let timeout = |missing| Cause::Timeout { missing, limit };
    let closed = |missing| Cause::Closed { missing };
    let wanted = StatusList(vec![200..=399]);
    let status = |status, clue| Cause::Status { status, wanted: wanted.clone(), clue };
    let said = |turn, found: Option<&str>, wanted: &str| {
        Cause::Said(Box::new(Said { turn, found: found.map(str::to_owned), wanted: wanted.to_owned() }))
    };
    let lacks = |text: &str, cut, coding| Cause::BodyLacks { text: text.into(), cut, coding };
    vec![
        (Cause::Refused { tried: vec![v4, v6] }, "refused", "connection refused (127.0.0.1, [::1])"),
        (Cause::Refused { tried: vec![] }, "refused", "connection refused"),
        (Cause::Unreachable { tried: vec![v4] }, "unreachable", "network unreachable (127.0.0.1)"),
        (Cause::NoSuchAddress { tried: vec![v6] }, "no-such-address", "this host has no such address ([::1])"),
        (
            Cause::NotLocal { ip: Ipv4Addr::new(8, 8, 8, 8).into() },
            "not-local",
            "8.8.8.8 is not an address of this host; only this host can be probed",
        ),
        (
            Cause::NotListening { call: "bind", errno: libc::EADDRINUSE },
            "system",
            "address in use, another process listens there",
        ),
        (Cause::NotListening { call: "bind", errno: libc::EACCES }, "system", "could not listen: bind gave EACCES"),
        (Cause::NoSocket, "no-socket", "no such socket"),
        (Cause::Denied, "denied", "permission denied by the socket"),
        (Cause::NotAStream, "not-a-stream", "not a stream socket"),
        (timeout(Missing::Connection { tried: vec![v4] }), "timeout", "no connection in 900ms (127.0.0.1)"),
        (timeout(Missing::RequestTaken), "timeout", "request not taken in 900ms"),
        (timeout(Missing::Head { begun: false }), "timeout", "no response headers in 900ms"),
        (timeout(Missing::Head { begun: true }), "timeout", "response headers not complete in 900ms"),
        (timeout(Missing::Answer { begun: false }), "timeout", "no answer in 900ms"),
        (timeout(Missing::Body), "timeout", "response body not complete in 900ms"),
        (
            closed(Missing::Head { begun: false }),
            "closed",
            "connection closed or reset by the peer, no response headers",
        ),
        (
            closed(Missing::Answer { begun: true }),
            "closed",
            "connection closed or reset by the peer, answer not complete",
        ),
        (status(503, Clue::None), "status", "status 503, wanted 200-399"),
        (
            status(421, Clue::Host("localhost:80".into())),
            "status",
            "status 421, wanted 200-399 (sent Host: localhost:80)",
        ),
        (
            status(400, Clue::SpeaksTls),
            "status",
            "status 400, wanted 200-399; the server speaks TLS; https:// asks it",
        ),
        (lacks("ok", false, None), "body", "no \"ok\" in the body"),
        (lacks("\"a\":\n1", true, None), "body", "no '\"a\": 1' in the body's first 10 KiB"),
        (lacks("ok", false, Some("gzip".into())), "body", "no \"ok\" in the body; the body is compressed (gzip)"),
        (Cause::HeadersTooLarge, "headers-too-large", "response headers of more than 64 KiB"),
        (Cause::TooManyHeaders, "too-many-headers", "more than 128 response header lines"),
        (
            Cause::Malformed { part: "invalid header name".into() },
            "malformed",
            "malformed HTTP response: invalid header name",
        ),
        (
            Cause::OnlyHttp2,
            "only-http2",
            "the server speaks HTTP/2 only, wanted HTTP/1.1; --http2 asks it, `grpc` if it is a gRPC server",
        ),
        (Cause::OnlyHttp1, "not-http2", "the server speaks HTTP/1.1, not HTTP/2; leave --http2 out to ask it"),
        (Cause::NotHttp, "not-http", "the answer is not HTTP"),
        (
            Cause::WantsProxy,
            "wants-proxy",
            "the server wants the PROXY protocol's header before HTTP; --proxy-protocol=v1 sends it",
        ),
        (Cause::SpeaksTls { asked: Alpn::Http1 }, "speaks-tls", "the server speaks TLS; https:// asks it"),
        (Cause::SpeaksTls { asked: Alpn::Http2 }, "speaks-tls", "the server speaks TLS; --tls asks it"),
        (timeout(Missing::Handshake), "timeout", "no TLS handshake in 900ms"),
        (Cause::TooManyRedirects, "too-many-redirects", "the tenth redirect, wanted nine at most"),
        (
            Cause::Location { status: 302, error: LocationError::Unreadable },
            "location",
            "status 302 with a Location that is no URL",
        ),
        (
            Cause::Location { status: 302, error: LocationError::Scheme("ftp".into()) },
            "location",
            "status 302 to scheme \"ftp\", wanted http or https",
        ),
        (
            Cause::Serving { status: "NOT_SERVING", wanted: "SERVING".into() },
            "not-serving",
            "NOT_SERVING, wanted SERVING",
        ),
        (Cause::UnknownServing { number: 9 }, "not-serving", "serving status 9, which grpc.health.v1 does not know"),
        (Cause::Unimplemented, "unimplemented", "no grpc.health.v1.Health here (UNIMPLEMENTED)"),
        (Cause::UnknownService, "unknown-service", "the health service does not know this service (NOT_FOUND)"),
        (Cause::Code { name: "INTERNAL" }, "grpc-status", "the health check ended with INTERNAL"),
        (
            Cause::NotHttp2 { instead: Some("HTTP/1.1") },
            "not-http2",
            "the server speaks HTTP/1.1, not HTTP/2, so no gRPC",
        ),
        (Cause::NotHttp2 { instead: None }, "not-http2", "the answer is not HTTP/2, so no gRPC"),
        (Cause::NotGrpc { status: 404 }, "not-grpc", "an HTTP/2 server, but not a gRPC one (HTTP status 404)"),
        (Cause::TurnedAway { frame: "GOAWAY" }, "turned-away", "the server turned the call away (GOAWAY)"),
        (Cause::BadGrpc { part: "no grpc-status" }, "malformed", "malformed gRPC response: no grpc-status"),
        (timeout(Missing::Banner { begun: false }), "timeout", "no banner in 900ms"),
        (timeout(Missing::Banner { begun: true }), "timeout", "banner not complete in 900ms"),
        (
            said(Turn::Banner, Some("220 a\u{1b}\"b"), "SSH-2.0-"),
            "banner",
            "the banner is '220 a?\"b', wanted \"SSH-2.0-\"",
        ),
        (said(Turn::Answer, Some(""), "+PONG\\r"), "answer", "the answer is \"\", wanted \"+PONG\\r\""),
        (said(Turn::Answer, Some("-LOADING"), "+PONG"), "answer", "the answer is \"-LOADING\", wanted \"+PONG\""),
        (said(Turn::Answer, None, "+PONG"), "answer", "no \"+PONG\" in the answer's first 4 KiB"),
        (Cause::File(Unusable::Missing), "not-found", "no such file"),
        (Cause::File(Unusable::NotRegular("a FIFO")), "not-regular", "a FIFO, wanted a regular file"),
        (Cause::File(Unusable::Call("open", libc::EACCES)), "unreadable", "permission denied"),
        (Cause::File(Unusable::Call("read", libc::EIO)), "unreadable", "read gave EIO"),
        (Cause::Stale { max_age: Duration::from_secs(30) }, "stale", "not modified in the last 30s"),
        // JSON, TLS and install have tables of their own.
        (Cause::Json(Box::new(JsonCause::Cut)), "not-json", "the body ends before its JSON does"),
        (Cause::Tls(TlsCause::Broken), "tls", "the server's TLS is broken"),
        (Cause::Install(InstallCause::Busy), "busy", "another install into this folder does not end"),
        (Cause::FileLacks { text: "up".into(), cut: false }, "content", "no \"up\" in the file"),
        (Cause::FileLacks { text: "up".into(), cut: true }, "content", "no \"up\" in the file's first 64 KiB"),
        (
            Cause::OutOfTls { status: 302 },
            "location",
            "status 302 leads from https to http, where --cacert can't verify the server",
        ),
        (Cause::System { call: "socket", errno: libc::EMFILE }, "system", "could not ask: socket gave EMFILE"),
        (Cause::System { call: "connect", errno: 4000 }, "system", "could not ask: connect gave errno 4000"),
    ]
}

#[test]
fn every_cause_reads_whole() {
    for (cause, name, text) in causes() {
        assert_eq!((cause.name(), cause.to_string().as_str()), (name, text), "{cause:?}");
    }
    let shown: BTreeSet<_> = causes().iter().map(|(cause, ..)| kind(cause)).collect();
    assert_eq!(shown, KINDS.iter().copied().collect(), "variants in the table, and all there are");
    let causes = causes();
    let own =
        causes.iter().filter(|(cause, ..)| !matches!(cause, Cause::Json(_) | Cause::Tls(_) | Cause::Install(_)));
    page::assert_listed("causes", own.map(|(cause, name, text)| (cause, *name, *text)));
}

#[test]
fn no_text_breaks_the_rules_of_messages() {
    for (cause, ..) in causes() {
        let text = cause.to_string();
        let breaks = text.ends_with('.') || ["error", "failed to", "unable"].iter().any(|word| text.contains(word));
        assert!(!breaks, "{text}");
    }
}
