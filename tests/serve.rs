//! `serve`: what each path is answered, what is printed of it, and that the application gets one question at a time.

mod hostile;
mod usage;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::{Folder, Server, closed_port, exec_probe, read_head, response, without_machine};

/// `exec-probe serve` on a free port of 127.0.0.1, ended by SIGTERM.
struct Serving {
    child: Child,
    port: u16,
    at_rest: Held,
    printed: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Serving {
    fn new(words: &[&str]) -> Serving {
        let own = words.iter().take_while(|word| word.starts_with("--"));
        let paths = words.iter().skip_while(|word| word.starts_with("--"));
        let args = ["serve", "--listen=127.0.0.1:0"].iter().chain(own).chain(paths);
        let mut command = exec_probe(args).command();
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut ready = String::new();
        stdout.read_line(&mut ready).expect("a line");
        let port = ready.split_once(" on 127.0.0.1:").map(|(_, rest)| rest.split(' ').next().unwrap_or_default());
        let port = port.and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("{ready:?}"));
        let printed: Arc<Mutex<Vec<String>>> = Arc::default();
        let there = printed.clone();
        let reader = std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                there.lock().unwrap().push(without_machine(line.as_bytes()));
            }
        });
        let at_rest = Held::by(&child);
        Serving { child, port, at_rest, printed, reader: Some(reader) }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
        stream
    }

    /// Sends these bytes and returns all that comes back, measured times as `(TIME)`.
    fn send(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes.as_ref()).expect("it is sent");
        rest(&mut stream)
    }

    /// The status and the body that a path gives.
    fn get(&self, path: &str) -> (u16, String) {
        let answer = self.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
        (head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), body.to_owned())
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    /// Ends it by this signal and returns what it has printed after its first line, and how long its end took.
    fn end(mut self, signal: &str) -> (Vec<String>, Duration) {
        self.signal(signal);
        let since = Instant::now();
        let status = self.child.wait().expect("it ends");
        let took = since.elapsed();
        assert_eq!(status.code(), Some(0), "{signal}");
        self.reader.take().expect("once").join().expect("the reader");
        (std::mem::take(&mut self.printed.lock().unwrap()), took)
    }

    /// What it has printed after its first line, once it has ended.
    fn finish(self) -> Vec<String> {
        self.end("-TERM").0
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process holds. With nobody connected that is not nothing: what the tests' own parent left open is there, and what an
/// emulator takes for itself.
#[derive(Debug)]
struct Held {
    descriptors: usize,
    threads: u64,
    /// KiB, the most so far.
    memory: u64,
}

impl Held {
    fn by(child: &Child) -> Held {
        let folder = PathBuf::from(format!("/proc/{}", child.id()));
        let status = std::fs::read_to_string(folder.join("status")).expect("a process");
        let number = |name: &str| {
            let row = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("the row");
            row.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
        };
        let descriptors = std::fs::read_dir(folder.join("fd")).expect("a process").count();
        Held { descriptors, threads: number("Threads"), memory: number("VmHWM") }
    }
}

/// Reads until the other side closes.
fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let mut chunk = [0; 4096];
    // A reset ends it as well: bytes of a request that nobody reads.
    while let Ok(count @ 1..) = stream.read(&mut chunk) {
        all.extend_from_slice(&chunk[..count]);
    }
    without_machine(&all)
}

/// An HTTP server that is asked as often as it is.
struct Application {
    port: u16,
    asked: Arc<AtomicUsize>,
    most_at_once: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Application {
    /// Answers with what the function returns for the number of the request; nothing: closes.
    fn new(answer: impl Fn(usize) -> String + Send + Sync + 'static) -> Application {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let (asked, most_at_once): (Arc<AtomicUsize>, Arc<AtomicUsize>) = Default::default();
        let (heads, is_over): (Arc<Mutex<Vec<String>>>, Arc<AtomicBool>) = Default::default();
        let (asked_there, most_there, heads_there, over_there) =
            (asked.clone(), most_at_once.clone(), heads.clone(), is_over.clone());
        let thread = std::thread::spawn(move || {
            let at_once = AtomicUsize::new(0);
            std::thread::scope(|scope| {
                for mut stream in listener.incoming().map_while(Result::ok) {
                    if over_there.load(Ordering::SeqCst) {
                        return;
                    }
                    let (answer, at_once) = (&answer, &at_once);
                    let (asked, most, heads) = (&asked_there, &most_there, &heads_there);
                    scope.spawn(move || {
                        let now = at_once.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(now, Ordering::SeqCst);
                        heads.lock().unwrap().push(read_head(&mut stream));
                        let answer = answer(asked.fetch_add(1, Ordering::SeqCst));
                        at_once.fetch_sub(1, Ordering::SeqCst);
                        let _ = stream.write_all(answer.as_bytes());
                        let _ = stream.shutdown(Shutdown::Write);
                        let _ = stream.read_to_end(&mut Vec::new());
                    });
                }
            });
        });
        Application { port, asked, most_at_once, heads, is_over, thread: Some(thread) }
    }

    fn url(&self) -> String {
        format!("http://localhost:{}/", self.port)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

/// An answer that comes only after so many milliseconds.
fn slow(millis: u64) -> String {
    pause(millis);
    response("200 OK", "", "slow")
}

#[test]
fn each_outcome_has_its_status_and_the_line_that_a_run_prints() {
    let up = Application::new(|_| response("200 OK", "", "s3cret"));
    let down = Application::new(|_| response("503 Service Unavailable", "", "s3cret"));
    let hung = Application::new(|_| slow(1500));
    let gone = Application::new(|_| String::new());
    let garbage = Application::new(|_| "s3cret\r\n\r\n".to_owned());
    let closed = closed_port();
    let folder = Folder::new();
    let (beat, missing) = (folder.file("beat", ""), folder.path("missing"));
    let (up_url, down_url, hung_url) = (up.url(), down.url(), hung.url());
    let (gone_url, garbage_url) = (gone.url(), garbage.url());
    let closed_target = format!(":{closed}");
    let serving = Serving::new(&[
        "/up",
        "http",
        &up_url,
        "/down",
        "http",
        &down_url,
        "/hung",
        "http",
        "--timeout=300ms",
        &hung_url,
        "/gone",
        "http",
        &gone_url,
        "/garbage",
        "http",
        &garbage_url,
        "/closed",
        "tcp",
        &closed_target,
        "/file",
        "file",
        &beat,
        "/missing",
        "file",
        &missing,
        "/both",
        "file",
        &beat,
        "--and",
        "http",
        &up_url,
        "/first",
        "http",
        &down_url,
        "--and",
        "file",
        &beat,
        "/socket",
        "tcp",
        "--unix-socket",
        &missing,
        "/other",
        "http",
        "http://8.8.8.8/",
    ]);
    let gone_port = gone.port;
    let hung_port = hung.port;
    let rows: [(&str, u16, String); 12] = [
        ("/up", 200, format!("http GET {up_url}: status 200 (TIME)")),
        ("/down", 503, format!("http GET {down_url}: status 503, wanted 200-399")),
        (
            "/hung",
            504,
            format!("http GET {hung_url}: no response headers in 300ms (connected to 127.0.0.1:{hung_port})"),
        ),
        (
            "/gone",
            502,
            format!(
                "http GET {gone_url}: connection closed or reset by the peer, no response headers (connected to \
                 127.0.0.1:{gone_port})"
            ),
        ),
        (
            "/garbage",
            502,
            format!("http GET {garbage_url}: the answer is not HTTP (connected to 127.0.0.1:{})", garbage.port),
        ),
        ("/closed", 502, format!("tcp localhost:{closed}: connection refused (127.0.0.1, [::1])")),
        ("/file", 200, format!("file {beat}: as wanted (TIME)")),
        ("/missing", 503, format!("file {missing}: no such file")),
        ("/both", 200, format!("2 probes: file {beat}: as wanted; http GET {up_url}: status 200 (TIME)")),
        ("/first", 503, format!("http GET {down_url}: status 503, wanted 200-399")),
        ("/socket", 502, format!("tcp unix:{missing}: no such socket")),
        (
            "/other",
            503,
            "http GET http://8.8.8.8/: 8.8.8.8 is not an address of this host; only this host can be probed"
                .to_owned(),
        ),
    ];
    let mut printed = Vec::new();
    for (path, status, line) in rows {
        assert_eq!(serving.get(path), (status, format!("{line}\n")), "{path}");
        printed.push(format!("{path}: {line}"));
    }
    assert_eq!(serving.finish(), printed);
}

#[test]
fn only_get_and_head_of_its_paths_are_answered_and_nothing_else_of_a_request_counts() {
    let up = Application::new(|_| response("200 OK", "", ""));
    let url = up.url();
    let serving = Serving::new(&["/livez", "http", &url, "/a/b.c", "http", &url]);
    let head = |status: &str, allow: &str, length: usize| {
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\n{allow}connection: \
             close\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    let line = format!("http GET {url}: status 200 (TIME)\n");
    // The time that was measured takes three characters or more; its length is not compared.
    let without_length = |answer: String| match answer.split_once("content-length: ") {
        Some((before, after)) => format!("{before}{}", after.split_once("\r\n").expect("its line").1),
        None => answer,
    };
    let ok = without_length(head("200 OK", "", 0));
    let no_path = "no such path; / lists those there are\n";
    let rows: [(&str, String); 12] = [
        ("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n", format!("{ok}{line}")),
        ("GET /livez?verbose=1&url=http://8.8.8.8 HTTP/1.1\r\nHost: a\r\n\r\n", format!("{ok}{line}")),
        ("GET http://other/livez HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: b\r\n\r\n", format!("{ok}{line}")),
        ("GET /a/b.c HTTP/1.1\r\nConnection: keep-alive\r\n\r\n", format!("{ok}{line}")),
        ("HEAD /livez HTTP/1.1\r\nHost: a\r\n\r\n", ok.clone()),
        ("GET / HTTP/1.1\r\n\r\n", format!("{ok}/livez\n/a/b.c\n")),
        ("GET /livez/ HTTP/1.1\r\n\r\n", format!("{}{no_path}", without_length(head("404 Not Found", "", 0)))),
        ("GET /LIVEZ HTTP/1.1\r\n\r\n", format!("{}{no_path}", without_length(head("404 Not Found", "", 0)))),
        ("GET /%6civez HTTP/1.1\r\n\r\n", format!("{}{no_path}", without_length(head("404 Not Found", "", 0)))),
        ("HEAD /none HTTP/1.1\r\n\r\n", without_length(head("404 Not Found", "", 0))),
        (
            "POST /livez HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
            format!(
                "{}wanted GET or HEAD\n",
                without_length(head("405 Method Not Allowed", "allow: GET, HEAD\r\n", 0))
            ),
        ),
        (
            "OPTIONS * HTTP/1.1\r\n\r\n",
            format!(
                "{}wanted GET or HEAD\n",
                without_length(head("405 Method Not Allowed", "allow: GET, HEAD\r\n", 0))
            ),
        ),
    ];
    for (request, wanted) in rows {
        assert_eq!(without_length(serving.send(request)), wanted, "{request:?}");
    }
    // HTTP/1.0, as of a load balancer of old.
    assert!(serving.send("GET /livez HTTP/1.0\r\n\r\n").ends_with(&line));
    assert_eq!(up.asked(), 6, "the list, wrong paths and wrong methods ask nothing");
    assert_eq!(serving.finish(), [format!("/livez: {}", line.trim_end()), format!("/a/b.c: {}", line.trim_end())]);
}

#[test]
fn a_line_is_printed_for_each_change_and_only_then() {
    let statuses = ["200 OK", "204 No Content", "503 No", "503 No", "500 No", "200 OK", "200 OK"];
    let application = Application::new(move |at| response(statuses[at], "", ""));
    let url = application.url();
    let other = Application::new(move |at| response(statuses[at], "", ""));
    let other_url = other.url();
    let serving = Serving::new(&["/a", "http", &url]);
    let quiet = {
        let port = closed_port().to_string();
        let command =
            exec_probe(["serve", "--quiet", "--listen", &format!("127.0.0.1:{port}"), "/b", "http", &other_url]);
        (port, command.command().stdout(Stdio::piped()).spawn().expect("the binary starts"))
    };
    let wanted = [200, 200, 503, 503, 503, 200, 200];
    for status in wanted {
        assert_eq!(serving.get("/a").0, status);
    }
    let lines =
        ["status 200 (TIME)", "status 503, wanted 200-399", "status 500, wanted 200-399", "status 200 (TIME)"];
    assert_eq!(serving.finish(), lines.map(|line| format!("/a: http GET {url}: {line}")));

    let (port, mut child) = quiet;
    for status in wanted {
        let mut stream = connect_soon(&port);
        stream.write_all(b"GET /b HTTP/1.1\r\n\r\n").expect("it is sent");
        assert!(rest(&mut stream).starts_with(&format!("HTTP/1.1 {status} ")));
    }
    assert!(Command::new("kill").arg(child.id().to_string()).status().expect("kill").success());
    let mut printed = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut printed).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert_eq!(printed, format!("/b: http GET {other_url}: {}\n/b: http GET {other_url}: {}\n", lines[1], lines[2]));
}

/// Connects to a server that is about to listen.
fn connect_soon(port: &str) -> TcpStream {
    let patience = Instant::now() + Duration::from_secs(10);
    loop {
        match TcpStream::connect(format!("127.0.0.1:{port}")) {
            Ok(stream) => return stream,
            Err(error) => assert!(Instant::now() < patience, "{error}"),
        }
        pause(5);
    }
}

#[test]
fn with_json_each_line_is_an_object_that_names_its_path() {
    let application = Application::new(|at| response(["200 OK", "503 No"][at], "", ""));
    let url = application.url();
    let port = closed_port().to_string();
    let args = ["serve", "--output=json", "--listen", &format!("127.0.0.1:{port}"), "/a", "http", &url];
    let mut child = exec_probe(args).command().stdout(Stdio::piped()).spawn().expect("the binary starts");
    for status in [200, 503] {
        let mut stream = connect_soon(&port);
        stream.write_all(b"GET /a HTTP/1.1\r\n\r\n").expect("it is sent");
        let answer = rest(&mut stream);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains("\r\n\r\nhttp GET "),
            "{answer}"
        );
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill").success());
    let mut printed = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut printed).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    let objects: Vec<serde_json::Value> =
        printed.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    let seen: Vec<_> =
        objects.iter().map(|object| (&object["path"], &object["healthy"], &object["status"])).collect();
    let null = serde_json::Value::Null;
    let path: serde_json::Value = "/a".into();
    assert_eq!(
        seen,
        [(&null, &null, &null), (&path, &true.into(), &200.into()), (&path, &false.into(), &503.into())]
    );
    assert!(objects[0]["message"].as_str().expect("text").starts_with("serve 127.0.0.1:"), "{printed}");
}

#[test]
fn the_application_gets_one_question_at_a_time_and_all_who_wait_its_answer() {
    let application = Application::new(|_| slow(400));
    let url = application.url();
    let serving = Serving::new(&["/a", "http", "--timeout=5s", &url]);
    let answers: Vec<(u16, String)> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..20).map(|_| scope.spawn(|| serving.get("/a"))).collect();
        asking.into_iter().map(|asking| asking.join().expect("an answer")).collect()
    });
    assert!(
        answers.iter().all(|answer| *answer == (200, format!("http GET {url}: status 200 (TIME)\n"))),
        "{answers:?}"
    );
    // On a busy machine a few may have come after the first answer.
    assert!(application.asked() <= 3, "{}", application.asked());
    assert_eq!(application.most_at_once.load(Ordering::SeqCst), 1);
    let asked = application.asked();
    serving.get("/a");
    assert_eq!(application.asked(), asked + 1, "no answer is kept");
}

#[test]
fn nobody_waits_longer_than_the_limit_and_no_path_for_another() {
    let hung = Application::new(|_| slow(2500));
    let up = Application::new(|_| response("200 OK", "", ""));
    let (hung_url, up_url) = (hung.url(), up.url());
    let serving = Serving::new(&["/hung", "http", &hung_url, "/up", "http", &up_url]);
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..8)
            .map(|at| {
                let serving = &serving;
                scope.spawn(move || {
                    pause(at * 100);
                    let began = Instant::now();
                    (serving.get("/hung").0, began.elapsed())
                })
            })
            .collect();
        for _ in 0..20 {
            let began = Instant::now();
            assert_eq!(serving.get("/up").0, 200);
            assert!(began.elapsed() < Duration::from_millis(800), "{:?}", began.elapsed());
            pause(20);
        }
        for asking in asking {
            let (status, took) = asking.join().expect("an answer");
            assert_eq!(status, 504);
            // 900 ms and a busy machine.
            assert!(took < Duration::from_millis(1500), "{took:?}");
        }
    });
}

#[test]
fn files_are_read_anew_for_each_question_and_the_last_ones_serve_where_they_can_not_be() {
    let application = Application::new(|_| response("200 OK", "", ""));
    let url = application.url();
    let folder = Folder::new();
    let token = folder.file("token", "one");
    let header = format!("X-Token: {{file.{token}}}");
    let serving = Serving::new(&["/a", "http", "-H", &header, &url]);
    for step in [Some("one"), Some("two"), None, Some("three")] {
        match step {
            Some(content) => drop(folder.file("token", content)),
            None => std::fs::remove_file(&token).expect("it is there"),
        }
        assert_eq!(serving.get("/a").0, 200, "{step:?}");
    }
    let heads = application.heads.lock().unwrap();
    let token = |head: &String| head.lines().find_map(|line| line.strip_prefix("X-Token: ").map(str::to_owned));
    let sent: Vec<_> = heads.iter().map(|head| token(head).expect("the header")).collect();
    assert_eq!(sent, ["one", "two", "two", "three"]);
}

#[test]
fn a_signal_ends_it_at_once_with_0_whoever_waits() {
    for signal in ["-TERM", "-INT"] {
        let hung = Application::new(|_| slow(1000));
        let url = hung.url();
        let serving = Serving::new(&["/a", "http", "--timeout=20s", &url]);
        let mut waiting = serving.connect();
        waiting.write_all(b"GET /a HTTP/1.1\r\n\r\n").expect("it is sent");
        while hung.heads.lock().unwrap().is_empty() {
            pause(5);
        }
        let (_, took) = serving.end(signal);
        assert!(took < Duration::from_millis(800), "{took:?}");
        assert_eq!(rest(&mut waiting), "", "no answer is made up");
    }
}

#[test]
fn a_log_that_nobody_reads_delays_no_answer() {
    let application = Application::new(|at| response(["200 OK", "503 No"][at % 2], "", ""));
    let url = application.url();
    let port = closed_port().to_string();
    let args = ["serve", "--listen", &format!("127.0.0.1:{port}"), "/a", "http", &url];
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut full = writer.try_clone().expect("a descriptor");
    let mut child = exec_probe(args).command().stdout(writer).spawn().expect("the binary starts");
    drop(connect_soon(&port));
    // Its first line is in the pipe, and this fills the rest.
    let filler = std::thread::spawn(move || full.write_all(&vec![b'x'; 1 << 17]).is_err());
    pause(100);
    for at in 0..20 {
        let mut stream = connect_soon(&port);
        stream.write_all(b"GET /a HTTP/1.1\r\n\r\n").expect("it is sent");
        let status = [200, 503][at % 2];
        let answer = rest(&mut stream);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    drop(reader);
    assert!(filler.join().expect("the filler"), "the pipe was full");
    assert!(Command::new("kill").arg(child.id().to_string()).status().expect("kill").success());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn of_what_the_application_says_the_port_shows_nothing() {
    let folder = Folder::new();
    let file = folder.file("body", "s3cret");
    let web = Server::answers(2, response("200 OK", "", r#"{"status":"s3cret"}"#));
    let first = Server::answers(1, "s3cret\r\n".to_owned());
    let [web_at, first_at] = [&web, &first].map(|server| format!(":{}", server.port));
    let serving = Serving::new(
        &[
            ["/json", "http", "--expect-json=/status=UP", &web_at].as_slice(),
            &["/body", "http", "--expect-body=x", &web_at],
            &["/answer", "tcp", "--send=\\r\\n\\r\\n", "--expect=OK", &first_at],
            &["/file", "file", "--contains=x", &file],
        ]
        .concat(),
    );
    let rows = [
        ("/json", format!("http GET http://localhost{web_at}/: not the wanted answer (json)\n")),
        ("/body", format!("http GET http://localhost{web_at}/: no \"x\" in the body\n")),
        ("/answer", format!("tcp localhost{first_at}: not the wanted answer (answer)\n")),
        ("/file", format!("file {file}: no \"x\" in the file\n")),
    ];
    for (path, text) in rows {
        assert_eq!(serving.get(path), (503, text), "{path}");
    }
    // What it prints is for whoever runs it.
    let json = format!("/json: http GET http://localhost{web_at}/: /status is \"s3cret\", wanted \"UP\"");
    assert_eq!(serving.finish()[0], json);
}
