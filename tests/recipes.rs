//! docs/recipes.md: each section's command is run against the peers that it needs, and prints the section's lines. A section
//! begins with `## `. It has one command, in a block marked `sh`, as a list `["exec-probe", …]` in one marked `yaml`, or in the
//! fields of a check in one marked `hcl` or `json`, and one block marked `text` of two lines: a healthy run's and an unhealthy
//! one's. A section without a row in [`TESTS`] fails.

use std::fmt::Display;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::time::{Duration, SystemTime};

use crate::support::{Folder, Invocation, Server, closed_port, exec_probe, read_head, response};

const PAGE: &str = include_str!("../docs/recipes.md");

type Test = fn(&Recipe);

/// Each section's title, and what runs its command.
const TESTS: &[(&str, Test)] = &[
    ("A JSON body", json_body),
    ("401 is alive", alive_by_401),
    ("Two texts in one body", two_texts),
    ("A token from a Secret", token),
    ("A port from a variable", port_from_a_variable),
    ("The unix socket of gunicorn", unix_socket),
    ("HEAD", head),
    ("Wait for the sidecar", waiting),
    ("Three things in one exec", three_things),
    ("Wait, then become the program", then),
    ("Redis answers PONG", pong),
    ("An SSH or FTP banner", banner),
    ("A server that wants the PROXY protocol", proxied),
    ("A server that speaks only HTTP/2", only_http2),
    ("Nomad", |recipe| by_variable(recipe, "NOMAD_PORT_http", CRITICAL)),
    ("Consul", consul),
    ("Helm", port_from_a_variable),
    ("Argo CD", argo_cd),
    ("StatefulSets and DaemonSets by kustomize", kustomize),
];

/// Runs it against a server with the one answer, then with the other, which has it exit with the code.
fn by_answer(recipe: &Recipe, answers: [String; 2], code: i32) {
    let [well, sick] = answers.map(|answer| Server::answers(1, answer));
    recipe.with(":8080", format!(":{}", well.port)).healthy();
    recipe.with(":8080", format!(":{}", sick.port)).unhealthy_by(code);
}

fn by_body(recipe: &Recipe, healthy: &str, unhealthy: &str) {
    by_answer(recipe, [healthy, unhealthy].map(|body| response("200 OK", "", body)), 1);
}

fn json_body(recipe: &Recipe) {
    let health = |db: &str| {
        format!(
            r#"{{"status":"UP","components":{{"db":{{"status":"{db}"}},"ping":{{"status":"UP"}}}},"groups":["liveness"]}}"#
        )
    };
    by_body(recipe, &health("UNKNOWN"), &health("DOWN"));
    let long = "x".repeat(70_000);
    let rows = [
        (r#"{"status":"UP","components":{"db":{"status":{}}}}"#, "json"),
        (r#"{"status":"UP"}"#, "json"),
        ("<html>", "not-json"),
        ("", "not-json"),
        ("{", "not-json"),
        (&long, "body-too-long"),
    ];
    for (body, cause) in rows {
        let server = Server::answers(2, response("200 OK", "", body));
        let recipe = recipe.with(":8080", format!(":{}", server.port));
        let (_, _, line) = recipe.run().output();
        let (_, line) = line.trim_end().split_once("/health: ").expect("a line");
        assert!(PAGE.contains(&format!("| `{line}` | `{cause}` |\n")), "{body:?}: {line}");
        let (_, _, object) = exec_probe(recipe.args.iter().map(String::as_str).chain(["--output=json"])).output();
        assert!(object.contains(&format!("\"cause\":\"{cause}\"")), "{body:?}: {object}");
    }
}

fn two_texts(recipe: &Recipe) {
    by_body(recipe, "queue: ok\ndatabase: ok\n", "queue: full\ndatabase: ok\n");
}

fn only_http2(recipe: &Recipe) {
    let [well, sick] = [200, 503].map(|code| crate::http2::h2c(move |_| (crate::http2::status(code), Vec::new())));
    recipe.with(":8080", format!(":{well}")).healthy();
    recipe.with(":8080", format!(":{sick}")).unhealthy();
}

fn alive_by_401(recipe: &Recipe) {
    let server = Server::answers(1, response("401 Unauthorized", "", ""));
    recipe.with(":8080", format!(":{}", server.port)).healthy();
    recipe.with(":8080", format!(":{}", closed_port())).unhealthy();
}

/// A sidecar that is not ready before it is asked for the third time.
fn sidecar() -> Server {
    Server::new(3, |at, stream| {
        let status = if at < 2 { "503 Service Unavailable" } else { "200 OK" };
        let _ = stream.write_all(response(status, "", "").as_bytes());
        String::new()
    })
}

fn waiting(recipe: &Recipe) {
    let server = sidecar();
    recipe.with(":15021", format!(":{}", server.port)).healthy();
    server.finish();
    recipe.with(":15021", format!(":{}", closed_port())).with("60s", "600ms").unhealthy();
}

fn three_things(recipe: &Recipe) {
    let folder = Folder::new();
    let beat = folder.file("worker", "");
    let (http, tcp) = (
        Server::answers(2, response("200 OK", "", "")),
        Server::new(2, |_, stream| format!("{:?}", stream.read(&mut [0]))),
    );
    let [web, metrics] = [http.port, tcp.port].map(|port| format!(":{port}"));
    let recipe = recipe.with(":8080", web).with(":9100", metrics).with("/beat/worker", &beat);
    recipe.healthy();
    let file = File::options().append(true).open(&beat).expect("the file");
    file.set_modified(SystemTime::now() - Duration::from_secs(61)).expect("an age");
    recipe.unhealthy();
    http.finish();
    tcp.finish();
}

fn then(recipe: &Recipe) {
    let server = sidecar();
    let recipe = recipe.with("/app", "/bin/echo");
    let ready = recipe.with(":15021", format!(":{}", server.port));
    let (code, stdout, stderr) = ready.run().output();
    assert_eq!((code, stdout.as_str()), (Some(0), "--port=8080\n"), "the program's exit code and output: {stderr}");
    let line = without_time(&ready.healthy);
    assert_eq!(without_time(stderr.trim_end()), line);
    server.finish();
    recipe.with(":15021", format!(":{}", closed_port())).with("60s", "600ms").unhealthy();
}

fn token(recipe: &Recipe) {
    let folder = Folder::new();
    let file = folder.file("token", "s3cret\n");
    let server = Server::new(2, |_, stream| {
        let request = read_head(stream);
        let is_known = request.contains("Authorization: Bearer s3cret\r\n");
        let _ = stream.write_all(response(if is_known { "200 OK" } else { "401 Unauthorized" }, "", "").as_bytes());
        request
    });
    let recipe = recipe.with("/run/secrets/probe/token", &file).with(":8080", format!(":{}", server.port));
    recipe.healthy();
    std::fs::write(&file, "stale\n").expect("the Secret");
    recipe.unhealthy();
    server.finish();
}

fn port_from_a_variable(recipe: &Recipe) {
    by_variable(recipe, "PORT", 1);
    let port = closed_port();
    let line = recipe.unhealthy.replace(":8080", &format!(":{port}"));
    recipe.with(":-8080", format!(":-{port}")).run().stderr(line).exit(1);
}

/// Runs it with a port from the variable, which is in the lines as well. Unhealthy, it exits with the code.
fn by_variable(recipe: &Recipe, name: &str, code: i32) {
    let server = Server::answers(1, response("200 OK", "", ""));
    let with = |port: u16| (recipe.run().env(name, port.to_string()), format!(":{port}"));
    let (run, shown) = with(server.port);
    run.stdout(without_time(&recipe.healthy).replace(":8080", &shown)).exit(0);
    server.finish();
    let (run, shown) = with(closed_port());
    run.stderr(recipe.unhealthy.replace(":8080", &shown)).exit(code);
}

fn unix_socket(recipe: &Recipe) {
    let folder = Folder::new();
    let path = folder.path("gunicorn.sock");
    let recipe = recipe.with("/run/gunicorn.sock", &path);
    recipe.unhealthy();
    let listener = UnixListener::bind(&path).expect("a socket");
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a probe");
        let request = read_head(&mut stream);
        stream.write_all(response("200 OK", "", "").as_bytes()).expect("an answer");
        request
    });
    recipe.healthy();
    assert!(server.join().expect("the request").starts_with("GET /healthz HTTP/1.1\r\nHost: localhost\r\n"));
}

fn head(recipe: &Recipe) {
    let answer = |status| format!("HTTP/1.1 {status}\r\nContent-Length: 9\r\n\r\n");
    by_answer(recipe, ["200 OK", "405 Method Not Allowed"].map(answer), 1);
}

fn pong(recipe: &Recipe) {
    let [well, sick] = ["+PONG\r\n", "-NOAUTH Authentication required.\r\n"].map(|answer| {
        Server::new(1, move |_, stream| {
            let mut said = [0; 6];
            stream.read_exact(&mut said).expect("a text");
            let _ = stream.write_all(answer.as_bytes());
            let _ = stream.read_to_end(&mut Vec::new());
            String::from_utf8_lossy(&said).into_owned()
        })
    });
    recipe.with(":6379", format!(":{}", well.port)).healthy();
    recipe.with(":6379", format!(":{}", sick.port)).unhealthy();
    assert_eq!([well.finish(), sick.finish()], [["PING\r\n"]; 2]);
}

fn banner(recipe: &Recipe) {
    let [well, sick] = ["SSH-2.0-OpenSSH_9.2p1\r\n", ""].map(|banner| {
        Server::new(1, move |_, stream| {
            let _ = stream.write_all(banner.as_bytes());
            let _ = stream.read_to_end(&mut Vec::new());
            String::new()
        })
    });
    recipe.with(":22", format!(":{}", well.port)).healthy();
    recipe.with(":22", format!(":{}", sick.port)).unhealthy();
}

fn proxied(recipe: &Recipe) {
    let server = Server::new(1, |_, stream| {
        let mut header = [0; 15];
        stream.read_exact(&mut header).expect("a header");
        read_head(stream);
        let _ = stream.write_all(response("200 OK", "", "").as_bytes());
        String::from_utf8_lossy(&header).into_owned()
    });
    recipe.with(":8080", format!(":{}", server.port)).healthy();
    assert_eq!(server.finish(), ["PROXY UNKNOWN\r\n"]);
    recipe.with(":8080", format!(":{}", closed_port())).unhealthy();
}

fn consul(recipe: &Recipe) {
    let answer = |status| response("200 OK", "", &format!(r#"{{"status":"{status}"}}"#));
    by_answer(recipe, ["UP", "DOWN"].map(answer), CRITICAL);
}

fn argo_cd(recipe: &Recipe) {
    by_answer(recipe, ["200 OK", "503 Service Unavailable"].map(|status| response(status, "", "")), 1);
}

fn kustomize(recipe: &Recipe) {
    let server = Server::new(1, |_, stream| format!("{:?}", stream.read(&mut [0])));
    recipe.with(":5672", format!(":{}", server.port)).healthy();
    server.finish();
    recipe.with(":5672", format!(":{}", closed_port())).unhealthy();
}

/// For a script check of Nomad and Consul 1 is a warning, and what is neither 0 nor 1 is critical.
const CRITICAL: i32 = 3;

/// A section of the page.
#[derive(Clone, Debug)]
struct Recipe {
    title: String,
    /// The command's words, without `exec-probe`.
    args: Vec<String>,
    healthy: String,
    unhealthy: String,
}

impl Recipe {
    /// Reads a section, from behind its `## `.
    fn read(section: &str) -> Recipe {
        let (title, rest) = section.split_once('\n').expect("a title");
        let blocks = |kind: &str| -> Vec<String> {
            let mark = format!("\n```{kind}\n");
            rest.split(&mark).skip(1).filter_map(|block| Some(block.split_once("\n```")?.0.to_owned())).collect()
        };
        let mut commands: Vec<Vec<String>> = blocks("sh").iter().map(|block| words(block)).collect();
        commands.extend(blocks("yaml").iter().flat_map(|block| lists(block)));
        commands.extend(blocks("hcl").iter().map(|block| attributes(block)));
        commands.extend(blocks("json").iter().map(|block| check(block)));
        commands.retain(|words| words.first().is_some_and(|word| word.rsplit('/').next() == Some("exec-probe")));
        let texts = blocks("text");
        let lines: Vec<&str> = texts.iter().flat_map(|text| text.lines()).collect();
        let ([command], [healthy, unhealthy]) = (commands.as_slice(), lines.as_slice()) else {
            panic!("{title}: wanted one command and two lines: {commands:?} {lines:?}")
        };
        let [healthy, unhealthy] = [healthy, unhealthy].map(|line| (*line).to_owned());
        Recipe { title: title.to_owned(), args: command[1..].to_vec(), healthy, unhealthy }
    }

    /// The recipe with something else in place of a port or a path that it shows.
    fn with(&self, shown: &str, real: impl Display) -> Recipe {
        let real = real.to_string();
        let replaced = |text: &String| text.replace(shown, &real);
        let args: Vec<String> = self.args.iter().map(replaced).collect();
        assert_ne!(args, self.args, "{}: no {shown} in the command", self.title);
        let title = self.title.clone();
        Recipe { title, args, healthy: replaced(&self.healthy), unhealthy: replaced(&self.unhealthy) }
    }

    /// The command, for a test that looks closer.
    fn run(&self) -> Invocation {
        exec_probe(&self.args)
    }

    /// Runs it: healthy, with the first line.
    #[track_caller]
    fn healthy(&self) {
        self.run().stdout(without_time(&self.healthy)).exit(0);
    }

    /// Runs it: unhealthy, with the second line.
    #[track_caller]
    fn unhealthy(&self) {
        self.unhealthy_by(1);
    }

    /// The same, with an exit code that the command sets.
    #[track_caller]
    fn unhealthy_by(&self, code: i32) {
        self.run().stderr(&self.unhealthy).exit(code);
    }
}

/// The line, `(TIME)` in place of the time that it shows.
fn without_time(line: &str) -> String {
    let (before, time) = line.rsplit_once(" (").unwrap_or_else(|| panic!("no time in {line}"));
    let (_, behind) = time.split_once("ms)").unwrap_or_else(|| panic!("no time in {line}"));
    format!("{before} (TIME){behind}")
}

/// A command's words, as a shell splits them: single and double quotes, and a backslash that continues the line.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for char in command.replace("\\\n", " ").chars() {
        match (quote, char) {
            (Some(open), char) if char == open => quote = None,
            (None, '\'' | '"') => (quote, word) = (Some(char), Some(word.unwrap_or_default())),
            (None, char) if char.is_whitespace() => words.extend(word.take()),
            (None, '$' | '`' | '|' | '&' | ';' | '<' | '>') => panic!("a shell's {char} in {command}"),
            _ => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    words
}

/// The lists of a YAML block, which are written as JSON's.
fn lists(block: &str) -> Vec<Vec<String>> {
    let list = |line: &str| serde_json::from_str(&line[line.find('[')?..=line.rfind(']')?]).ok();
    block.lines().filter_map(list).collect()
}

/// The command of a check in HCL: `command` and then `args`, whose strings are written as JSON's.
fn attributes(block: &str) -> Vec<String> {
    let value = |name: &str| {
        let mut fields = block.lines().filter_map(|line| line.split_once('='));
        fields.find(|(key, _)| key.trim() == name).map(|(_, value)| value).unwrap_or_else(|| panic!("no {name}"))
    };
    let command: String = serde_json::from_str(value("command")).expect("a string");
    let args: Vec<String> = serde_json::from_str(value("args")).expect("a list");
    std::iter::once(command).chain(args).collect()
}

/// The command of a service's check in JSON.
fn check(block: &str) -> Vec<String> {
    let definition: serde_json::Value = serde_json::from_str(block).expect("JSON");
    serde_json::from_value(definition["service"]["check"]["args"].clone()).expect("a list")
}

/// The sections, in their order.
fn recipes() -> Vec<Recipe> {
    format!("\n{PAGE}").split("\n## ").skip(1).map(Recipe::read).collect()
}

#[test]
fn every_recipe_has_a_test() {
    let titles: Vec<String> = recipes().into_iter().map(|recipe| recipe.title).collect();
    let tested: Vec<&str> = TESTS.iter().map(|(title, _)| *title).collect();
    assert_eq!(titles, tested, "the sections of docs/recipes.md, and the rows of TESTS");
}

#[test]
fn every_recipe_prints_its_lines() {
    for recipe in recipes() {
        let test = TESTS.iter().find(|(title, _)| *title == recipe.title).map(|(_, test)| test);
        test.unwrap_or_else(|| panic!("{}: no test", recipe.title))(&recipe);
    }
}

#[test]
fn commands_are_read_as_a_shell_and_a_manifest_read_them() {
    assert_eq!(
        words("exec-probe tcp \\\n  --send='PING\\r\\n' \"a b\"c ''"),
        ["exec-probe", "tcp", "--send=PING\\r\\n", "a bc", ""]
    );
    assert_eq!(lists("a:\n  command: [\"/exec-probe\", \"http\"]\n  x: [1]\n"), [["/exec-probe", "http"]]);
    let hcl = "check {\n  command = \"/exec-probe\"\n  args    = [\"http\", \"-H\", \"a=b\"]\n}";
    assert_eq!(attributes(hcl), ["/exec-probe", "http", "-H", "a=b"]);
    assert_eq!(check(r#"{"service": {"check": {"args": ["/exec-probe", "http"]}}}"#), ["/exec-probe", "http"]);
}
