//! Amazon Resource Names, and the account and region in them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Most characters of an ARN that is read.
pub const ARN_CHARACTERS_MAX: usize = 2048;

/// Why a text is not an ARN, account or region.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAnArn(&'static str);

/// An account: twelve digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account([u8; 12]);

impl Account {
    /// The account that requests belong to unless their credentials name another.
    pub const DEFAULT: Self = Self(*b"000000000000");

    /// The account that an access key id tells: one of twelve digits is an account itself, and those
    /// that STS gives out here hold it behind `ASIA`. Ids that AWS made tell none (they have other
    /// characters there).
    pub fn of_access_key(access_key_id: &str) -> Option<Self> {
        let account = match access_key_id.len() {
            12 => access_key_id,
            20 => access_key_id.strip_prefix("ASIA")?.get(..12)?,
            _ => return None,
        };
        account.parse().ok()
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        // Only digits are ever stored.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Account {
    type Err = NotAnArn;

    fn from_str(text: &str) -> Result<Self, NotAnArn> {
        let digits: [u8; 12] = text.as_bytes().try_into().map_err(|_| NotAnArn("an account has twelve digits"))?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(NotAnArn("an account has twelve digits"));
        }
        Ok(Self(digits))
    }
}

impl fmt::Display for Account {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A region, such as `us-east-1`; any name of that form is one here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(Box<str>);

/// Most characters of a region's name.
const REGION_CHARACTERS_MAX: usize = 32;

impl Region {
    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Region {
    /// The name of [`Region::default`].
    pub const DEFAULT_NAME: &str = "us-east-1";
}

impl Default for Region {
    /// The region of a request whose credential scope names none.
    fn default() -> Self {
        Self(Self::DEFAULT_NAME.into())
    }
}

impl FromStr for Region {
    type Err = NotAnArn;

    fn from_str(text: &str) -> Result<Self, NotAnArn> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if text.is_empty() || text.len() > REGION_CHARACTERS_MAX || !text.bytes().all(is_plain) {
            return Err(NotAnArn("a region's name has lowercase letters, digits and hyphens"));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// `arn:partition:service:region:account:resource` ("Identify AWS resources with Amazon Resource
/// Names"). Buckets have neither region nor account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn {
    /// Such as `kinesis`.
    pub service: Box<str>,
    /// Where it is, if the resource is in a region.
    pub region: Option<Region>,
    /// Whose it is, if the ARN says.
    pub account: Option<Account>,
    /// What it is, such as `stream/clicks`; with whatever colons and slashes it has.
    pub resource: Box<str>,
}

impl Arn {
    /// The ARN of `resource` in a region of an account.
    pub fn new(service: &str, region: &Region, account: Account, resource: &str) -> Self {
        Self {
            service: service.into(),
            region: Some(region.clone()),
            account: Some(account),
            resource: resource.into(),
        }
    }

    /// The ARN of a bucket, which has neither region nor account.
    pub fn bucket(name: &str) -> Self {
        Self { service: "s3".into(), region: None, account: None, resource: name.into() }
    }

    /// The ARN of something of an account that is in all regions, such as `role/deploy` of `iam`.
    pub fn global(service: &str, account: Account, resource: &str) -> Self {
        Self { service: service.into(), region: None, account: Some(account), resource: resource.into() }
    }

    /// The bucket's name, if it is the ARN of a bucket and of nothing in it.
    pub fn bucket_name(&self) -> Option<&str> {
        let is_bucket = &*self.service == "s3" && self.region.is_none() && self.account.is_none();
        Some(&*self.resource).filter(|name| is_bucket && !name.contains('/'))
    }

    /// The name after `prefix`, such as `clicks` in `stream/clicks` after `stream/`.
    pub fn resource_after(&self, prefix: &str) -> Option<&str> {
        self.resource.strip_prefix(prefix)
    }
}

impl FromStr for Arn {
    type Err = NotAnArn;

    fn from_str(text: &str) -> Result<Self, NotAnArn> {
        let given = |part: &str| (!part.is_empty()).then(|| part.to_string());
        if text.len() > ARN_CHARACTERS_MAX {
            return Err(NotAnArn("an ARN has at most 2048 characters"));
        }
        let mut parts = text.splitn(6, ':');
        let (Some("arn"), Some(partition), Some(service), Some(region), Some(account), Some(resource)) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotAnArn("an ARN has the form arn:aws:service:region:account:resource"));
        };
        if !(partition == "aws" || partition.starts_with("aws-")) {
            return Err(NotAnArn("an ARN begins with arn:aws:"));
        }
        if service.is_empty() || resource.is_empty() {
            return Err(NotAnArn("an ARN names a service and a resource"));
        }
        Ok(Self {
            service: service.into(),
            region: given(region).map(|region| region.parse()).transpose()?,
            account: given(account).map(|account| account.parse()).transpose()?,
            resource: resource.into(),
        })
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let region = self.region.as_ref().map_or("", Region::as_str);
        let account = self.account.as_ref().map_or("", Account::as_str);
        write!(formatter, "arn:aws:{}:{region}:{account}:{}", self.service, self.resource)
    }
}

/// Account, region and ARN are text on the wire and in what is stored.
macro_rules! as_text {
    ($($name:ident)*) => { $(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )* };
}

as_text! { Account Region Arn }

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn arns_are_read() {
        let arn: Arn = "arn:aws:lambda:eu-west-1:123456789012:function:clicks:live".parse().unwrap();
        assert_eq!((&*arn.service, arn.region.as_ref().unwrap().as_str()), ("lambda", "eu-west-1"));
        assert_eq!(arn.account.unwrap().as_str(), "123456789012");
        assert_eq!(arn.resource_after("function:"), Some("clicks:live"));
        let bucket: Arn = "arn:aws:s3:::clicks/a:b".parse().unwrap();
        assert_eq!((bucket.region, bucket.account, &*bucket.resource), (None, None, "clicks/a:b"));
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "arn",
            "arn:aws:s3",
            "urn:aws:s3:::b",
            "arn:aws:s3:::",
            "arn:aws::::b",
            "arn:x:s3:::b",
            "arn:aws:kinesis:US:123456789012:stream/a",
            "arn:aws:kinesis:us-east-1:12345678901:stream/a",
            "arn:aws:kinesis:us-east-1:12345678901x:stream/a",
        ] {
            assert!(text.parse::<Arn>().is_err(), "{text}");
        }
    }

    #[test]
    fn access_keys_tell_accounts() {
        let account = |key| Account::of_access_key(key).map(|account| account.to_string());
        assert_eq!(account("123456789012").as_deref(), Some("123456789012"));
        assert_eq!(account("ASIA123456789012ABCD").as_deref(), Some("123456789012"));
        for other in ["", "AKIA123456789012ABCD", "ASIA12345678901XABCD", "12345678901x", "anabranch"] {
            assert_eq!(account(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn arns_come_back(
            service in "[a-z0-9]{1,12}",
            region in proptest::option::of("[a-z]{2}-[a-z]{4,9}-[1-9]"),
            account in proptest::option::of("[0-9]{12}"),
            resource in "[ -~]{1,40}",
        ) {
            let arn = Arn {
                service: service.into(),
                region: region.map(|region| region.parse().unwrap()),
                account: account.map(|account| account.parse().unwrap()),
                resource: resource.into(),
            };
            prop_assert_eq!(&arn.to_string().parse::<Arn>().unwrap(), &arn);
            let stored = serde_json::to_string(&arn).unwrap();
            prop_assert_eq!(serde_json::from_str::<Arn>(&stored).unwrap(), arn);
        }
    }
}
