//! The operations, in the order of the API reference: one file each.

mod assume_role;
mod get_access_key_info;
mod get_caller_identity;
mod get_session_token;

use anabranch_protocol::{Answer, ApiError, Call, Operation, QueryStyle, ResourceReference, ServiceModel, Wire};

use crate::identity::Identity;

const ROLE: &[ResourceReference] = &[ResourceReference::Arn("RoleArn")];

/// Names, wires and operations of STS.
pub(crate) const MODEL: ServiceModel = ServiceModel {
    scopes: &["sts"],
    query_versions: &["2011-06-15"],
    query_style: Some(QueryStyle {
        namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
        is_flattened: false,
        renamed: &[],
    }),
    wires: &[Wire::Query],
    operations: &[
        Operation::new("AssumeRole").on(ROLE),
        Operation::not_offered("AssumeRoleWithSAML").on(ROLE),
        Operation::not_offered("AssumeRoleWithWebIdentity").on(ROLE),
        Operation::not_offered("AssumeRoot"),
        Operation::not_offered("DecodeAuthorizationMessage"),
        Operation::new("GetAccessKeyInfo"),
        Operation::new("GetCallerIdentity"),
        Operation::not_offered("GetDelegatedAccessToken"),
        Operation::not_offered("GetFederationToken"),
        Operation::new("GetSessionToken"),
        Operation::not_offered("GetWebIdentityToken"),
    ],
    ..ServiceModel::new("sts", "Security Token Service")
};

/// Performs an operation of [`MODEL`].
pub(crate) fn perform(identity: &Identity, call: &Call) -> Result<Answer, ApiError> {
    match call.operation.name {
        "AssumeRole" => call.perform(|_, input| assume_role::assume_role(identity, &input)),
        "GetAccessKeyInfo" => call.perform(|_, input| get_access_key_info::get_access_key_info(&input)),
        "GetCallerIdentity" => call.perform(|context, input| get_caller_identity::get_caller_identity(context, &input)),
        "GetSessionToken" => {
            call.perform(|context, input| get_session_token::get_session_token(identity, context, &input))
        }
        other => Err(ApiError::unknown_operation(other)),
    }
}
