//! How a verdict reads: pure functions from a [`Verdict`] to the one line or the JSON object, for whoever passes it on.
//! A failure's text has the same bytes as long as its cause is the same.

mod json;
mod text;

use std::time::Duration;

use crate::outcome::{Cause, Failure, Outcome, Subject};
pub(crate) use json::{step, usage_error};

/// How a verdict is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// One line for people.
    Text,
    /// One object for programs.
    Json,
}

/// What a run asked, in order, and what came of it. The first unhealthy outcome ends a run, so it is the last one.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// At least one.
    pub(crate) asked: Vec<Asked>,
    /// Time from the start of the run until the verdict was known.
    pub(crate) elapsed: Duration,
    /// How long it was tried in vain, where the caller was willing to wait.
    pub(crate) waited: Option<Duration>,
}

/// One probe, or one installation, with its outcome.
#[derive(Debug)]
pub(crate) struct Asked {
    /// What it was.
    pub(crate) subject: Subject,
    /// What came of it.
    pub(crate) outcome: Outcome,
}

impl Verdict {
    /// True if all outcomes are healthy.
    pub(crate) fn is_healthy(&self) -> bool {
        self.asked.iter().all(|asked| matches!(asked.outcome, Outcome::Healthy(_)))
    }

    /// The probe whose target turned out to be another machine, if one did.
    pub(crate) fn not_local(&self) -> Option<(&Subject, &Cause)> {
        self.asked.iter().find_map(|asked| match &asked.outcome {
            Outcome::Unhealthy(Failure { cause: cause @ Cause::NotLocal { .. }, hop: None, .. }) => {
                Some((&asked.subject, cause))
            }
            _ => None,
        })
    }

    /// The line, without its line end.
    pub(crate) fn line(&self) -> String {
        text::lines(self)
    }

    /// As [`Verdict::render`], with the path that it was asked by.
    pub(crate) fn render_for(&self, path: &str, format: Format) -> String {
        match format {
            Format::Text => format!("{path}: {}\n", self.line()),
            Format::Json => json::object_for(path, self) + "\n",
        }
    }

    /// The text for `format`, with its line end.
    pub(crate) fn render(&self, format: Format) -> String {
        match format {
            Format::Text => text::lines(self) + "\n",
            Format::Json => json::object(self) + "\n",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Clue, Evidence, Seen, StatusList};

    fn http(outcome: Outcome) -> Asked {
        let target = "http://localhost:8080/".to_owned();
        Asked { subject: Subject { handler: "http", label: format!("http GET {target}"), target }, outcome }
    }

    fn file(outcome: Outcome) -> Asked {
        let target = "/tmp/\"beat".to_owned();
        Asked { subject: Subject { handler: "file", label: format!("file {target}"), target }, outcome }
    }

    fn healthy(seen: Seen) -> Outcome {
        Outcome::Healthy(Evidence { seen, elapsed: Duration::from_micros(600), response: None })
    }

    fn verdict(asked: Vec<Asked>) -> Verdict {
        Verdict { asked, elapsed: Duration::from_micros(812), waited: None }
    }

    #[test]
    fn verdicts_read_as_one_line_or_one_object() {
        let status = || healthy(Seen::Http { status: 200, not_followed: Some("http://other:1".to_owned()) });
        let failed = || {
            let cause = Cause::Status { status: 503, wanted: StatusList::default(), clue: Clue::None };
            Outcome::Unhealthy(Failure { body: Some("down".to_owned()), ..Failure::new(cause) })
        };
        let rows = [
            (
                verdict(vec![http(status())]),
                "http GET http://localhost:8080/: status 200 (0.8ms), not followed to http://other:1, which is another host name\n",
                "{\"healthy\":true,\"handler\":\"http\",\"target\":\"http://localhost:8080/\",\"cause\":null,\"status\":200,\
                 \"phase\":null,\"elapsed_ms\":0.812,\"message\":\"http GET http://localhost:8080/: status 200 (0.8ms), \
                 not followed to http://other:1, which is another host name\"}\n",
            ),
            (
                verdict(vec![http(failed())]),
                "http GET http://localhost:8080/: status 503, wanted 200-399\nbody: down\n",
                "{\"healthy\":false,\"handler\":\"http\",\"target\":\"http://localhost:8080/\",\"cause\":\"status\",\
                 \"status\":503,\"phase\":\"headers\",\"elapsed_ms\":0.812,\"message\":\"http GET \
                 http://localhost:8080/: status 503, wanted 200-399\\nbody: down\"}\n",
            ),
            (
                verdict(vec![http(status()), file(healthy(Seen::File))]),
                "2 probes: http GET http://localhost:8080/: status 200, not followed to http://other:1, which is another \
                 host name; file /tmp/\"beat: as wanted (0.8ms)\n",
                "{\"healthy\":true,\"handler\":null,\"target\":null,\"cause\":null,\"status\":null,\"phase\":null,\
                 \"elapsed_ms\":0.812,\"message\":\"2 probes: http GET http://localhost:8080/: status 200, not followed \
                 to http://other:1, which is another host name; file /tmp/\\\"beat: as wanted (0.8ms)\",\"probes\":[\
                 {\"healthy\":true,\"handler\":\"http\",\"target\":\"http://localhost:8080/\",\"cause\":null,\
                 \"status\":200,\"phase\":null},{\"healthy\":true,\"handler\":\"file\",\"target\":\"/tmp/\\\"beat\",\
                 \"cause\":null,\"status\":null,\"phase\":null}]}\n",
            ),
            (
                verdict(vec![file(healthy(Seen::File)), http(failed())]),
                "http GET http://localhost:8080/: status 503, wanted 200-399\nbody: down\n",
                "{\"healthy\":false,\"handler\":\"http\",\"target\":\"http://localhost:8080/\",\"cause\":\"status\",\
                 \"status\":503,\"phase\":\"headers\",\"elapsed_ms\":0.812,\"message\":\"http GET \
                 http://localhost:8080/: status 503, wanted 200-399\\nbody: down\",\"probes\":[{\"healthy\":true,\
                 \"handler\":\"file\",\"target\":\"/tmp/\\\"beat\",\"cause\":null,\"status\":null,\"phase\":null},\
                 {\"healthy\":false,\"handler\":\"http\",\"target\":\"http://localhost:8080/\",\"cause\":\"status\",\
                 \"status\":503,\"phase\":\"headers\"}]}\n",
            ),
        ];
        for (verdict, text, json) in rows {
            assert_eq!(verdict.render(Format::Text), text);
            assert_eq!(verdict.render(Format::Json), json);
        }
    }
}
