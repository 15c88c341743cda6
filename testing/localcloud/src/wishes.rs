//! What goes wrong with accounts that Organizations makes, and how long they take: so that a story has it.

use anyhow::Result;
use serde_json::{Value, json};

use crate::Control;

/// What is wished for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// The next request with this e-mail address fails, for this reason of `CreateAccountStatus`.
    Fails {
        /// The address.
        email: String,
        /// AWS's code.
        reason: &'static str,
    },
    /// The answer to the next request with this e-mail address is lost; the account is made.
    AnswerIsLost {
        /// The address.
        email: String,
    },
    /// An account elsewhere has this e-mail address.
    Taken {
        /// The address.
        email: String,
    },
    /// Somebody makes an account with this e-mail address, and closes it, right before it is asked for.
    Closed {
        /// The address.
        email: String,
    },
    /// An account takes so long to be made, and one may be asked for so often, after three at once.
    Pace {
        /// How long it takes, in seconds.
        seconds: u32,
        /// How often, in seconds; on AWS 10.
        every_seconds: u32,
    },
}

impl Control {
    /// Has a wish come true.
    ///
    /// # Errors
    /// The emulator does not answer.
    pub async fn wish(&self, wish: &Wish) -> Result<()> {
        let wish: Value = match wish {
            Wish::Fails { email, reason } => json!({"email": email, "fail": reason}),
            Wish::AnswerIsLost { email } => json!({"email": email, "lose": true}),
            Wish::Taken { email } => json!({"email": email, "foreign": true}),
            Wish::Closed { email } => json!({"email": email, "closed": true}),
            Wish::Pace { seconds, every_seconds } => {
                json!({"seconds": seconds, "every_seconds": every_seconds})
            }
        };
        self.ask("vending", json!({"wish": wish})).await
    }
}
