//! An HTTP/2 server that answers `http --http2` with any bytes.
#![no_main]

use std::sync::OnceLock;
use std::time::Duration;

use exec_probe_fuzz::Contract;
use exec_probe_fuzz::server::Server;
use libfuzzer_sys::fuzz_target;

/// As for http.
const TIMEOUT: Duration = Duration::from_millis(25);

fuzz_target!(init: exec_probe_fuzz::init(), |data: &[u8]| {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let server = SERVER.get_or_init(Server::new);
    let Some(options) = server.follow_http2(data) else { return };
    let socket = format!("--unix-socket={}", server.path.display());
    let mut args = vec!["http", "--http2", "--timeout=25ms", &socket, "--header=X-Token: {env.SECRET}"];
    let choices =
        ["--verbose", "--output=json", "--show-body", "--expect-body=ok", "--expect-json=/status=UP", "--method=POST"];
    args.extend(choices.iter().enumerate().filter(|(bit, _)| options >> (bit + 1) & 1 == 1).map(|(_, option)| *option));
    args.push(if options & 0b1000_0000 == 0 { "/" } else { "https://localhost/" });
    let ran = exec_probe_fuzz::run(args);
    ran.check(&Contract { codes: &|code| code <= 1, timeout: TIMEOUT });
    if options & 0b110 == 0b100 {
        assert_eq!(ran.json()["handler"], "http", "{ran:#?}");
    }
});
