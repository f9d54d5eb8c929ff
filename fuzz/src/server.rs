//! The other side of a connection: a server on a unix socket that answers with the fuzzer's bytes, cut and with pauses as
//! the input says. A unix socket, because thousands of TCP connections a second would use the ports up.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Parts the answers to one connection after the other, for redirects.
const NEXT: &[u8] = b"\n-- next --\n";

/// How many pauses one answer has at most.
const MOST_PAUSES: usize = 20;

/// How many bytes a flood has at most, in case nobody stops it.
const MOST_FLOOD: usize = 1 << 22;

/// How a connection is answered.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Bytes for each connection; the last ones are for all that follow.
    pub answers: Vec<Vec<u8>>,
    /// The longest piece; 0 sends all at once.
    pub cut: u8,
    /// How long pauses between pieces are, in units of 50 us; the lowest bits only.
    pub pause: u8,
    /// What comes behind the last byte.
    pub ending: Ending,
    /// Whether the answer waits for the first bytes of the request.
    pub hasty: bool,
}

/// What comes behind the last byte.
#[derive(Clone, Copy, Debug, Default)]
pub enum Ending {
    /// The server's side is closed.
    #[default]
    Close,
    /// Nothing, until the other side leaves.
    Silence,
    /// The answer again and again.
    Flood,
    /// The connection is dropped, whether its request was read or not.
    Drop,
}

impl Plan {
    /// Reads a plan: three bytes that say how, then the answers. None if there are fewer.
    #[must_use]
    pub fn parse(data: &[u8]) -> Option<Plan> {
        let ([cut, pause, how], bytes) = data.split_first_chunk()?;
        let ending = match how & 7 {
            0 => Ending::Silence,
            1 => Ending::Flood,
            2 => Ending::Drop,
            _ => Ending::Close,
        };
        Some(Plan { answers: answers(bytes), cut: *cut, pause: pause & 7, ending, hasty: how & 8 != 0 })
    }
}

fn answers(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut answers = Vec::new();
    while let Some(at) = bytes.windows(NEXT.len()).position(|window| window == NEXT) {
        answers.push(bytes[..at].to_vec());
        bytes = &bytes[at + NEXT.len()..];
    }
    answers.push(bytes.to_vec());
    answers
}

/// A server that lives as long as the process.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub path: PathBuf,
    current: Arc<Mutex<(Plan, usize)>>,
}

impl Server {
    /// Listens in the folder for temporary files.
    ///
    /// # Panics
    /// If it can't.
    #[must_use]
    pub fn new() -> Server {
        let path = std::env::temp_dir().join(format!("exec-probe-fuzz-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).expect("a unix socket");
        let current = Arc::new(Mutex::new((Plan::default(), 0)));
        let there = current.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (plan, number) = {
                    let mut current = there.lock().unwrap_or_else(PoisonError::into_inner);
                    current.1 += 1;
                    (current.0.clone(), current.1 - 1)
                };
                // Whoever leaves early is no concern of the server.
                let _ = stream.and_then(|stream| answer(&stream, &plan, number));
            }
        });
        Server { path, current }
    }

    /// Answers by the plan in these bytes as a server of HTTP/2 does: as they are if the first one is odd, or as frames
    /// whose lengths are right, which gets deeper. The first byte has the target's options besides. None if there are too
    /// few bytes.
    pub fn follow_http2(&self, data: &[u8]) -> Option<u8> {
        let (options, plan) = data.split_first()?;
        let mut plan = Plan::parse(plan)?;
        if options & 1 == 0 {
            plan.answers = plan.answers.iter().map(|answer| frames(answer)).collect();
        }
        self.follow(plan);
        Some(*options)
    }

    /// Answers by this plan from now on.
    pub fn follow(&self, plan: Plan) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = (plan, 0);
    }
}

impl Default for Server {
    fn default() -> Self {
        Server::new()
    }
}

fn answer(mut stream: &UnixStream, plan: &Plan, number: usize) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    let mut request = [0; 4096];
    if !plan.hasty {
        let _ = stream.read(&mut request)?;
    }
    let bytes = plan.answers.get(number).or(plan.answers.last()).map(Vec::as_slice).unwrap_or_default();
    let mut rest = bytes;
    let mut state = u32::from(plan.cut) * 7919 + u32::from(plan.pause);
    let mut pauses = 0;
    while !rest.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let most = match plan.cut {
            0 => rest.len(),
            cut => 1 + (state >> 16) as usize % usize::from(cut),
        };
        let (piece, behind) = rest.split_at(most.min(rest.len()));
        stream.write_all(piece)?;
        rest = behind;
        if plan.pause > 0 && pauses < MOST_PAUSES {
            pauses += 1;
            std::thread::sleep(Duration::from_micros(50) * (state >> 8 & u32::from(plan.pause)));
        }
    }
    match plan.ending {
        Ending::Drop => return Ok(()),
        Ending::Close => stream.shutdown(std::net::Shutdown::Write)?,
        Ending::Silence => {}
        Ending::Flood => {
            let mut sent = 0;
            while !bytes.is_empty() && sent < MOST_FLOOD {
                stream.write_all(bytes)?;
                sent += bytes.len();
            }
        }
    }
    // Until the other side leaves.
    while stream.read(&mut request)? > 0 {}
    Ok(())
}

/// SETTINGS as every server begins with, then one frame for each type, flags, stream, length and payload that can be
/// read (RFC 9113, section 4.1).
fn frames(mut bytes: &[u8]) -> Vec<u8> {
    let mut wire = b"\0\0\0\x04\0\0\0\0\0".to_vec();
    while let Some(([kind, flags, stream, length], rest)) = bytes.split_first_chunk() {
        let (payload, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        wire.extend([0, 0, payload.len() as u8, *kind, *flags, 0, 0, 0, *stream]);
        wire.extend(payload);
        bytes = rest;
    }
    wire
}
