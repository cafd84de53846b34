//! Names by which the server is known, and web pages that may call it.

use std::net::IpAddr;

use axum::http::uri::Authority;

/// Names and origins that the server was told of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trusted {
    /// Host names besides the loopback ones, in small letters: `name`, or `*.name` for all below it.
    pub host_names: Vec<String>,
    /// Origins whose pages may call the AWS APIs, such as `http://localhost:3000`; `*` is any.
    pub origins: Vec<String>,
}

impl Trusted {
    /// Whether the server is known by `host`. Every IP address is one of its own, whatever the
    /// interface: a browser that names an address connects to it, so nobody's DNS has a say.
    pub(super) fn allows_host(&self, host: &str) -> bool {
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(&name);
        let is_below =
            |domain: &str| name.strip_suffix(domain).is_some_and(|label| label.len() > 1 && label.ends_with('.'));
        address.parse::<IpAddr>().is_ok()
            || name == "localhost"
            || is_below("localhost")
            || self.host_names.iter().any(|known| match known.strip_prefix("*.") {
                Some(domain) => is_below(domain),
                None => name == *known,
            })
    }

    pub(super) fn allows_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|known| known == "*" || known.eq_ignore_ascii_case(origin))
    }
}

/// A host name as `--host-name` takes it.
pub(crate) fn host_name(text: &str) -> Result<String, String> {
    let name = text.trim_end_matches('.').to_ascii_lowercase();
    let labels = name.strip_prefix("*.").unwrap_or(&name);
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    match labels.split('.').all(is_label) {
        true => Ok(name),
        false => Err(format!("host-name takes a name such as pipeline.example.com or *.example.com, not {text:?}")),
    }
}

/// An origin as `--cors-origin` takes it.
pub(crate) fn origin(text: &str) -> Result<String, String> {
    let refuse = || format!("cors-origin takes an origin such as http://localhost:3000, or *, not {text:?}");
    if text == "*" {
        return Ok(text.into());
    }
    let (scheme, authority) = text.split_once("://").ok_or_else(refuse)?;
    let is_plain = !authority.is_empty() && !authority.contains(['@', '/', '?', '#', '*']);
    match is_plain && !scheme.is_empty() && authority.parse::<Authority>().is_ok() {
        true => Ok(text.to_ascii_lowercase()),
        false => Err(refuse()),
    }
}
