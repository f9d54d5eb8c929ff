//! The connections that are open, and what is known of each. Where all places are taken, whoever has sent no request makes
//! room, as the kubelet's arrives with its connection; then whoever has waited for longest, who is most likely gone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;
use tokio::time::sleep;

/// How long a request may take to arrive, and as long its answer to be taken.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How long a request is waited for where others want the connection.
const SHORT_PATIENCE: Duration = Duration::from_millis(250);

/// How long an answer is waited for where others want the connection: as long as the kubelet waits where its manifest names no
/// `timeoutSeconds`. Else a few paths that hang, asked by the kubelet again and again, would keep all places.
const LONG_PATIENCE: Duration = Duration::from_secs(1);

/// How long to wait for a connection that ends, while all are taken.
const SHORT_PAUSE: Duration = Duration::from_millis(1);

/// The open connections.
pub(super) struct Slots {
    most: usize,
    open: Mutex<Vec<(Arc<Slot>, AbortHandle)>>,
}

/// What is known of an open connection.
pub(super) struct Slot {
    opened: Instant,
    waits: Mutex<Waits>,
}

#[derive(Clone, Copy)]
struct Waits {
    limit: Instant,
    has_arrived: bool,
}

impl Slots {
    /// No connection yet, and `most` at a time.
    pub(super) fn new(most: usize) -> Arc<Slots> {
        Arc::new(Slots { most, open: Mutex::default() })
    }

    /// A place for a connection; it is given back with the value.
    pub(super) fn take(self: &Arc<Self>) -> Taken {
        let opened = Instant::now();
        let waits = Mutex::new(Waits { limit: opened + PATIENCE, has_arrived: false });
        Taken { slots: self.clone(), slot: Arc::new(Slot { opened, waits }) }
    }

    /// Keeps by what a connection can be closed.
    pub(super) fn hold(&self, slot: Arc<Slot>, task: AbortHandle) {
        self.open().push((slot, task));
    }

    /// Waits until one more may be open.
    pub(super) async fn room(&self) {
        while self.open().len() >= self.most {
            if !self.evict() {
                // In time, one has its answer, or has been there for long enough.
                sleep(SHORT_PAUSE).await;
            }
        }
    }

    /// Closes the connection that was opened first of all that have sent no request for too long, or of all that have waited
    /// for too long. False: there is none.
    fn evict(&self) -> bool {
        let mut open = self.open();
        let is_silent =
            |(slot, _): &(Arc<Slot>, _)| !slot.waits().has_arrived && slot.opened.elapsed() >= SHORT_PATIENCE;
        let has_waited = |(slot, _): &(Arc<Slot>, _)| slot.opened.elapsed() >= LONG_PATIENCE;
        match open.iter().position(is_silent).or_else(|| open.iter().position(has_waited)) {
            Some(at) => {
                open.remove(at).1.abort();
                true
            }
            None => false,
        }
    }

    /// In the order in which they were opened.
    fn open(&self) -> MutexGuard<'_, Vec<(Arc<Slot>, AbortHandle)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// When it is closed, whatever happens.
    pub(super) fn limit(&self) -> Instant {
        self.waits().limit
    }

    /// Gives it so long from now on.
    pub(super) fn wait_for(&self, length: Duration) {
        self.waits().limit = Instant::now() + length;
    }

    /// Its request has arrived: its answer may take so long.
    pub(super) fn arrived(&self, length: Duration) {
        self.waits().has_arrived = true;
        self.wait_for(length);
    }

    fn waits(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives its place back, however its task ends.
pub(super) struct Taken {
    slots: Arc<Slots>,
    pub(super) slot: Arc<Slot>,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.slots.open().retain(|(slot, _)| !Arc::ptr_eq(slot, &self.slot));
    }
}
