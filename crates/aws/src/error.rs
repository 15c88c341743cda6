//! Reads the SDK's errors.

use aws_sdk_sts::config::http::HttpResponse;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use phonehome_cloud::{Cause, CloudError};

/// Makes an [`CloudError`] of an SDK error. The error itself, and what can be done about it, are in
/// `phonehome_cloud`, which knows no SDK.
pub trait OfSdk {
    /// Reads an SDK error. `operation` as in `ec2:CreateVpc`, `subject` what the call was about.
    fn of<E: ProvideErrorMetadata>(
        operation: &'static str,
        subject: impl Into<String>,
        error: &SdkError<E, HttpResponse>,
    ) -> Self;
}

impl OfSdk for CloudError {
    fn of<E: ProvideErrorMetadata>(
        operation: &'static str,
        subject: impl Into<String>,
        error: &SdkError<E, HttpResponse>,
    ) -> Self {
        let cause = match error {
            SdkError::ServiceError(service) => Cause::Service {
                code: service.err().code().unwrap_or("unknown").to_owned(),
                message: service.err().message().unwrap_or("no message").to_owned(),
            },
            SdkError::TimeoutError(_) => Cause::Timeout,
            SdkError::DispatchFailure(failure) => Cause::Connection(
                failure.as_connector_error().map_or("no reason given".to_owned(), |error| causes(error)),
            ),
            SdkError::ResponseError(_) => Cause::Response("it was cut off or unreadable".to_owned()),
            _ => Cause::Request("the SDK gives no reason".to_owned()),
        };
        let read = Self { operation, subject: subject.into(), cause };
        let status = error.raw_response().map(|answer| answer.status().as_u16());
        status.map_or(read.clone(), |status| read.with_status(status))
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
