//! The question of one path. However many ask for it, the application gets one at a time: who asks meanwhile gets the answer
//! to the one under way. Nothing is kept beyond that, so no answer is older than its question's limit.

use std::ffi::OsString;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::time::sleep_until;

use crate::outcome::{Cause, Failure, Missing, Outcome};
use crate::output::{self, Telling};
use crate::report::{Asked, Verdict};
use crate::run::Run;
use crate::serve::answer::Answer;
use crate::serve::{Renew, Served};

/// How much later than its deadline an answer may come. A probe keeps its deadline itself; only a file system that hangs, or
/// a processor that is not given to it, keeps one from that.
const GRACE: Duration = Duration::from_millis(50);

/// A thread's stack. A handshake of TLS takes the most, 60 KiB; only what is touched counts as memory.
const STACK: usize = 512 * 1024;

/// A path, what is asked for it, and what was told of it last.
pub(super) struct Question {
    path: String,
    words: Vec<OsString>,
    timeout: Duration,
    telling: Telling,
    renew: Arc<Renew>,
    state: Mutex<State>,
    /// The failure that was printed last; None within: it was healthy.
    told: Mutex<Option<Option<String>>>,
}

struct State {
    /// As it was read the last time that it could be.
    run: Arc<Run>,
    /// The question under way.
    asking: Option<Arc<Asking>>,
}

/// A question under way: by when it has an answer, the answer once it has, and who waits for it.
struct Asking {
    by: Instant,
    told: Mutex<(Option<Answer>, Vec<Waker>)>,
}

impl Question {
    /// A question that nobody has asked yet.
    pub(super) fn new(served: Served, telling: &Telling, renew: &Arc<Renew>) -> Arc<Question> {
        let Served { path, words, run } = served;
        let timeout = run.limits.timeout;
        let state = Mutex::new(State { run: Arc::new(run), asking: None });
        let (telling, renew) = (telling.clone(), renew.clone());
        Arc::new(Question { path, words, timeout, telling, renew, state, told: Mutex::default() })
    }

    /// The path that it is asked by.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Its limit.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Asks, or waits for the answer to the question under way. Ends by the question's deadline and [`GRACE`].
    pub(super) async fn answer(self: &Arc<Self>) -> Answer {
        let asking = match self.begin() {
            Ok(asking) => asking,
            Err(verdict) => return self.tell(&verdict),
        };
        let mut late = pin!(sleep_until(asking.by.into()));
        let told = poll_fn(|context| match asking.poll_answer(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending => late.as_mut().poll(context).map(|()| None),
        });
        match told.await {
            Some(answer) => answer,
            None => {
                let missing = Missing::Answer { begun: false };
                self.tell(&self.failed(Cause::Timeout { missing, limit: self.timeout }))
            }
        }
    }

    /// The question under way, or a new one on a thread of its own.
    fn begin(self: &Arc<Self>) -> Result<Arc<Asking>, Verdict> {
        let mut state = self.state();
        if let Some(asking) = &state.asking {
            return Ok(asking.clone());
        }
        let started = Instant::now();
        let asking = Arc::new(Asking { by: started + self.timeout + GRACE, told: Mutex::default() });
        let (question, there) = (self.clone(), asking.clone());
        let thread = std::thread::Builder::new().stack_size(STACK);
        if let Err(error) = thread.spawn(move || question.ask(started, &there)) {
            drop(state);
            return Err(self.failed(Cause::system("clone", &error)));
        }
        Ok(state.asking.insert(asking).clone())
    }

    /// Asks, on a thread that may wait.
    fn ask(&self, started: Instant, asking: &Asking) {
        let renewed = (self.renew)(&self.words).map(Arc::new);
        let run = renewed.unwrap_or_else(|| self.state().run.clone());
        let verdict = run.ask(started, &|| None);
        let told = self.tell(&verdict);
        let mut state = self.state();
        state.run = run;
        state.asking = None;
        drop(state);
        asking.is_answered(told);
    }

    /// Prints a verdict if it is another one than before, and returns it as an answer. What standard output has no room for is
    /// printed the next time: nobody who asks waits for a reader of the log.
    fn tell(&self, verdict: &Verdict) -> Answer {
        let failure = (!verdict.is_healthy()).then(|| verdict.line());
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_ref() != Some(&failure) {
            let is_seen = !self.telling.is_quiet || failure.is_some();
            if !is_seen || output::to_stdout_now(&verdict.render_for(&self.path, self.telling.format)) {
                *told = Some(failure);
            }
        }
        Answer::of(verdict)
    }

    /// The verdict where there is none of the run's own.
    fn failed(&self, cause: Cause) -> Verdict {
        let subject = self.state().run.probes.first().map(|probe| probe.subject());
        let outcome = Outcome::Unhealthy(Failure::new(cause));
        let asked = subject.map(|subject| Asked { subject, outcome }).into_iter().collect();
        Verdict { asked, elapsed: self.timeout, waited: None }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asking {
    /// The answer, once there is one.
    fn poll_answer(&self, context: &mut Context<'_>) -> Poll<Answer> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = &told.0 {
            return Poll::Ready(answer.clone());
        }
        if !told.1.iter().any(|waker| waker.will_wake(context.waker())) {
            told.1.push(context.waker().clone());
        }
        Poll::Pending
    }

    /// Gives the answer to all who wait.
    fn is_answered(&self, answer: Answer) {
        let waiting = {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.0 = Some(answer);
            std::mem::take(&mut told.1)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}
