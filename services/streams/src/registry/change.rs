//! Changes of a stream's state: in control state first, then where it is served from. Nothing else
//! changes the stream meanwhile.

use std::sync::Arc;

use super::{Registry, STREAMS};
use crate::error::{ChangeError, ControlFailure};
use crate::resharding::Resharding;
use crate::routing::Routes;
use crate::state::stored::StoredStream;
use crate::state::stream::{StreamMode, StreamState};
use crate::stream::Stream;

impl Registry {
    /// Changes a stream's state by `apply`, in control state first. The stream must be ACTIVE, and
    /// nothing else changes it meanwhile.
    pub(crate) fn change<T, E: From<ChangeError>>(
        &self,
        stream: &Stream,
        apply: impl FnOnce(&mut StreamState, u64) -> Result<T, E>,
    ) -> Result<T, E> {
        self.change_in_any_status(stream, |state, now_ms| {
            state.check_active(now_ms).map_err(ChangeError::from)?;
            apply(state, now_ms)
        })
    }

    /// Changes a stream as [`Registry::change`] does, whatever its status.
    pub(crate) fn change_in_any_status<T, E: From<ChangeError>>(
        &self,
        stream: &Stream,
        apply: impl FnOnce(&mut StreamState, u64) -> Result<T, E>,
    ) -> Result<T, E> {
        let _changing = stream.changing.lock();
        let mut state = stream.held_state().map_err(ChangeError::from)?;
        let result = apply(&mut state, self.clock.now_ms())?;
        self.update(stream, state).map_err(ChangeError::from)?;
        Ok(result)
    }

    /// Changes a stream as [`Registry::change`] does, after which it is UPDATING for a while.
    pub(crate) fn change_slowly<T, E: From<ChangeError>>(
        &self,
        stream: &Stream,
        apply: impl FnOnce(&mut StreamState, u64) -> Result<T, E>,
    ) -> Result<T, E> {
        self.change(stream, |state, now_ms| {
            let result = apply(state, now_ms)?;
            state.updating_until_ms = self.after_transition(now_ms);
            Ok(result)
        })
    }

    /// Changes the shards of a provisioned stream by `apply`, after which it is UPDATING for a while.
    pub(crate) fn reshard<T, E: From<ChangeError>>(
        &self,
        stream: &Stream,
        apply: impl FnOnce(&mut Resharding<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.reshard_in_any_mode(stream, |resharding| match resharding.state.mode {
            StreamMode::Provisioned => apply(resharding),
            StreamMode::OnDemand => Err(ChangeError::OnDemand(resharding.state.key.clone()).into()),
        })
    }

    /// Changes a stream's shards as [`Registry::reshard`] does, whatever its mode. Appends wait until
    /// it is done, for a flush and a commit: what closed shards hold is durable by then, and no
    /// append goes to a shard that control state does not know.
    pub(crate) fn reshard_in_any_mode<T, E: From<ChangeError>>(
        &self,
        stream: &Stream,
        apply: impl FnOnce(&mut Resharding<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let log = stream.log().map_err(ChangeError::from)?;
        let _changing = stream.changing.lock();
        let now_ms = self.clock.now_ms();
        let mut state = stream.held_state().map_err(ChangeError::from)?;
        state.check_active(now_ms).map_err(ChangeError::from)?;
        let mut routes = stream.routes.write();
        let at = stream.durable_end(&log).map_err(ChangeError::from)?;
        let result = apply(&mut Resharding { state: &mut state, at, now_ms })?;
        state.updating_until_ms = self.after_transition(now_ms);
        self.store(&state).map_err(ChangeError::from)?;
        let changed = Arc::new(Routes::new(&state));
        *routes = changed;
        stream.set_state(state);
        Ok(result)
    }

    /// When a change that begins now is complete.
    pub(crate) fn after_transition(&self, now_ms: u64) -> u64 {
        now_ms + self.config.transition_delay.as_millis() as u64
    }

    /// Replaces a stream's state, in control state first. Its shards stay as they are.
    fn update(&self, stream: &Stream, state: StreamState) -> Result<(), ControlFailure> {
        self.store(&state)?;
        stream.set_state(state);
        Ok(())
    }

    /// Forgets closed shards whose records are all out of retention.
    pub(crate) fn drop_expired_shards(&self, stream: &Stream) -> Result<(), ControlFailure> {
        let _changing = stream.changing.lock();
        let mut state = (*stream.state()).clone();
        let horizon_ms = state.horizon_ms(self.clock.now_ms());
        state.shards.retain(|shard| !shard.is_closed_before(horizon_ms));
        if stream.log.is_deleted() || state.shards.len() == stream.state().shards.len() {
            return Ok(());
        }
        self.update(stream, state)
    }

    fn store(&self, state: &StreamState) -> Result<(), ControlFailure> {
        Ok(self.control.put(STREAMS, &state.key.to_string(), &StoredStream::from(state.clone()))?)
    }
}
