//! A gRPC server that answers with any bytes.
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
    let target = format!("unix:{}", server.path.display());
    let mut args = vec!["grpc", "--timeout=25ms", "--metadata=x-token: {env.SECRET}"];
    let choices = ["--verbose", "--output=json", "--expect-status=any", "--expect-status=NOT_SERVING", "--tls"];
    args.extend(choices.iter().enumerate().filter(|(bit, _)| options >> (bit + 1) & 1 == 1).map(|(_, option)| *option));
    if options & 0b1_1000 == 0b1_1000 {
        args.retain(|arg| *arg != "--expect-status=any");
    }
    args.push(&target);
    let ran = exec_probe_fuzz::run(args);
    ran.check(&Contract { codes: &|code| code <= 1, timeout: TIMEOUT });
    if options & 0b110 == 0b100 {
        assert_eq!(ran.json()["handler"], "grpc", "{ran:#?}");
    }
});
