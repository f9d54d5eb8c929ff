//! A shell's words: quotes, backslash, `$NAME`, `${NAME}` and `${NAME:-word}`, and how a word becomes the fields that
//! a command gets: none where an unquoted variable is empty, several where its value holds blanks.
//!
//! No file is looked for: a word with `*`, `?` or `[` outside quotes stays as it is where a shell would find no file
//! of that name, which is known of `http://…`, since names of files hold no colon; any other is refused.

use super::{Env, Refused};

/// How deep `${A:-${B:-…}}` may go.
const MOST_DEPTH: usize = 8;

/// How many characters the variables of a script may come to. The kernel takes no longer argument than 128 KiB.
const MOST_VALUES: usize = 128 * 1024;

/// What a shell sets itself, so that the environment doesn't know it.
const OF_THE_SHELL: [&str; 9] = ["IFS", "LINENO", "OPTIND", "PPID", "PS1", "PS2", "PS4", "PWD", "_"];

/// A character of a word, and what may still become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// Written without quotes.
    Plain(char),
    /// Came out of a variable without quotes: blanks divide it.
    Value(char),
    /// Written in quotes or after a backslash: itself.
    Quoted(char),
    /// A pair of quotes: the word is there, even if empty.
    Quotes,
}

/// A word as it was read.
#[derive(Debug, Default)]
pub(super) struct Word(Vec<Mark>);

/// Where a character stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Word,
    Quotes,
    Default,
    DefaultInQuotes,
}

impl Place {
    fn is_quoted(self) -> bool {
        matches!(self, Place::Quotes | Place::DefaultInQuotes)
    }

    fn written(self, char: char) -> Mark {
        match self {
            Place::Word => Mark::Plain(char),
            Place::Default => Mark::Value(char),
            Place::Quotes | Place::DefaultInQuotes => Mark::Quoted(char),
        }
    }
}

/// A script, and how far it has been read.
pub(super) struct Reader<'a> {
    text: &'a str,
    /// In bytes.
    pub(super) at: usize,
    env: Env<'a>,
    depth: usize,
    values: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, env: Env<'a>) -> Reader<'a> {
        Reader { text, at: 0, env, depth: 0, values: 0 }
    }

    /// The next character. A backslash before a line's end is nothing, but in single quotes and comments.
    pub(super) fn peek(&mut self) -> Option<char> {
        while self.text[self.at..].starts_with("\\\n") {
            self.at += 2;
        }
        self.text[self.at..].chars().next()
    }

    /// Takes the next character.
    pub(super) fn bump(&mut self) -> Option<char> {
        self.peek();
        self.bump_raw()
    }

    /// Takes the next character, also a backslash before a line's end.
    pub(super) fn bump_raw(&mut self) -> Option<char> {
        let char = self.text[self.at..].chars().next();
        self.at += char.map_or(0, char::len_utf8);
        char
    }

    /// Takes the next character if it is `wanted`.
    pub(super) fn takes(&mut self, wanted: char) -> bool {
        let is_wanted = self.peek() == Some(wanted);
        if is_wanted {
            self.bump();
        }
        is_wanted
    }

    /// What was read from `start` on.
    pub(super) fn since(&self, start: usize) -> &'a str {
        &self.text[start..self.at]
    }

    /// Takes a variable's name, empty if there is none.
    pub(super) fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(char) = self.peek().filter(|char| is_in_name(*char, name.is_empty())) {
            name.push(char);
            self.bump();
        }
        name
    }

    /// Takes a word up to a blank, a line's end or an operator.
    pub(super) fn word(&mut self) -> Result<Word, Refused> {
        let mut marks = Vec::new();
        loop {
            let char = match self.peek() {
                None | Some(' ' | '\t' | '\n' | '|' | '&' | ';' | '<' | '>' | '(' | ')') => break,
                Some(char) => char,
            };
            match char {
                '\'' => self.single_quotes(&mut marks)?,
                '"' => self.double_quotes(&mut marks)?,
                _ => self.char(char, Place::Word, &mut marks)?,
            }
        }
        if is_brace_list(&marks) {
            return Err(outside_quotes('{'));
        }
        Ok(Word(marks))
    }

    /// Takes what is neither an end nor quotes: the same everywhere, but for backslash.
    fn char(&mut self, char: char, place: Place, marks: &mut Vec<Mark>) -> Result<(), Refused> {
        match char {
            '$' => return self.dollar(place, marks),
            '`' => return Err(substitution("`")),
            '~' if !place.is_quoted() && is_tilde(marks) => return Err(outside_quotes('~')),
            '\\' => self.backslash(place, marks),
            _ => {
                self.bump();
                marks.push(place.written(char));
            }
        }
        Ok(())
    }

    fn backslash(&mut self, place: Place, marks: &mut Vec<Mark>) {
        self.bump();
        let at = self.at;
        let quoted = match (place, self.bump_raw()) {
            (Place::Word | Place::Default, char)
            | (Place::Quotes | Place::DefaultInQuotes, char @ Some('$' | '`' | '"' | '\\'))
            | (Place::DefaultInQuotes, char @ Some('}')) => char,
            _ => None,
        };
        if quoted.is_none() {
            self.at = at;
        }
        marks.push(Mark::Quoted(quoted.unwrap_or('\\')));
    }

    fn single_quotes(&mut self, marks: &mut Vec<Mark>) -> Result<(), Refused> {
        self.bump();
        marks.push(Mark::Quotes);
        loop {
            match self.bump_raw() {
                None => return Err(open("'")),
                Some('\'') => return Ok(()),
                Some(char) => marks.push(Mark::Quoted(char)),
            }
        }
    }

    fn double_quotes(&mut self, marks: &mut Vec<Mark>) -> Result<(), Refused> {
        self.bump();
        marks.push(Mark::Quotes);
        loop {
            match self.peek() {
                None => return Err(open("\"")),
                Some('"') => {
                    self.bump();
                    return Ok(());
                }
                Some(char) => self.char(char, Place::Quotes, marks)?,
            }
        }
    }

    /// Takes `$` and what belongs to it.
    fn dollar(&mut self, place: Place, marks: &mut Vec<Mark>) -> Result<(), Refused> {
        let start = self.at;
        self.bump();
        match self.peek() {
            Some('{') => self.braces(start, place, marks),
            Some(char) if is_in_name(char, true) => {
                let name = self.name();
                let value = self.value(&name)?;
                push_value(&value, place, marks);
                Ok(())
            }
            Some('(') => Err(substitution("$(")),
            Some('?' | '$' | '!' | '#' | '@' | '*' | '-' | '[' | '0'..='9') => {
                self.bump();
                Err(variables_only(self.since(start)))
            }
            Some('\'' | '"') if !place.is_quoted() => {
                self.bump();
                Err(Refused::text(self.since(start)).but("write quotes without $"))
            }
            // After it bash does not divide what a default gave.
            _ if !place.is_quoted() => Err(outside_quotes('$')),
            _ => {
                marks.push(place.written('$'));
                Ok(())
            }
        }
    }

    /// Takes `{NAME}` or `{NAME:-word}`.
    fn braces(&mut self, start: usize, place: Place, marks: &mut Vec<Mark>) -> Result<(), Refused> {
        self.bump();
        let name = self.name();
        let next = self.bump();
        let has_default = next == Some(':') && self.takes('-');
        if name.is_empty() || next != Some('}') && !has_default {
            self.bump();
            return Err(variables_only(self.since(start)));
        }
        let value = self.value(&name)?;
        let mut default = Vec::new();
        if has_default {
            self.depth += 1;
            if self.depth > MOST_DEPTH {
                return Err(Refused::phrase("too many ${NAME:-word} in each other"));
            }
            let inner = if place.is_quoted() { Place::DefaultInQuotes } else { Place::Default };
            self.default(inner, &mut default)?;
            self.depth -= 1;
        }
        if value.is_empty() {
            marks.append(&mut default);
        } else {
            push_value(&value, place, marks);
        }
        Ok(())
    }

    /// Takes the word after `:-`, and the brace that ends it.
    fn default(&mut self, place: Place, marks: &mut Vec<Mark>) -> Result<(), Refused> {
        loop {
            match self.peek() {
                None => return Err(open("${")),
                Some('}') => {
                    self.bump();
                    return Ok(());
                }
                // Shells disagree about what ends where.
                Some('{') => return Err(Refused::text("{").but("write it without { in ${NAME:-word}")),
                Some('"') if place.is_quoted() => {
                    return Err(Refused::text("\"").but("write ${NAME:-word} in quotes without quotes"));
                }
                Some('\'') if !place.is_quoted() => self.single_quotes(marks)?,
                Some('"') => self.double_quotes(marks)?,
                Some(char) => self.char(char, place, marks)?,
            }
        }
    }

    /// A variable's value, empty if it is unset.
    fn value(&mut self, name: &str) -> Result<String, Refused> {
        let typed = format!("${name}");
        if OF_THE_SHELL.contains(&name) {
            return Err(Refused::text(&typed).but("the environment does not hold it"));
        }
        let value = (self.env)(name).unwrap_or_default();
        self.values = self.values.saturating_add(value.len());
        if self.values > MOST_VALUES {
            return Err(Refused::text(&typed).but("variables come to more than 128 KiB"));
        }
        value.into_string().map_err(|_| Refused::text(&typed).but("its value is not UTF-8"))
    }
}

impl Word {
    /// Divides the word into the fields that a command gets.
    pub(super) fn fields(&self) -> Result<Vec<String>, Refused> {
        let mut fields = Vec::new();
        let mut field: Option<String> = None;
        let mut pattern = None;
        for mark in &self.0 {
            let char = match *mark {
                Mark::Value(' ' | '\t' | '\n') => {
                    finish(&mut fields, field.take(), pattern.take())?;
                    continue;
                }
                Mark::Quotes => {
                    field.get_or_insert_default();
                    continue;
                }
                Mark::Plain(char) | Mark::Value(char) => {
                    pattern = pattern.or_else(|| Some(char).filter(|char| "*?[".contains(*char)));
                    char
                }
                Mark::Quoted(char) => char,
            };
            field.get_or_insert_default().push(char);
        }
        finish(&mut fields, field, pattern)?;
        Ok(fields)
    }
}

/// Adds a field, if it is one. `pattern`: the first character in it that makes a shell look for files.
fn finish(fields: &mut Vec<String>, field: Option<String>, pattern: Option<char>) -> Result<(), Refused> {
    let Some(field) = field else { return Ok(()) };
    let is_file_name = !field.split('/').next().is_some_and(|part| part.contains(':'));
    if let Some(char) = pattern.filter(|_| is_file_name) {
        return Err(outside_quotes(char));
    }
    fields.push(field);
    Ok(())
}

fn push_value(value: &str, place: Place, marks: &mut Vec<Mark>) {
    let mark = if place.is_quoted() { Mark::Quoted } else { Mark::Value };
    marks.extend(value.chars().map(mark));
}

fn is_in_name(char: char, is_first: bool) -> bool {
    char == '_' || char.is_ascii_alphabetic() || !is_first && char.is_ascii_digit()
}

/// True if `~` may mean a home here: at the start, and, in bash, after `=` and `:`.
fn is_tilde(marks: &[Mark]) -> bool {
    matches!(marks.last(), None | Some(Mark::Plain('=' | ':') | Mark::Value('=' | ':')))
}

/// True for `{a,b}` and `{1..3}`, which bash makes several words of and dash does not.
fn is_brace_list(marks: &[Mark]) -> bool {
    let is = |mark: &Mark, char: char| *mark == Mark::Plain(char);
    let opens = marks.iter().enumerate().filter(|(_, mark)| is(mark, '{'));
    opens.map(|(open, _)| &marks[open + 1..]).any(|rest| {
        let mut depth = 1;
        let end = rest.iter().position(|mark| {
            depth += i32::from(is(mark, '{')) - i32::from(is(mark, '}'));
            depth == 0
        });
        // Where it is not closed, another one's end may do for bash.
        let end = end.or_else(|| rest.iter().rposition(|mark| is(mark, '}')));
        let inside = &rest[..end.unwrap_or(0)];
        inside.iter().any(|mark| is(mark, ',')) || inside.windows(2).any(|pair| pair.iter().all(|mark| is(mark, '.')))
    })
}

fn outside_quotes(char: char) -> Refused {
    Refused { found: format!("\"{char}\" outside quotes"), hint: Some("put the word in quotes") }
}

fn substitution(found: &str) -> Refused {
    Refused::text(found).but("write the value, or a variable that holds it")
}

fn variables_only(found: &str) -> Refused {
    Refused::text(found).but("wanted $NAME, ${NAME} or ${NAME:-word}")
}

fn open(found: &str) -> Refused {
    Refused { found: format!("{} without its end", crate::text::quoted(found)), hint: None }
}
