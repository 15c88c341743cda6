//! An error of a query.

/// An error as it stands beside the data.
pub(crate) struct Refusal {
    pub(crate) message: String,
    pub(crate) class: &'static str,
}

pub(crate) fn refusal(message: impl Into<String>, class: &'static str) -> Refusal {
    Refusal { message: message.into(), class }
}
