//! Reads the SDK's errors.

use aws_sdk_sts::config::http::HttpResponse;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use phonehome_cloud::CloudError;

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
        let read = Self { operation, subject: subject.into(), code, message };
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
