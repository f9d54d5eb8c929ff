//! A server that says any bytes to what tcp sends, or before it, with cuts and pauses; and texts with escapes, compared with
//! another reading of them.
#![no_main]

use std::sync::OnceLock;
use std::time::Duration;

use exec_probe_fuzz::server::{Ending, Plan, Server};
use exec_probe_fuzz::{Contract, run};
use libfuzzer_sys::fuzz_target;

/// As for http.
const TIMEOUT: Duration = Duration::from_millis(25);

/// Where nobody is made to wait.
const LONG: Duration = Duration::from_secs(5);

fuzz_target!(init: exec_probe_fuzz::init(), |data: &[u8]| {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let server = SERVER.get_or_init(Server::new);
    match data.split_first() {
        Some((0, text)) => escapes(server, text),
        Some((options, plan)) => said(server, *options, plan),
        None => {}
    }
});

/// The server answers by the plan.
fn said(server: &Server, options: u8, plan: &[u8]) {
    let Some(plan) = Plan::parse(plan) else { return };
    server.follow(plan);
    let target = format!("unix:{}", server.path.display());
    let mut args = vec!["tcp", "--timeout=25ms", r"--send=AUTH {env.SECRET}\r\n"];
    let choices = ["--verbose", "--output=json", "--expect-banner=220", "--proxy-protocol=v2"];
    args.extend(choices.iter().enumerate().filter(|(bit, _)| options >> bit & 1 == 1).map(|(_, option)| *option));
    args.push(if options & 0b1_0000 == 0 { "--expect=+OK" } else { r"--expect=\x00\xff" });
    args.push(&target);
    let ran = run(args);
    ran.check(&Contract { codes: &|code| code <= 1, timeout: TIMEOUT });
    if options & 0b11 == 0b10 {
        assert_eq!(ran.json()["handler"], "tcp", "{ran:#?}");
    }
}

/// The server says the text's bytes, which are then the wanted ones; with one less they are not.
fn escapes(server: &Server, text: &[u8]) {
    let Some(typed) = std::str::from_utf8(text).ok().filter(|text| !text.contains(['\0', '{'])) else { return };
    let bytes = unescaped(typed).filter(|bytes| (1..=4096).contains(&bytes.len()));
    let said = bytes.clone().unwrap_or_default();
    let wanted = if bytes.is_some() { [0, 1] } else { [64, 64] };
    for (len, code) in [(said.len(), wanted[0]), (said.len().saturating_sub(1), wanted[1])] {
        let answers = vec![said[..len].to_vec()];
        server.follow(Plan { answers, ending: Ending::Close, hasty: true, ..Plan::default() });
        let target = format!("unix:{}", server.path.display());
        let ran = run(["tcp", "--timeout=5s", &format!("--expect-banner={typed}"), &target]);
        ran.check(&Contract { codes: &|got| got == code, timeout: LONG });
    }
}

/// Character by character.
fn unescaped(typed: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut chars = typed.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            bytes.extend(char.to_string().into_bytes());
            continue;
        }
        bytes.push(match chars.next()? {
            'r' => 13,
            'n' => 10,
            't' => 9,
            '0' => 0,
            '\\' => 92,
            'x' => {
                let digits = [chars.next()?, chars.next()?].map(|digit| digit.to_digit(16));
                u8::try_from(digits[0]? * 16 + digits[1]?).ok()?
            }
            _ => return None,
        });
    }
    Some(bytes)
}
