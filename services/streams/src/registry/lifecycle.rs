//! How streams come and go. Several do at once: their commits share flushes.

use std::sync::Arc;

use anabranch_control::{Changes, Marker};

use super::account_quota::Claim;
use super::{Registry, STREAMS};
use crate::error::{ChangeError, ControlFailure, CreateError};
use crate::leftovers::UNFINISHED;
use crate::state::account_use::AccountUse;
use crate::state::key::StreamKey;
use crate::state::stored::StoredStream;
use crate::state::stream::StreamState;
use crate::stream::Stream;

/// A name that is taken while its stream is made; `None` once it is.
struct Reservation<'a> {
    registry: &'a Registry,
    key: Option<StreamKey>,
}

impl Reservation<'_> {
    /// Enters the stream that was made. At no moment does it count twice, or not at all.
    fn fulfil(mut self, stream: Arc<Stream>) {
        let mut entries = self.registry.entries.write();
        self.key.take().map(|key| entries.creating.remove(&key));
        entries.insert(stream);
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.registry.entries.write().creating.remove(key);
        }
    }
}

impl Registry {
    /// Takes the name of a stream that is about to be made. Whoever comes second is refused, even if
    /// the first then fails.
    fn reserve(&self, state: &StreamState) -> Result<Reservation<'_>, CreateError> {
        let (mut entries, key) = (self.entries.write(), &state.key);
        if entries.by_key.contains_key(key) || entries.creating.contains_key(key) {
            return Err(CreateError::Exists(key.clone()));
        }
        entries.creating.insert(key.clone(), AccountUse::of(state));
        Ok(Reservation { registry: self, key: Some(key.clone()) })
    }

    /// Makes a stream: its log first, then its entry in control state, which says before that there
    /// is something to remove if it is never finished. It counts against its account's quotas, for
    /// which `claim` was given, from the moment its name is taken.
    pub(crate) fn create(&self, state: StreamState, claim: Claim<'_>) -> Result<(), CreateError> {
        let reservation = self.reserve(&state)?;
        drop(claim);
        let id = state.id.to_string();
        self.control.put(UNFINISHED, &id, &Marker).map_err(ControlFailure::from)?;
        let stream = Stream::new(state, &self.config.directory, self.config.log.clone(), self.open_logs.clone());
        if let Err(error) = self.make(&stream) {
            self.remove_files(&stream);
            return Err(error);
        }
        reservation.fulfil(Arc::new(stream));
        Ok(())
    }

    /// Makes the stream's log, then its entry in control state.
    fn make(&self, stream: &Stream) -> Result<(), CreateError> {
        stream.log.make()?;
        let (state, mut changes) = (stream.state(), Changes::default());
        changes.delete(UNFINISHED, &state.id.to_string());
        let entered = changes.put(STREAMS, &state.key.to_string(), &StoredStream::from((*state).clone()));
        Ok(entered.and_then(|()| self.control.commit(changes)).map_err(ControlFailure::from)?)
    }

    /// Marks a stream as being deleted.
    pub(crate) fn begin_deletion(&self, stream: &Stream) -> Result<(), ChangeError> {
        self.change_in_any_status(stream, |state, _| {
            state.deleting = true;
            Ok(())
        })
    }

    /// Removes a stream: its entry in control state first, which keeps that its files are to go until
    /// they are gone.
    pub(crate) fn finish_deletion(&self, stream: &Stream) -> Result<(), ChangeError> {
        let _changing = stream.changing.lock();
        let (state, mut changes) = (stream.held_state()?, Changes::default());
        changes.delete(STREAMS, &state.key.to_string());
        let noted = changes.put(UNFINISHED, &state.id.to_string(), &Marker);
        noted.and_then(|()| self.control.commit(changes)).map_err(ControlFailure::from)?;
        self.entries.write().remove(&state);
        self.remove_files(stream);
        stream.tell_change();
        Ok(())
    }

    /// Closes a stream's log and removes its files, and then what control state knows of them. What
    /// can't be removed now is removed at the next start.
    fn remove_files(&self, stream: &Stream) {
        let state = stream.state();
        let removed = stream.log.delete().map_err(|error| error.to_string());
        let forgotten = removed
            .and_then(|()| self.control.delete(UNFINISHED, &state.id.to_string()).map_err(|error| error.to_string()));
        if let Err(error) = forgotten {
            tracing::warn!(stream = state.key.name, error, "removing a deleted stream's files");
        }
    }
}
