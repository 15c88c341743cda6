//! What can go wrong with a call between a program and AWS.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use std::sync::Arc;

use super::request::{Incoming, Protocol};

/// What happens to a call instead of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The connection is closed before the emulator gets the call: it has no effect.
    DropRequest,
    /// The emulator gets the call and it has its effect, then the connection is closed without an
    /// answer. The caller cannot tell it from [`Fault::DropRequest`].
    DropResponse,
    /// The emulator does not get the call; the caller gets this error in the way its service writes
    /// errors (for services with a CBOR protocol it is written as JSON, which their SDKs only
    /// understand by the status).
    Refuse {
        /// The HTTP status; one that HTTP does not have becomes 500.
        status: u16,
        /// AWS's code, such as `RequestLimitExceeded` (503 at EC2) or `UnauthorizedOperation` (403).
        code: String,
        /// What the error says.
        message: String,
    },
    /// The call reaches the emulator this much later.
    Stall(Duration),
}

type Rule = Arc<dyn Fn(&Incoming) -> Option<Fault> + Send + Sync>;

/// From which call on the caller is as good as dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It died before it made this call.
    Before(usize),
    /// It died after it made this call, before the answer.
    BeforeAnswerOf(usize),
}

impl Cut {
    fn number(self) -> usize {
        match self {
            Self::Before(number) | Self::BeforeAnswerOf(number) => number,
        }
    }
}

/// The faults in force.
#[derive(Default)]
pub(crate) struct Faults {
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    rule: Option<Rule>,
    cut: Option<Cut>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = self.now();
        write!(formatter, "Faults(rule: {}, cut: {:?})", now.rule.is_some(), now.cut)
    }
}

impl Faults {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_rule(&self, rule: Rule) {
        self.now().rule = Some(rule);
    }

    pub(crate) fn set_cut(&self, cut: Cut) {
        self.now().cut = Some(cut);
    }

    pub(crate) fn remove(&self) {
        *self.now() = Now::default();
    }

    /// What happens to this call.
    pub(crate) fn of(&self, call: &Incoming) -> Option<Fault> {
        let (rule, cut) = {
            let now = self.now();
            (now.rule.clone(), now.cut)
        };
        match cut {
            Some(Cut::BeforeAnswerOf(number)) if call.number == number => Some(Fault::DropResponse),
            Some(cut) if call.number >= cut.number() => Some(Fault::DropRequest),
            _ => rule.and_then(|rule| rule(call)),
        }
    }

    /// Whether whoever waits for an answer now, when so many calls have arrived, is dead already.
    pub(crate) fn nobody_waits(&self, arrived: usize) -> bool {
        self.now().cut.is_some_and(|cut| arrived >= cut.number())
    }
}

/// The error, as the service would write it.
pub(crate) fn refusal(protocol: Protocol, status: u16, code: &str, message: &str) -> Response<Full<Bytes>> {
    let (escaped_code, escaped) = (escape(code), escape(message));
    let (kind, text) = match protocol {
        Protocol::Ec2 => (
            "text/xml;charset=UTF-8",
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{escaped_code}</Code>\
                 <Message>{escaped}</Message></Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>"
            ),
        ),
        Protocol::Query => (
            "text/xml",
            format!(
                "<ErrorResponse><Error><Type>{}</Type><Code>{escaped_code}</Code><Message>{escaped}</Message>\
                 </Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>",
                if status < 500 { "Sender" } else { "Receiver" }
            ),
        ),
        Protocol::Json => (
            "application/x-amz-json-1.1",
            serde_json::json!({"__type": code, "message": message, "Message": message}).to_string(),
        ),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert("x-amzn-requestid", HeaderValue::from_static(REQUEST_ID));
    if protocol == Protocol::Json
        && let Ok(code) = HeaderValue::from_str(code)
    {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}

/// No emulator gives this one, so in a log it says that the proxy has refused.
const REQUEST_ID: &str = "00000000-0000-4000-8000-0000000fa017";

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
