//! The install command: old or new, never torn, and nothing left beside it. What takes another user, a mount of its
//! own or a kill is in the second run, `tests/e2e/test_install.py`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Folder, binary, exec_probe};

fn bytes() -> Vec<u8> {
    fs::read(binary()).expect("the binary")
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn make_fifo(path: &str) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
}

fn copied() -> String {
    format!("copied, {} bytes (TIME)", bytes().len())
}

/// Checks that the copy is whole, runs, and has nothing beside it but `others`.
fn check_copy(folder: &Folder, name: &str, others: &[&str]) {
    let path = folder.0.join(name);
    assert!(fs::read(&path).expect("the copy") == bytes(), "{name}: other bytes");
    assert_eq!(fs::metadata(&path).expect("the copy").mode() & 0o7777, 0o755, "{name}");
    let ran = Command::new(&path).arg("--version").output().expect("the copy runs");
    assert_eq!(ran.status.code(), Some(0));
    let mut wanted: Vec<&str> = others.iter().copied().chain([name]).collect();
    wanted.sort_unstable();
    assert_eq!(names(&folder.0), wanted);
}

#[test]
fn a_folder_keeps_the_name_and_a_file_gives_one() {
    let folder = Folder::new();
    let path = folder.0.to_str().expect("UTF-8");
    exec_probe(["install", path]).stdout(format!("install {path}/exec-probe: {}", copied())).exit(0);
    check_copy(&folder, "exec-probe", &[]);
    exec_probe(["install", &format!("{path}/")])
        .stdout(format!("install {path}/exec-probe: there already, the same bytes (TIME)"))
        .exit(0);
    let other = Folder::new();
    let file = other.path("probe");
    exec_probe(["install", &file]).stdout(format!("install {file}: {}", copied())).exit(0);
    check_copy(&other, "probe", &[]);
}

#[test]
fn a_slash_at_the_end_makes_the_folder() {
    let folder = Folder::new();
    let place = folder.path("bin");
    let line = format!("install {place}/exec-probe: {}", copied());
    let script = "umask 077; exec \"$0\" install --link=curl \"$1/\"";
    let ran = Command::new("/bin/sh").args(["-c", script]).arg(binary()).arg(&place).output().expect("a shell");
    assert_eq!((ran.status.code(), ran.stderr.as_slice()), (Some(0), &b""[..]));
    assert_eq!(fs::metadata(&place).expect("a folder").mode() & 0o777, 0o755, "everybody may look into it");
    assert_eq!(names(Path::new(&place)), ["curl", "exec-probe"]);
    assert!(fs::read(format!("{place}/exec-probe")).expect("the copy") == bytes());
    assert_eq!(names(&folder.0), ["bin"]);

    // What a group of the folder above passes on, as the kubelet sets it for fsGroup, stays.
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o2777)).expect("a mode");
    let place = folder.path("group");
    exec_probe(["install", &format!("{place}//")]).stdout(line.replace("/bin/", "/group/")).exit(0);
    assert_eq!(fs::metadata(&place).expect("a folder").mode() & 0o7777, 0o2755);
}

#[test]
fn without_a_slash_at_the_end_a_missing_name_is_the_copys() {
    let folder = Folder::new();
    exec_probe(["install", "--quiet", &folder.path("bin")]).exit(0);
    check_copy(&folder, "bin", &[]);
}

#[test]
fn a_folder_that_was_made_goes_with_a_failure() {
    let folder = Folder::new();
    let place = folder.path("bin");
    // A write beyond the limit is an error where its signal is ignored.
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$0\" install --link=curl \"$1/\"";
    let ran = Command::new("/bin/sh").args(["-c", script]).arg(binary()).arg(&place).output().expect("a shell");
    assert_eq!(String::from_utf8_lossy(&ran.stderr), format!("install {place}/exec-probe: write gave EFBIG\n"));
    assert_eq!(ran.status.code(), Some(1));
    assert_eq!(names(&folder.0), [""; 0]);
}

#[test]
fn a_placeholder_names_the_place() {
    let folder = Folder::new();
    exec_probe(["install", "--quiet", "{env.PLACE}"]).env("PLACE", &folder.0).exit(0);
    check_copy(&folder, "exec-probe", &[]);
    exec_probe(["install", "{env.PLACE}"])
        .env("PLACE", &folder.0)
        .stdout("install {env.PLACE}/exec-probe: there already, the same bytes (TIME)")
        .exit(0);
}

#[test]
fn what_stands_there_is_replaced_whole() {
    let old: [&[u8]; 3] = [b"", b"old", &vec![0; 60_000_000]];
    for content in old {
        let folder = Folder::new();
        let file = folder.file("exec-probe", content);
        exec_probe(["install", &file]).stdout(format!("install {file}: {}", copied())).exit(0);
        check_copy(&folder, "exec-probe", &[]);
    }
    // The same bytes that nobody may execute are no copy.
    let folder = Folder::new();
    let file = folder.file("exec-probe", bytes());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("a mode");
    exec_probe(["install", &file]).stdout(format!("install {file}: {}", copied())).exit(0);
    check_copy(&folder, "exec-probe", &[]);
    // A link is replaced, and what it leads to is left alone.
    let folder = Folder::new();
    let elsewhere = folder.file("elsewhere", "mine");
    let file = folder.path("exec-probe");
    symlink("elsewhere", &file).expect("a link");
    exec_probe(["install", &file]).stdout(format!("install {file}: {}", copied())).exit(0);
    check_copy(&folder, "exec-probe", &["elsewhere"]);
    assert_eq!(fs::read(elsewhere).expect("left alone"), b"mine");
}

#[test]
fn a_copy_that_runs_is_replaced() {
    let folder = Folder::new();
    let file = folder.path("exec-probe");
    fs::copy(binary(), &file).expect("a copy");
    fs::OpenOptions::new()
        .append(true)
        .open(&file)
        .and_then(|mut file| std::io::Write::write_all(&mut file, b"old"))
        .expect("older");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let target = listener.local_addr().expect("bound").to_string();
    let mut running = loop {
        match Command::new(&file).args(["http", "--timeout=20s", &target]).stderr(Stdio::null()).spawn() {
            // A process that another test is just starting still has the file open for writing, until it becomes another.
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
            spawned => break spawned.expect("it runs"),
        }
    };
    let (stream, _) = listener.accept().expect("it asks");
    exec_probe(["install", &file]).stdout(format!("install {file}: {}", copied())).exit(0);
    assert_eq!(running.try_wait().expect("its state"), None, "it runs on");
    drop(stream);
    assert_eq!(running.wait().expect("it ends").code(), Some(1));
    check_copy(&folder, "exec-probe", &[]);
}

#[test]
fn the_umask_changes_nothing() {
    let folder = Folder::new();
    let script = "umask 077; exec \"$0\" install \"$1\"";
    let ran = Command::new("/bin/sh").args(["-c", script]).arg(binary()).arg(&folder.0).output();
    assert_eq!(ran.expect("a shell").status.code(), Some(0));
    check_copy(&folder, "exec-probe", &[]);
}

#[test]
fn links_are_relative_and_renewed() {
    let folder = Folder::new();
    let path = folder.0.to_str().expect("UTF-8");
    symlink("/elsewhere", folder.path("curl")).expect("a link");
    let args = ["install", "--link=curl", "--link", "grpc_health_probe", path];
    exec_probe(args).stdout(format!("install {path}/exec-probe: {}", copied())).exit(0);
    exec_probe(args).stdout(format!("install {path}/exec-probe: there already, the same bytes (TIME)")).exit(0);
    check_copy(&folder, "exec-probe", &["curl", "grpc_health_probe"]);
    for link in ["curl", "grpc_health_probe"] {
        assert_eq!(fs::read_link(folder.path(link)).expect("a link"), Path::new("exec-probe"));
        let ran = Command::new(folder.path(link)).arg("--version").output().expect("the link runs");
        assert_eq!(ran.status.code(), Some(0), "a linked name does nothing special");
    }
}

#[test]
fn what_can_not_be_done_is_told_and_changes_nothing() {
    let folder = Folder::new();
    let file = folder.file("file", "mine");
    fs::create_dir(folder.path("busy")).expect("a folder");
    fs::create_dir(folder.path("busy/exec-probe")).expect("a folder");
    make_fifo(&folder.path("fifo"));
    symlink("/elsewhere", folder.path("curl")).expect("a link");
    let path = folder.0.to_str().expect("UTF-8").to_owned();
    symlink("/no/where", folder.path("nowhere")).expect("a link");
    let before = names(&folder.0);
    let rows: [(&[&str], String); 11] = [
        // One folder is made, and no path of folders.
        (&[&format!("{path}/none/deep/")], format!("install {path}/none/deep/exec-probe: no folder {path}/none")),
        (
            &[&format!("{path}/nowhere/")],
            format!("install {path}/nowhere/exec-probe: a link named {path}/nowhere is in the way"),
        ),
        (&[&format!("{path}/none/probe")], format!("install {path}/none/probe: no folder {path}/none")),
        (&[&format!("{file}/")], format!("install {file}/exec-probe: a file named {file} is in the way")),
        (&[&format!("{file}/probe")], format!("install {file}/probe: a file named {file} is in the way")),
        (
            &[&format!("{path}/busy")],
            format!("install {path}/busy/exec-probe: a folder named exec-probe is in the way"),
        ),
        (&["--link=file", &path], format!("install {path}/exec-probe: a file named file is in the way")),
        (&["--link=busy", &path], format!("install {path}/exec-probe: a folder named busy is in the way")),
        (&["/dev/null/x"], "install /dev/null/x: a file named /dev/null is in the way".to_owned()),
        (&[&format!("{path}/fifo")], format!("install {path}/fifo: a FIFO named fifo is in the way")),
        (
            &["--link=curl", "--link=file", &path],
            format!("install {path}/exec-probe: a file named file is in the way"),
        ),
    ];
    for (args, wanted) in rows {
        let (code, stdout, stderr) = exec_probe(["install"].iter().chain(args)).output();
        assert_eq!((code, stdout.as_str(), stderr.trim_end()), (Some(1), "", wanted.as_str()), "{args:?}");
        assert_eq!(names(&folder.0), before, "{args:?}");
    }
    assert_eq!(fs::read(&file).expect("left alone"), b"mine");
    assert_eq!(fs::read_link(folder.path("curl")).expect("left alone"), Path::new("/elsewhere"));
}

#[test]
fn what_fails_in_the_middle_of_the_copy_leaves_nothing() {
    let folder = Folder::new();
    let file = folder.file("exec-probe", "old");
    // A write beyond the limit is an error where its signal is ignored.
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$0\" install --link=curl \"$1\"";
    let ran = Command::new("/bin/sh").args(["-c", script]).arg(binary()).arg(&file).output().expect("a shell");
    assert_eq!(String::from_utf8_lossy(&ran.stderr), format!("install {file}: write gave EFBIG\n"));
    assert_eq!(ran.status.code(), Some(1));
    assert_eq!(names(&folder.0), ["exec-probe"]);
    assert_eq!(fs::read(&file).expect("left alone"), b"old");
}

#[test]
fn a_program_can_tell_failures_apart() {
    let folder = Folder::new();
    folder.file("file", "mine");
    let path = folder.0.to_str().expect("UTF-8");
    let rows: [(&[&str], &str); 2] =
        [(&["--link=file", path], "in-the-way"), (&[&format!("{path}/none/deep/")], "no-folder")];
    for (args, cause) in rows {
        let (code, _, stderr) = exec_probe(["install", "--output=json"].iter().chain(args)).output();
        assert_eq!(code, Some(1));
        assert!(stderr.contains(&format!("\"cause\":\"{cause}\"")), "{stderr}");
    }
}

#[test]
fn names_of_any_length_are_enough() {
    let folder = Folder::new();
    let (copy, link) = ("c".repeat(255), "l".repeat(255));
    let file = folder.path(&copy);
    exec_probe(["install", "--quiet", "--link", &link, &file]).exit(0);
    check_copy(&folder, &copy, &[&link]);
    assert_eq!(fs::read_link(folder.path(&link)).expect("a link"), Path::new(&copy));
    let file = folder.path(&"c".repeat(256));
    let (code, _, stderr) = exec_probe(["install", &file]).output();
    assert_eq!(code, Some(1));
    assert!(stderr.ends_with(": the name is too long (stat)\n"), "{stderr}");
}

#[test]
fn what_a_placeholder_gave_is_not_shown() {
    let folder = Folder::new();
    folder.file("s3cret", "mine");
    let path = folder.0.to_str().expect("UTF-8");
    let rows: [(&[&str], &str); 7] = [
        (&["{env.NONE}/"], "install {env.NONE}/exec-probe: no folder {env.NONE}/.."),
        (&["{env.NONE}/deep/"], "install {env.NONE}/deep/exec-probe: no folder {env.NONE}"),
        (&["{env.PLACE}/s3cret/no/x"], "install {env.PLACE}/s3cret/no/x: no folder {env.PLACE}/s3cret/no"),
        (&["{env.FILE}/no/x"], "install {env.FILE}/no/x: no folder {env.FILE}/no"),
        (&["{env.FILE}/x"], "install {env.FILE}/x: a file named {env.FILE} is in the way"),
        (&["{env.NONE}"], "install {env.NONE}: no folder {env.NONE}/.."),
        (
            &["--link={env.NAME}", "{env.PLACE}"],
            "install {env.PLACE}/exec-probe: a file named {env.NAME} is in the way",
        ),
    ];
    for (args, wanted) in rows {
        exec_probe(["install"].iter().chain(args))
            .env("PLACE", path)
            .env("FILE", format!("{path}/s3cret"))
            .env("NONE", format!("{path}/s3cret-none/x"))
            .env("NAME", "s3cret")
            .stderr(wanted)
            .exit(1);
    }
}

#[test]
fn wrong_command_lines_are_told() {
    let rows: [(&[&str], &str); 10] = [
        (&[], "no DEST: wanted one, such as /probe"),
        (&["a", "b"], "2 DESTs: wanted one; a value with a space in it is quoted"),
        (&[""], "DEST \"\": wanted a folder or a file"),
        (&["--link=a/b", "/tmp"], "--link \"a/b\": wanted a file name, without a folder"),
        (&["--link=..", "/tmp"], "--link \"..\": wanted a file name, without a folder"),
        (&["--link=exec-probe", "/tmp"], "--link \"exec-probe\": that is the name of the copy itself"),
        (
            &["--link=.exec-probe.installing", "/tmp"],
            "--link \".exec-probe.installing\": that is the name of a temporary file; wanted another one",
        ),
        (
            &["--link=.exec-probe.12.installing", "/tmp"],
            "--link \".exec-probe.12.installing\": that is the name of a temporary file; wanted another one",
        ),
        (
            &["/tmp/.exec-probe.installing"],
            "DEST \"/tmp/.exec-probe.installing\": that is the name of a temporary file; wanted another one",
        ),
        (&["--timeout=1s", "/tmp"], "--timeout: no such option of install; http has it"),
    ];
    for (args, wanted) in rows {
        exec_probe(["install"].iter().chain(args)).usage(wanted);
    }
}

#[test]
fn what_a_killed_install_left_is_removed() {
    for is_there_already in [false, true] {
        let folder = Folder::new();
        let path = folder.0.to_str().expect("UTF-8");
        if is_there_already {
            fs::copy(binary(), folder.path("exec-probe")).expect("a copy");
            fs::set_permissions(folder.path("exec-probe"), fs::Permissions::from_mode(0o755)).expect("a mode");
        }
        folder.file(".exec-probe.installing", vec![1; 70_000_000]);
        symlink("exec-probe", folder.path(".exec-probe.7.installing")).expect("a link");
        let (code, ..) = exec_probe(["install", path]).output();
        assert_eq!(code, Some(0));
        check_copy(&folder, "exec-probe", &[]);
    }
}

/// Whatever has a temporary name: it is neither followed nor written to, nor does it become the copy.
#[test]
fn what_was_planted_at_a_temporary_name_is_not_used() {
    for temporary in [".exec-probe.installing", ".exec-probe.1.installing"] {
        let plants: [fn(&Folder, &str); 4] = [
            |folder, at| symlink("victim", folder.path(at)).expect("a link"),
            |folder, at| fs::hard_link(folder.path("victim"), folder.path(at)).expect("a link"),
            |folder, at| make_fifo(&folder.path(at)),
            |folder, at| drop(folder.file(at, bytes())),
        ];
        for (at, plant) in plants.into_iter().enumerate() {
            let folder = Folder::new();
            let victim = folder.file("victim", "mine");
            plant(&folder, temporary);
            let planted = fs::symlink_metadata(folder.path(temporary)).expect("planted");
            // Held open, so that its number is not given out again.
            let held = planted.is_file().then(|| fs::File::options().append(true).open(folder.path(temporary)));
            let path = folder.0.to_str().expect("UTF-8");
            exec_probe(["install", "--quiet", "--link=curl", path]).exit(0);
            check_copy(&folder, "exec-probe", &["curl", "victim"]);
            assert_eq!(fs::read(victim).expect("left alone"), b"mine", "{temporary} {at}");
            let copy = fs::metadata(folder.path("exec-probe")).expect("the copy");
            assert!(copy.nlink() == 1 && (held.is_none() || copy.ino() != planted.ino()), "{temporary} {at}");
            drop(held);
        }
    }
    let folder = Folder::new();
    fs::create_dir(folder.path(".exec-probe.installing")).expect("a folder");
    let path = folder.0.to_str().expect("UTF-8");
    exec_probe(["install", path])
        .stderr(format!("install {path}/exec-probe: a folder named .exec-probe.installing is in the way"))
        .exit(1);
    assert_eq!(names(&folder.0), [".exec-probe.installing"]);
}

#[test]
fn files_with_similar_names_are_left_alone() {
    let folder = Folder::new();
    let others = [".curl.linking", ".exec-probe.linking", ".exec-probe.old.installing", ".probe.installing"];
    for other in others {
        folder.file(other, "mine");
    }
    let path = folder.0.to_str().expect("UTF-8");
    exec_probe(["install", "--quiet", "--link=curl", path]).exit(0);
    check_copy(&folder, "exec-probe", &[&others[..], &["curl"]].concat());
}

#[test]
fn a_copy_with_a_second_name_is_none() {
    let folder = Folder::new();
    let path = folder.0.to_str().expect("UTF-8");
    exec_probe(["install", "--quiet", path]).exit(0);
    fs::hard_link(folder.path("exec-probe"), folder.path("other")).expect("a link");
    exec_probe(["install", path]).stdout(format!("install {path}/exec-probe: {}", copied())).exit(0);
    check_copy(&folder, "exec-probe", &["other"]);
    assert_eq!(fs::metadata(folder.path("exec-probe")).expect("the copy").nlink(), 1);
}

#[test]
fn a_locked_folder_is_waited_for() {
    let folder = Folder::new();
    let held = fs::File::open(&folder.0).expect("a folder");
    held.lock().expect("a lock");
    let mut command = exec_probe(["install".as_ref(), folder.0.as_os_str()]).command();
    let mut child = command.stdout(Stdio::null()).spawn().expect("it runs");
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(child.try_wait().expect("its state"), None, "it waits");
    assert_eq!(names(&folder.0), [""; 0]);
    drop(held);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    check_copy(&folder, "exec-probe", &[]);
}

#[test]
fn installs_at_once_take_turns() {
    let above = Folder::new();
    // Which does not exist, and is made by whoever is first.
    let folder = Folder(above.0.join("bin"));
    let children: Vec<_> = (0..8)
        .map(|_| {
            exec_probe(["install", &format!("{}/", folder.0.display())])
                .command()
                .stdout(Stdio::null())
                .spawn()
                .expect("it runs")
        })
        .collect();
    for mut child in children {
        assert_eq!(child.wait().expect("it ends").code(), Some(0));
    }
    check_copy(&folder, "exec-probe", &[]);
}
