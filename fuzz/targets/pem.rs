//! Any PEM file as authorities, certificate and key. Nobody listens, so the file is all that is looked at; not a byte of it may be
//! shown.
#![no_main]

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;
use std::time::Duration;

use exec_probe_fuzz::{Contract, SECRET};
use libfuzzer_sys::fuzz_target;
use rustix::fs::MemfdFlags;

fuzz_target!(init: exec_probe_fuzz::init(), |data: &[u8]| {
    static FILE: OnceLock<File> = OnceLock::new();
    let Some((options, pem)) = data.split_first() else { return };
    // A file in memory has a path as well, in other processes too, and is a regular one.
    let file =
        FILE.get_or_init(|| rustix::fs::memfd_create("pem", MemfdFlags::CLOEXEC).expect("a file in memory").into());
    file.set_len(0).and_then(|()| file.write_all_at(pem, 0)).expect("a file in memory is written");
    file.write_all_at(SECRET.as_bytes(), pem.len() as u64).expect("a file in memory is written");
    let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
    let mut args = match options & 8 {
        0 => vec!["http".to_owned(), "--unix-socket=/nowhere".to_owned(), "https://localhost/".to_owned()],
        _ => vec!["grpc".to_owned(), "--tls".to_owned(), "unix:/nowhere".to_owned()],
    };
    let choices = ["--cacert", "--cert", "--key"].iter().enumerate();
    args.extend(choices.filter(|(bit, _)| options >> bit & 1 == 1).map(|(_, option)| format!("{option}={path}")));
    let ran = exec_probe_fuzz::run(args);
    ran.check(&Contract { codes: &|code| code == 1 || code == 64, timeout: Duration::from_secs(1) });
});
