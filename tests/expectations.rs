//! What http can want of an answer: any status, several texts, values in a JSON body.

use crate::support::{Server, exec_probe, response};

/// What Spring Boot's /actuator/health answers.
const HEALTH: &str = r#"{"status":"UP","components":{"db":{"status":"UP","details":{"database":"PostgreSQL"}},
    "diskSpace":{"status":"UP","details":{"free":1.0e3,"exists":true}},"queue/in":{"status":"UNKNOWN","error":null}},
    "groups":["liveness","readiness"]}"#;

/// Asks a server that answers once with this body.
fn ask(options: &[&str], body: &str, wanted: Result<(), &str>) {
    let server = Server::answers(1, response("200 OK", "", body));
    let label = format!("http GET http://localhost:{}/", server.port);
    let target = format!(":{}", server.port);
    let run = exec_probe(["http"].iter().chain(options).copied().chain([target.as_str()]));
    match wanted {
        Ok(()) => run.stdout(format!("{label}: status 200 (TIME)")).exit(0),
        Err(why) => run.stderr(format!("{label}: {why}")).exit(1),
    }
}

#[test]
fn any_answer_of_an_http_server_is_healthy_where_that_is_wanted() {
    for status in [200, 302, 401, 404, 503, 999] {
        let server = Server::answers(1, response(&format!("{status} X"), "Location: /elsewhere\r\n", ""));
        exec_probe(["http", "--expect-status=any", &format!(":{}/x", server.port)])
            .stdout(format!("http GET http://localhost:{}/x: status {status} (TIME)", server.port))
            .exit(0);
    }
    for (answer, why) in [
        ("SSH-2.0-OpenSSH_9.2\r\n", "the answer is not HTTP (connected to 127.0.0.1:PORT)"),
        (
            "HTTP/1.1 404 X\r\n",
            "connection closed or reset by the peer, response headers not complete (connected to 127.0.0.1:PORT)",
        ),
    ] {
        let server = Server::answers(1, answer);
        let port = server.port.to_string();
        exec_probe(["http", "--expect-status=any", &format!(":{port}")])
            .stderr(format!("http GET http://localhost:{port}/: {}", why.replace("PORT", &port)))
            .exit(1);
    }
}

#[test]
fn every_text_must_be_in_the_body() {
    let (web, db) = ("--expect-body=web: ok", "--expect-body=db: ok");
    ask(&[web, db], "db: ok\nweb: ok\n", Ok(()));
    ask(&[db, web], "db: ok\nweb: ok\n", Ok(()));
    ask(&[web, db], "web: ok\ndb: down\n", Err("no \"db: ok\" in the body"));
    ask(&[web, db], "web: down\ndb: ok\n", Err("no \"web: ok\" in the body"));
    ask(&[web, db], "", Err("no \"web: ok\" in the body"));
    ask(
        &[web, db],
        &format!("web: ok{}db: ok", "x".repeat(10 * 1024)),
        Err("no \"db: ok\" in the body's first 10 KiB"),
    );
}

#[test]
fn values_of_a_json_body_are_found_by_pointers() {
    let rows: [(&[&str], Result<(), &str>); 14] = [
        (&["--expect-json=/status=UP"], Ok(())),
        (&["--expect-json", "/status=UP", "--expect-json", "/components/db/status=UP"], Ok(())),
        (&["--expect-json=/components/diskSpace/details/free=1000"], Ok(())),
        (&["--expect-json=/components/diskSpace/details/exists=true"], Ok(())),
        (&["--expect-json=/components/queue~1in/error=null"], Ok(())),
        (&["--expect-json=/components/queue~1in/status=UP|UNKNOWN"], Ok(())),
        (&["--expect-json=/groups/1=readiness", "--expect-body=PostgreSQL"], Ok(())),
        (&["--expect-json=/status=DOWN"], Err("/status is \"UP\", wanted \"DOWN\"")),
        (
            &["--expect-json=/status=UP", "--expect-json=/components/queue~1in/status=UP|DOWN"],
            Err("/components/queue~1in/status is \"UNKNOWN\", wanted \"UP\" or \"DOWN\""),
        ),
        (
            &["--expect-json=/components/diskSpace/details/free=1"],
            Err("/components/diskSpace/details/free is 1.0e3, wanted 1"),
        ),
        (&["--expect-json=/components/db=UP"], Err("/components/db is an object, wanted \"UP\"")),
        (&["--expect-json=/groups=readiness"], Err("/groups is an array, wanted \"readiness\"")),
        (
            &["--expect-json=/components/redis/status=UP"],
            Err("no /components/redis/status in the body, wanted \"UP\""),
        ),
        (&["--expect-json=/status=UP", "--expect-body=MySQL"], Err("no \"MySQL\" in the body")),
    ];
    for (options, wanted) in rows {
        ask(options, HEALTH, wanted);
    }
    // A text is looked for in the first 10 KiB, however much is read.
    let late = format!("{{\"status\":\"UP\",{}\"late\":1}}", " ".repeat(10 * 1024));
    ask(&["--expect-json=/late=1", "--expect-body=late"], &late, Err("no \"late\" in the body's first 10 KiB"));
    ask(&["--expect-json=/late=1", "--expect-body=status"], &late, Ok(()));
    ask(&["--expect-json==true"], "true", Ok(()));
    ask(&["--expect-json==true"], "false", Err("the body is false, wanted true"));
}

#[test]
fn a_body_that_is_not_the_json_has_a_line_of_its_own() {
    let long = format!("{{\"status\":\"UP\"}}{}", " ".repeat(64 * 1024));
    let rows = [
        ("<html></html>", "the body is not JSON"),
        ("", "the body is empty, wanted JSON"),
        (&long, "a body of more than 64 KiB, wanted JSON of 64 KiB at most"),
    ];
    for (body, wanted) in rows {
        ask(&["--expect-json=/status=UP"], body, Err(wanted));
    }
    ask(&["--expect-json=/status=UP"], &long[..64 * 1024], Ok(()));
    for (answer, wanted) in [
        ("HTTP/1.1 200 OK\r\n\r\n{\"status\":\"UP\"", "the body ends before its JSON does"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"status\":\"UP\"}",
            "connection closed or reset by the peer, response body not complete (connected to 127.0.0.1:PORT)",
        ),
        ("HTTP/1.1 503 X\r\nContent-Length: 15\r\n\r\n{\"status\":\"UP\"}", "status 503, wanted 200-399"),
        (
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x08",
            "the body is not JSON; it is compressed (gzip)",
        ),
    ] {
        let server = Server::answers(1, answer);
        let port = server.port.to_string();
        exec_probe(["http", "--expect-json=/status=UP", &format!(":{port}")])
            .stderr(format!("http GET http://localhost:{port}/: {}", wanted.replace("PORT", &port)))
            .exit(1);
    }
}

#[test]
fn a_json_failure_has_its_cause_in_json() {
    let rows = [("{}", "json"), ("x", "not-json"), ("", "not-json"), (&" ".repeat(70_000), "body-too-long")];
    for (body, cause) in rows {
        let server = Server::answers(1, response("200 OK", "", body));
        let (code, _, stderr) =
            exec_probe(["http", "--output=json", "--expect-json=/a=1", &format!(":{}", server.port)]).output();
        let object: serde_json::Value = serde_json::from_str(&stderr).expect("one object");
        assert_eq!((code, &object["cause"], &object["phase"]), (Some(1), &cause.into(), &"body".into()), "{stderr}");
    }
}

#[test]
fn what_a_placeholder_gave_is_wanted_and_not_shown() {
    let server = Server::answers(2, response("200 OK", "", r#"{"key":"s3cret=a","b":1}"#));
    let target = format!(":{}", server.port);
    let label = format!("http GET http://localhost{target}/");
    exec_probe(["http", "--expect-json=/key={env.KEY}", &target])
        .env("KEY", "s3cret=a")
        .stdout(format!("{label}: status 200 (TIME)"))
        .exit(0);
    exec_probe(["http", "--expect-json=/b={env.KEY}|2", &target])
        .env("KEY", "s3cret=a")
        .stderr(format!("{label}: /b is 1, wanted \"{{env.KEY}}\" or 2"))
        .exit(1);
}

#[test]
fn a_pointer_that_is_none_is_a_usage_error() {
    let rows = [
        ("", "wanted POINTER=VALUE, such as /status=UP"),
        ("/status", "wanted POINTER=VALUE, such as /status=UP"),
        ("status=UP", "wanted a pointer that begins with /, such as /status=UP"),
        ("$.status=UP", "wanted a pointer that begins with /, such as /status=UP"),
        ("/a~b=UP", "wanted ~0 for a ~ in a name and ~1 for a / in it"),
        ("/a~=UP", "wanted ~0 for a ~ in a name and ~1 for a / in it"),
        ("/~é=UP", "wanted ~0 for a ~ in a name and ~1 for a / in it"),
        ("/status=", "wanted a value behind =, or several with | between, such as /status=UP|UNKNOWN"),
        ("/status=UP|", "wanted a value behind =, or several with | between, such as /status=UP|UNKNOWN"),
        ("/status=|UP", "wanted a value behind =, or several with | between, such as /status=UP|UNKNOWN"),
    ];
    for (given, wanted) in rows {
        exec_probe(["http", &format!("--expect-json={given}"), ":1"])
            .usage(format!("--expect-json \"{given}\": {wanted}"));
    }
    exec_probe(["http", "-X", "HEAD", "--expect-json=/a=1", "--expect-body=x", ":1"]).usage(
        "--expect-body with -X HEAD: the response to HEAD has no body; wanted one of them; --expect-json with -X HEAD: \
         the response to HEAD has no body; wanted one of them",
    );
}
