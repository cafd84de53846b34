//! What a connection is doing, as far as its deadlines and the choice of which to close depend on it.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};

use axum::BoxError;
use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

use super::limits::ConnectionLimits;

/// Most bytes of an answer that are given to a stream of HTTP/2 at a time. What was given can't be
/// taken back when the client stops reading.
const PIECE_BYTES_MAX: usize = 64 << 10;

/// Shared by a connection, its socket, its answers and the listener.
#[derive(Debug)]
pub(super) struct Activity {
    began: Instant,
    /// Requests that are being answered.
    in_flight: AtomicUsize,
    asked: AtomicBool,
    /// Moments below are milliseconds since `began`, plus one; zero is "not now".
    idle_since: AtomicU64,
    head_since: AtomicU64,
    blocked_since: AtomicU64,
    http_2: AtomicBool,
    /// HTTP/2 answers that a client may be slow to take.
    answers: Mutex<Vec<Weak<Mutex<Paced>>>>,
    /// Whether it was asked to make room for another.
    leaving: AtomicBool,
    room_wanted: Notify,
}

/// What a connection took too long over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// Saying what it wants.
    Head,
    /// Asking for anything.
    Idle,
    /// Taking an answer: all of the connection is stuck.
    Answer,
    /// Taking the answer of one stream of HTTP/2.
    Stream,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            in_flight: AtomicUsize::new(0),
            asked: AtomicBool::new(false),
            idle_since: AtomicU64::new(1),
            head_since: AtomicU64::new(0),
            blocked_since: AtomicU64::new(0),
            http_2: AtomicBool::new(false),
            answers: Mutex::default(),
            leaving: AtomicBool::new(false),
            room_wanted: Notify::new(),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    fn at(&self, moment: &AtomicU64) -> Option<Instant> {
        let ms = moment.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.began + Duration::from_millis(ms))
    }

    fn answers(&self) -> MutexGuard<'_, Vec<Weak<Mutex<Paced>>>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client sent `bytes`.
    pub(super) fn received(&self, bytes: &[u8]) {
        let begins = self.in_flight.load(Ordering::Relaxed) == 0 && self.head_since.load(Ordering::Relaxed) == 0;
        if !begins || self.is_http_2() {
            return;
        }
        if !self.asked.load(Ordering::Relaxed) && bytes.starts_with(b"PR") {
            // The preface of HTTP/2; no method of ours begins so.
            self.http_2.store(true, Ordering::Relaxed);
        } else {
            self.head_since.store(self.now(), Ordering::Relaxed);
        }
    }

    /// The client takes nothing at the moment.
    pub(super) fn blocked(&self) {
        if self.blocked_since.load(Ordering::Relaxed) == 0 {
            self.blocked_since.store(self.now(), Ordering::Relaxed);
        }
    }

    /// The client took something.
    pub(super) fn took(&self) {
        if self.blocked_since.load(Ordering::Relaxed) != 0 {
            self.blocked_since.store(0, Ordering::Relaxed);
        }
    }

    /// A request begins; it lasts until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.asked.store(true, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.head_since.store(0, Ordering::Relaxed);
        InFlight(self.clone())
    }

    pub(super) fn is_http_2(&self) -> bool {
        self.http_2.load(Ordering::Relaxed)
    }

    /// Since when nothing has been asked or sent; `None` while something is.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let is_busy = self.in_flight.load(Ordering::Relaxed) > 0 || self.blocked_since.load(Ordering::Relaxed) != 0;
        if is_busy { None } else { self.at(&self.idle_since) }
    }

    /// Since when the connection could make room for another.
    pub(super) fn spare_since(&self) -> Option<Instant> {
        self.idle_since().filter(|_| !self.leaving.load(Ordering::Relaxed))
    }

    /// Asks the connection to make room for another if it is still idle.
    pub(super) fn ask_for_room(&self) {
        self.leaving.store(true, Ordering::Relaxed);
        self.room_wanted.notify_one();
    }

    /// Completes when the connection is asked to make room; true if it should.
    pub(super) async fn room_wanted(&self) -> bool {
        self.room_wanted.notified().await;
        let leaves = self.idle_since().is_some();
        self.leaving.store(leaves, Ordering::Relaxed);
        leaves
    }

    /// When the connection will have taken too long over what it is doing, unless something happens.
    pub(super) fn deadline(&self, limits: &ConnectionLimits) -> Option<(Instant, Overdue)> {
        let answer = self.at(&self.blocked_since).map(|since| (since + limits.answer_stall_max, Overdue::Answer));
        let stream = self.answers().iter().filter_map(Weak::upgrade).filter_map(|answer| lock(&answer).offered).min();
        let stream = stream.map(|offered| (offered + limits.answer_stall_max, Overdue::Stream));
        let request = match (self.at(&self.head_since), self.idle_since()) {
            (Some(since), Some(_)) => Some((since + limits.head_max, Overdue::Head)),
            (None, Some(since)) => {
                let asked = self.asked.load(Ordering::Relaxed);
                Some((since + if asked { limits.idle_max } else { limits.first_byte_max }, Overdue::Idle))
            }
            (_, None) => None,
        };
        [answer, stream, request].into_iter().flatten().min_by_key(|(deadline, _)| *deadline)
    }

    /// Drops what is left of the answers that no client takes; their streams end in an error.
    pub(super) fn cut_stalled_answers(&self, limits: &ConnectionLimits) {
        let now = Instant::now();
        self.answers().retain(|answer| {
            let Some(answer) = answer.upgrade() else { return false };
            let mut answer = lock(&answer);
            let is_stalled = answer.offered.is_some_and(|offered| now >= offered + limits.answer_stall_max);
            if is_stalled {
                answer.cut();
            }
            !is_stalled
        });
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.idle_since.store(self.0.now(), Ordering::Relaxed);
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl InFlight {
    /// The answer's body, with which the request ends.
    pub(super) fn until_sent(self, body: Body) -> Body {
        let whole = body.size_hint().exact().is_some_and(|bytes| bytes <= PIECE_BYTES_MAX as u64);
        if whole || !self.0.is_http_2() {
            return Body::new(Counted { body, _in_flight: self });
        }
        let activity = self.0.clone();
        let paced = Paced { body, rest: Bytes::new(), offered: None, in_flight: Some(self) };
        let paced = Arc::new(Mutex::new(paced));
        let mut answers = activity.answers();
        answers.retain(|answer| answer.strong_count() > 0);
        answers.push(Arc::downgrade(&paced));
        Body::new(PacedBody(paced))
    }
}

/// A body whose end is the end of its request.
struct Counted {
    body: Body,
    _in_flight: InFlight,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer on a stream of HTTP/2, of which the client takes as much as it likes while the rest
/// of the connection goes on. It is given in pieces, so that most of it can be dropped if the
/// client takes no more.
#[derive(Debug)]
struct Paced {
    body: Body,
    rest: Bytes,
    /// When the last piece was given, if none has been asked for since.
    offered: Option<Instant>,
    /// Gone once the answer was cut.
    in_flight: Option<InFlight>,
}

impl Paced {
    fn cut(&mut self) {
        self.body = Body::empty();
        self.rest = Bytes::new();
        self.offered = None;
        self.in_flight = None;
    }

    fn piece(&mut self) -> Frame<Bytes> {
        self.offered = Some(Instant::now());
        Frame::data(self.rest.split_to(self.rest.len().min(PIECE_BYTES_MAX)))
    }
}

fn lock(paced: &Mutex<Paced>) -> MutexGuard<'_, Paced> {
    paced.lock().unwrap_or_else(PoisonError::into_inner)
}

struct PacedBody(Arc<Mutex<Paced>>);

impl HttpBody for PacedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut paced = lock(&self.0);
        paced.offered = None;
        if paced.in_flight.is_none() {
            return Poll::Ready(Some(Err("the client took too long to take the answer".into())));
        }
        if !paced.rest.is_empty() {
            return Poll::Ready(Some(Ok(paced.piece())));
        }
        let frame = std::task::ready!(Pin::new(&mut paced.body).poll_frame(context));
        Poll::Ready(match frame {
            Some(Ok(frame)) => Some(Ok(match frame.into_data() {
                Ok(data) => {
                    paced.rest = data;
                    paced.piece()
                }
                Err(trailers) => trailers,
            })),
            Some(Err(error)) => Some(Err(error.into())),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        let paced = lock(&self.0);
        paced.in_flight.is_some() && paced.rest.is_empty() && paced.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let paced = lock(&self.0);
        let (hint, rest) = (paced.body.size_hint(), paced.rest.len() as u64);
        let mut whole = SizeHint::new();
        if let Some(upper) = hint.upper() {
            whole.set_upper(upper + rest);
        }
        whole.set_lower(hint.lower() + rest);
        whole
    }
}
