//! What the process asks of the system before it serves.

use rustix::fs::Mode;
use rustix::process::{Signal, umask};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// Makes everything the process creates from here on private to its user: files 0600, directories
/// 0700. Returns the umask before, which functions and builds get back.
pub(crate) fn keep_private() -> u32 {
    umask(Mode::RWXG | Mode::RWXO).bits()
}

/// Makes a write over the limit on file sizes (`ulimit -f`) fail as one to a full disk does,
/// instead of ending the process. Programs that are started have the signal's default again.
pub(crate) fn survive_file_size_limit() -> std::io::Result<()> {
    // The handler stays when what receives the signals is dropped.
    signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
}

/// Makes `command` run with `umask`, if given, instead of ours.
pub(crate) fn with_umask(command: &mut Command, umask: Option<u32>) -> &mut Command {
    let Some(mask) = umask.map(Mode::from_bits_truncate) else { return command };
    let set_umask = move || {
        rustix::process::umask(mask);
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes one system call, which is async-signal-safe;
    // it allocates nothing and takes no lock.
    unsafe { command.pre_exec(set_umask) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_gets_the_umask_it_is_given() {
        let shell = |umask| {
            let mut command = Command::new("sh");
            with_umask(&mut command, umask).args(["-c", "umask"]);
            async move { String::from_utf8(command.output().await.unwrap().stdout).unwrap() }
        };
        assert_eq!(shell(Some(0o027)).await.trim(), "0027");
        assert_ne!(shell(None).await.trim(), "0027");
    }
}
