//! What is to be done next with the messages of one page.

use phonehome_alerting::OutgoingBody;

use crate::Outboxed;

/// What is to be done next with the messages of one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageTurn {
    /// Nothing now.
    Wait,
    /// All of them go. `unsent`: on-call never heard of it, and need not any more.
    Over {
        /// Whether there was something that nobody was told.
        unsent: bool,
    },
    /// The message with this index is sent. Those before it are overtaken, and go.
    Send {
        /// Its index.
        index: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Trigger,
    Merge,
    End,
}

fn part(message: &Outboxed) -> Part {
    match message.outgoing.body {
        OutgoingBody::Page { merged_into: Some(_), .. } => Part::Merge,
        OutgoingBody::Page { resolved: true, .. } => Part::End,
        OutgoingBody::Page { .. } | OutgoingBody::Slack { .. } => Part::Trigger,
    }
}

/// What is to be done next with all messages that there are of one page, by their sequence.
///
/// - A trigger goes before its end. While it may be under way, its end waits.
/// - A trigger that was refused for certain, or not tried yet, dies with its end: it is over, and nobody was
///   told. One that may have been accepted is not repeated, and its end is sent.
/// - Of an incident that goes on as another nobody is told an end. Its trigger, if it was not sent, waits for
///   the end to die with it: the other incident's page stands for it.
#[must_use]
pub fn page_turn(messages: &[Outboxed], now_ms: u64) -> PageTurn {
    let Some(last) = messages.last() else { return PageTurn::Wait };
    if messages.iter().any(|it| it.is_in_doubt() && !it.is_due(now_ms)) {
        return PageTurn::Wait;
    }
    let triggers = || messages.iter().filter(|it| part(it) == Part::Trigger);
    let is_unsent = triggers().next().is_some() && !triggers().any(Outboxed::is_in_doubt);
    match part(last) {
        Part::Trigger if messages[0].is_due(now_ms) => PageTurn::Send { index: 0 },
        Part::End if is_unsent => PageTurn::Over { unsent: true },
        Part::End if last.is_due(now_ms) => PageTurn::Send { index: messages.len() - 1 },
        Part::Merge if !is_unsent => PageTurn::Over { unsent: false },
        Part::Trigger | Part::End | Part::Merge => PageTurn::Wait,
    }
}
