//! What a peer can do to `serve`: it gets no more than its answer, keeps nobody else from theirs, and costs no memory.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use super::{Application, Held, Serving, pause, rest};
use crate::support::response;

/// How much more memory than at its start it may take, in KiB; the released binary has 4 MiB for all.
const MOST_MEMORY: u64 = 8 * 1024;

/// How many connections are open at a time, at most.
const MOST_CONNECTIONS: usize = 64;

fn served() -> (Application, Serving) {
    let application = Application::new(|_| response("200 OK", "", ""));
    let url = application.url();
    let serving = Serving::new(&["/a", "http", &url]);
    (application, serving)
}

impl Serving {
    /// How many descriptors it has for connections and questions.
    fn descriptors(&self) -> usize {
        Held::by(&self.child).descriptors.saturating_sub(self.at_rest.descriptors)
    }

    /// Asserts that all is as before: no descriptor or thread more, little memory, and an answer.
    #[track_caller]
    fn is_well(&self, what: &str) {
        let patience = Instant::now() + Duration::from_secs(10);
        let is_at_rest =
            |held: &Held| held.descriptors <= self.at_rest.descriptors && held.threads <= self.at_rest.threads;
        let mut held = Held::by(&self.child);
        while !is_at_rest(&held) && Instant::now() < patience {
            pause(10);
            held = Held::by(&self.child);
        }
        assert!(is_at_rest(&held), "{what}: {held:?}, before {:?}", self.at_rest);
        assert!(held.memory <= self.at_rest.memory + MOST_MEMORY, "{what}: {held:?}, before {:?}", self.at_rest);
        let began = Instant::now();
        assert_eq!(self.get("/a").0, 200, "{what}");
        assert!(began.elapsed() < Duration::from_secs(1), "{what}: {:?}", began.elapsed());
    }
}

#[test]
fn what_is_no_request_gets_an_error_or_nothing() {
    let (_application, serving) = served();
    let long_path = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(9000));
    let long_header = format!("GET /a HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(9000));
    let many_headers = format!("GET /a HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(200));
    let a_megabyte = format!("GET /a HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let smuggled = "GET /a HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    // What comes back at the most: who still sends may get a reset in place of it.
    let rows: [(&str, &[u8], &[&str]); 12] = [
        ("garbage", b"\x00\xff\xfenonsense\r\n\r\n", &["HTTP/1.1 400 "]),
        ("no version", b"GET /a\r\n\r\n", &["HTTP/1.1 400 "]),
        ("another protocol", b"SSH-2.0-OpenSSH_9.2\r\n", &["HTTP/1.1 400 "]),
        ("a hello of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", &["HTTP/1.1 400 "]),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", &["", "HTTP/1.1 400 "]),
        ("a long path", long_path.as_bytes(), &["HTTP/1.1 431 ", "HTTP/1.1 414 "]),
        ("a long header", long_header.as_bytes(), &["HTTP/1.1 431 "]),
        ("many headers", many_headers.as_bytes(), &["HTTP/1.1 431 "]),
        ("a megabyte of header", a_megabyte.as_bytes(), &["HTTP/1.1 431 "]),
        ("two lengths", b"GET /a HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", &["HTTP/1.1 400 "]),
        ("length and chunks", smuggled.as_bytes(), &["HTTP/1.1 200 ", "HTTP/1.1 400 "]),
        ("a name with a blank", b"GET /a HTTP/1.1\r\nX : y\r\n\r\n", &["HTTP/1.1 400 "]),
    ];
    for (what, bytes, wanted) in rows {
        let mut stream = serving.connect();
        // It may be closed before all is sent.
        let _ = stream.write_all(bytes);
        let answer = rest(&mut stream);
        let is_wanted =
            |wanted: &&str| if wanted.is_empty() { answer.is_empty() } else { answer.starts_with(*wanted) };
        assert!(wanted.iter().any(is_wanted) || (bytes.len() > 4096 && answer.is_empty()), "{what}: {answer:?}");
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{what}: {answer:?}");
        serving.is_well(what);
    }
}

#[test]
fn one_request_of_a_connection_is_answered() {
    let (application, serving) = served();
    let pipelined = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n".repeat(50);
    let answer = serving.send(&pipelined);
    assert_eq!(answer.matches("HTTP/1.1 200 ").count(), 1, "{answer}");
    assert_eq!(application.asked(), 1);
    serving.is_well("pipelined");
}

#[test]
fn a_body_is_not_read() {
    let (_application, serving) = served();
    let mut stream = serving.connect();
    let head = format!("POST /a HTTP/1.1\r\nContent-Length: {}\r\n\r\n", 64 << 20);
    stream.write_all(head.as_bytes()).expect("it is sent");
    stream.set_write_timeout(Some(Duration::from_secs(10))).expect("a limit");
    let mut sent = 0_usize;
    while stream.write_all(&[b'x'; 1 << 16]).is_ok() {
        sent += 1 << 16;
        assert!(sent < 64 << 20, "all of it was read");
    }
    serving.is_well("a body");
}

#[test]
fn who_has_closed_its_side_is_answered() {
    let (_application, serving) = served();
    let mut stream = serving.connect();
    stream.write_all(b"GET /a HTTP/1.1\r\n\r\n").expect("it is sent");
    stream.shutdown(Shutdown::Write).expect("it is closed");
    assert!(rest(&mut stream).starts_with("HTTP/1.1 200 "));
    let mut stream = serving.connect();
    stream.write_all(b"GET /a HT").expect("it is sent");
    stream.shutdown(Shutdown::Write).expect("it is closed");
    let answer = rest(&mut stream);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    serving.is_well("half closed");
}

#[test]
fn who_is_silent_or_slow_is_closed_after_5_seconds() {
    let (_application, serving) = served();
    let mut silent = serving.connect();
    let mut slow = serving.connect();
    let began = Instant::now();
    let dripping = std::thread::spawn(move || {
        let mut request = b"GET /a HTTP/1.1\r\nX: ".iter().chain(std::iter::repeat(&b'x'));
        while slow.write_all(&[*request.next().expect("without end")]).is_ok() {
            assert!(began.elapsed() < Duration::from_secs(15), "a slow one is served for ever");
            pause(100);
        }
        began.elapsed()
    });
    assert_eq!(rest(&mut silent), "");
    let took = [began.elapsed(), dripping.join().expect("it was closed")];
    assert!(took.iter().all(|took| (4900..9000).contains(&took.as_millis())), "{took:?}");
    serving.is_well("silent and slow");
}

#[test]
fn those_that_are_silent_keep_nobody_from_an_answer() {
    let (_application, serving) = served();
    let mut open: Vec<TcpStream> = (0..2 * MOST_CONNECTIONS).map(|_| serving.connect()).collect();
    for stream in &mut open {
        let _ = stream.write_all(b"GET /a HTTP/1.1\r\nX: ");
    }
    for _ in 0..10 {
        let began = Instant::now();
        assert_eq!(serving.get("/a").0, 200);
        assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
        assert!(serving.descriptors() <= MOST_CONNECTIONS + 5, "{}", serving.descriptors());
    }
    drop(open);
    serving.is_well("twice as many as there may be");
}

#[test]
fn those_that_wait_for_a_path_that_hangs_keep_nobody_from_another() {
    let (hung, up) = (Application::new(|_| super::slow(6000)), Application::new(|_| response("200 OK", "", "")));
    let (hung_url, up_url) = (hung.url(), up.url());
    let serving = Serving::new(&["/hung", "http", "--timeout=5s", &hung_url, "/a", "http", &up_url]);
    let ask = || {
        let mut stream = serving.connect();
        stream.write_all(b"GET /hung HTTP/1.1\r\n\r\n").expect("it is sent");
        stream
    };
    let mut first: Vec<TcpStream> = (0..MOST_CONNECTIONS).map(|_| ask()).collect();
    pause(1100);
    for _ in 0..10 {
        let began = Instant::now();
        assert_eq!(serving.get("/a").0, 200);
        assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    }
    // Whoever came last is told after all; those that came first made room, one for each.
    let answers: Vec<String> = first.iter_mut().map(rest).collect();
    let closed = answers.iter().take_while(|answer| answer.is_empty()).count();
    assert!((1..=10).contains(&closed), "{closed}");
    assert!(answers[closed..].iter().all(|answer| answer.starts_with("HTTP/1.1 504 ")), "{answers:?}");
    serving.is_well("all places were taken");
}

#[test]
fn those_that_never_read_keep_nothing() {
    let (_application, serving) = served();
    let open: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = serving.connect();
            let _ = stream.write_all("GET /a HTTP/1.1\r\n\r\n".repeat(100).as_bytes());
            stream
        })
        .collect();
    serving.is_well("never read");
    drop(open);
}

#[test]
fn those_that_are_gone_leave_nothing() {
    let application = Application::new(|_| super::slow(200));
    let url = application.url();
    let serving = Serving::new(&["/a", "http", &url]);
    for at in 0..50 {
        let mut stream = serving.connect();
        stream.write_all(b"GET /a HTTP/1.1\r\n\r\n").expect("it is sent");
        if at % 2 == 0 {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
    serving.is_well("gone");
    assert_eq!(application.most_at_once.load(std::sync::atomic::Ordering::SeqCst), 1);
}
