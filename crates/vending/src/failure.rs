//! Why an account could not be made, and what people can do about it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why Organizations could not make an account: `CreateAccountStatus.FailureReason` of its API
/// (<https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccountStatus.html>).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum FailureReason {
    /// The organization has as many accounts as it may have.
    AccountLimitExceeded,
    /// A request with the same information is under way: one of our own.
    ConcurrentAccountModification,
    /// Some account has the e-mail address already, whosever it is.
    EmailAlreadyExists,
    /// The management account did not pass the validation of its business.
    FailedBusinessValidation,
    /// The same of AWS GovCloud (US).
    GovcloudAccountAlreadyExists,
    /// AWS failed.
    InternalFailure,
    /// The management account's address is not valid.
    InvalidAddress,
    /// AWS takes the e-mail address for none.
    InvalidEmail,
    /// The management account's identity cannot be validated.
    InvalidIdentityForBusinessValidation,
    /// The management account's means of payment is not supported.
    InvalidPaymentInstrument,
    /// The management account's business was not validated yet.
    MissingBusinessValidation,
    /// The management account has no means of payment.
    MissingPaymentInstrument,
    /// The validation of the management account's business is under way.
    PendingBusinessValidation,
    /// The validation of the management account's business has a problem that AWS does not name.
    UnknownBusinessValidation,
    /// A resource policy of the organization does not go together with tags in the request.
    UpdateExistingResourcePolicyWithTagsNotSupported,
    /// One that this release does not know, as AWS wrote it.
    Other(String),
}

use FailureReason as Reason;

/// AWS's code of each reason that is known, and what to do about it.
const KNOWN: [(&str, Reason, &str); 15] = [
    (
        "ACCOUNT_LIMIT_EXCEEDED",
        Reason::AccountLimitExceeded,
        "ask AWS for more accounts (Service Quotas, AWS Organizations, \"Default maximum number of accounts\"); closed \
         ones count for 90 days",
    ),
    (
        "CONCURRENT_ACCOUNT_MODIFICATION",
        Reason::ConcurrentAccountModification,
        "wait: a request with the same e-mail address is under way",
    ),
    (
        "EMAIL_ALREADY_EXISTS",
        Reason::EmailAlreadyExists,
        "give the line another `email`: an account outside the organization, or a closed one, has this address for good",
    ),
    (
        "FAILED_BUSINESS_VALIDATION",
        Reason::FailedBusinessValidation,
        "correct the business information of the management account and ask AWS Support for a new validation",
    ),
    (
        "GOVCLOUD_ACCOUNT_ALREADY_EXISTS",
        Reason::GovcloudAccountAlreadyExists,
        "give the line another `email`: an account in AWS GovCloud (US) has this address",
    ),
    ("INTERNAL_FAILURE", Reason::InternalFailure, "ask AWS Support: it failed each time"),
    (
        "INVALID_ADDRESS",
        Reason::InvalidAddress,
        "correct the address of the management account (Billing, Account): AWS copies it into each new account",
    ),
    ("INVALID_EMAIL", Reason::InvalidEmail, "give the line an `email` that AWS takes"),
    (
        "INVALID_IDENTITY_FOR_BUSINESS_VALIDATION",
        Reason::InvalidIdentityForBusinessValidation,
        "correct the identity of the management account and ask AWS Support for a new validation",
    ),
    (
        "INVALID_PAYMENT_INSTRUMENT",
        Reason::InvalidPaymentInstrument,
        "give the management account a means of payment that AWS supports (Billing, Payment preferences)",
    ),
    (
        "MISSING_BUSINESS_VALIDATION",
        Reason::MissingBusinessValidation,
        "have the business of the management account validated (AWS Support)",
    ),
    (
        "MISSING_PAYMENT_INSTRUMENT",
        Reason::MissingPaymentInstrument,
        "give the management account a means of payment (Billing, Payment preferences)",
    ),
    (
        "PENDING_BUSINESS_VALIDATION",
        Reason::PendingBusinessValidation,
        "wait until AWS has validated the business of the management account",
    ),
    (
        "UNKNOWN_BUSINESS_VALIDATION",
        Reason::UnknownBusinessValidation,
        "ask AWS Support what the validation of the management account's business lacks",
    ),
    (
        "UPDATE_EXISTING_RESOURCE_POLICY_WITH_TAGS_NOT_SUPPORTED",
        Reason::UpdateExistingResourcePolicyWithTagsNotSupported,
        "take the condition on tags out of the organization's resource policy (Organizations, Settings)",
    ),
];

/// How the text of AWS's documentation spells one of them; its API's model has the other spelling.
const ALSO: (&str, Reason) =
    ("IDENTITY_INVALID_BUSINESS_VALIDATION", Reason::InvalidIdentityForBusinessValidation);

impl FailureReason {
    /// What people can do about it; `None` for one that is not known.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        KNOWN.iter().find(|(_, reason, _)| reason == self).map(|(.., advice)| *advice)
    }
}

impl From<String> for FailureReason {
    fn from(code: String) -> Self {
        let known = KNOWN.iter().map(|(code, reason, _)| (*code, reason)).chain([(ALSO.0, &ALSO.1)]);
        known
            .into_iter()
            .find(|(known, _)| *known == code)
            .map_or(Self::Other(code.clone()), |(_, it)| it.clone())
    }
}

impl From<FailureReason> for String {
    fn from(reason: FailureReason) -> Self {
        reason.to_string()
    }
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(code) => f.write_str(code),
            known => f.write_str(KNOWN.iter().find(|(_, it, _)| it == known).map_or("", |(code, ..)| *code)),
        }
    }
}
