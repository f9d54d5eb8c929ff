//! Which question a path is.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};

use crate::serve::answer::Answer;
use crate::serve::question::Question;

/// The paths and their questions, in the order of the command line.
pub(super) struct Paths {
    questions: Vec<Arc<Question>>,
    list: Answer,
}

impl Paths {
    /// These questions, and the list of them for `/`.
    pub(super) fn of(questions: Vec<Arc<Question>>) -> Paths {
        let list: String = questions.iter().map(|question| format!("{}\n", question.path())).collect();
        Paths { questions, list: Answer::new(StatusCode::OK, list) }
    }

    /// Their names.
    pub(super) fn names(&self) -> Vec<&str> {
        self.questions.iter().map(|question| question.path()).collect()
    }

    /// The longest limit of a question.
    pub(super) fn longest(&self) -> Duration {
        self.questions.iter().map(|question| question.timeout()).max().unwrap_or_default()
    }

    /// Answers a request by its method and its path; a query changes nothing.
    pub(super) async fn answer(&self, method: &Method, path: &str) -> Answer {
        if ![Method::GET, Method::HEAD].contains(method) {
            return Answer::new(StatusCode::METHOD_NOT_ALLOWED, "wanted GET or HEAD\n");
        }
        if path == "/" {
            return self.list.clone();
        }
        match self.questions.iter().find(|question| question.path() == path) {
            Some(question) => question.answer().await,
            None => Answer::new(StatusCode::NOT_FOUND, "no such path; / lists those there are\n"),
        }
    }
}
