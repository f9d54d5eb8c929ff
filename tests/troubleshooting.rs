//! docs/troubleshooting.md: what it says to run in a container is run here, word for word but for the port.

use crate::support::{Server, exec_probe, response};

const PAGE: &str = include_str!("../docs/troubleshooting.md");

/// The lines of the blocks for a shell.
fn commands() -> Vec<&'static str> {
    let blocks = PAGE.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("```"));
    blocks.flat_map(|(block, _)| block.lines()).collect()
}

#[test]
fn what_is_run_in_a_container_asks_by_hand() {
    let inside: Vec<&str> = commands().iter().filter_map(|line| Some(line.rsplit_once("/exec-probe ")?.1)).collect();
    assert_eq!(inside.len(), 3, "{inside:?}");
    for line in inside {
        let server = Server::answers(1, response("503 X", "", ""));
        let args: Vec<String> =
            line.split(' ').map(|word| word.replace(":8080", &format!(":{}", server.port))).collect();
        let (code, stdout, stderr) = exec_probe(&args).output();
        let last = format!("http GET http://localhost:{}/healthz: status 503, wanted 200-399", server.port);
        assert_eq!((code, stdout.as_str(), stderr.lines().last()), (Some(1), "", Some(last.as_str())), "{line}");
        assert!(stderr.lines().count() > 3, "the phases come first: {stderr}");
    }
}

#[test]
fn every_other_command_asks_an_engine() {
    let others = commands().into_iter().filter(|line| !line.contains("/exec-probe "));
    let known = ["docker inspect ", "podman inspect ", "podman healthcheck "];
    for line in others {
        assert!(known.iter().any(|start| line.starts_with(start)), "{line}: which test runs it?");
    }
}
