//! What a server says first, and what it answers to a text: an accepted connection is the kernel's doing, and a program
//! that hangs has them too. No protocol is known here, only bytes that are sent and bytes that are looked for.
//!
//! More may always come, so what is not there yet is waited for until the deadline. A server may repeat in its answer
//! what was sent, which may be a password: no line shows any of it.

use std::io::{self, Read, Write};

use crate::connection::Connection;
use crate::outcome::{Cause, Failure, Missing, Phase, Said, Seen, Turn};
use crate::text::VALUE_CHARS;
use crate::word::{Word, Wrong};

/// How much is sent, and how much of what comes is searched.
const MOST: usize = 4 * 1024;

/// How many characters of what was sent may be found again in a line: what can't be a part of it by chance is hidden.
const MOST_REPEATED: usize = 2;

/// What is said on a connection, in this order.
#[derive(Clone, Debug)]
pub(crate) struct Conversation {
    /// What the server's first words hold.
    pub(crate) banner: Option<Text>,
    /// What is sent then, and what the answer holds.
    pub(crate) exchange: Option<(Text, Text)>,
}

/// Bytes, as they were typed with escapes.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    bytes: Vec<u8>,
    typed: String,
}

impl Text {
    /// Reads a text of 4 KiB at most.
    pub(crate) fn parse(word: &Word) -> Result<Text, Wrong> {
        let bytes = word.unescaped()?;
        match bytes.len() {
            0 => Err(Wrong("wanted a text".to_owned())),
            1..=MOST => Ok(Text { bytes, typed: word.typed().to_owned() }),
            _ => Err(Wrong("wanted at most 4 KiB".to_owned())),
        }
    }

    /// True if the last `new` bytes of `heard` made it hold the text.
    fn is_now_in(&self, heard: &[u8], new: usize) -> bool {
        let from = heard.len().saturating_sub(new + self.bytes.len() - 1);
        heard[from..].windows(self.bytes.len()).any(|window| window == self.bytes)
    }
}

impl Conversation {
    /// Holds it; what was seen at its end.
    #[inline(never)] // a plain probe holds none
    pub(super) fn hold(&self, connection: &mut Connection) -> Result<Seen, Failure> {
        if let Some(banner) = &self.banner {
            self.hear(connection, Turn::Banner, banner)?;
        }
        let Some((sent, wanted)) = &self.exchange else { return Ok(Seen::Banner) };
        match connection.write_all(&sent.bytes) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Err(connection.timed_out(Missing::RequestTaken));
            }
            // The server may be gone, and what it said before may be there.
            Err(_) => {}
            Ok(()) => connection.phase_ended(Phase::Request, format_args!("{} bytes", sent.bytes.len())),
        }
        self.hear(connection, Turn::Answer, wanted)?;
        Ok(Seen::Answer)
    }

    /// Reads until the text has come.
    fn hear(&self, connection: &mut Connection, turn: Turn, wanted: &Text) -> Result<(), Failure> {
        let mut heard = Vec::new();
        let mut buf = [0; MOST];
        while heard.len() < MOST {
            match connection.read(&mut buf[..MOST - heard.len()]) {
                Ok(0) => {
                    return Err(self.missed(connection, turn, wanted, &heard, io::ErrorKind::UnexpectedEof.into()));
                }
                Ok(count) => {
                    heard.extend_from_slice(&buf[..count]);
                    if wanted.is_now_in(&heard, count) {
                        let name = turn.name();
                        connection.phase_ended(Phase::Headers, format_args!("{name}, {} bytes", heard.len()));
                        return Ok(());
                    }
                }
                Err(error) => return Err(self.missed(connection, turn, wanted, &heard, error)),
            }
        }
        Err(connection.fails(Cause::Said(Box::new(Said { turn, found: None, wanted: wanted.typed.clone() }))))
    }

    /// The failure of a connection that ended, or whose time is over, without the wanted text. What had come by then is
    /// shown where it is the same each time.
    fn missed(&self, connection: &Connection, turn: Turn, wanted: &Text, heard: &[u8], error: io::Error) -> Failure {
        let line = first_line(heard);
        let is_whole = match error.kind() {
            io::ErrorKind::TimedOut => line.is_whole,
            // Which of these comes is a race with the peer's leaving.
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                !heard.is_empty()
            }
            _ => false,
        };
        if !is_whole {
            return connection.failure(&error, turn.missing(!heard.is_empty()));
        }
        let sent = self.exchange.as_ref().map(|(sent, _)| String::from_utf8_lossy(&sent.bytes));
        let found = Some(without(&line.text, &sent.unwrap_or_default()));
        connection.fails(Cause::Said(Box::new(Said { turn, found, wanted: wanted.typed.clone() })))
    }
}

/// The first line of what was heard.
struct Line {
    text: String,
    /// True if nothing that comes later would change how it is shown.
    is_whole: bool,
}

fn first_line(heard: &[u8]) -> Line {
    let text = String::from_utf8_lossy(heard);
    let text = text.trim_start_matches(['\r', '\n']);
    let end = text.find(['\r', '\n']);
    let line = &text[..end.unwrap_or(text.len())];
    Line { text: line.to_owned(), is_whole: end.is_some() || line.chars().nth(VALUE_CHARS).is_some() }
}

/// The line with `…` in place of whatever in it was sent, in capitals or not.
fn without(line: &str, sent: &str) -> String {
    let [line_chars, sent] = [line, sent].map(|text| text.chars().collect::<Vec<char>>());
    let least = sent.len().clamp(1, MOST_REPEATED + 1);
    let common = |at: usize, from: usize| {
        // Blanks around a word are nobody's.
        if line_chars[at].is_whitespace() {
            return 0;
        }
        let pairs = line_chars[at..].iter().zip(&sent[from..]);
        let common = pairs.take_while(|(one, other)| one.eq_ignore_ascii_case(other)).map(|(one, _)| one);
        common.enumerate().fold(0, |run, (at, one)| if one.is_whitespace() { run } else { at + 1 })
    };
    let mut out = String::new();
    let mut at = 0;
    // What is longer is not shown.
    while at < line_chars.len() && out.chars().count() <= VALUE_CHARS {
        match (0..sent.len()).map(|from| common(at, from)).max().filter(|run| *run >= least) {
            Some(run) => {
                out.push('…');
                at += run;
            }
            None => {
                out.push(line_chars[at]);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_repeats_what_was_sent() {
        let rows = [
            ("-ERR unknown command 'PING'", "PING\r\n", "-ERR unknown command '…'"),
            ("-ERR no AUTH for s3cret or S3CRET", "AUTH s3cret\r\n", "-ERR no … for … or …"),
            ("pas, swo, rd", "password", "…, …, rd"),
            ("ab ba", "ab", "… ba"),
            ("-ERR", "", "-ERR"),
            ("", "PING", ""),
            ("\u{fffd}x", "\u{fffd}x\u{fffd}", "\u{fffd}x"),
        ];
        for (line, sent, wanted) in rows {
            assert_eq!(without(line, sent), wanted, "{line} {sent}");
        }
        assert!(without(&"a".repeat(4096), &"ab".repeat(2048)).starts_with("aaa"), "a long one is cut");
        assert_eq!(without(&"a".repeat(4096), &"a".repeat(4096)), "…");
    }

    #[test]
    fn a_line_is_whole_once_nothing_would_change_it() {
        let long = "x".repeat(VALUE_CHARS + 1);
        let rows: [(&[u8], &str, bool); 7] = [
            (b"", "", false),
            (b"\r\n", "", false),
            (b"+PO", "+PO", false),
            (b"+PONG\r", "+PONG", true),
            (b"\r\n220 a\n250", "220 a", true),
            (long.as_bytes(), &long, true),
            (b"\xffa\0\n", "\u{fffd}a\0", true),
        ];
        for (heard, text, is_whole) in rows {
            let line = first_line(heard);
            assert_eq!((line.text.as_str(), line.is_whole), (text, is_whole), "{heard:?}");
        }
    }

    #[test]
    fn a_text_is_found_wherever_it_is_cut() {
        let text = Text { bytes: b"+PONG".into(), typed: String::new() };
        let all = b"x+PO+PONG\r\n";
        for cut in 1..all.len() {
            let found = [(cut, cut), (all.len(), all.len() - cut)].map(|(len, new)| text.is_now_in(&all[..len], new));
            assert_eq!(found.iter().filter(|found| **found).count(), 1, "cut at {cut}");
        }
    }
}
