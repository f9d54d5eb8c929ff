//! A gRPC server that answers with any bytes: as they are, or as frames whose lengths are right, which gets deeper.
#![no_main]

use std::sync::OnceLock;
use std::time::Duration;

use exec_probe_fuzz::Contract;
use exec_probe_fuzz::server::{Plan, Server};
use libfuzzer_sys::fuzz_target;

/// As for http.
const TIMEOUT: Duration = Duration::from_millis(25);

fuzz_target!(init: exec_probe_fuzz::init(), |data: &[u8]| {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let Some((options, plan)) = data.split_first() else { return };
    let Some(mut plan) = Plan::parse(plan) else { return };
    if options & 1 == 0 {
        plan.answers = plan.answers.iter().map(|answer| frames(answer)).collect();
    }
    let server = SERVER.get_or_init(Server::new);
    server.follow(plan);
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

/// SETTINGS as every server begins with, then one frame for each type, flags, stream, length and payload that can be
/// read (RFC 9113, section 4.1).
fn frames(mut bytes: &[u8]) -> Vec<u8> {
    let mut wire = b"\0\0\0\x04\0\0\0\0\0".to_vec();
    while let Some(([kind, flags, stream, length], rest)) = bytes.split_first_chunk() {
        let (payload, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        wire.extend([0, 0, payload.len() as u8, *kind, *flags, 0, 0, 0, *stream]);
        wire.extend(payload);
        bytes = rest;
    }
    wire
}
