//! Signatures of messages: SHA256 with RSA, by a key of the server's own making, whose certificate
//! is served where messages say it is. No authority vouches for it.

use std::sync::Arc;

use anabranch_control::ControlStore;
use anabranch_protocol::ApiError;
use base64_simd::STANDARD;
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize, SigningKey};
use tokio::sync::OnceCell;

use crate::error::internal;
use crate::stored::{SIGNING, StoredSigningKey};

/// The one row of its table.
const ROW: &str = "key";
/// What the path of the certificate begins with.
pub(crate) const CERTIFICATE_PATH: &str = "/SimpleNotificationService-";
/// The rest of the path.
const CERTIFICATE_NAME: &str = "anabranch.pem";

/// Signs messages. Its key is made when it is first needed, and kept.
pub(crate) struct Signer {
    control: ControlStore,
    certificate_url: String,
    key: OnceCell<Arc<Key>>,
}

struct Key {
    key: KeyPair,
    certificate: String,
}

impl Signer {
    pub(crate) fn new(control: ControlStore, base_url: &str) -> Self {
        let certificate_url = format!("{base_url}{CERTIFICATE_PATH}{CERTIFICATE_NAME}");
        Self { control, certificate_url, key: OnceCell::new() }
    }

    /// Where the certificate is served.
    pub(crate) fn certificate_url(&self) -> &str {
        &self.certificate_url
    }

    /// The certificate at `path`, in PEM, if it is there.
    pub(crate) async fn certificate(&self, path: &str) -> Result<Option<String>, ApiError> {
        match path.strip_prefix(CERTIFICATE_PATH) {
            Some(CERTIFICATE_NAME) => Ok(Some(self.key().await?.certificate.clone())),
            _ => Ok(None),
        }
    }

    /// The signature of `text`, in base64. It takes a millisecond of a processor, on a thread for that.
    pub(crate) async fn sign(&self, text: String) -> Result<String, ApiError> {
        let key = self.key().await?.clone();
        let signed = blocking(move || key.key.sign(text.as_bytes()).map_err(|error| error.to_string())).await?;
        Ok(STANDARD.encode_to_string(signed))
    }

    async fn key(&self) -> Result<&Arc<Key>, ApiError> {
        let make = || {
            let control = self.control.clone();
            blocking(move || kept_or_made(&control).map(Arc::new))
        };
        self.key.get_or_try_init(make).await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(error.to_string()))
        .map_err(|reason| internal(format!("Messages can't be signed: {reason}")))
}

fn kept_or_made(control: &ControlStore) -> Result<Key, String> {
    if let Some(kept) = control.get::<StoredSigningKey>(SIGNING, ROW).map_err(|error| error.to_string())? {
        let key =
            KeyPair::from_pkcs8_pem_and_sign_algo(&kept.key, &PKCS_RSA_SHA256).map_err(|error| error.to_string())?;
        return Ok(Key { key, certificate: kept.certificate });
    }
    let (key, certificate) = made().map_err(|error| error.to_string())?;
    let row = StoredSigningKey { key: key.serialize_pem(), certificate: certificate.clone() };
    control.put(SIGNING, ROW, &row).map_err(|error| error.to_string())?;
    Ok(Key { key, certificate })
}

fn made() -> Result<(KeyPair, String), rcgen::Error> {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let certificate = CertificateParams::new(vec!["sns.localhost".into()])?.self_signed(&key)?;
    Ok((key, certificate.pem()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_key_is_made_once_and_kept() {
        let directory = tempfile::tempdir().unwrap();
        let control = ControlStore::open(&directory.path().join("control.redb")).unwrap();
        let signer = Signer::new(control.clone(), "http://localhost:4566");
        let signature = signer.sign("text".into()).await.unwrap();
        assert_eq!(STANDARD.decode_to_vec(&signature).unwrap().len(), 256);
        let again = Signer::new(control, "http://localhost:4566");
        assert_eq!(again.sign("text".into()).await.unwrap(), signature, "PKCS #1 v1.5 is deterministic");
        let path = again.certificate_url().strip_prefix("http://localhost:4566").unwrap();
        assert!(again.certificate(path).await.unwrap().unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
        assert_eq!(again.certificate("/SimpleNotificationService-other.pem").await.unwrap(), None);
    }
}
