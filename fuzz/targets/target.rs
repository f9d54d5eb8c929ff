//! Any TARGET of the three handlers that have one. It runs where nothing listens: a probe is never healthy, and what it
//! shows as its target leads to the same place.
#![no_main]

use std::time::Duration;

use exec_probe_fuzz::{Contract, Ran};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: exec_probe_fuzz::init(), |data: &[u8]| {
    let Some((how, target)) = data.split_first() else { return };
    let Ok(target) = std::str::from_utf8(target) else { return };
    if target.contains('\0') || target.is_empty() {
        return;
    }
    let command = ["http", "tcp", "grpc"][usize::from(how % 3)];
    let ran = ask(command, target);
    let shown = ran.json()["target"].as_str().unwrap_or_default().to_owned();
    // What was cut, cleaned, or stands for a placeholder is for reading only; so are two slashes at a path's start.
    let is_whole = !shown.contains(['…', '?', '{']) && !target.contains('{') && !shown.starts_with("unix://");
    // Over a socket, http shows the URL that it asks for there.
    let is_socket = command == "http" && target.starts_with("unix");
    if ran.code == 1 && is_whole && !is_socket {
        let again = ask(command, &shown);
        let what = |ran: &Ran| {
            let mut object = ran.json();
            object["elapsed_ms"].take();
            object
        };
        assert_eq!(what(&ran), what(&again), "the target shown is another one than {target:?}");
    }
});

fn ask(command: &str, target: &str) -> Ran {
    let ran = exec_probe_fuzz::run([command, "--timeout=500ms", "--output=json", "--", target]);
    ran.check(&Contract { codes: &|code| code == 1 || code == 64, timeout: Duration::from_millis(500) });
    ran
}
