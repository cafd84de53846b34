//! Where the records of a delivery stream go.
//!
//! A destination is a file here and a line in `destinations!`: its settings (what is stored of
//! it), the members of CreateDeliveryStream that configure it, and how a batch is delivered.

mod contract;
#[cfg(test)]
pub(crate) mod memory;
mod s3;
mod s3_key;
mod s3_settings;

use anabranch_protocol::{ApiError, Violations};
use serde::de::MapAccess;
use serde::{Deserialize, Serialize};

pub(crate) use contract::{Batch, Buffering, DestinationError, Outlets, StreamName};
use contract::{DestinationKind, DestinationSettings};

/// Declares the kinds of destinations, by the name that what is stored has of them.
macro_rules! destinations {
    ($($(#[$attribute:meta])* $kind:ident($settings:ty)),* $(,)?) => {
        /// A delivery stream's destination, as it is stored: its kind and its settings.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub(crate) enum Destination {
            $($(#[$attribute])* $kind($settings)),*
        }

        impl Destination {
            /// What its kind does.
            pub(crate) fn settings(&self) -> &dyn DestinationSettings {
                match self {
                    $($(#[$attribute])* Self::$kind(settings) => settings),*
                }
            }
        }

        /// A destination as CreateDeliveryStream configures it.
        #[derive(Debug)]
        pub(crate) enum Configuration {
            $($(#[$attribute])* $kind(<$settings as DestinationKind>::Configuration)),*
        }

        impl Configuration {
            /// Reads the value of `member` if it configures a destination: the outer `None` says
            /// that it does not, and that its value is still to be read.
            ///
            /// # Errors
            /// When it has another form.
            pub(crate) fn read<'de, A: MapAccess<'de>>(
                member: &str,
                map: &mut A,
            ) -> Result<Option<Option<Self>>, A::Error> {
                $($(#[$attribute])* if <$settings as DestinationKind>::MEMBERS.contains(&member) {
                    return Ok(Some(map.next_value::<Option<_>>()?.map(Self::$kind)));
                })*
                Ok(None)
            }

            /// Checks the model's constraints into `violations`, then what is offered here.
            ///
            /// # Errors
            /// What is not offered.
            pub(crate) fn checked(
                self,
                path: &str,
                now_ms: u64,
                violations: &mut Violations,
            ) -> Result<Destination, ApiError> {
                match self {
                    $($(#[$attribute])* Self::$kind(configuration) => {
                        <$settings as DestinationKind>::configured(configuration, path, now_ms, violations)
                            .map(Destination::$kind)
                    })*
                }
            }
        }
    };
}

destinations! {
    S3(s3_settings::S3),
    #[cfg(test)]
    Memory(memory::Memory),
}
