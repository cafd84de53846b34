//! Where the records of a delivery stream come from.
//!
//! A source is a file here and a line in `sources!`: its settings (what is stored of it), its name
//! in the API, and how it is opened.

mod contract;
mod direct_put;
#[cfg(test)]
pub(crate) mod memory;

use anabranch_protocol::ApiError;
use serde::{Deserialize, Serialize};

pub(crate) use contract::{Pending, Place, RecordSource, SourceError};
use contract::{SourceKind, SourceSettings};
pub(crate) use direct_put::DirectPut;

/// Declares the kinds of sources, by the name that what is stored has of them.
macro_rules! sources {
    ($($(#[$attribute:meta])* $kind:ident),* $(,)?) => {
        /// A delivery stream's source, as it is stored: its kind and its settings.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub(crate) enum Source {
            $($(#[$attribute])* $kind($kind)),*
        }

        impl Source {
            /// The source that CreateDeliveryStream asks for by its `DeliveryStreamType`.
            ///
            /// # Errors
            /// When it is not offered.
            pub(crate) fn of_type(delivery_stream_type: &str) -> Result<Self, ApiError> {
                $($(#[$attribute])* if delivery_stream_type == $kind::TYPE {
                    return Ok(Self::$kind($kind::configured()?));
                })*
                Err(crate::error::unsupported(&format!("DeliveryStreamType {delivery_stream_type}")))
            }

            /// Its `DeliveryStreamType`.
            pub(crate) fn type_name(&self) -> &'static str {
                match self {
                    $($(#[$attribute])* Self::$kind(_) => $kind::TYPE),*
                }
            }

            /// What its kind does.
            pub(crate) fn settings(&self) -> &dyn SourceSettings {
                match self {
                    $($(#[$attribute])* Self::$kind(settings) => settings),*
                }
            }
        }
    };
}

sources! {
    DirectPut,
    #[cfg(test)]
    Memory,
}

#[cfg(test)]
use memory::Memory;
