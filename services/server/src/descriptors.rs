//! File descriptors: how many the process may have, and who may use how many of them.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::gateway::CONNECTIONS_MAX;

/// Fewest descriptors with which the server works well: a shell's usual limit is this.
const DESCRIPTORS_MIN: u64 = 1024;
/// Share of the descriptors that connections may have, in percent.
const CONNECTIONS_SHARE_PERCENT: u64 = 35;
/// Share of the descriptors that open logs may have, in percent. What is left is for objects,
/// functions, indexes and the system.
const LOGS_SHARE_PERCENT: u64 = 35;
/// Most descriptors that open logs may have, however many there are.
const LOGS_DESCRIPTORS_MAX: u64 = 65_536;

/// How the process's descriptors are shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptors {
    /// The process's limit.
    pub limit: u64,
    /// Connections of clients at a time.
    pub connections_max: usize,
    /// Descriptors of open logs at a time.
    pub logs_max: usize,
}

impl Descriptors {
    /// Raises the process's limit as far as it may itself, and shares it out.
    pub fn raise() -> Self {
        let given = getrlimit(Resource::Nofile);
        if given.current < given.maximum || (given.maximum.is_none() && given.current.is_some()) {
            let wanted = Rlimit { current: given.maximum, maximum: given.maximum };
            if let Err(error) = setrlimit(Resource::Nofile, wanted) {
                tracing::warn!(%error, "the limit of open files can't be raised to {:?}", given.maximum);
            }
        }
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        tracing::debug!(before = given.current, limit, "limit of open files");
        if limit < DESCRIPTORS_MIN {
            tracing::warn!(
                "the process may open {limit} files only; with fewer than {DESCRIPTORS_MIN} (ulimit -Hn), \
                 connections and streams wait for one another"
            );
        }
        Self::of(limit)
    }

    /// The shares of `limit` descriptors.
    pub fn of(limit: u64) -> Self {
        let share = |percent: u64, most: u64| usize::try_from((limit / 100 * percent).clamp(1, most)).unwrap_or(1);
        Self {
            limit,
            connections_max: share(CONNECTIONS_SHARE_PERCENT, CONNECTIONS_MAX as u64),
            logs_max: share(LOGS_SHARE_PERCENT, LOGS_DESCRIPTORS_MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_leave_some_for_all_else() {
        for limit in [64, 256, 1024, 4096, 1 << 20, u64::MAX] {
            let shares = Descriptors::of(limit);
            let used = (shares.connections_max + shares.logs_max) as u64;
            assert!(shares.connections_max > 0 && shares.logs_max > 0 && used <= limit / 4 * 3, "{shares:?}");
        }
        assert_eq!(Descriptors::of(1024), Descriptors { limit: 1024, connections_max: 350, logs_max: 350 });
        assert_eq!(Descriptors::of(1 << 20).connections_max, CONNECTIONS_MAX);
    }
}
