//! Response heads as they come in, line by line. Interim (1xx) responses are dropped, since ureq-proto refuses a `100
//! Continue` that has headers of its own; lines and bytes are counted over all of them; and what net/http and curl read
//! but ureq's parser refuses is put into the form that it reads, in place and without a byte more or less.

use crate::outcome::Cause;

/// How large the response headers may be, interim responses included.
pub(super) const MOST_HEAD: usize = 64 * 1024;

/// How many header lines they may have, interim responses included: ureq-proto's own fixed limit for one response.
pub(super) const MOST_LINES: usize = 128;

/// What has come of the heads; all positions are within the input, which begins with the head that is not complete.
#[derive(Debug, Default)]
pub(super) struct Heads {
    stage: Stage,
    /// Where the line begins that is not complete yet, and up to where its end was looked for.
    line: usize,
    looked: usize,
    is_interim: bool,
    interim_bytes: usize,
    lines: usize,
}

/// What the next line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Status,
    FirstHeader,
    Header,
    /// The head is complete: the body's.
    Body,
}

impl Heads {
    /// Takes in what has come, and returns how many bytes of complete interim responses are to be dropped from the
    /// front.
    pub(super) fn take(&mut self, input: &mut [u8]) -> Result<usize, Cause> {
        let mut dropped = 0;
        while self.stage != Stage::Body {
            let Some(found) = input[self.looked..].iter().position(|byte| *byte == b'\n') else {
                self.looked = input.len();
                break;
            };
            let end = self.looked + found + 1;
            if self.take_line(&mut input[..end])? {
                let size = end - dropped;
                if self.interim_bytes + size > MOST_HEAD {
                    return Err(Cause::HeadersTooLarge);
                }
                if self.is_interim {
                    self.interim_bytes += size;
                    self.stage = Stage::Status;
                    self.is_interim = false;
                    dropped = end;
                }
            }
            (self.line, self.looked) = (end, end);
        }
        (self.line, self.looked) = (self.line - dropped, self.looked - dropped);
        Ok(dropped)
    }

    /// How much of the input can be parsed. A header line only once it is complete, since a fold may follow or a blank
    /// may stand in its name; of an interim response nothing.
    pub(super) fn readable(&self, input: &[u8]) -> usize {
        match self.stage {
            Stage::Body => input.len(),
            Stage::Status if !has_blanks_before_status(&input[self.line..]) => input.len(),
            _ if self.is_interim => 0,
            _ => self.line,
        }
    }

    /// How many bytes the dropped interim responses had.
    pub(super) fn interim_bytes(&self) -> usize {
        self.interim_bytes
    }

    /// Takes the line that ends the input; true if it ends a head.
    fn take_line(&mut self, input: &mut [u8]) -> Result<bool, Cause> {
        let line = &mut input[self.line..];
        match self.stage {
            // Parsers skip line ends before a status line.
            Stage::Status if is_empty(line) => {}
            Stage::Status => {
                close_up_status(line);
                self.is_interim = is_interim(line);
                self.stage = Stage::FirstHeader;
            }
            _ if is_empty(line) => {
                self.stage = Stage::Body;
                return Ok(true);
            }
            stage => {
                self.lines += 1;
                if self.lines > MOST_LINES {
                    return Err(Cause::TooManyHeaders);
                }
                match line {
                    [b' ' | b'\t', ..] if stage == Stage::Header => unfold(input, self.line),
                    // There is nothing that the first line could go on: the parser refuses it.
                    [b' ' | b'\t', ..] => {}
                    line => mark_blanks_in_name(line),
                }
                self.stage = Stage::Header;
            }
        }
        Ok(false)
    }
}

fn is_empty(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n")
}

/// True for the status line of an interim response. 101 is final.
fn is_interim(line: &[u8]) -> bool {
    line.starts_with(b"HTTP/1.")
        && line.get(8..10) == Some(b" 1")
        && line.get(10..12).is_some_and(|digits| digits.iter().all(u8::is_ascii_digit) && digits != b"01")
        && matches!(line.get(12), Some(b' ' | b'\r' | b'\n'))
}

fn has_blanks_before_status(line: &[u8]) -> bool {
    line.starts_with(b"HTTP/1.") && line.get(8..10) == Some(b"  ")
}

/// Leaves one blank before the status; the others go to the end of the line.
fn close_up_status(line: &mut [u8]) {
    if has_blanks_before_status(line) {
        let end = text_end(line);
        let blanks = line[9..end].iter().take_while(|byte| **byte == b' ').count();
        line[9..end].rotate_left(blanks);
    }
}

/// Makes a name with blanks in it one that the parser takes and nobody knows: net/http and curl do not read `Location :`
/// as a Location.
fn mark_blanks_in_name(line: &mut [u8]) {
    if let Some(colon) = line.iter().position(|byte| *byte == b':') {
        line[..colon].iter_mut().filter(|byte| **byte == b' ').for_each(|byte| *byte = b'_');
    }
}

/// Pulls the line at `line`, which begins with a blank, up to the one before: a fold is read as a blank (RFC 9112, section
/// 5.2). What becomes free is filled with blanks.
fn unfold(head: &mut [u8], line: usize) {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let before = head[..line].iter().rposition(|byte| !is_blank(byte)).map_or(0, |last| last + 1);
    let end = line + text_end(&head[line..]);
    let from = head[line..end].iter().position(|byte| !is_blank(byte)).map_or(end, |first| line + first);
    head[before] = b' ';
    head.copy_within(from..end, before + 1);
    head[before + 1 + end - from..end].fill(b' ');
}

/// The length of a line without its end.
fn text_end(line: &[u8]) -> usize {
    line.strip_suffix(b"\r\n").or(line.strip_suffix(b"\n")).unwrap_or(line).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the parser sees in the end, given everything at once and byte by byte.
    fn parsed(given: &str) -> Result<String, Cause> {
        let mut results = [given.len(), 1].map(|step| {
            let (mut heads, mut input) = (Heads::default(), Vec::new());
            for bytes in given.as_bytes().chunks(step.max(1)) {
                input.extend_from_slice(bytes);
                let dropped = heads.take(&mut input)?;
                input.drain(..dropped);
                assert!(heads.readable(&input) <= input.len());
            }
            Ok(String::from_utf8_lossy(&input[..heads.readable(&input)]).into_owned())
        });
        assert_eq!(results[0], results[1], "{given:?}");
        std::mem::replace(&mut results[0], Ok(String::new()))
    }

    #[test]
    fn heads_are_put_into_the_form_that_the_parser_reads() {
        let ok = "HTTP/1.1 200 OK\r\n";
        let rows = [
            ("", ""),
            ("HTTP/1.1 2", "HTTP/1.1 2"),
            ("HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody: \n x", "HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody: \n x"),
            ("HTTP/1.1 200 OK\nA: b\n\n", "HTTP/1.1 200 OK\nA: b\n\n"),
            ("\r\n\nHTTP/1.1 200 OK\r\n\r\n", "\r\n\nHTTP/1.1 200 OK\r\n\r\n"),
            // A header line is not parsed before it is complete.
            ("HTTP/1.1 200 OK\r\nA: b\r\nC: d", "HTTP/1.1 200 OK\r\nA: b\r\n"),
            // Blanks before the status.
            ("HTTP/1.1   200 OK\r\n\r\n", "HTTP/1.1 200 OK  \r\n\r\n"),
            ("HTTP/1.1   200\n\n", "HTTP/1.1 200  \n\n"),
            ("HTTP/1.1   200 O", ""),
            ("HTTP/1.1    \r\n\r\n", "HTTP/1.1    \r\n\r\n"),
            ("HTTP/1.1 \t200\r\n\r\n", "HTTP/1.1 \t200\r\n\r\n"),
            // Folds.
            ("H\r\nA: b\r\n c\r\n\r\n", "H\r\nA: b c  \r\n\r\n"),
            ("H\r\nA:\r\n\t c\r\nD: e\r\n\r\n", "H\r\nA: c   \r\nD: e\r\n\r\n"),
            ("H\nA: b\n c\n  d\n\n", "H\nA: b c d   \n\n"),
            ("H\r\nA: b\r\n \r\n\r\n", "H\r\nA: b   \r\n\r\n"),
            ("H\r\nA: b\r\n X : y\r\n\r\n", "H\r\nA: b X : y  \r\n\r\n"),
            ("H\r\n A: b\r\n\r\n", "H\r\n A: b\r\n\r\n"),
            // Blanks in names.
            ("H\r\nA : b c\r\nX A: d\r\nB\t: e\r\n\r\n", "H\r\nA_: b c\r\nX_A: d\r\nB\t: e\r\n\r\n"),
            ("H\r\nno colon\r\n\r\n", "H\r\nno colon\r\n\r\n"),
            // Interim responses.
            ("HTTP/1.1 100 C\r\nX: y\n\r\nHTTP/1.1 200 OK\r\n", ok),
            ("HTTP/1.1 100 C\n\r\nHTTP/1.1 200 OK\r\n", ok),
            ("HTTP/1.1 100 C\nX: y\r\n\nHTTP/1.1 200 OK\r\n", ok),
            ("HTTP/1.1  102 W\r\n\r\n\r\nHTTP/1.0 103\r\nA\0\r\n b\r\n\r\nHTTP/1.1 200 OK\r\n", ok),
            ("HTTP/1.1 103 X\r\nA: b\r\n", ""),
            ("HTTP/1.1 101 X\r\n\r\nHTTP/1.1 200 OK\r\n", "HTTP/1.1 101 X\r\n\r\nHTTP/1.1 200 OK\r\n"),
            ("HTTP/1.1 1000 X\r\n\r\n", "HTTP/1.1 1000 X\r\n\r\n"),
        ];
        for (given, wanted) in rows {
            assert_eq!(parsed(given).as_deref(), Ok(wanted), "{given:?}");
        }
    }

    #[test]
    fn lines_and_bytes_are_counted_over_all_heads() {
        let head = |status: u16, lines: usize| format!("HTTP/1.1 {status} X\r\n{}\r\n", "A: b\r\n".repeat(lines));
        let sized = |status: u16, size: usize| format!("HTTP/1.1 {status} X\r\nA: {}\r\n\r\n", "x".repeat(size - 23));
        let half = MOST_HEAD / 2;
        let rows = [
            (head(200, 128), None),
            (head(200, 129), Some(Cause::TooManyHeaders)),
            (head(103, 64) + &head(200, 64), None),
            (head(103, 64) + &head(200, 65), Some(Cause::TooManyHeaders)),
            (head(103, 129), Some(Cause::TooManyHeaders)),
            (head(102, 0).repeat(200) + &head(200, 128), None),
            (format!("H\r\nA: b\r\n{}\r\n", " c\r\n".repeat(128)), Some(Cause::TooManyHeaders)),
            (sized(103, half) + &sized(200, half), None),
            (sized(103, half) + &sized(200, half + 1), Some(Cause::HeadersTooLarge)),
            (head(102, 0).repeat(MOST_HEAD / 18 + 1), Some(Cause::HeadersTooLarge)),
        ];
        for (at, (given, wanted)) in rows.into_iter().enumerate() {
            assert_eq!(parsed(&given).err(), wanted, "row {at}");
        }
    }
}
