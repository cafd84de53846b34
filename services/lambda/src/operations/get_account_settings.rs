//! GetAccountSettings.

use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::function_concurrency::{ACCOUNT_CONCURRENCY_MAX, reserved};
use crate::code::{UNZIPPED_BYTES_MAX, ZIPPED_BYTES_MAX};
use crate::{Lambda, Scope};

/// What all packages and layers of an account may take on AWS (75 GB); told, not enforced.
const TOTAL_BYTES_MAX: u64 = 75 << 30;

/// The quotas of an account in a region, and what it uses of them.
pub(super) fn get_account_settings(lambda: &Lambda, scope: &Scope) -> Value {
    let records = lambda.functions.records(scope);
    let mut packages = BTreeMap::new();
    for record in &records {
        for version in lambda.functions.versions(&record.id()).unwrap_or_default() {
            let code = &version.configuration.code;
            packages.insert((record.name.clone(), code.sha256.clone()), code.bytes);
        }
    }
    json!({
        "AccountLimit": {
            "TotalCodeSize": TOTAL_BYTES_MAX,
            "CodeSizeUnzipped": UNZIPPED_BYTES_MAX,
            "CodeSizeZipped": ZIPPED_BYTES_MAX,
            "ConcurrentExecutions": ACCOUNT_CONCURRENCY_MAX,
            "UnreservedConcurrentExecutions":
                u64::from(ACCOUNT_CONCURRENCY_MAX).saturating_sub(reserved(lambda, scope, None)),
        },
        "AccountUsage": { "TotalCodeSize": packages.values().sum::<u64>(), "FunctionCount": records.len() },
    })
}
