//! `--expect-json`: a JSON pointer (RFC 6901) and what is wanted there. The body is never built in memory: each level of the
//! pointer is a pass over the text of the level before, in which serde_json skips what is not on the way. It skips without
//! recursion, so a body of any depth is read with the same stack.

use std::fmt;

use serde_core::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::outcome::{Found, JsonCause};
use crate::word::{Word, Wrong};

/// A place in a body and what is wanted there.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// The pointer for messages.
    pointer: String,
    /// Its names and indices.
    steps: Vec<String>,
    /// Any of these will do.
    wanted: Vec<Wanted>,
}

/// A wanted value.
#[derive(Clone, Debug)]
struct Wanted {
    value: String,
    /// For messages: placeholders as typed.
    shown: String,
}

impl Member {
    /// Reads `POINTER=VALUE`; the pointer ends at the first `=`, and `|` is between values.
    pub(crate) fn parse(word: &Word) -> Result<Member, Wrong> {
        let wrong = |why: &str| Err(Wrong(why.to_owned()));
        let Some(at) = word.value().find('=') else { return wrong("wanted POINTER=VALUE, such as /status=UP") };
        let (pointer, mut rest) = word.all().split_around(at, 1);
        if !matches!(pointer.text().as_bytes(), [] | [b'/', ..]) {
            return wrong("wanted a pointer that begins with /, such as /status=UP");
        }
        let Some(steps) = pointer.text().split('/').skip(1).map(unescaped).collect() else {
            return wrong("wanted ~0 for a ~ in a name and ~1 for a / in it");
        };
        let mut wanted = Vec::new();
        loop {
            let end = rest.text().find('|');
            let (value, behind) = rest.split_around(end.unwrap_or(rest.text().len()), 1);
            if value.text().is_empty() {
                return wrong("wanted a value behind =, or several with | between, such as /status=UP|UNKNOWN");
            }
            wanted.push(Wanted { value: value.text().to_owned(), shown: value.typed() });
            if end.is_none() {
                return Ok(Member { pointer: pointer.typed(), steps, wanted });
            }
            rest = behind;
        }
    }

    /// Checks what a JSON text has there.
    fn check(&self, json: &RawValue) -> Result<(), JsonCause> {
        let broken = |_| JsonCause::NotJson { coding: None };
        let mut place = Some(json);
        for step in &self.steps {
            let Some(here) = place else { break };
            place = below(here, step).map_err(broken)?;
        }
        let (pointer, wanted) =
            (self.pointer.clone(), || self.wanted.iter().map(|wanted| wanted.shown.clone()).collect());
        let Some(place) = place else { return Err(JsonCause::Missing { pointer, wanted: wanted() }) };
        let found = found(place).map_err(broken)?;
        match self.wanted.iter().any(|wanted| is(&found, &wanted.value)) {
            true => Ok(()),
            false => Err(JsonCause::Differs { pointer, found, wanted: wanted() }),
        }
    }
}

/// Checks a whole body; the first member that differs is the cause.
pub(super) fn check(body: &[u8], members: &[Member], coding: Option<String>) -> Result<(), JsonCause> {
    // What some servers on Windows begin with; RFC 8259 lets a reader ignore it.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.trim_ascii().is_empty() {
        return Err(JsonCause::Empty);
    }
    let text = std::str::from_utf8(body).map_err(|_| JsonCause::NotJson { coding: coding.clone() })?;
    let json: &RawValue = serde_json::from_str(text).map_err(|error| match error.is_eof() {
        true => JsonCause::Cut,
        false => JsonCause::NotJson { coding },
    })?;
    members.iter().try_for_each(|member| member.check(json))
}

/// A name of a pointer; none if a `~` in it stands for nothing.
fn unescaped(step: &str) -> Option<String> {
    let mut parts = step.split('~');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (char, rest) = match part.as_bytes().first()? {
            b'0' => ('~', &part[1..]),
            b'1' => ('/', &part[1..]),
            _ => return None,
        };
        out.push(char);
        out.push_str(rest);
    }
    Some(out)
}

/// What an object or an array has under a name.
fn below<'a>(json: &'a RawValue, step: &str) -> Result<Option<&'a RawValue>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(json.get());
    match json.get().as_bytes().first() {
        Some(b'{') => reader.deserialize_map(Step(step)),
        Some(b'[') => reader.deserialize_seq(Step(step)),
        _ => Ok(None),
    }
}

/// What stands there.
fn found(json: &RawValue) -> Result<Found, serde_json::Error> {
    Ok(match json.get().as_bytes().first() {
        Some(b'"') => Found::Text(serde_json::from_str(json.get())?),
        Some(b'{') => Found::Object,
        Some(b'[') => Found::Array,
        _ => Found::Word(json.get().to_owned()),
    })
}

/// True if that is the wanted value: a string by its text, a number by its size, anything else by its name.
fn is(found: &Found, wanted: &str) -> bool {
    match found {
        Found::Text(text) => text == wanted,
        Found::Word(word) => word == wanted || decimal(word).is_some_and(|number| Some(number) == decimal(wanted)),
        Found::Array | Found::Object => false,
    }
}

/// A number as its sign, its digits without zeros around them, and the power of ten of the last one: exact, at any length.
fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let (is_negative, size) = text.strip_prefix('-').map_or((false, text), |size| (true, size));
    let (digits, power) = match size.split_once(['e', 'E']) {
        Some((digits, power)) => (digits, power.parse::<i64>().ok()?),
        None => (size, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || whole.len() > 1 && whole.starts_with('0') {
        return None;
    }
    let digits = [whole, fraction].concat();
    let significant = digits.trim_end_matches('0');
    let zeros = i64::try_from(digits.len() - significant.len()).ok()?;
    let power = power.checked_sub(i64::try_from(fraction.len()).ok()?)?.checked_add(zeros)?;
    match significant.trim_start_matches('0') {
        "" => Some((false, String::new(), 0)),
        significant => Some((is_negative, significant.to_owned(), power)),
    }
}

/// Finds a name in an object, the last of its kind, or an index in an array.
struct Step<'n>(&'n str);

impl<'de> Visitor<'de> for Step<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_it) = map.next_key_seed(Name(self.0))? {
            let value = map.next_value()?;
            if is_it {
                found = Some(value);
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        // Without leading zeros; `-`, the element behind the last, is never there.
        let is_index =
            self.0.bytes().all(|byte| byte.is_ascii_digit()) && (self.0 == "0" || !self.0.starts_with('0'));
        let index: Option<usize> = self.0.parse().ok().filter(|_| is_index);
        let (mut at, mut found) = (0, None);
        while let Some(value) = seq.next_element()? {
            if Some(at) == index {
                found = Some(value);
            }
            at += 1;
        }
        Ok(found)
    }
}

/// Compares the name of a member, in which `\u0041` is an `A`.
struct Name<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(body: &str, expectation: &str) -> Result<(), String> {
        let member = Member::parse(&Word::literal(expectation)).map_err(|wrong| wrong.0)?;
        check(body.as_bytes(), &[member], None).map_err(|cause| cause.to_string())
    }

    #[test]
    fn pointers_find_what_rfc_6901_says() {
        // Section 5, with the values that can be wanted.
        let body = r#"{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6,
            " ": 7, "m~n": 8}"#;
        let rows = [
            ("/foo/0", "bar"),
            ("/foo/1", "baz"),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/e^f", "3"),
            ("/g|h", "4"),
            ("/i\\j", "5"),
            ("/k\"l", "6"),
            ("/ ", "7"),
            ("/m~0n", "8"),
        ];
        for (pointer, value) in rows {
            assert_eq!(ask(body, &format!("{pointer}={value}")), Ok(()), "{pointer}");
        }
        for pointer in
            ["/foo/2", "/foo/00", "/foo/01", "/foo/-", "/foo/+1", "/foo/", "/foo/0/x", "/x", "/a~1b/x", "/m~01n"]
        {
            let wanted = format!("no {pointer} in the body, wanted \"UP\"");
            assert_eq!(ask(body, &format!("{pointer}=UP")), Err(wanted), "{pointer}");
        }
    }

    #[test]
    fn values_are_compared_by_what_they_are() {
        let ok: &[(&str, &str)] = &[
            (r#""UP""#, "UP"),
            (r#""\u0055P""#, "UP"),
            (r#""DOWN""#, "UP|DOWN"),
            (r#""a=b""#, "a=b"),
            (r#""1""#, "1"),
            (r#""true""#, "true"),
            ("true", "true"),
            ("null", "null"),
            ("1", "1.0"),
            ("1.50", "1.5"),
            ("1e2", "100"),
            ("100", "1E+2"),
            ("-0", "0"),
            ("0.001", "1e-3"),
            ("12345678901234567890123", "12345678901234567890123.0"),
            ("1e99999999999999999999", "1e99999999999999999999"),
        ];
        for (json, wanted) in ok {
            assert_eq!(ask(&format!(r#"{{"a":{json}}}"#), &format!("/a={wanted}")), Ok(()), "{json} {wanted}");
        }
        let bad = [
            (r#""up""#, "UP", "/a is \"up\", wanted \"UP\""),
            (r#""UP ""#, "UP", "/a is \"UP \", wanted \"UP\""),
            ("1", "01", "/a is 1, wanted 01"),
            ("1", "-1", "/a is 1, wanted -1"),
            ("10", "1", "/a is 10, wanted 1"),
            ("9007199254740993", "9007199254740992", "/a is 9007199254740993, wanted 9007199254740992"),
            ("1", "true", "/a is 1, wanted true"),
            ("true", "TRUE", "/a is true, wanted \"TRUE\""),
            ("null", "", "wanted a value behind =, or several with | between, such as /status=UP|UNKNOWN"),
            ("[1]", "1", "/a is an array, wanted 1"),
            ("{}", "{}", "/a is an object, wanted \"{}\""),
            ("3", "1|2", "/a is 3, wanted 1 or 2"),
        ];
        for (json, wanted, line) in bad {
            let got = ask(&format!(r#"{{"a":{json}}}"#), &format!("/a={wanted}"));
            assert_eq!(got, Err(line.to_owned()), "{json} {wanted}");
        }
        assert_eq!(ask(" true\n", "=true"), Ok(()));
        assert_eq!(ask("\u{feff}{\"a\":1}", "/a=1"), Ok(()));
        // Of two members of one name, the last one, as for most readers.
        assert_eq!(ask(r#"{"a":1,"a":2}"#, "/a=2"), Ok(()));
        assert_eq!(ask(r#"{"a":{"b":1},"a":{}}"#, "/a/b=1"), Err("no /a/b in the body, wanted 1".to_owned()));
    }

    #[test]
    fn what_is_no_json_is_named_so() {
        let not_json = "the body is not JSON";
        let cut = "the body ends before its JSON does";
        let rows = [
            ("", "the body is empty, wanted JSON"),
            (" \r\n", "the body is empty, wanted JSON"),
            ("<html>", not_json),
            ("UP", not_json),
            ("{\"a\":1} x", not_json),
            ("{\"a\":1}{\"a\":1}", not_json),
            ("{'a':1}", not_json),
            ("{\"a\":1,}", not_json),
            ("{\"a\":01}", not_json),
            ("{\"b\":NaN}", not_json),
            ("{\"a\":\"\\ud800\"}", not_json),
            ("{\"\\ud800\":1}", not_json),
            ("{\"a\":1", cut),
            ("{\"a\":\"UP", cut),
            ("{\"a\":t", cut),
        ];
        for (body, wanted) in rows {
            assert_eq!(ask(body, "/a=1"), Err(wanted.to_owned()), "{body:?}");
        }
        let member = Member::parse(&Word::literal("/a=1")).unwrap();
        assert_eq!(check(b"{\"a\":\"\xff\"}", &[member], None), Err(JsonCause::NotJson { coding: None }));
    }

    #[test]
    fn depth_costs_no_stack() {
        let depth = 1_000_000;
        let body = format!("{{\"x\":{}1{},\"a\":1}}", "[".repeat(depth), "]".repeat(depth));
        let small = std::thread::Builder::new().stack_size(128 * 1024);
        let ran = small.spawn(move || {
            assert_eq!(ask(&body, "/a=1"), Ok(()));
            assert_eq!(
                ask(&body, &format!("/x{}=1", "/0".repeat(20))),
                Err(format!("/x{} is an array, wanted 1", "/0".repeat(20)))
            );
            assert_eq!(ask(&"[".repeat(depth), "/a=1"), Err("the body ends before its JSON does".to_owned()));
            assert_eq!(ask(&"{\"a\":".repeat(depth), "/a=1"), Err("the body ends before its JSON does".to_owned()));
        });
        ran.unwrap().join().unwrap();
    }
}
