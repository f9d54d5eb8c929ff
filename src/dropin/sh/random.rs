//! Lines for a shell, thrown together: the same ones on each run.

pub(super) const TOOLS: [&str; 6] = ["curl", "wget", "nc", "netcat", "grpc_health_probe", "grpc-health-probe"];

/// Parts of words, each of which is fine wherever a word is.
const PARTS: [&str; 46] = [
    "a",
    "-f",
    "http://localhost:8080/x",
    "=",
    ",",
    ":",
    "/",
    "%{http_code}",
    "@",
    "+",
    "^",
    "!",
    "é",
    "]",
    "}",
    "-o",
    "'a b'",
    "''",
    "'$PORT'",
    "'\\'",
    "'*'",
    "\"a b\"",
    "\"\"",
    "\"$PORT\"",
    "\"$BLANKS\"",
    "\"$QUOTES\"",
    "\"\\$PORT \\\" \\\\ \\a\"",
    "\"$\"",
    "\"${EMPTY:-a b}\"",
    "\"${NONE:-'x'\\}}\"",
    "\\a",
    "\\ ",
    "\\\\",
    "\\$PORT",
    "\\*",
    "$PORT",
    "${PORT}",
    "$NONE",
    "$EMPTY",
    "$BLANKS",
    "$BLANK",
    "$DOLLAR",
    "${NONE:-a b}",
    "${EMPTY:-$BLANKS}",
    "${NONE:-'a b'\"c $PORT\"\\}}",
    "${PORT:-no}",
];

/// Where output goes.
const REDIRECTIONS: [&str; 12] = [
    ">/dev/null",
    "> /dev/null",
    "1>/dev/null",
    "2>/dev/null",
    "2>&1",
    "1>&2",
    ">&2",
    ">>/dev/null",
    "2>& 1",
    "&>/dev/null",
    "</dev/null",
    ">\"/dev/null\"",
];

/// What lines are thrown together from, besides the parts.
const SOUP: [&str; 87] = [
    " * ",
    " ?",
    " [a]",
    " ~/x",
    "=~",
    " {a,b}",
    "{1..3}",
    " ",
    " ",
    " ",
    " ",
    " ",
    " ",
    " ",
    "\n",
    "\t",
    "\\\n",
    "'",
    "\"",
    "\\",
    "$",
    "${",
    "}",
    ":-",
    "{",
    "~",
    "*",
    "?",
    "[",
    "#",
    "&&",
    "||",
    " && ",
    " || ",
    "|",
    ";",
    "&",
    "(",
    ")",
    "<",
    ">",
    ">&",
    "&>",
    "2",
    "1",
    "0",
    "22",
    "/dev/null",
    "curl",
    "curl ",
    "wget ",
    "\ncurl ",
    "nc",
    "exec ",
    "timeout ",
    "5s ",
    "exit ",
    "exit",
    "true",
    "false",
    ":",
    "!",
    "if ",
    "PORT",
    "NONE",
    "BLANKS",
    "QUOTES",
    "$PATTERN",
    "$TILDE",
    "\"$TILDE\"",
    "$CODE",
    "$TOKEN",
    "${TOKEN",
    "http_proxy=",
    "a=b",
    "#!/bin/sh\n",
    "# x\n",
    "..",
    ",",
    "${NONE:-",
    "${EMPTY:-",
    "\"${NONE:-",
    "$'",
    "`",
    "\\}",
    "ü",
    "-k ",
];

/// A xorshift generator: the same lines on each run.
pub(super) struct Random(pub(super) u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn of<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    pub(super) fn soup(&mut self) -> String {
        let mut text = if self.one_in(4) { String::new() } else { "curl ".to_owned() };
        for _ in 0..=self.below(12) {
            text += if self.one_in(3) { self.of(&PARTS) } else { self.of(&SOUP) };
        }
        text
    }

    pub(super) fn list(&mut self) -> String {
        let mut text = self.of(&["", "", "", "#!/bin/bash -e\n", "\n", "# it's \"a\\\n\n"]).to_owned();
        text += &self.command();
        for _ in 0..self.below(4) {
            text += self.of(&["&&", " && ", " || ", "||", " ||\n", " \\\n&& ", " && # x\n "]);
            text += &self.command();
        }
        text + self.of(&["", "", "\n", " # end", "\n\n# end\n"])
    }

    fn command(&mut self) -> String {
        match self.below(12) {
            0 => self.of(&["true", "false", ":", "exit", "exit 0", "exit 1", "exit 255", "exit $CODE"]).to_owned(),
            1 => format!("exec {}", self.tool()),
            2 => {
                format!("timeout {} {}", self.of(&["9", "9s", "9.5", "1m", "0", "-k 1 9", "-s KILL 9"]), self.tool())
            }
            3 => format!(
                "{} {}",
                self.of(&["http_proxy=", "HTTP_PROXY='' no_proxy=*", "all_proxy=$BLANKS"]),
                self.tool()
            ),
            _ => self.tool(),
        }
    }

    fn tool(&mut self) -> String {
        let mut text = self.of(&TOOLS).to_owned();
        if !self.one_in(4) {
            text += self.of(&[" 0", " 0", " 1", " 22", " $CODE", "\t7", " 1>/dev/null 2"]);
        }
        for _ in 0..self.below(5) {
            text += self.of(&[" ", " ", " \\\n", "\t", "  "]);
            if self.one_in(4) {
                text += self.of(&REDIRECTIONS);
                continue;
            }
            for _ in 0..=self.below(3) {
                text += self.of(&PARTS);
            }
        }
        text
    }
}
