//! Wrong command lines: exit 64, one line that names the option, repeats the value, says what was wanted.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::support::{Folder, exec_probe};

#[test]
fn values_that_can_not_be_meant() {
    let http: [(&[&str], &str); 52] = [
        (&[], "no TARGET: wanted one, such as :8080/healthz"),
        (&["a", "b"], "2 TARGETs: wanted one; a value with a space in it is quoted"),
        (&[""], "TARGET \"\": wanted a URL such as :8080/healthz"),
        (&["localhost"], "TARGET \"localhost\": no port: wanted one, such as :8080"),
        (&["/healthz"], "TARGET \"/healthz\": no port: wanted one, such as :8080"),
        (&[":"], "TARGET \":\": no port after the colon: wanted a number from 1 to 65535"),
        (&[":0"], "TARGET \":0\": port \"0\": wanted a number from 1 to 65535"),
        (&[":65536"], "TARGET \":65536\": port \"65536\": wanted a number from 1 to 65535"),
        (
            &["99999999999999999999"],
            "TARGET \"99999999999999999999\": port \"99999999999999999999\": wanted a number from 1 to 65535",
        ),
        (
            &[":http/x"],
            "TARGET \":http/x\": port \"http\": wanted a number from 1 to 65535; a container's port names are not known inside it",
        ),
        (
            &["example.org:80"],
            "TARGET \"example.org:80\": host \"example.org\": not in /etc/hosts; only this host can be probed, another container by its own health check; a virtual host is sent with -H 'Host: example.org'",
        ),
        (&["ftp://localhost/x"], "TARGET \"ftp://localhost/x\": scheme \"ftp\": wanted http or https"),
        (&["::1:80"], "TARGET \"::1:80\": an IPv6 address is written in brackets: [::1]:8080"),
        (&["[::1:80"], "TARGET \"[::1:80\": an IPv6 address is closed by a bracket: [::1]:8080"),
        (&["[::1]80"], "TARGET \"[::1]80\": wanted a colon and a port after the bracket: [::1]:8080"),
        (&["[::g]:80"], "TARGET \"[::g]:80\": host \"[::g]\": wanted an IPv6 address in the brackets"),
        (
            &["[fe80::1%eth0]:80"],
            "TARGET \"[fe80::1%eth0]:80\": host \"[fe80::1%eth0]\": wanted a number as the scope after the %, such as [fe80::1%2]",
        ),
        (
            &["http://me:s3cret@example.org/x"],
            "TARGET \"example.org/x\": host \"example.org\": not in /etc/hosts; only this host can be probed, another container by its own health check; a virtual host is sent with -H 'Host: example.org'",
        ),
        (
            &["http://me:s3/cret@localhost/x"],
            "TARGET \"localhost/x\": a / ? or # in a user name or password is written %2F, %3F or %23",
        ),
        (&["--timeout", "5x", ":1"], "--timeout \"5x\": wanted a number and ms, s, m or h, such as 500ms"),
        (&["--timeout=.5", ":1"], "--timeout \".5\": wanted a number and ms, s, m or h, such as 500ms"),
        (&["--timeout=0", ":1"], "--timeout \"0\": wanted more than zero, such as 500ms"),
        (&["--timeout=0s", ":1"], "--timeout \"0s\": wanted more than zero, such as 500ms"),
        (&["--timeout=25h", ":1"], "--timeout \"25h\": wanted 24h at most"),
        (
            &["--timeout=99999999999999999999s", ":1"],
            "--timeout \"99999999999999999999s\": wanted fewer: that is longer than a century",
        ),
        (&["--timeout=", ":1"], "--timeout \"\": wanted a number and ms, s, m or h, such as 500ms"),
        (&["--timeout"], "--timeout: needs a value: LENGTH"),
        (&["--timeout", "1s", "--timeout=2s", ":1"], "--timeout: given 2 times, wanted once"),
        (&["-v", "--verbose", ":1"], "--verbose: given 2 times, wanted once"),
        (&["-q", "-v", ":1"], "--quiet and --verbose contradict each other; wanted one of them"),
        (&["--quiet=yes", ":1"], "--quiet: takes no value"),
        (
            &["--method", "--show-body", ":1"],
            "--method \"--show-body\": looks like an option; wanted METHOD, or --method=VALUE for such a value",
        ),
        (&["--unhealthy-exit=2", ":1"], "--unhealthy-exit \"2\": wanted a number from 1 to 124, but not 2, 64 or 70"),
        (&["--output=xml", ":1"], "--output \"xml\": wanted text or json"),
        (&["--expect-status=99", ":1"], "--expect-status \"99\": wanted statuses such as 200 or 200-399,401, or any"),
        (
            &["--expect-status=300-200", ":1"],
            "--expect-status \"300-200\": wanted statuses such as 200 or 200-399,401, or any",
        ),
        (
            &["--expect-status=200,", ":1"],
            "--expect-status \"200,\": wanted statuses such as 200 or 200-399,401, or any",
        ),
        (&["--redirects=all", ":1"], "--redirects \"all\": wanted same-host or none"),
        (&["-X", "CONNECT", ":1"], "--method \"CONNECT\": a probe opens no tunnel; wanted another method"),
        (&["-X", "get", ":1"], "--method \"get\": wanted it in capitals"),
        (&["-X", "G T", ":1"], "--method \"G T\": wanted a method such as GET or HEAD"),
        (
            &["-X", "HEAD", "--expect-body=x", ":1"],
            "--expect-body with -X HEAD: the response to HEAD has no body; wanted one of them",
        ),
        (&["--expect-body=", ":1"], "--expect-body \"\": wanted a text"),
        (&["-H", "X-Key s3cret", ":1"], "--header \"…\": wanted 'NAME: VALUE' with a colon"),
        (&["-H", "X-Key: s3\ncret", ":1"], "--header \"X-Key: …\": a header has no line break in it"),
        (
            &["-H", "X Key: s3cret", ":1"],
            "--header \"X Key: …\": wanted a name of letters, digits and dashes before the colon",
        ),
        (
            &["-H", "Content-Length: 5", ":1"],
            "--header \"Content-Length: …\": a probe has no body and no second protocol, so no content-length",
        ),
        (&["-H", "Host:", ":1"], "--header \"Host: …\": wanted a value: this header can't be removed"),
        (&["-H", "Host: a", "-H", "host: b", ":1"], "--header Host: given 2 times, wanted once"),
        (&["-u", "s3cret", ":1"], "--user \"…\": wanted NAME:PASSWORD with a colon"),
        (&["-u", "a:b", "-H", "authorization: x", ":1"], "--user and an Authorization header contradict each other"),
        (&["-u", "a:b", "http://c:d@localhost"], "--user and a user in TARGET contradict each other"),
    ];
    for (args, wanted) in http {
        exec_probe(["http"].iter().chain(args)).takes(0, 1000).usage(wanted);
    }
    let others: [(&[&str], &str); 16] = [
        (
            &["tcp", "http://localhost:80"],
            "TARGET \"http://localhost:80\": scheme \"http\": wanted HOST:PORT or unix:///PATH",
        ),
        (&["tcp", "localhost:80/x"], "TARGET \"localhost:80/x\": wanted HOST:PORT, such as :5432, without a path"),
        (&["tcp", "unix:"], "TARGET \"unix:\": wanted the path of a unix socket"),
        (
            &["tcp", "unix://run/x"],
            "TARGET \"unix://run/x\": a unix socket's path has three slashes: unix:///run/app.sock",
        ),
        (&["tcp", "--service=x", ":1"], "--service: no such option of tcp; grpc has it"),
        (
            &["grpc", "--expect-status=Serving", ":1"],
            "--expect-status \"Serving\": wanted serving statuses such as SERVING or SERVING,NOT_SERVING, or any",
        ),
        (
            &["grpc", "-H", "grpc-timeout: 1S", ":1"],
            "--metadata \"grpc-timeout: …\": this name is gRPC's own; wanted another",
        ),
        (&["grpc", "--authority=a b", ":1"], "--authority \"a b\": wanted a host name, with or without a port"),
        (&["grpc", "-addr=:5000"], "-addr: the address is typed alone: exec-probe grpc :50051"),
        (&["grpc", "-rpc-timeout=1s", ":1"], "-rpc-timeout: one limit for all is --timeout, such as --timeout=2s"),
        (&["grpc", "-service", "x"], "-service: two dashes: --service=NAME"),
        (&["file", ""], "PATH \"\": wanted the path of a file"),
        (&["file"], "no PATH: wanted one, such as /tmp/healthy"),
        (&["file", "--max-age=1d", "/x"], "--max-age \"1d\": wanted a number and ms, s, m or h, such as 500ms"),
        (&["htpp", ":1"], "\"htpp\": wanted http, tcp, grpc, file, install, serve or help; did you mean http?"),
        (
            &["--timeout=1s", "http", ":1"],
            "--timeout: the command comes first, such as exec-probe http :8080/healthz",
        ),
    ];
    for (args, wanted) in others {
        exec_probe(args).takes(0, 1000).usage(wanted);
    }
}

#[test]
fn a_target_that_is_no_host_and_port_of_this_host_is_told_what_would_be() {
    const NOT_OURS: &str =
        "not in /etc/hosts; only this host can be probed, another container by its own health check";
    let rows = [
        (
            "http",
            "db.invalid:80",
            format!("host \"db.invalid\": {NOT_OURS}; a virtual host is sent with -H 'Host: db.invalid'"),
        ),
        (
            "grpc",
            "db.invalid:80",
            format!("host \"db.invalid\": {NOT_OURS}; a virtual host is sent with --authority=db.invalid"),
        ),
        ("tcp", "db.invalid:80", format!("host \"db.invalid\": {NOT_OURS}")),
        (
            "tcp",
            "a..localhost:80",
            "host \"a..localhost\": no host name; wanted localhost or an address of this host".into(),
        ),
        (
            "http",
            "https://-.localhost/",
            "host \"-.localhost\": no host name; wanted localhost or an address of this host".into(),
        ),
        (
            "grpc",
            "..localhost:80",
            "host \"..localhost\": no host name; wanted localhost or an address of this host".into(),
        ),
        (
            "http",
            ".localhost:80",
            "host \".localhost\": no host name; wanted localhost or an address of this host".into(),
        ),
        ("tcp", "127.1:80", "host \"127.1\": no host name; wanted localhost or an address of this host".into()),
        ("http", "\":8080\"", "the quotes arrived as a part of it, wanted it without them".into()),
        ("tcp", "':5432'", "the quotes arrived as a part of it, wanted it without them".into()),
        (
            "grpc",
            ":50051'",
            "port \"50051'\": the quotes arrived as a part of it, wanted a number from 1 to 65535".into(),
        ),
        (
            "tcp",
            "localhost':80",
            "host \"localhost'\": the quotes arrived as a part of it, wanted it without them".into(),
        ),
        ("tcp", "unix-abstract:", "wanted the name of an abstract unix socket".into()),
        ("grpc", "unix-abstract:", "wanted the name of an abstract unix socket".into()),
        ("tcp", "postgres://me@localhost/db", "scheme \"postgres\": wanted HOST:PORT or unix:///PATH".into()),
        ("tcp", "me:s3cret@localhost/db?u=http://y", "wanted HOST:PORT, such as :5432, without a path".into()),
    ];
    for (command, target, wanted) in rows {
        let shown = target.rsplit_once('@').map_or(target, |(_, rest)| rest);
        let quote = if shown.contains('"') { '\'' } else { '"' };
        exec_probe([command, target]).usage(format!("TARGET {quote}{shown}{quote}: {wanted}"));
    }
    let long = "x".repeat(108);
    exec_probe(["tcp", &format!("unix-abstract:{long}")])
        .usage(format!("TARGET \"unix-abstract:{long}\": a unix socket's name has at most 107 bytes"));
}

#[test]
fn options_of_other_programs_are_translated() {
    let rows = [
        ("--timout=1s", "--timout: no such option; did you mean --timeout?"),
        ("-timeout=1s", "-timeout: no such option; did you mean --timeout?"),
        ("--unknown-thing", "--unknown-thing: no such option; see exec-probe http --help"),
        ("-z", "-z: no such option; see exec-probe http --help"),
        ("-f", "-f: always on: a bad status is unhealthy; leave it out"),
        ("-sf", "-sf: failing on a bad status, silence and following are always on; leave it out"),
        ("-k", "-k: always on: certificates are not verified without --cacert; leave it out"),
        ("-m", "-m: the limit is --timeout, such as --timeout=2s"),
        ("--max-time=5", "--max-time: the limit is --timeout, such as --timeout=2s"),
        ("-m5", "-m: the limit is --timeout, such as --timeout=2s"),
        ("--no-verbose", "--no-verbose: always on: there is no progress to hide; leave it out"),
        ("--no-timeout", "--no-timeout: no such option; see exec-probe http --help"),
        ("-qO-", "-O: the body is never printed; leave it out"),
        ("-fsSLo", "-o: the body is never printed; leave it out"),
        ("--retry=3", "--retry: a probe asks once, and its caller asks again; leave it out"),
        ("--tries=1", "--tries: a probe asks once, and its caller asks again; leave it out"),
        ("--noproxy=*", "--noproxy: no proxy is ever used; leave it out"),
        ("--post-data=x", "--post-data: a probe has no body"),
        ("-tls-ca-cert=/ca.pem", "-tls-ca-cert: this is --cacert=FILE"),
        ("--metadata=a: b", "--metadata: a header is -H 'NAME: VALUE'"),
        ("-h", "-h: the host is part of TARGET, such as localhost:5432; help is --help"),
        ("-hlocalhost", "-h: the host is part of TARGET, such as localhost:5432; help is --help"),
        ("-L", "-L: redirects to the same host name are followed; leave it out"),
    ];
    for (option, wanted) in rows {
        exec_probe(["http", option, ":1"]).usage(wanted);
    }
}

#[test]
fn arguments_that_are_not_utf8_are_named() {
    let raw = |text: &[u8]| OsString::from_vec(text.to_vec());
    let rows: [Vec<OsString>; 4] = [
        vec![raw(b"\xff")],
        vec!["http".into(), raw(b"\xff")],
        vec!["http".into(), "--service".into(), raw(b"\xff")],
        vec!["help".into(), raw(b"\xff")],
    ];
    let wanted = [
        "argument 1: wanted UTF-8",
        "argument 2: wanted UTF-8",
        "--service: no such option of http; grpc has it; argument 3: wanted UTF-8",
        "argument 2: wanted UTF-8",
    ];
    for (args, wanted) in rows.into_iter().zip(wanted) {
        exec_probe(args).usage(wanted);
    }
}

#[test]
fn addresses_of_others_are_refused_before_anything_is_sent() {
    for address in
        ["8.8.8.8", "169.254.169.254", "224.0.0.1", "255.255.255.255", "[::ffff:8.8.8.8]", "[2001:4860::1]"]
    {
        let ip = address.trim_start_matches("[::ffff:").trim_matches(['[', ']']);
        let wanted = |target: &str| {
            format!("TARGET {target}: {ip} is not an address of this host; only this host can be probed")
        };
        exec_probe(["http", &format!("{address}:80/x")]).usage(wanted(&format!("http://{address}:80/x")));
        for command in ["tcp", "grpc"] {
            exec_probe([command, &format!("{address}:80")]).usage(wanted(&format!("{address}:80")));
        }
    }
}

#[test]
fn variables_give_defaults_and_their_errors_name_them() {
    exec_probe(["tcp", ":1"])
        .env("EXEC_PROBE_TIMEOUT", "5x")
        .usage("EXEC_PROBE_TIMEOUT \"5x\": wanted a number and ms, s, m or h, such as 500ms");
    exec_probe(["tcp", ":0"])
        .env("EXEC_PROBE_OUTPUT", "json")
        .stderr(
            "{\"healthy\":false,\"handler\":\"tcp\",\"target\":null,\"cause\":\"usage\",\"status\":null,\"phase\":null,\
             \"elapsed_ms\":null,\"message\":\"exec-probe tcp: TARGET \\\":0\\\": port \\\"0\\\": wanted a number from 1 \
             to 65535; nothing was asked\"}",
        )
        .exit(64);
    exec_probe(["tcp", "--output=text", ":0"])
        .env("EXEC_PROBE_OUTPUT", "json")
        .usage("TARGET \":0\": port \"0\": wanted a number from 1 to 65535");
}

#[test]
fn two_dashes_end_the_options_and_options_may_follow_the_target() {
    exec_probe(["file", "--", "--healthy"]).stderr("file --healthy: no such file").exit(1);
    exec_probe(["file", "/no/such", "--unhealthy-exit", "3"]).stderr("file /no/such: no such file").exit(3);
}

#[test]
fn all_that_is_wrong_is_named_at_once() {
    let rows: [(&[&str], &str); 6] = [
        (
            &["http", "-f", "-m", "5", "--timeout=5x", ":8080"],
            "-f: always on: a bad status is unhealthy; leave it out; -m: the limit is --timeout, such as --timeout=2s; \
             --timeout \"5x\": wanted a number and ms, s, m or h, such as 500ms",
        ),
        (
            &["http", "--timeout=5x", "--output=xml", ":0"],
            "--output \"xml\": wanted text or json; --timeout \"5x\": wanted a number and ms, s, m or h, such as 500ms; \
             TARGET \":0\": port \"0\": wanted a number from 1 to 65535",
        ),
        (
            &["tcp", "-q", "-q", "--unhealthy-exit=0"],
            "--quiet: given 2 times, wanted once; --unhealthy-exit \"0\": wanted a number from 1 to 124, but not 2, 64 or 70; no TARGET: wanted one, such as :5432",
        ),
        (&["file", "-s", "-s", "/x"], "-s: always on: there is no progress to hide; leave it out"),
        (
            &["grpc", "--cacert=/no/such", ":1"],
            "--cacert \"/no/such\": no such file; --cacert: used only over TLS; wanted --tls as well",
        ),
        (
            &["install", "--link=a/b", "--link=x", ""],
            "--link \"a/b\": wanted a file name, without a folder; DEST \"\": wanted a folder or a file",
        ),
    ];
    for (args, wanted) in rows {
        exec_probe(args).usage(wanted);
    }
    // What is understood in spite of it says how the error is printed.
    let (code, _, stderr) = exec_probe(["http", "-z", "--output=json", ":1"]).output();
    assert_eq!((code, stderr.starts_with("{\"healthy\":false")), (Some(64), true), "{stderr}");
    let (code, _, stderr) = exec_probe(["htpp", "--output", "json", ":1"]).output();
    assert_eq!((code, stderr.starts_with("{\"healthy\":false")), (Some(64), true), "{stderr}");
}

#[test]
fn help_and_version_are_all_that_is_typed_or_exit_64() {
    for args in [&["--help"][..], &["help"], &["help", "tcp"], &["tcp", "--help"], &["--version"], &["-V"]] {
        let (code, stdout, stderr) = exec_probe(args).output();
        assert_eq!((code, stdout.is_empty(), stderr.as_str()), (Some(0), false, ""), "{args:?}");
    }
    // No command, as with no word at all: the help, and no success.
    let (_, help, _) = exec_probe(["help"]).output();
    for args in [&[][..], &["-h"]] {
        exec_probe(args).stderr(help.trim_end()).exit(64);
    }
    let help = "--help: prints the help only as the one word after the command, such as exec-probe http --help";
    let host = "-h: the host is part of TARGET, such as localhost:5432; help is --help";
    let rows: [(&[&str], &str); 13] = [
        (&["http", ":1", "--help"], help),
        (&["http", "--help", ":1"], help),
        (&["http", "--help", "--help"], help),
        (&["tcp", "-h"], host),
        (&["tcp", "-h", "localhost", ":5432"], host),
        (&["file", "-h"], "-h: help is --help"),
        (&["-h", "localhost", "tcp"], "-h: the command comes first, such as exec-probe http :8080/healthz"),
        (&["--help", "http"], "--help: is typed alone, or as the one word after a command"),
        (&["help", "http", ":1"], "help: takes one word at most, such as exec-probe help http"),
        (&["help", "htpp"], "\"htpp\": wanted http, tcp, grpc, file, install, serve or help; did you mean http?"),
        (&["--version", ":1"], "--version: is typed alone"),
        (&["http", "--version"], "--version: is typed alone: exec-probe --version"),
        (&["http", "-V", ":1"], "-V: is typed alone: exec-probe --version"),
    ];
    for (args, wanted) in rows {
        exec_probe(args).usage(wanted);
    }
}

#[test]
fn option_and_value_in_one_string_are_answered() {
    let user = "--user: option and value are two arguments, or --user=NAME:PASSWORD";
    let whole = "the command line arrived as one string, wanted an argument for each word";
    let rows: [(&[&str], &str); 8] = [
        (&["http", "--user admin:s3cret", ":1"], user),
        (&["http", "-u admin:s3cret", ":1"], user),
        (
            &["http", "--header Authorization: Bearer s3cret", ":1"],
            "--header: option and value are two arguments, or --header='NAME: VALUE'",
        ),
        (&["tcp", "--timeout 1s", ":1"], "--timeout: option and value are two arguments, or --timeout=LENGTH"),
        (&["tcp", "--quiet --verbose", ":1"], "--quiet: wanted an argument for each word"),
        (&["http -u admin:s3cret :8080"], &format!("http: {whole}")),
        (&["grpc :50051", "--tls"], &format!("grpc: {whole}")),
        (
            &["http", ":8080/x -u admin:s3cret"],
            "TARGET \":8080/x…\": an option in the same string, wanted an argument for each word",
        ),
    ];
    for (args, wanted) in rows {
        let program = if args.len() == 1 || args[0].contains(' ') {
            "exec-probe".to_owned()
        } else {
            format!("exec-probe {}", args[0])
        };
        exec_probe(args).stderr(format!("{program}: {wanted}; nothing was asked")).exit(64);
    }
}

#[test]
fn quotes_that_arrived_are_named() {
    for (option, shown) in [("--timeout=\"2s\"", "'\"2s\"'"), ("--timeout='2s'", "\"'2s'\"")] {
        exec_probe(["http", option, ":1"])
            .usage(format!("--timeout {shown}: the quotes arrived as a part of it, wanted it without them"));
    }
    exec_probe(["grpc", "--service=\"orders\"", ":1"])
        .usage("--service '\"orders\"': the quotes arrived as a part of it, wanted it without them");
    // A text that is looked for may well be quoted.
    let (code, ..) = exec_probe(["file", "--contains=\"ok\"", "/no/such"]).output();
    assert_eq!(code, Some(1));
}

#[test]
fn no_usage_error_shows_a_credential() {
    let secret = "s3cr3t/Va1ue";
    let rows: [&[&str]; 34] = [
        &["http", "--user admin:SECRET", ":1"],
        &["http", "-u admin:SECRET", ":1"],
        &["http", "--header Authorization: Bearer SECRET", ":1"],
        &["http", "--header=Authorization Bearer SECRET", ":1"],
        &["http", "-H Authorization: Bearer SECRET", ":1"],
        &["http -u admin:SECRET :8080"],
        &["http\t-u\tadmin:SECRET :8080"],
        &["htpp -u admin:SECRET :8080"],
        &["-u admin:SECRET", "http", ":1"],
        &["-uadmin:SECRET", "http", ":1"],
        &["--user=admin:SECRET", "http", ":1"],
        &["--user admin:SECRET http :1"],
        &["http", "--usr=admin:SECRET", ":1"],
        &["http", "--usr admin:SECRET", ":1"],
        &["http", "--password=SECRET", ":1"],
        &["http", "--password", "SECRET"],
        &["http", "-pSECRET", ":1"],
        &["http", "-fpSECRET", ":1"],
        &["grpc", "-uadmin:SECRET", ":1"],
        &["grpc", "-u", "admin:SECRET"],
        &["grpc", "-u", "admin:SECRET", ":1"],
        &["grpc", "--metadata authorization: Bearer SECRET", ":1"],
        &["grpc", "--header=authorization: Bearer SECRET", ":1"],
        &["tcp", "-HAuthorization: Bearer SECRET", ":1"],
        &["tcp", "-H", "Authorization: Bearer SECRET", ":1"],
        &["http", "-H", "Authorization:", "Bearer", "SECRET", ":1"],
        &["http", "-u", "--SECRET", ":1"],
        &["http", "--timeout", "-uadmin:SECRET"],
        &["http", "--timeout=1s -u admin:SECRET", ":1"],
        &["http", "--timeout", "-u", "admin:SECRET"],
        &["http", ":1 -u admin:SECRET"],
        &["http", "http://admin:SECRET@example.org/"],
        &["tcp", "host=db user=admin password=SECRET"],
        &["help", "http://admin:SECRET@localhost/ -v"],
    ];
    for row in rows {
        let args: Vec<String> = row.iter().map(|arg| arg.replace("SECRET", secret)).collect();
        let (code, stdout, stderr) = exec_probe(&args).output();
        assert_eq!((code, stdout.as_str()), (Some(64), ""), "{args:?}: {stderr}");
        assert!(!stderr.contains("s3cr3t") && !stderr.contains("Va1ue"), "{args:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{args:?}: {stderr}");
    }
    // Nor what a placeholder gave.
    exec_probe(["install", "--link={env.SECRET}", "/tmp/{env.SECRET}"])
        .env("SECRET", "s3cret")
        .usage("--link \"{env.SECRET}\": that is the name of the copy itself");
}

#[test]
fn a_raw_argument_shows_nothing_of_itself() {
    let raw = OsString::from_vec(b"-uadmin:s3cret\xff".to_vec());
    exec_probe([OsString::from("http"), raw, ":1".into()]).usage("argument 2: wanted UTF-8");
}

#[test]
fn a_unix_socket_is_an_option_or_a_target_of_every_command_that_connects() {
    let folder = Folder::new();
    let none = folder.path("none");
    let option = format!("--unix-socket={none}");
    let target = format!("unix://{none}");
    let http = format!("http GET http://localhost/ on unix:{none}: no such socket");
    let rows: [(&[&str], &str); 6] = [
        (&["http", &option, "/"], &http),
        (&["http", &target], &http),
        (&["tcp", &option], &format!("tcp unix:{none}: no such socket")),
        (&["tcp", &target], &format!("tcp unix:{none}: no such socket")),
        (&["grpc", &option], &format!("grpc unix:{none}: no such socket")),
        (&["grpc", &target], &format!("grpc unix:{none}: no such socket")),
    ];
    for (args, wanted) in rows {
        exec_probe(args).stderr(wanted).exit(1);
    }
    exec_probe(["tcp", &option, ":1"]).usage("--unix-socket and TARGET contradict each other; wanted one of them");
    exec_probe(["http", "--unix-socket=/s", "unix:///s"])
        .usage("TARGET \"unix:///s\": --unix-socket names the socket; wanted a path such as /healthz");
}
