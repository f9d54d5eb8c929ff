//! What is done with a response's body, and whether it is the wanted one. A plain probe reads none of it.

use crate::outcome::{Cause, Failure, JsonCause};
use crate::probe::http::exchange::Exchange;
use crate::probe::http::json::{self, Member};
use crate::word::Sought;

/// How much of a body is searched.
const MOST_SEARCHED: usize = 10 * 1024;

/// How long a body may be that is read as JSON.
const MOST_JSON: usize = 64 * 1024;

/// What is done with a response besides judging its status.
#[derive(Clone, Debug)]
pub(crate) enum BodyUse {
    /// Nothing: the verdict is at the end of the headers.
    Ignore,
    /// The body must be this one.
    Judge(Box<WantedBody>),
    /// The heads are kept, and as many bytes of the body: of one whose status is not wanted only where that is said.
    Keep { most: usize, unwanted: bool },
}

/// What a body must hold.
#[derive(Clone, Debug)]
pub(crate) struct WantedBody {
    /// All of these, in its first 10 KiB.
    pub(crate) texts: Vec<Sought>,
    /// All of these, in JSON of 64 KiB at most.
    pub(crate) members: Vec<Member>,
}

impl WantedBody {
    /// Reads as much of the body as the verdict needs.
    #[inline(never)] // a plain probe reads none
    pub(super) fn judge(&self, exchange: &mut Exchange) -> Result<(), Failure> {
        match self.members.is_empty() {
            true => exchange.read_body(MOST_SEARCHED, &|body| self.lacks(body).is_none())?,
            false => exchange.read_body(MOST_JSON + 1, &|_| false)?,
        }
        exchange.body_read();
        self.check(exchange).map_err(|cause| exchange.fails(cause))
    }

    fn check(&self, exchange: &Exchange) -> Result<(), Cause> {
        let (body, coding) = (&exchange.body, exchange.head.coding.clone());
        let searched = &body[..body.len().min(MOST_SEARCHED)];
        if let Some(sought) = self.lacks(searched) {
            let cut = searched.len() == MOST_SEARCHED;
            return Err(Cause::BodyLacks { text: sought.shown.clone(), cut, coding });
        }
        if self.members.is_empty() {
            return Ok(());
        }
        let checked = match body.len() > MOST_JSON {
            true => Err(JsonCause::TooLong),
            false => json::check(body, &self.members, coding),
        };
        checked.map_err(|cause| Cause::Json(Box::new(cause)))
    }

    /// The first text that is not there.
    fn lacks(&self, body: &[u8]) -> Option<&Sought> {
        self.texts.iter().find(|sought| !sought.is_in(body))
    }
}
