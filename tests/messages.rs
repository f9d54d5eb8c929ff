//! The lines of the contract, each produced by the built binary. `PORT` stands for whatever port was free.

use std::io::Read;

use crate::support::{Invocation, Server, closed_port, exec_probe, response};

fn run(args: &str, port: u16) -> Invocation {
    exec_probe(args.replace("PORT", &port.to_string()).split(' ').collect::<Vec<_>>())
}

#[test]
fn the_lines_of_the_contract() {
    let server =
        Server::routes(
            2,
            |line| {
                if line.contains("/ok") { response("200 OK", "", "") } else { response("503 X", "", "") }
            },
        );
    let port = server.port;
    run("http :PORT/ok", port).stdout(format!("http GET http://localhost:{port}/ok: status 200 (TIME)")).exit(0);
    run("http :PORT/healthz", port)
        .stderr(format!("http GET http://localhost:{port}/healthz: status 503, wanted 200-399"))
        .exit(1);
    let hung = Server::new(2, |_, stream| {
        let _ = stream.read_to_end(&mut Vec::new());
        String::new()
    });
    let port = hung.port;
    let line = format!(
        "http GET http://localhost:{port}/ready: no response headers in 900ms (connected to 127.0.0.1:{port})"
    );
    run("http --timeout=900ms :PORT/ready", port).stderr(&line).exit(1);
    // The same failure twice gives the same bytes.
    run("http --timeout 0.9s :PORT/ready", port).stderr(&line).exit(1);
    let port = closed_port();
    run("http :PORT/x", port)
        .stderr(format!("http GET http://localhost:{port}/x: connection refused (127.0.0.1, [::1])"))
        .exit(1);
    run("tcp 127.0.0.1:PORT", port).stderr(format!("tcp 127.0.0.1:{port}: connection refused")).exit(1);
    run("http --timeout 5x :PORT", port)
        .stderr(
            "exec-probe http: --timeout \"5x\": wanted a number and ms, s, m or h, such as 500ms; nothing was asked",
        )
        .exit(64);
}

#[test]
fn json_says_the_same_in_fields() {
    let server = Server::answers(2, response("503 X", "", "bo\"dy\\"));
    let port = server.port;
    let (code, stdout, stderr) = run("http --output=json --show-body :PORT/x", port).output();
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    let object: serde_json::Value = serde_json::from_str(&stderr).expect("one object");
    let text = |name: &str| object[name].as_str().map(str::to_owned);
    assert_eq!(object["healthy"], false);
    assert_eq!(text("handler").as_deref(), Some("http"));
    assert_eq!(text("target"), Some(format!("http://localhost:{port}/x")));
    assert_eq!(text("cause").as_deref(), Some("status"));
    assert_eq!(object["status"], 503);
    assert_eq!(text("phase").as_deref(), Some("headers"));
    assert!(object["elapsed_ms"].as_f64().is_some_and(|elapsed| elapsed > 0.0 && elapsed < 5000.0), "{object}");
    let message = format!("http GET http://localhost:{port}/x: status 503, wanted 200-399\nbody: bo\"dy\\");
    assert_eq!(text("message"), Some(message));
    assert_eq!(object.as_object().map(serde_json::Map::len), Some(8));
    let (code, stdout, stderr) = run("http --output json --expect-status 503 :PORT/x", port).output();
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let object: serde_json::Value = serde_json::from_str(&stdout).expect("one object");
    assert_eq!((&object["healthy"], &object["cause"], &object["phase"]), (&true.into(), &().into(), &().into()));
    assert_eq!(object["status"], 503);
}

#[test]
fn long_targets_are_cut() {
    let port = closed_port();
    let target = format!("127.0.0.1:{port}/{}", "x".repeat(500));
    let url = format!("http://{target}");
    run(&format!("http {target}"), port).stderr(format!("http GET {}…: connection refused", &url[..200])).exit(1);
}
