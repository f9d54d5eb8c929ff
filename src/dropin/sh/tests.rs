//! Tests of scripts: rows of a script, and what it runs.

use super::*;

fn env(name: &str) -> Option<OsString> {
    use std::os::unix::ffi::OsStringExt;
    Some(match name {
        "PORT" => "8080".into(),
        "EMPTY" => "".into(),
        "BLANKS" => " a  b\tc ".into(),
        "QUOTES" => "it's \"x\" \\".into(),
        "LINES" => "a\nb\n".into(),
        "STAR" => "a*".into(),
        "CODE" => "3".into(),
        "TOKEN" => "s3cr3t".into(),
        "BYTES" => OsString::from_vec(vec![0xff]),
        "LONG" => "x".repeat(70_000).into(),
        _ => return None,
    })
}

/// What a script calls, and its exit code, if each call exits with `code`: a refusal is one text and
/// [`EXIT_REFUSED`].
fn ran(text: &str, code: u8) -> (Vec<String>, u8) {
    let script = match Script::parse(text, &env) {
        Ok(script) => script,
        Err(refused) => return (vec![refused.to_string()], EXIT_REFUSED),
    };
    let mut calls = Vec::new();
    let code = script.run(&mut |call| {
        let mut shown = format!("{:?}", call.tool);
        for arg in &call.args {
            shown += &format!(" [{arg}]");
        }
        match (call.stdout, call.stderr) {
            (Stream::Out, Stream::Err) => {}
            streams => shown += &format!(" {streams:?}"),
        }
        if let Some(timeout) = call.timeout {
            shown += &format!(" {timeout:?}");
        }
        calls.push(shown);
        code
    });
    (calls, code)
}

#[test]
fn words_are_quoted_and_expanded_as_a_shell_does() {
    let rows = [
        ("curl -f http://localhost:8080/", "Curl [-f] [http://localhost:8080/]"),
        ("  curl\t-f  ", "Curl [-f]"),
        ("/usr/bin/curl", "Curl"),
        ("curl 'a b' \"c d\" e\\ f", "Curl [a b] [c d] [e f]"),
        ("curl a'b'\"c\"d '' \"\"", "Curl [abcd] [] []"),
        (r#"curl "\$PORT \" \\ \a" '\$PORT'"#, r#"Curl [$PORT " \ \a] [\$PORT]"#),
        ("curl -f \\\n  lo\\\ncal 'a\\\nb'", "Curl [-f] [local] [a\\\nb]"),
        ("curl http://localhost:$PORT/x ${PORT}0 \"$PORT\" $PORTS", "Curl [http://localhost:8080/x] [80800] [8080]"),
        ("curl $EMPTY $UNSET '$PORT' \"$EMPTY\" \"$UNSET\"", "Curl [$PORT] [] []"),
        ("curl ${UNSET:-80} ${EMPTY:-a b} ${PORT:-1} \"${UNSET:-a b}\" ${UNSET:-}", "Curl [80] [a] [b] [8080] [a b]"),
        ("curl ${UNSET:-${EMPTY:-$PORT}} ${UNSET:-'a b'\"c d\"}", "Curl [8080] [a bc d]"),
        ("curl x${BLANKS}y \"$BLANKS\"", "Curl [x] [a] [b] [c] [y] [ a  b\tc ]"),
        ("curl $LINES ${UNSET:-a\nb}", "Curl [a] [b] [a] [b]"),
        (r#"curl "${UNSET:-a\}\b'}" ${UNSET:-\}\ }"#, r"Curl [a}\b'] [} ]"),
        ("curl $QUOTES", "Curl [it's] [\"x\"] [\\]"),
        ("curl \"$\" \"a$'\" \"$/\" '$'", "Curl [$] [a$'] [$/] [$]"),
        ("curl a#b #c 'd", "Curl [a#b]"),
        (
            "curl http://h/?a=*[x] \"*\" '?' \\[ localhost:1/?x",
            "Curl [http://h/?a=*[x]] [*] [?] [[] [localhost:1/?x]",
        ),
        (
            "curl \"$STAR\" h:$STAR {} {http_code} %{http_code},{},a a~ http://h/~x",
            "Curl [a*] [h:a*] [{}] [{http_code}] [%{http_code},{},a] [a~] [http://h/~x]",
        ),
        ("curl é 'ü' \"€\"", "Curl [é] [ü] [€]"),
        ("HTTP_PROXY='' http_proxy=* wget a=b", "Wget [a=b]"),
        ("$EMPTY curl", "Curl"),
    ];
    for (given, wanted) in rows {
        assert_eq!(ran(given, 0), (vec![wanted.to_owned()], 0), "{given}");
    }
}

#[test]
fn redirections_count_from_left_to_right() {
    let rows = [
        ("curl >/dev/null", "Curl (Null, Err)"),
        ("curl 1> /dev/null", "Curl (Null, Err)"),
        ("curl >>/dev/null a", "Curl [a] (Null, Err)"),
        ("curl 2>/dev/null", "Curl (Out, Null)"),
        ("curl >/dev/null 2>&1", "Curl (Null, Null)"),
        ("curl 2>&1 >/dev/null", "Curl (Null, Out)"),
        ("curl 2>& 1", "Curl (Out, Out)"),
        ("curl >&2", "Curl (Err, Err)"),
        ("curl 1>&2 2>/dev/null", "Curl (Err, Null)"),
        ("curl 1>&1 2>&2", "Curl"),
        ("curl &>/dev/null", "Curl (Null, Null)"),
        ("curl</dev/null a2>/dev/null", "Curl [a2] (Null, Err)"),
        (">'/dev/null' curl \"2\">/dev/null", "Curl [2] (Null, Err)"),
    ];
    for (given, wanted) in rows {
        assert_eq!(ran(given, 0), (vec![wanted.to_owned()], 0), "{given}");
    }
}

#[test]
fn the_status_decides_what_runs() {
    let rows: [(&str, u8, &[&str], u8); 27] = [
        ("curl", 22, &["Curl"], 22),
        ("curl || exit 1", 22, &["Curl"], 1),
        ("curl || exit 1", 0, &["Curl"], 0),
        ("curl||exit 0", 22, &["Curl"], 0),
        ("curl || exit", 22, &["Curl"], 22),
        ("curl || exit $CODE", 22, &["Curl"], 3),
        ("curl || exit 007 >/dev/null", 22, &["Curl"], 7),
        ("curl || exit 255 || wget", 22, &["Curl"], 255),
        ("nc 1 && nc 2 || exit 1", 0, &["Nc [1]", "Nc [2]"], 0),
        ("nc 1 && nc 2 || exit 4", 1, &["Nc [1]"], 4),
        ("curl || wget", 5, &["Curl", "Wget"], 5),
        ("curl || wget", 0, &["Curl"], 0),
        ("curl || wget && nc", 0, &["Curl", "Nc"], 0),
        ("curl && true", 22, &["Curl"], 22),
        ("curl || true", 22, &["Curl"], 0),
        ("curl && false", 0, &["Curl"], 1),
        ("curl || :", 22, &["Curl"], 0),
        ("exit 0", 0, &[], 0),
        ("exec curl || exit 1", 22, &["Curl"], 22),
        ("exec curl && wget", 0, &["Curl"], 0),
        ("timeout 5 curl a", 28, &["Curl [a] 5s"], 28),
        ("exec timeout 1.5s curl || exit 1", 28, &["Curl 1.5s"], 28),
        ("timeout -s KILL -k 1 --foreground 2m wget", 0, &["Wget 120s"], 0),
        ("timeout --signal=SIGINT --kill-after=1s 0 wget", 0, &["Wget"], 0),
        ("#!/usr/bin/env bash -e\ncurl --fail", 22, &["Curl [--fail]"], 22),
        ("\n # a 'comment \\\n\n\tcurl &&\n\n# another\n wget # and\n\n#last", 0, &["Curl", "Wget"], 0),
        ("curl ||\\\nexit 1\n\n", 7, &["Curl"], 1),
    ];
    for (given, code, calls, exit) in rows {
        let calls = calls.iter().map(|call| (*call).to_owned()).collect();
        assert_eq!(ran(given, code), (calls, exit), "{given} {code}");
    }
}

#[test]
fn whatever_else_a_shell_can_do_is_refused_by_name() {
    let rows = [
        ("", "no command"),
        ("# nothing", "no command"),
        ("curl &&", "no command"),
        ("$EMPTY", "no command"),
        (">/dev/null", "no command"),
        ("http_proxy=", "no command"),
        ("curl | grep x", "\"|\"; for a text in the body write exec-probe http --expect-body TEXT"),
        ("curl |& grep", "\"|\"; for a text in the body write exec-probe http --expect-body TEXT"),
        ("curl; exit 1", "\";\"; write && between commands"),
        ("curl\nwget", "a second line; write && between commands"),
        ("curl http://localhost/?a=b&c=d", "\"&\"; put a URL that holds it in quotes"),
        ("&& curl", "\"&&\""),
        ("(curl)", "\"(\"; write it without parentheses"),
        ("curl )", "\")\"; write it without parentheses"),
        ("if curl; then exit 0; fi", "\"if\""),
        ("! curl", "\"!\""),
        ("{ curl; }", "\"{\""),
        ("[ -f /x ]", "\"[\" outside quotes; put the word in quotes"),
        ("[[ x ]]", "\"[\" outside quotes; put the word in quotes"),
        ("set -e", "\"set\"; leave it out"),
        ("$TOKEN -f", "\"$TOKEN\""),
        ("sh -c curl", "\"sh\""),
        ("./curl", "\"./curl\""),
        ("cat </etc/passwd | curl", "\"cat\""),
        ("export A=b", "\"export\"; set it in the container's environment"),
        ("A=b curl", "\"A=\"; set it in the container's environment"),
        ("http_proxy=x exit 1", "\"http_proxy=x\"; wanted before a tool only"),
        ("curl $(hostname)", "\"$(\"; write the value, or a variable that holds it"),
        ("curl \"`hostname`\"", "\"`\"; write the value, or a variable that holds it"),
        ("exit $?", "\"$?\"; wanted $NAME, ${NAME} or ${NAME:-word}"),
        ("curl $1", "\"$1\"; wanted $NAME, ${NAME} or ${NAME:-word}"),
        ("curl ${#PORT}", "\"${#P\"; wanted $NAME, ${NAME} or ${NAME:-word}"),
        ("curl ${PORT%0}", "\"${PORT%0\"; wanted $NAME, ${NAME} or ${NAME:-word}"),
        ("curl ${PORT:=0}", "\"${PORT:=\"; wanted $NAME, ${NAME} or ${NAME:-word}"),
        ("curl $'a'", "\"$'\"; write quotes without $"),
        ("curl ${UNSET:-{}", "\"{\"; write it without { in ${NAME:-word}"),
        ("curl \"${UNSET:-\"a\"}\"", "'\"'; write ${NAME:-word} in quotes without quotes"),
        ("curl a$", "\"$\" outside quotes; put the word in quotes"),
        ("curl $PWD", "\"$PWD\"; the environment does not hold it"),
        ("curl $BYTES", "\"$BYTES\"; its value is not UTF-8"),
        ("curl $LONG$LONG", "\"$LONG\"; variables come to more than 128 KiB"),
        ("curl *", "\"*\" outside quotes; put the word in quotes"),
        ("curl /x?y:z", "\"?\" outside quotes; put the word in quotes"),
        ("curl $STAR", "\"*\" outside quotes; put the word in quotes"),
        ("curl ~/x", "\"~\" outside quotes; put the word in quotes"),
        ("curl a=~", "\"~\" outside quotes; put the word in quotes"),
        ("curl {{a,{b}", "\"{\" outside quotes; put the word in quotes"),
        ("curl {a,b}", "\"{\" outside quotes; put the word in quotes"),
        ("curl {1..3}", "\"{\" outside quotes; put the word in quotes"),
        ("curl 'a", "\"'\" without its end"),
        ("curl \"a", "'\"' without its end"),
        ("curl ${A:-b", "\"${\" without its end"),
        ("curl a\0b", "a NUL"),
        ("curl \\\0", "a NUL"),
        ("curl '\0'", "a NUL"),
        ("curl # \0", "a NUL"),
        ("curl >/tmp/x", "\">/tmp/x\"; write /dev/null"),
        ("curl >$TOKEN", "\">$TOKEN\"; write /dev/null"),
        ("curl 2>&3", "\"2>&3\"; write /dev/null"),
        ("curl 2>&-", "\"2>&-\"; write /dev/null"),
        ("curl 3>/dev/null", "\"3>/dev/null\"; wanted 1 or 2 before >"),
        ("curl 80>/dev/null", "\"80>/dev/null\"; wanted 1 or 2 before >"),
        ("curl <<x", "\"<<\""),
        ("curl <(x)", "\"<(\""),
        ("curl >|x", "\">|\""),
        ("exec", "exec without a tool"),
        ("exec 2>&1", "exec without a tool"),
        ("exec true", "\"true\""),
        ("timeout 5", "timeout without a tool"),
        ("timeout", "timeout without a length"),
        ("timeout x curl", "\"x\"; wanted timeout and a length such as 5 or 5s"),
        ("timeout -v 5 curl", "\"-v\"; wanted timeout and a length such as 5 or 5s"),
        ("timeout 5 grep", "\"grep\""),
        ("exit 256", "\"256\"; wanted exit and a number up to 255"),
        ("exit -1", "\"-1\"; wanted exit and a number up to 255"),
        ("exit $TOKEN", "\"$TOKEN\"; wanted exit and a number up to 255"),
        ("exit 1 2", "\"2\""),
    ];
    for (given, wanted) in rows {
        let wanted = format!("runs only curl, wget, nc and grpc_health_probe with || exit N: found {wanted}");
        assert_eq!(ran(given, 0), (vec![wanted], EXIT_REFUSED), "{given}");
    }
}

#[test]
fn defaults_in_each_other_end_somewhere() {
    let nested = |depth: usize| format!("curl {}x{}", "${A:-".repeat(depth), "}".repeat(depth));
    assert_eq!(ran(&nested(8), 0), (vec!["Curl [x]".to_owned()], 0));
    for depth in [9, 100_000] {
        let refused = Script::parse(&nested(depth), &env).unwrap_err();
        assert_eq!(refused, Refused::phrase("too many ${NAME:-word} in each other"), "{depth}");
    }
}

#[test]
fn the_script_is_found_after_its_options() {
    let rows: [(&[&str], Result<&str, &str>); 15] = [
        (&["-c", "curl"], Ok("curl")),
        (&["-ec", "curl"], Ok("curl")),
        (&["-x", "-c", "curl", "-f", "url"], Ok("curl")),
        (&["-c", "-e", "curl"], Ok("curl")),
        (&["-lc", "--", "curl"], Ok("curl")),
        (&["-eo", "pipefail", "-c", "curl"], Ok("curl")),
        (&["-o", "pipefail", "-c", "curl"], Ok("curl")),
        (&["-o", "nounset", "-c", "curl"], Err("\"-o\"")),
        (&["-c"], Err("no script after -c")),
        (&["-c", "--"], Err("no script after -c")),
        (&["--", "curl"], Err("no script after -c")),
        (&[], Err("no script after -c")),
        (&["/check.sh"], Err("\"/check.sh\"; the script comes after -c")),
        (&["-uc", "curl"], Err("\"-uc\"; the script comes after -c")),
        (&["-", "curl"], Err("\"-\"; the script comes after -c")),
    ];
    for (given, wanted) in rows {
        let args: Vec<OsString> = given.iter().map(OsString::from).collect();
        let found = script(&args).map_err(|refused| refused.to_string());
        let all = "runs only curl, wget, nc and grpc_health_probe with || exit N: found ";
        let wanted = wanted.map_err(|wanted| format!("{all}{wanted}"));
        assert_eq!(found, wanted.as_deref().map_err(Clone::clone), "{given:?}");
    }
}
