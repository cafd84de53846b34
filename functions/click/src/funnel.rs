//! The shop's funnel: the steps from a look to a purchase, and which click reaches which.

use crate::Click;
use serde_json::Value;

/// A step of the funnel, in the order a customer takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Any page was seen (`page_view`, or a `request` of a replayed log).
    View,
    /// A product was looked at (`product_view`).
    Product,
    /// Something was put into the cart (`add_to_cart`).
    Cart,
    /// The checkout was opened (`checkout`).
    Checkout,
    /// Something was bought (`purchase`).
    Purchase,
}

/// Why a valid click has no place in the funnel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FunnelError {
    /// The `type` is not one of the shop's.
    #[error("unknown type {0:?}")]
    UnknownType(String),
    /// A purchase must say how much was paid.
    #[error("purchase without amount_cents")]
    AmountMissing,
    /// What was paid must be a whole number of cents, zero or more.
    #[error("purchase whose amount_cents is {0}, not a whole number of at least 0")]
    AmountInvalid(String),
}

impl Step {
    /// All steps, first to last.
    pub const ALL: [Self; 5] = [Self::View, Self::Product, Self::Cart, Self::Checkout, Self::Purchase];

    /// The step's name as stored.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Product => "product",
            Self::Cart => "cart",
            Self::Checkout => "checkout",
            Self::Purchase => "purchase",
        }
    }

    /// The step that a click reaches.
    ///
    /// # Errors
    /// [`FunnelError`] for a type the shop does not have, or a purchase without a valid amount.
    pub fn reached_by(click: &Click) -> Result<Self, FunnelError> {
        match click.kind.as_str() {
            "page_view" | "request" => Ok(Self::View),
            "product_view" => Ok(Self::Product),
            "add_to_cart" => Ok(Self::Cart),
            "checkout" => Ok(Self::Checkout),
            "purchase" => match click.rest.get("amount_cents") {
                None | Some(Value::Null) => Err(FunnelError::AmountMissing),
                Some(amount) if amount.as_u64().is_some() => Ok(Self::Purchase),
                Some(amount) => Err(FunnelError::AmountInvalid(amount.to_string())),
            },
            other => Err(FunnelError::UnknownType(other.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn step(kind: &str, amount: Value) -> Result<Step, FunnelError> {
        let click = Click::from_value(json!({
            "event_id": "e", "session_id": "s", "timestamp": "2026-06-15T10:00:00Z",
            "type": kind, "page": "/", "amount_cents": amount
        }));
        Step::reached_by(&click.unwrap())
    }

    #[test]
    fn each_type_reaches_its_step() {
        let types = ["page_view", "product_view", "add_to_cart", "checkout", "purchase"];
        for (kind, expected) in types.into_iter().zip(Step::ALL) {
            assert_eq!(step(kind, json!(0)), Ok(expected));
        }
        assert_eq!(step("request", json!(null)), Ok(Step::View));
    }

    #[test]
    fn refuses_what_would_poison_the_figures() {
        assert_eq!(step("purchase", json!(null)), Err(FunnelError::AmountMissing));
        for amount in [json!(-1), json!(12.5), json!("49.90")] {
            assert_eq!(step("purchase", amount.clone()), Err(FunnelError::AmountInvalid(amount.to_string())));
        }
        assert_eq!(step("teleport", json!(1)), Err(FunnelError::UnknownType("teleport".into())));
    }
}
