//! Which process is at the other end of a connection: only the function's own process may use its
//! Runtime API.
//!
//! The runtimes of AWS take nothing but `host:port` in `AWS_LAMBDA_RUNTIME_API` (those for Node.js
//! and Python split it at the colon), so there is no place for a secret. The system knows
//! whose socket it is, though: `/proc/net/tcp` names its inode, `/proc/<pid>/fd` who has that.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Whether the socket `theirs` that is connected to `ours` on this machine belongs to a process of
/// the group that `leader` leads. Reads `/proc`, so it blocks.
pub(super) fn is_of_group(leader: u32, theirs: SocketAddr, ours: SocketAddr) -> io::Result<bool> {
    let Some(inode) = inode(theirs, ours)? else { return Ok(false) };
    let socket = format!("socket:[{inode}]");
    if has_open(leader, &socket) {
        return Ok(true);
    }
    let members = fs::read_dir("/proc")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| group(*pid) == Some(leader));
    Ok(members.into_iter().any(|pid| has_open(pid, &socket)))
}

/// The inode of the connected socket.
fn inode(local: SocketAddr, remote: SocketAddr) -> io::Result<Option<u64>> {
    // A program may speak IPv4 through a socket of IPv6.
    for table in ["/proc/self/net/tcp", "/proc/self/net/tcp6"] {
        let text = match fs::read_to_string(table) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            text => text?,
        };
        let of_socket = |line: &str| {
            let mut fields = line.split_ascii_whitespace().skip(1);
            let ends = (address(fields.next()?)?, address(fields.next()?)?);
            // Behind the addresses: state, queues, timers, retransmissions, user, timeouts.
            let inode = fields.nth(6)?.parse().ok()?;
            (ends == (local, remote)).then_some(inode)
        };
        if let Some(inode) = text.lines().skip(1).find_map(of_socket) {
            return Ok(Some(inode));
        }
    }
    Ok(None)
}

/// `0100007F:1F90` as 127.0.0.1:8080: words of 32 bits as they lie in memory.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |index: usize| Some(u32::from_str_radix(ip.get(index * 8..index * 8 + 8)?, 16).ok()?.to_ne_bytes());
    let ip = match ip.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        _ => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            Ipv6Addr::from(bytes).to_canonical()
        }
    };
    Some(SocketAddr::new(ip, port))
}

fn has_open(pid: u32, target: &str) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    descriptors.flatten().any(|entry| fs::read_link(entry.path()).is_ok_and(|link| link.as_os_str() == target))
}

fn group(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name is in parentheses and may hold spaces; state and parent come before.
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    #[test]
    fn a_connection_is_told_by_its_process() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = listener.local_addr().unwrap();
        let client = TcpStream::connect(ours).unwrap();
        let theirs = client.local_addr().unwrap();
        let here = std::process::id();
        assert!(is_of_group(here, theirs, ours).unwrap());
        let leader = group(here).unwrap();
        assert!(is_of_group(leader, theirs, ours).unwrap(), "another process of the group may, too");
        let mut other = Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        assert!(!is_of_group(other.id(), theirs, ours).unwrap());
        other.kill().unwrap();
        other.wait().unwrap();
        drop(client);
        assert!(!is_of_group(here, (Ipv4Addr::LOCALHOST, 1).into(), ours).unwrap());
    }

    #[test]
    fn addresses_are_read() {
        assert_eq!(address("0100007F:1F90"), Some("127.0.0.1:8080".parse().unwrap()));
        assert_eq!(address("0000000000000000FFFF00000100007F:0050"), Some("127.0.0.1:80".parse().unwrap()));
        assert_eq!(address("00000000000000000000000001000000:0050"), Some("[::1]:80".parse().unwrap()));
        for wrong in ["", "0100007F", "01:1", "0100007G:0050", "0100007F:10000"] {
            assert_eq!(address(wrong), None, "{wrong}");
        }
    }
}
