//! Status lists, pointers into JSON, lengths and exit codes, compared with another reading of what they mean: taken or refused, and the
//! verdict that follows.
#![no_main]

use std::fs::File;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use exec_probe_fuzz::server::{Plan, Server};
use exec_probe_fuzz::{Contract, Ran, run};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(init: exec_probe_fuzz::init(), |data: &[u8]| {
    let Some(([kind, seed], text)) = data.split_first_chunk() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    // A placeholder's value is another text than the one that is read here.
    let typed = if kind % 6 == 5 { text.split('\n').next().unwrap_or_default() } else { text };
    if typed.contains(['\0', '{']) {
        return;
    }
    match kind % 6 {
        // A status below 200 would not be the last one.
        0 => status_list(text, 200 + u16::from(*seed) * 3),
        1 => serving_list(text),
        2 => max_age(text, *seed),
        3 => timeout(text),
        5 => json(text),
        _ => unhealthy_exit(text),
    }
});

fn check(ran: &Ran, wanted: u8) {
    ran.check(&Contract { codes: &|code| code == wanted, timeout: Duration::from_secs(5) });
}

/// The one server: its path is the process's own.
fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::new)
}

/// The server answers with a status, which is healthy if the list holds it.
fn status_list(text: &str, status: u16) {
    let server = server();
    let one = |text: &str| {
        let number = text.parse::<u16>().ok().filter(|number| (100..1000).contains(number));
        number.filter(|number| number.to_string() == text)
    };
    let list: Option<Vec<(u16, u16)>> = if text == "any" { "100-999" } else { text }
        .split(',')
        .map(|part| match *part.split('-').collect::<Vec<_>>() {
            [only] => one(only).map(|only| (only, only)),
            [first, last] => Some((one(first)?, one(last)?)).filter(|(first, last)| first <= last),
            _ => None,
        })
        .collect();
    let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n").into_bytes();
    server.follow(Plan { answers: vec![answer], ..Plan::default() });
    let ran = run([
        "http",
        "--timeout=5s",
        "--redirects=none",
        &format!("--unix-socket={}", server.path.display()),
        &format!("--expect-status={text}"),
        "/",
    ]);
    let wanted = match list {
        None => 64,
        Some(list) if list.iter().any(|(first, last)| (first..=last).contains(&&status)) => 0,
        Some(_) => 1,
    };
    check(&ran, wanted);
}

/// The first line is what is wanted, the rest a body, which another reader of JSON and of pointers looks at.
fn json(text: &str) {
    let server = server();
    let Some((wanted, body)) = text.split_once('\n') else { return };
    let head = format!("HTTP/1.1 200 x\r\nContent-Length: {}\r\n\r\n", body.len());
    server.follow(Plan { answers: vec![[head.as_bytes(), body.as_bytes()].concat()], ..Plan::default() });
    let socket = format!("--unix-socket={}", server.path.display());
    let ran = run(["http", "--timeout=5s", &socket, &format!("--expect-json={wanted}"), "/"]);
    let is_quoted =
        wanted.len() > 1 && ['"', '\''].iter().any(|quote| wanted.starts_with(*quote) && wanted.ends_with(*quote));
    let pair = wanted.split_once('=').filter(|(pointer, values)| {
        let is_pointer = pointer.is_empty() || pointer.starts_with('/');
        let is_escaped = pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        is_pointer && is_escaped && values.split('|').all(|value| !value.is_empty()) && !is_quoted
    });
    let Some((pointer, values)) = pair else { return check(&ran, 64) };
    if body.len() > 64 * 1024 {
        return check(&ran, 1);
    }
    // It stops at a depth of 128, at numbers that are too large for it, and at half characters anywhere.
    let Ok(json) = serde_json::from_str::<Value>(body.strip_prefix('\u{feff}').unwrap_or(body)) else {
        return ran.check(&Contract { codes: &|code| code <= 1, timeout: Duration::from_secs(5) });
    };
    let place = json.pointer(pointer);
    let is_wanted = |value: &str| match place {
        Some(Value::String(text)) => text == value,
        Some(Value::Number(number)) => value.parse::<f64>().ok() == number.as_f64(),
        Some(word @ (Value::Bool(_) | Value::Null)) => word.to_string() == value,
        _ => false,
    };
    let is_wanted = values.split('|').any(is_wanted);
    // Numbers that differ may be the same as floating-point numbers, and Rust reads some that are none in JSON.
    if !(is_wanted && place.is_some_and(Value::is_number)) {
        check(&ran, u8::from(!is_wanted));
    }
}

/// Nobody answers: what can be read is a refusal.
fn serving_list(text: &str) {
    let names = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
    let is_list = text == "any" || text.split(',').all(|name| names.contains(&name));
    let ran = run(["grpc", &format!("--expect-status={text}"), "unix:/nowhere"]);
    check(&ran, if is_list { 1 } else { 64 });
}

/// A file that is known to be of some age is compared with it.
fn max_age(text: &str, seed: u8) {
    static PATH: OnceLock<String> = OnceLock::new();
    let path = PATH.get_or_init(|| format!("{}/file-{}", std::env::temp_dir().display(), std::process::id()));
    let age = Duration::from_millis(1 << (seed % 36));
    let Some(modified) = SystemTime::now().checked_sub(age) else { return };
    File::create(path).and_then(|file| file.set_modified(modified)).expect("a file of some age");
    let ran = run(["file", &format!("--max-age={text}"), path.as_str()]);
    let wanted = match nanos(text) {
        None => 64,
        // The clock goes on: what lies too near is not judged.
        Some(most) if most.abs_diff(age.as_nanos()) < 3_000_000_000 => ran.code,
        Some(most) => u8::from(most < age.as_nanos()),
    };
    check(&ran, wanted);
}

fn timeout(text: &str) {
    let ran = run(["tcp", &format!("--timeout={text}"), "unix:/nowhere"]);
    let is_length = nanos(text).is_some_and(|nanos| nanos <= 24 * 3_600_000_000_000);
    check(&ran, if is_length { 1 } else { 64 });
}

fn unhealthy_exit(text: &str) {
    let ran = run(["tcp", &format!("--unhealthy-exit={text}"), "unix:/nowhere"]);
    let digits = text.trim_start_matches('0');
    let wanted = (1..=124).filter(|code| ![2, 64, 70].contains(code)).find(|code: &u8| code.to_string() == digits);
    check(&ran, wanted.unwrap_or(64));
}

/// Another reading of a length: digit by digit, in nanoseconds. None if it is no length, zero, or over a century.
fn nanos(text: &str) -> Option<u128> {
    const SECOND: u128 = 1_000_000_000;
    let units = [("ms", SECOND / 1000), ("s", SECOND), ("m", 60 * SECOND), ("h", 3600 * SECOND), ("", SECOND)];
    let (number, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))?;
    let mut parts = number.split('.');
    let (whole, fraction, rest) = (parts.next()?, parts.next(), parts.next());
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if rest.is_some() || !is_number(whole) || fraction.is_some_and(|text| !is_number(text) || text.len() > 9) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole: u128 = if whole.len() > 20 { return None } else { format!("0{whole}").parse().ok()? };
    let mut sum = whole * unit;
    let mut part = unit;
    let mut remainder = 0;
    for digit in fraction.unwrap_or_default().bytes() {
        // Nanoseconds are cut off once, at the end.
        remainder = remainder * 10 + u128::from(digit - b'0') * unit;
        part *= 10;
    }
    sum += remainder / (part / unit);
    (sum > 0 && sum < 100 * 366 * 24 * 3_600_000_000_000).then_some(sum)
}
