//! The grammar of a script: comment and empty lines, one and/or list, redirections, and what its commands are: a
//! tool, `exec` and `timeout` before one, `exit`, `true`, `false`, `:`.

use std::time::Duration;

use super::words::Reader;
use super::{Call, Command, Env, Refused, Step, Stream, When};
use crate::dropin::Tool;

/// The one place that output may be sent to.
const NULL: &str = "/dev/null";

const ENVIRONMENT: &str = "set it in the container's environment";

/// The variables that may be set before a tool: no proxy is ever used.
const PROXIES: [&str; 5] = ["http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"];

/// The signals that `timeout` may send: here the run ends by itself.
const SIGNALS: [&str; 10] = ["TERM", "KILL", "INT", "HUP", "QUIT", "15", "9", "2", "1", "3"];

/// Reads a whole script.
pub(super) fn script(text: &str, env: Env<'_>) -> Result<Vec<Step>, Refused> {
    // No argument of a program can hold one.
    if text.contains('\0') {
        return Err(Refused::phrase("a NUL"));
    }
    let mut reader = Reader::new(text, env);
    let mut steps = Vec::new();
    let mut when = When::Always;
    loop {
        skip_lines(&mut reader);
        let command = command(&mut reader)?;
        steps.push(Step { when, command });
        let start = reader.at;
        when = match reader.bump() {
            None => return Ok(steps),
            Some('\n') => {
                skip_lines(&mut reader);
                return match reader.peek() {
                    None => Ok(steps),
                    Some(_) => Err(Refused::phrase("a second line").but("write && between commands")),
                };
            }
            Some('&') if reader.takes('&') => When::Succeeded,
            Some('|') if reader.takes('|') => When::Failed,
            Some(_) => return Err(operator(reader.since(start))),
        };
    }
}

fn operator(found: &str) -> Refused {
    let refused = Refused::text(found);
    match found {
        "|" => refused.but("for a text in the body write exec-probe http --expect-body TEXT"),
        ";" => refused.but("write && between commands"),
        "&" => refused.but("put a URL that holds it in quotes"),
        "(" | ")" => refused.but("write it without parentheses"),
        _ => refused,
    }
}

/// Takes blanks and comments.
fn skip_blanks(reader: &mut Reader<'_>) {
    while let Some(' ' | '\t') = reader.peek() {
        reader.bump();
    }
    if reader.peek() == Some('#') {
        // A backslash does not go on with a comment.
        loop {
            let at = reader.at;
            if let None | Some('\n') = reader.bump_raw() {
                reader.at = at;
                return;
            }
        }
    }
}

fn skip_lines(reader: &mut Reader<'_>) {
    skip_blanks(reader);
    while reader.takes('\n') {
        skip_blanks(reader);
    }
}

/// A word as a command gets it, and as typed for messages.
struct Field<'a> {
    value: String,
    typed: &'a str,
}

/// The streams of a command.
struct Streams {
    stdout: Stream,
    stderr: Stream,
}

/// Takes a command up to what ends it.
fn command(reader: &mut Reader<'_>) -> Result<Command, Refused> {
    let mut fields: Vec<Field<'_>> = Vec::new();
    let mut streams = Streams { stdout: Stream::Out, stderr: Stream::Err };
    let mut variable = None;
    let mut has_word = false;
    loop {
        skip_blanks(reader);
        let start = reader.at;
        match reader.peek() {
            None | Some('\n' | '|' | ';' | '(' | ')') => break,
            _ if redirection(reader, &mut streams)? => {}
            Some('&') => break,
            _ if !has_word && assignment(reader)? => variable = Some(reader.since(start)),
            _ => {
                has_word = true;
                let word = reader.word()?;
                let typed = reader.since(start);
                fields.extend(word.fields()?.into_iter().map(|value| Field { value, typed }));
                if let Some(name) = fields.first().filter(|name| !is_known(&name.value)) {
                    return Err(unknown(name));
                }
            }
        }
    }
    if fields.is_empty() {
        let start = reader.at;
        return Err(match reader.bump() {
            None | Some('\n') => Refused::phrase("no command"),
            Some(char) => {
                reader.takes(char);
                operator(reader.since(start))
            }
        });
    }
    meaning(fields, streams, variable)
}

fn is_known(name: &str) -> bool {
    matches!(name, "exec" | "timeout" | "exit" | "true" | "false" | ":") || tool(name).is_some()
}

fn unknown(name: &Field<'_>) -> Refused {
    let refused = Refused::text(name.typed);
    match name.value.as_str() {
        "set" => refused.but("leave it out"),
        "export" => refused.but(ENVIRONMENT),
        _ => refused,
    }
}

/// A tool by its name or an absolute path, whether there is such a file or not.
fn tool(name: &str) -> Option<Tool> {
    Tool::named(name).filter(|_| name.starts_with('/') || !name.contains('/'))
}

/// Takes `NAME=value`, if it stands here. Its value is read and of no use.
fn assignment(reader: &mut Reader<'_>) -> Result<bool, Refused> {
    let start = reader.at;
    let name = reader.name();
    if name.is_empty() || !reader.takes('=') {
        reader.at = start;
        return Ok(false);
    }
    if !PROXIES.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(Refused::text(reader.since(start)).but(ENVIRONMENT));
    }
    reader.word()?;
    Ok(true)
}

/// Takes a redirection, if one stands here.
fn redirection(reader: &mut Reader<'_>, streams: &mut Streams) -> Result<bool, Refused> {
    let start = reader.at;
    let mut digits = String::new();
    while let Some(digit @ '0'..='9') = reader.peek() {
        digits.push(digit);
        reader.bump();
    }
    let is_both = digits.is_empty() && reader.takes('&');
    let sign = reader.peek().filter(|sign| *sign == '>' || *sign == '<' && !is_both);
    let Some(sign) = sign else {
        reader.at = start;
        return Ok(false);
    };
    reader.bump();
    let is_copy = !is_both && reader.takes('&');
    if !is_copy && sign == '>' {
        reader.takes('>');
    }
    if let Some(operator @ ('<' | '>' | '|' | '&' | '(')) = reader.peek() {
        reader.takes(operator);
        return Err(Refused::text(reader.since(start)));
    }
    skip_blanks(reader);
    let target = reader.word()?.fields()?;
    let refused = || Refused::text(reader.since(start)).but("write /dev/null");
    let [target] = target.as_slice() else { return Err(refused()) };
    let new = match (is_copy, target.as_str()) {
        (false, NULL) => Stream::Null,
        (true, "1") if sign == '>' => streams.stdout,
        (true, "2") if sign == '>' => streams.stderr,
        _ => return Err(refused()),
    };
    match (sign, digits.as_str()) {
        ('<', "" | "0") => {}
        ('>', "") if is_both => *streams = Streams { stdout: new, stderr: new },
        ('>', "" | "1") => streams.stdout = new,
        ('>', "2") => streams.stderr = new,
        _ => return Err(Refused::text(reader.since(start)).but("wanted 1 or 2 before >")),
    }
    Ok(true)
}

/// What a command is that has at least one word. `variable`: what was set before it.
fn meaning(fields: Vec<Field<'_>>, streams: Streams, variable: Option<&str>) -> Result<Command, Refused> {
    let mut fields = fields.into_iter().peekable();
    let is_last = fields.next_if(|field| field.value == "exec").is_some();
    let is_timed = fields.next_if(|field| field.value == "timeout").is_some();
    let timeout = if is_timed { timeout(&mut fields)? } else { None };
    let Some(name) = fields.next() else {
        return Err(Refused::phrase(if is_timed { "timeout without a tool" } else { "exec without a tool" }));
    };
    if let Some(tool) = tool(&name.value) {
        let mut is_filled = false;
        let value = |field: Field<'_>| {
            is_filled |= field.typed.contains('$');
            field.value
        };
        let args = fields.map(value).collect();
        let Streams { stdout, stderr } = streams;
        return Ok(Command::Tool(Call { tool, args, is_filled, stdout, stderr, timeout, is_last }));
    }
    // Some of these keep the variable for all that follows.
    if let Some(variable) = variable {
        return Err(Refused::text(variable).but("wanted before a tool only"));
    }
    match name.value.as_str() {
        _ if is_last || is_timed => Err(Refused::text(name.typed)),
        "exit" => exit(fields),
        "false" => Ok(Command::Status(1)),
        _ => Ok(Command::Status(0)),
    }
}

fn exit<'a>(mut fields: impl Iterator<Item = Field<'a>>) -> Result<Command, Refused> {
    let Some(field) = fields.next() else { return Ok(Command::Exit(None)) };
    let is_number = field.value.bytes().all(|byte| byte.is_ascii_digit());
    match (field.value.parse(), fields.next()) {
        (Ok(code), None) if is_number => Ok(Command::Exit(Some(code))),
        (Ok(_), Some(more)) if is_number => Err(Refused::text(more.typed)),
        _ => Err(Refused::text(field.typed).but("wanted exit and a number up to 255")),
    }
}

/// Takes the options and the length of `timeout`. None: no limit, which 0 means to it.
fn timeout<'a>(fields: &mut impl Iterator<Item = Field<'a>>) -> Result<Option<Duration>, Refused> {
    let refused = |typed: &str| Refused::text(typed).but("wanted timeout and a length such as 5 or 5s");
    loop {
        let Some(field) = fields.next() else { return Err(Refused::phrase("timeout without a length")) };
        let is_fine = match field.value.as_str() {
            "-s" | "--signal" => fields.next().is_some_and(|signal| is_signal(&signal.value)),
            "-k" | "--kill-after" => fields.next().is_some_and(|length| seconds(&length.value).is_some()),
            "--foreground" => true,
            value => match value.split_once('=') {
                Some(("--signal", signal)) => is_signal(signal),
                Some(("--kill-after", length)) => seconds(length).is_some(),
                _ => {
                    let length = seconds(value).ok_or_else(|| refused(field.typed))?;
                    return Ok(Some(length).filter(|length| !length.is_zero()));
                }
            },
        };
        if !is_fine {
            return Err(refused(field.typed));
        }
    }
}

fn is_signal(name: &str) -> bool {
    SIGNALS.contains(&name.strip_prefix("SIG").unwrap_or(name))
}

/// A length as `timeout` takes it: digits, maybe with a fraction, in seconds, or with s, m, h or d.
fn seconds(text: &str) -> Option<Duration> {
    let (number, unit) = match text.as_bytes().last()? {
        b's' => (&text[..text.len() - 1], 1),
        b'm' => (&text[..text.len() - 1], 60),
        b'h' => (&text[..text.len() - 1], 3600),
        b'd' => (&text[..text.len() - 1], 86_400),
        _ => (text, 1),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |text: &str| (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
    Duration::new(whole.parse().ok()?, nanos).checked_mul(unit)
}
