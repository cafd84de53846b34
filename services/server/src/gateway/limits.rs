//! Limits of connections: how many there may be, and how long each may take over what.
//!
//! Every wait for a client ends, so that whoever is slow, gone or hostile costs a bounded amount
//! for a bounded time.

use std::time::Duration;

/// Longest wait for the first byte of a connection, and for its first request.
const FIRST_BYTE_MAX: Duration = Duration::from_secs(30);
/// Longest TLS handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// Longest wait for the rest of a request's head once its first byte is here.
const HEAD_MAX: Duration = Duration::from_secs(20);
/// Longest time that a connection stays open between requests. Clients must give it up before the
/// server does, or their next request meets a connection that is being closed: the pools of the
/// AWS SDKs keep idle connections for at most 60 s (Java) or 90 s (Rust, Go).
const IDLE_MAX: Duration = Duration::from_secs(120);
/// Longest wait for the next part of a request's body.
const BODY_PART_MAX: Duration = Duration::from_secs(30);
/// Longest wait for a client to take any more of an answer.
const ANSWER_STALL_MAX: Duration = Duration::from_secs(60);
/// Most connections at a time where the process may have enough descriptors.
pub(crate) const CONNECTIONS_MAX: usize = 16_384;

/// Most fields in a request's head.
pub(super) const HEAD_FIELDS_MAX: usize = 100;
/// Largest head of a request in bytes, and most bytes that HTTP/1.1 reads ahead of what is taken.
pub(super) const HEAD_BYTES_MAX: usize = 128 << 10;
/// Most requests at a time on a connection of HTTP/2.
pub(super) const STREAMS_MAX: u32 = 200;
/// Most requests of a connection of HTTP/2 that the client reset before they were looked at; one
/// more ends the connection ("rapid reset", CVE-2023-44487).
pub(super) const STREAMS_RESET_EARLY_MAX: usize = 20;
/// Most streams of HTTP/2 that the server resets because of the client's mistakes before it ends
/// the connection.
pub(super) const STREAMS_IN_ERROR_MAX: usize = 256;
/// Most bytes of bodies that all requests on a connection of HTTP/2 send ahead of what is taken.
pub(super) const WINDOW_BYTES_MAX: u32 = 1 << 20;
/// Most bytes of an answer that wait for the client on a stream of HTTP/2, outside of what the
/// service still has.
pub(super) const SEND_BUFFER_BYTES_MAX: usize = 128 << 10;
/// Longest silence of a client on a connection of HTTP/2 before it is pinged.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(30);
/// Longest wait for the answer to that ping.
pub(super) const PING_ANSWER_MAX: Duration = Duration::from_secs(20);
/// Longest wait for a connection of HTTP/2 to end once it was told that it will be closed.
pub(super) const CLOSING_MAX: Duration = Duration::from_secs(5);

/// How many connections there may be, and how long each may take over what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections at a time. Above it, the one that has been idle longest is closed for a new one,
    /// and if all are busy the new one is answered with 503.
    pub connections_max: usize,
    /// Wait for the first byte of a connection, and for its first request.
    pub first_byte_max: Duration,
    /// TLS handshake.
    pub handshake_max: Duration,
    /// Wait for the rest of a request's head once its first byte is here (HTTP/1.1).
    pub head_max: Duration,
    /// Time between requests.
    pub idle_max: Duration,
    /// Wait for the next part of a request's body.
    pub body_part_max: Duration,
    /// Wait for a client to take any more of an answer.
    pub answer_stall_max: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_MAX,
            first_byte_max: FIRST_BYTE_MAX,
            handshake_max: HANDSHAKE_MAX,
            head_max: HEAD_MAX,
            idle_max: IDLE_MAX,
            body_part_max: BODY_PART_MAX,
            answer_stall_max: ANSWER_STALL_MAX,
        }
    }
}
