//! What goes wrong in a call to AWS, distinguished by what can be done about it.

/// A call to AWS that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation} ({subject}): {code}: {message}{}", self.hint())]
pub struct CloudError {
    /// The API operation, `ec2:CreateVpc`.
    pub operation: &'static str,
    /// What it was about: an account, an address, a queue.
    pub subject: String,
    /// AWS's error code; `http-503` and its like when the service failed and gave none that is known;
    /// `timeout`, `connection`, `response` when there was no answer; `bucket`, `unseen`, `order` when no call
    /// was made. What each means is in `meaning.rs`.
    pub code: String,
    /// AWS's message.
    pub message: String,
}

/// What can be done about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Slow down and try again.
    Throttled,
    /// Something just made is not visible everywhere yet, or something just deleted is not gone
    /// yet: try again.
    EventuallyConsistent,
    /// It is so already: what was to be deleted is gone, what was to be added is there. No failure;
    /// the next observation decides what is true.
    AlreadyDone,
    /// The account is too young: try again for at least 15 minutes.
    AccountNotReady,
    /// The role may not do this, and will not by itself.
    Denied,
    /// The condition of a conditional write does not hold: read again.
    Conflict,
    /// The network or the service failed: try again.
    Transient,
    /// The request is wrong: trying again does not help.
    Invalid,
}

impl CloudError {
    /// The same, with the answer's HTTP status: it decides where the service failed (500 and above) or
    /// refused to be asked so often (429), and gave no code that the table knows.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        let failed = status == 429 || status >= 500;
        if !failed || self.class() != Class::Invalid || !self.advice().is_empty() {
            return self;
        }
        let message = format!("{}: {}", self.code, self.message);
        // What AWS may add to these has failed too.
        let status = if [429, 500, 502, 503, 504, 509].contains(&status) { status } else { 500 };
        Self { code: format!("http-{status}"), message, ..self }
    }

    fn hint(&self) -> String {
        match self.advice() {
            "" => String::new(),
            advice => format!(". In that account: {advice}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_failed_is_asked_again_whatever_it_calls_its_failure() {
        let error = |code: &str| CloudError {
            operation: "lambda:CreateFunction",
            subject: "x".into(),
            code: code.into(),
            message: "oh".into(),
        };
        for (code, status, becomes, class) in [
            ("unknown", 503, "http-503", Class::Transient),
            ("SomethingNew", 500, "http-500", Class::Transient),
            ("SomethingNew", 599, "http-500", Class::Transient),
            ("SomethingNew", 429, "http-429", Class::Throttled),
            ("unknown", 509, "http-509", Class::Throttled),
            ("SomethingNew", 499, "SomethingNew", Class::Invalid),
            ("SomethingNew", 400, "SomethingNew", Class::Invalid),
            // What the table knows stays what it is: EC2 answers throttles with 503.
            ("RequestLimitExceeded", 503, "RequestLimitExceeded", Class::Throttled),
            ("AddressLimitExceeded", 503, "AddressLimitExceeded", Class::Invalid),
        ] {
            let read = error(code).with_status(status);
            assert_eq!((read.code.as_str(), read.class()), (becomes, class), "{code} {status}");
            assert!(read.to_string().contains(code), "{read}");
        }
    }
}
