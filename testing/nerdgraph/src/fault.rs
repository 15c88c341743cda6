//! What goes wrong with a call.

/// What goes wrong with a call, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is not done, and answered with this HTTP status.
    Status(u16),
    /// It is answered with HTTP 200, `data: null` and an error of this class.
    Class {
        /// `extensions.errorClass`
        class: String,
        /// Whether it is done all the same.
        is_done: bool,
    },
    /// The answer is followed by an error of this class: the data is there.
    AnswerAndClass(String),
    /// The connection breaks before any answer.
    HangsUp {
        /// Whether it is done all the same.
        is_done: bool,
    },
    /// The connection breaks in the middle of the answer. It is done.
    HalfAnAnswer,
    /// It is done, and the answer is longer than anybody reads.
    TooLong,
    /// It is done, and answered with `data: {}`.
    Empty,
    /// A key is made, and its value left out.
    WithoutValue,
    /// The caller is sent elsewhere.
    Redirect(String),
}

impl Fault {
    pub(crate) fn is_done(&self) -> bool {
        match self {
            Self::Status(_) | Self::Redirect(_) => false,
            Self::Class { is_done, .. } | Self::HangsUp { is_done } => *is_done,
            Self::AnswerAndClass(_)
            | Self::HalfAnAnswer
            | Self::TooLong
            | Self::Empty
            | Self::WithoutValue => true,
        }
    }
}
