//! As which exception of the service model an error is answered.

use anabranch_protocol::{ApiError, ErrorKind};

use super::*;

/// An exception's name in the service model, and what it means to callers inside the program.
type Exception = (ErrorKind, &'static str);

const NOT_FOUND: Exception = (ErrorKind::NotFound, "ResourceNotFoundException");
const IN_USE: Exception = (ErrorKind::Conflict, "ResourceInUseException");
const INVALID_ARGUMENT: Exception = (ErrorKind::Invalid, "InvalidArgumentException");
const VALIDATION: Exception = (ErrorKind::Invalid, "ValidationException");
const EXPIRED_ITERATOR: Exception = (ErrorKind::Invalid, "ExpiredIteratorException");
const EXPIRED_TOKEN: Exception = (ErrorKind::Invalid, "ExpiredNextTokenException");
const KMS_NOT_FOUND: Exception = (ErrorKind::NotFound, "KMSNotFoundException");
const LIMIT_EXCEEDED: Exception = (ErrorKind::LimitExceeded, "LimitExceededException");
/// Too many calls have the name of a quota, but waiting helps.
const CALLED_TOO_OFTEN: Exception = (ErrorKind::Throttled, "LimitExceededException");
const THROUGHPUT_EXCEEDED: Exception = (ErrorKind::Throttled, "ProvisionedThroughputExceededException");
const INTERNAL: Exception = (ErrorKind::Internal, "InternalFailure");

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        if let Error::Protocol(error) = error {
            return error;
        }
        let (kind, code) = exception(&error);
        ApiError::new(kind, code, error.to_string())
    }
}

fn exception(error: &Error) -> Exception {
    match error {
        Error::Protocol(error) => (error.kind, error.code),
        Error::Request(error) => of_request(error),
        Error::StreamNotFound(_) | Error::ShardNotFound(_) | Error::ConsumerNotFound(_) => NOT_FOUND,
        Error::Address(AddressError::NotFound(_)) => NOT_FOUND,
        Error::Address(AddressError::Unnamed) => VALIDATION,
        Error::Address(AddressError::Ambiguous) => INVALID_ARGUMENT,
        Error::Create(CreateError::Exists(_)) => IN_USE,
        Error::Create(CreateError::Log(_) | CreateError::Control(_)) => INTERNAL,
        Error::Change(error) | Error::Reshard(ReshardError::Change(error)) => of_change(error),
        Error::Reshard(ReshardError::NotFound(_)) => NOT_FOUND,
        Error::Reshard(
            ReshardError::Closed { .. } | ReshardError::KeyOutOfRange { .. } | ReshardError::NotAdjacent { .. },
        ) => INVALID_ARGUMENT,
        Error::Reshard(ReshardError::TooManyShards { .. }) => LIMIT_EXCEEDED,
        Error::Scale(_) | Error::AccountQuota(_) | Error::DailyLimit(_) => LIMIT_EXCEEDED,
        Error::Access(error) | Error::Start(StartError::Access(error)) => match error {
            AccessError::NotFound(_) => NOT_FOUND,
            AccessError::Log(_) => INTERNAL,
        },
        Error::Start(_) => INVALID_ARGUMENT,
        Error::Iterator(IteratorError::Expired { .. }) => EXPIRED_ITERATOR,
        Error::Iterator(IteratorError::StreamGone) => NOT_FOUND,
        Error::Iterator(IteratorError::Invalid | IteratorError::OtherStream) => INVALID_ARGUMENT,
        Error::HasConsumers(_) | Error::ConsumerNotActive(_) | Error::Subscription(_) => IN_USE,
        Error::Register(RegisterError::Exists { .. }) => IN_USE,
        Error::Register(RegisterError::TooMany { .. } | RegisterError::TooManyCreating) => LIMIT_EXCEEDED,
        Error::Tag(_) => INVALID_ARGUMENT,
        Error::Policy(PolicyError::TooLong { .. }) => LIMIT_EXCEEDED,
        Error::Policy(PolicyError::NotFound { .. }) => NOT_FOUND,
        Error::Policy(_) => INVALID_ARGUMENT,
        Error::WarmThroughput(WarmThroughputError::Provisioned | WarmThroughputError::NoCommitment(_)) => VALIDATION,
        Error::WarmThroughput(WarmThroughputError::TooMuch(_)) => LIMIT_EXCEEDED,
        Error::WarmThroughput(WarmThroughputError::Control(_)) => INTERNAL,
        Error::ShardRate(_) => THROUGHPUT_EXCEEDED,
        Error::CallRate(_) => CALLED_TOO_OFTEN,
        Error::Log(_) | Error::Control(_) => INTERNAL,
    }
}

fn of_change(error: &ChangeError) -> Exception {
    match error {
        ChangeError::NotFound(_) => NOT_FOUND,
        ChangeError::NotActive(_) => IN_USE,
        ChangeError::OnDemand(_) => VALIDATION,
        ChangeError::Log(_) | ChangeError::Control(_) => INTERNAL,
    }
}

fn of_request(error: &RequestError) -> Exception {
    match error {
        RequestError::DistributionStrategy(_) | RequestError::ShardCountOnDemand | RequestError::NoShardCount => {
            VALIDATION
        }
        RequestError::TooManyShards(_) => LIMIT_EXCEEDED,
        RequestError::KeyId(_) => KMS_NOT_FOUND,
        RequestError::TokenExpired => EXPIRED_TOKEN,
        _ => INVALID_ARGUMENT,
    }
}
