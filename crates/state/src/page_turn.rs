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

#[cfg(test)]
mod tests {
    use phonehome_alerting::Outgoing;

    use super::*;

    const NOW_MS: u64 = 1_000_000;

    fn message(sequence: u32, resolved: bool, into: Option<&str>) -> Outboxed {
        let body = OutgoingBody::Page {
            subject: "s".into(),
            text: "t".into(),
            resolved,
            title: None,
            accounts: vec![],
            of: None,
            merged_into: into.map(str::to_owned),
        };
        let id = format!("i/{sequence}/page");
        Outboxed::new(Outgoing { id, incident_id: "i".into(), at_ms: 1, sequence, body })
    }

    #[test]
    fn an_end_waits_for_its_page_and_goes_alone_or_with_it() {
        let (trigger, end, merge) =
            (message(1, false, None), message(3, true, None), message(2, true, Some("j")));
        let under_way = trigger.clone().claimed(NOW_MS);
        let nobody_knows = trigger.clone().claimed(0);
        let refused = trigger.clone().claimed(NOW_MS).requeue(NOW_MS, "no".into(), vec![]).rejected();
        let refused_after_doubt = nobody_knows.clone().claimed(0).requeue(0, "no".into(), vec![]).rejected();
        let send = |index| PageTurn::Send { index };
        let over = |unsent| PageTurn::Over { unsent };
        for (case, messages, expected) in [
            ("nothing", vec![], PageTurn::Wait),
            ("a page", vec![&trigger], send(0)),
            ("a page that pauses", vec![&refused], PageTurn::Wait),
            ("a page that somebody has", vec![&under_way], PageTurn::Wait),
            ("its end meanwhile", vec![&under_way, &end], PageTurn::Wait),
            ("a page not tried, and its end", vec![&trigger, &end], over(true)),
            ("a page refused, and its end", vec![&refused, &end], over(true)),
            ("a page nobody knows of, and its end", vec![&nobody_knows, &end], send(1)),
            ("the same, refused since", vec![&refused_after_doubt, &end], send(1)),
            ("an end", vec![&end], send(0)),
            ("a merge", vec![&merge], over(false)),
            ("a page not tried, merged", vec![&trigger, &merge], PageTurn::Wait),
            ("and over", vec![&trigger, &merge, &end], over(true)),
            ("a page nobody knows of, merged", vec![&nobody_knows, &merge], over(false)),
            ("a merge, and over", vec![&merge, &end], send(1)),
        ] {
            let messages: Vec<Outboxed> = messages.into_iter().cloned().collect();
            assert_eq!(page_turn(&messages, NOW_MS), expected, "{case}");
        }
    }
}
