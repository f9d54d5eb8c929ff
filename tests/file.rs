//! The file handler.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use crate::support::{Folder, binary, exec_probe};

#[test]
fn a_regular_file_is_healthy_and_so_is_a_link_to_one() {
    let folder = Folder::new();
    let file = folder.file("healthy", "");
    let link = folder.path("link");
    symlink(&file, &link).expect("a link");
    for path in [file, link] {
        exec_probe(["file", &path]).stdout(format!("file {path}: as wanted (TIME)")).exit(0);
    }
}

#[test]
fn what_is_no_readable_file_is_unhealthy_and_told() {
    let folder = Folder::new();
    let fifo = folder.path("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
    let dangling = folder.path("dangling");
    symlink("nowhere", &dangling).expect("a link");
    let round = folder.path("round");
    symlink(&round, &round).expect("a link");
    let socket = folder.path("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("bound");
    let rows = [
        (folder.path("missing"), "no such file"),
        (folder.path("healthy/below"), "no such file"),
        (dangling, "no such file"),
        (folder.path("."), "a folder, wanted a regular file"),
        (fifo, "a FIFO, wanted a regular file"),
        (socket, "a socket, wanted a regular file"),
        ("/dev/null".to_owned(), "a device, wanted a regular file"),
        (round, "stat gave ELOOP"),
    ];
    folder.file("healthy", "");
    for (path, wanted) in rows {
        exec_probe(["file", &path]).stderr(format!("file {path}: {wanted}")).takes(0, 1000).exit(1);
    }
}

#[test]
fn an_unreadable_file_is_unhealthy() {
    let folder = Folder::new();
    let file = folder.file("secret", "");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).expect("a mode");
    if std::fs::File::open(&file).is_ok() {
        // Root reads everything; another user's eyes are needed then.
        let output = std::process::Command::new("setpriv")
            .args(["--reuid=65534", "--clear-groups", "--"])
            .arg(binary())
            .args(["file", &file])
            .output();
        let output = output.expect("setpriv, from util-linux");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        // The binary itself may lie where that user can't reach it.
        if !stderr.starts_with("setpriv:") {
            assert_eq!(stderr, format!("file {file}: permission denied\n"));
            assert_eq!(output.status.code(), Some(1));
            return;
        }
        let copy = folder.path("exec-probe");
        std::fs::copy(binary(), &copy).expect("a copy");
        std::fs::set_permissions(&folder.0, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        let output = std::process::Command::new("setpriv")
            .args(["--reuid=65534", "--clear-groups", "--", &copy, "file", &file])
            .output()
            .expect("setpriv, from util-linux");
        assert_eq!(String::from_utf8_lossy(&output.stderr), format!("file {file}: permission denied\n"));
        assert_eq!(output.status.code(), Some(1));
        return;
    }
    exec_probe(["file", &file]).stderr(format!("file {file}: permission denied")).exit(1);
}

#[test]
fn age_is_counted_from_the_modification_time() {
    let folder = Folder::new();
    let file = folder.file("beat", "");
    let set = |time| {
        let open = std::fs::File::options().append(true).open(&file).expect("opened");
        open.set_modified(time).expect("a time");
    };
    let max_age = "--max-age=30s";
    let healthy = format!("file {file}: as wanted (TIME)");
    exec_probe(["file", max_age, &file]).stdout(&healthy).exit(0);
    set(SystemTime::now() - Duration::from_secs(40));
    exec_probe(["file", max_age, &file]).stderr(format!("file {file}: not modified in the last 30s")).exit(1);
    let (code, _, stderr) = exec_probe(["file", "-v", max_age, &file]).output();
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with("note: modified 4"), "a stale file's age is told too: {stderr}");
    exec_probe(["file", "--max-age=1m", &file]).stdout(&healthy).exit(0);
    set(SystemTime::now() + Duration::from_secs(3600));
    exec_probe(["file", max_age, &file]).stdout(&healthy).exit(0);
    let (code, _, stderr) = exec_probe(["file", "-v", max_age, &file]).output();
    assert_eq!(code, Some(0));
    assert!(stderr.contains("in the future, which counts as fresh"), "{stderr}");
}

#[test]
fn content_is_looked_for_in_the_first_64_kib() {
    let folder = Folder::new();
    let near = folder.file("near", format!("{}ready", "x".repeat(65_531)));
    let far = folder.file("far", format!("{}ready", "x".repeat(65_532)));
    exec_probe(["file", "--contains=ready", &near]).stdout(format!("file {near}: as wanted (TIME)")).exit(0);
    exec_probe(["file", "--contains", "ready", &far])
        .stderr(format!("file {far}: no \"ready\" in the file's first 64 KiB"))
        .exit(1);
    let absent = folder.file("absent", "steady");
    exec_probe(["file", "--contains=ready", &absent])
        .stderr(format!("file {absent}: no \"ready\" in the file"))
        .exit(1);
}
