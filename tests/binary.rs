//! What holds for every command: the binary is static, shows nothing of its inside, and has the same exit codes whatever
//! its descriptors are.

use std::process::Stdio;

use crate::support::{Server, binary, closed_port, exec_probe, response};

#[test]
fn the_binary_is_static() {
    let elf = std::fs::read(binary()).expect("the binary");
    assert_eq!(&elf[..4], b"\x7fELF");
    let big_endian = elf[5] == 2;
    let number = |at: usize, len: usize| {
        let add = |number: usize, byte: &u8| number << 8 | usize::from(*byte);
        let bytes = &elf[at..at + len];
        if big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
    };
    // Program headers (elf.h): 2 is PT_DYNAMIC, which a NEEDED entry would stand in, 3 is PT_INTERP.
    let (start, size, count) = match elf[4] {
        1 => (number(28, 4), number(42, 2), number(44, 2)),
        class => {
            assert_eq!(class, 2, "an ELF class");
            (number(32, 8), number(54, 2), number(56, 2))
        }
    };
    let kinds: Vec<usize> = (0..count).map(|at| number(start + at * size, 4)).collect();
    assert!(!kinds.contains(&2) && !kinds.contains(&3), "{kinds:?}");
    assert!(kinds.contains(&1), "{kinds:?}: something is loaded");
}

#[test]
fn help_and_version_are_healthy_and_no_command_is_not() {
    let (code, help, stderr) = exec_probe(["help"]).output();
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(help.starts_with("exec-probe asks a container"), "{help}");
    assert_eq!(exec_probe(["--help"]).output(), (Some(0), help.clone(), String::new()));
    for args in [&[][..], &["-h"]] {
        assert_eq!(exec_probe(args).output(), (Some(64), String::new(), help.clone()));
    }
    exec_probe(["--version"]).stdout(format!("exec-probe {}", env!("CARGO_PKG_VERSION"))).exit(0);
    for command in ["http", "tcp", "grpc", "file", "install", "serve"] {
        let (code, help, stderr) = exec_probe(["help", command]).output();
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        assert!(help.starts_with(&format!("exec-probe {command} [OPTIONS] ")), "{help}");
        assert_eq!(exec_probe([command, "--nonsense", "--help"]).output().0, Some(64));
        assert_eq!(exec_probe([command, "--help"]).output(), (Some(0), help, String::new()));
    }
}

#[test]
fn a_closed_or_full_standard_output_changes_no_exit_code() {
    let server = Server::answers(2, response("200 OK", "", ""));
    let target = format!(":{}", server.port);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let status = exec_probe(["http", &target]).command().stdout(writer).status();
    assert_eq!(status.expect("it runs").code(), Some(0), "nobody reads");
    let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let status = exec_probe(["http", &target]).command().stdout(full).status();
    assert_eq!(status.expect("it runs").code(), Some(0), "no room");
    let port = closed_port();
    let status =
        exec_probe(["http", &format!(":{port}")]).command().stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert_eq!(status.expect("it runs").code(), Some(1));
}

#[test]
fn closed_descriptors_change_no_exit_code() {
    let server = Server::answers(3, response("200 OK", "", ""));
    for close in ["0<&-", "1>&-", "0<&- 1>&- 2>&-"] {
        let script = format!("exec \"$0\" http :{} {close}", server.port);
        let mut shell = std::process::Command::new("/bin/sh");
        let status = shell.args(["-c", &script]).arg(binary()).status();
        assert_eq!(status.expect("a shell").code(), Some(0), "{close}");
    }
    let script = format!("exec \"$0\" http :{} 0<&- 1>&- 2>&-", closed_port());
    let status = std::process::Command::new("/bin/sh").args(["-c", &script]).arg(binary()).status();
    assert_eq!(status.expect("a shell").code(), Some(1));
}
