//! An HTTP server that answers with any bytes, with cuts and pauses, to a request with any of the options that read an
//! answer in another way; over TLS, what stands where its records should.
#![no_main]

use std::sync::OnceLock;
use std::time::Duration;

use exec_probe_fuzz::Contract;
use exec_probe_fuzz::server::{Plan, Server};
use libfuzzer_sys::fuzz_target;

/// Long enough for the pauses of an answer, short enough for many silent ones.
const TIMEOUT: Duration = Duration::from_millis(25);

fuzz_target!(init: exec_probe_fuzz::init(), |data: &[u8]| {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let Some((options, plan)) = data.split_first() else { return };
    let Some(plan) = Plan::parse(plan) else { return };
    let server = SERVER.get_or_init(Server::new);
    server.follow(plan);
    let socket = format!("--unix-socket={}", server.path.display());
    let mut args = vec!["http", "--timeout=25ms", &socket, "--header=X-Token: {env.SECRET}"];
    let choices = ["--expect-body=ok", "--show-body", "--verbose", "--output=json", "--method=HEAD", "--redirects=none"];
    args.extend(choices.iter().enumerate().filter(|(bit, _)| options >> bit & 1 == 1).map(|(_, option)| *option));
    // In place of the text, values of JSON.
    if options & 0b1000_0001 == 0b1000_0001 {
        args.retain(|arg| *arg != "--expect-body=ok");
        args.extend(["--expect-json=/status=UP|1", "--expect-json=/a/0/~1=ok|2.0|null"]);
    }
    // A HEAD response has no body to look into.
    if options & 0b1_0001 == 0b1_0001 {
        args.retain(|arg| *arg != "--method=HEAD");
    }
    if options & 0b1000_0000 != 0 {
        args.push("--expect-status=100-999");
    }
    args.push(if options & 0b100_0000 == 0 { "/" } else { "https://localhost/" });
    let ran = exec_probe_fuzz::run(args);
    ran.check(&Contract { codes: &|code| code <= 1, timeout: TIMEOUT });
    if options & 0b1100 == 0b1000 {
        assert_eq!(ran.json()["handler"], "http", "{ran:#?}");
    }
});
