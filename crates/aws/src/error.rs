//! What goes wrong in a call to AWS, told apart by what can be done about it.

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};

/// A call to AWS that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation} ({subject}): {code}: {message}")]
pub struct AwsError {
    /// The API operation, `ec2:CreateVpc`.
    pub operation: &'static str,
    /// What it was about: an account, an address, a queue.
    pub subject: String,
    /// AWS's error code, or `timeout`, `connection`, `response`.
    pub code: String,
    /// AWS's message.
    pub message: String,
}

/// What can be done about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Slow down and try again.
    Throttled,
    /// Something just made is not visible everywhere yet: try again.
    NotYet,
    /// The account is too young: try again for at least 15 minutes.
    NotReady,
    /// The role may not do this, and will not by itself.
    Denied,
    /// The condition of a conditional write does not hold: read again.
    Conflict,
    /// The network or the service failed: try again.
    Transient,
    /// The request is wrong: trying again does not help.
    Invalid,
}

impl AwsError {
    /// Reads an SDK error.
    pub fn of<E, R>(operation: &'static str, subject: impl Into<String>, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata,
    {
        let (code, message) = match error {
            SdkError::ServiceError(service) => (
                service.err().code().unwrap_or("unknown").to_owned(),
                service.err().message().unwrap_or("no message").to_owned(),
            ),
            SdkError::TimeoutError(_) => ("timeout".to_owned(), "no answer in time".to_owned()),
            SdkError::DispatchFailure(failure) => (
                "connection".to_owned(),
                failure.as_connector_error().map_or("no connection".to_owned(), |error| causes(error)),
            ),
            SdkError::ResponseError(_) => {
                ("response".to_owned(), "the answer was cut off or unreadable".to_owned())
            }
            _ => ("request".to_owned(), "the request could not be built".to_owned()),
        };
        Self { operation, subject: subject.into(), code, message }
    }

    /// What can be done about it.
    pub fn class(&self) -> Class {
        match self.code.as_str() {
            "RequestLimitExceeded"
            | "Throttling"
            | "ThrottlingException"
            | "TooManyRequestsException"
            | "ThrottledException"
            | "SlowDown"
            | "ProvisionedThroughputExceededException" => Class::Throttled,
            "ConditionalCheckFailedException" => Class::Conflict,
            // Its message lists a reason for each item; the others are None.
            "TransactionCanceledException" => match self.message.as_str() {
                reasons if reasons.contains("ConditionalCheckFailed") => Class::Conflict,
                reasons if reasons.contains("TransactionConflict") => Class::Conflict,
                reasons if reasons.contains("ValidationError") => Class::Invalid,
                _ => Class::Throttled,
            },
            "timeout"
            | "connection"
            | "response"
            | "InternalError"
            | "InternalFailure"
            | "InternalServerError"
            | "InternalServerException"
            | "ServiceException"
            | "ServiceUnavailable"
            | "Unavailable"
            | "TransactionInProgressException" => Class::Transient,
            "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "AuthFailure"
            | "OptInRequired"
            | "SubscriptionRequiredException"
            | "PendingVerification" => Class::NotReady,
            "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation"
                if self.operation == "sts:AssumeRole" =>
            {
                Class::NotReady
            }
            "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => Class::Denied,
            // `Gateway.NotAttached`: the internet gateway was attached a moment ago.
            "ResourceConflictException"
            | "ResourceNotFoundException"
            | "DependencyViolation"
            | "IncorrectState"
            | "Gateway.NotAttached" => Class::NotYet,
            code if code.ends_with(".NotFound") => Class::NotYet,
            // Lambda says this while a fresh role, subnet or security group is on its way to it.
            "InvalidParameterValueException"
                if ["cannot be assumed", "does not exist", "NotFound", "does not have permissions"]
                    .iter()
                    .any(|m| self.message.contains(m)) =>
            {
                Class::NotYet
            }
            _ => Class::Invalid,
        }
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_told_apart_by_what_can_be_done_about_it() {
        for (operation, code, message, class) in [
            ("ec2:CreateVpc", "RequestLimitExceeded", "", Class::Throttled),
            ("organizations:ListAccounts", "TooManyRequestsException", "", Class::Throttled),
            ("ec2:CreateRoute", "InvalidNatGatewayID.NotFound", "", Class::NotYet),
            ("ec2:CreateNatGateway", "Gateway.NotAttached", "", Class::NotYet),
            (
                "lambda:CreateFunction",
                "InvalidParameterValueException",
                "The role cannot be assumed by Lambda",
                Class::NotYet,
            ),
            (
                "lambda:CreateFunction",
                "InvalidParameterValueException",
                "MemorySize is too small",
                Class::Invalid,
            ),
            (
                "lambda:PutFunctionEventInvokeConfig",
                "ResourceConflictException",
                "update in progress",
                Class::NotYet,
            ),
            ("sts:AssumeRole", "AccessDenied", "", Class::NotReady),
            ("ec2:CreateVpc", "OptInRequired", "", Class::NotReady),
            ("ec2:CreateVpc", "UnauthorizedOperation", "", Class::Denied),
            ("dynamodb:PutItem", "ConditionalCheckFailedException", "", Class::Conflict),
            (
                "dynamodb:TransactWriteItems",
                "TransactionCanceledException",
                "[None, ConditionalCheckFailed]",
                Class::Conflict,
            ),
            (
                "dynamodb:TransactWriteItems",
                "TransactionCanceledException",
                "[ThrottlingError]",
                Class::Throttled,
            ),
            (
                "dynamodb:TransactWriteItems",
                "TransactionCanceledException",
                "[ValidationError]",
                Class::Invalid,
            ),
            ("sqs:SendMessage", "timeout", "", Class::Transient),
            ("ec2:CreateSubnet", "InvalidSubnet.Conflict", "", Class::Invalid),
        ] {
            let error =
                AwsError { operation, subject: "x".into(), code: code.into(), message: message.into() };
            assert_eq!(error.class(), class, "{error}");
        }
    }
}
