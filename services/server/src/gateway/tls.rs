//! What the server shows who connects by TLS: a given certificate, or one of its own making.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::StartError;

/// Files of a certificate chain and its private key, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those that vouch for it.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Names that a certificate of our own making is valid for: this machine, and HTTP APIs on it.
const NAMES: [&str; 5] = ["localhost", "127.0.0.1", "::1", "*.localhost", "*.execute-api.localhost"];

/// TLS with the certificate in `given`, or with one made once and kept in `directory`; HTTP/2
/// for those who ask for it (ALPN).
///
/// # Errors
/// [`StartError::Configuration`] when given files are not as they should be, and
/// [`StartError::DataDirectory`] when those of our own can't be written.
pub(crate) fn server_config(given: Option<&TlsFiles>, directory: &Path) -> Result<Arc<ServerConfig>, StartError> {
    let (files, is_ours) = match given {
        Some(files) => (files.clone(), false),
        None => (own_files(directory)?, true),
    };
    read(&files).map_err(|reason| {
        if is_ours {
            StartError::service("tls", format!("{reason}; remove {} to have a new one made", directory.display()))
        } else {
            StartError::Configuration(reason)
        }
    })
}

fn read(files: &TlsFiles) -> Result<Arc<ServerConfig>, String> {
    let certificate = || format!("the TLS certificate {}", files.certificate.display());
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| format!("{}: {error}", certificate()))?;
    if chain.is_empty() {
        return Err(format!("{}: the file holds no certificate", certificate()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| format!("the TLS key {}: {error}", files.key.display()))?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key));
    let mut config = config.map_err(|error| format!("{} and its key: {error}", certificate()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The files of the certificate that this server made, now if there is none yet.
fn own_files(directory: &Path) -> Result<TlsFiles, StartError> {
    let files = TlsFiles { certificate: directory.join("certificate.pem"), key: directory.join("key.pem") };
    // The key is written first.
    if !files.certificate.exists() {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(NAMES.map(String::from))
            .map_err(|error| StartError::service("tls", format!("can't make a certificate: {error}")))?;
        let written = fs::create_dir_all(directory)
            .and_then(|()| write(&files.key, &signing_key.serialize_pem(), 0o600))
            .and_then(|()| write(&files.certificate, &cert.pem(), 0o600));
        written.map_err(|source| StartError::DataDirectory { path: directory.to_path_buf(), source })?;
    }
    Ok(files)
}

/// Writes a file that is there whole or not at all.
fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_made_once() {
        let directory = tempfile::tempdir().unwrap();
        let own = directory.path().join("tls");
        server_config(None, &own).unwrap();
        let certificate = fs::read(own.join("certificate.pem")).unwrap();
        let config = server_config(None, &own).unwrap();
        assert_eq!(fs::read(own.join("certificate.pem")).unwrap(), certificate);
        assert_eq!(config.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(own.join("key.pem")).unwrap());
        assert_eq!(mode & 0o777, 0o600);

        let given = TlsFiles { certificate: own.join("certificate.pem"), key: own.join("key.pem") };
        assert!(server_config(Some(&given), Path::new("/nowhere")).is_ok());
    }

    #[test]
    fn wrong_files_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("empty"), "").unwrap();
        for (certificate, key) in [("absent", "empty"), ("empty", "empty")] {
            let given = TlsFiles { certificate: path(certificate), key: path(key) };
            let error = server_config(Some(&given), directory.path()).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(certificate), "{error}");
        }
        fs::create_dir(path("tls")).unwrap();
        fs::write(path("tls/certificate.pem"), "nonsense").unwrap();
        let error = server_config(None, &path("tls")).unwrap_err();
        assert!(error.to_string().contains("remove"), "{error}");
    }
}
