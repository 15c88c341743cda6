//! What there is to tell, each thing once: by what it is about.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_alerting::stable_id;
use phonehome_cloud::table::{Table, TableError};
use phonehome_cloud::{Organization, Queue, WallClock};
use phonehome_fleet::{Line, Member};
use phonehome_state::StackStatus;
use phonehome_vending::{Order, OrderState, Round, VendingFinding};
use phonehome_wire::AccountId;

use crate::handler::Vending;
use crate::lazily::OpenVending;
use crate::look::Look;
use crate::progress::Progress;

/// What the note about all lines is stored under. No line has such a name.
const EVERYONE: &str = "everyone";
/// The same of the lines that wait for Control Tower.
const CONTROL_TOWER: &str = "control-tower";

/// What is to be told of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// Organizations makes an account, or will.
    Creating { line: Line, account_name: String, email: String },
    /// The account is there, and its network is being made.
    Building { line: Line, account: AccountId },
    /// For a long time.
    Stuck { line: Line, account: AccountId, why: Vec<String> },
    /// It is ready, and proven.
    Ready { member: Member, account: AccountId, stacks: Vec<StackStatus> },
    /// It is another line now: somebody rebound it.
    Elsewhere { line: Line, account: AccountId },
    /// Something that people have to know.
    Finding(VendingFinding),
    /// These lines wait for Control Tower.
    Awaited(Vec<Line>),
    /// What was told lasts no longer.
    Past,
}

impl News {
    /// What tells it from other news of the same thing. What grows meanwhile is told once.
    pub(crate) fn says(&self) -> String {
        match self {
            Self::Creating { .. } => "creating".to_owned(),
            Self::Building { account, .. } => format!("building/{account}"),
            Self::Stuck { account, .. } => format!("stuck/{account}"),
            Self::Ready { account, .. } => format!("ready/{account}"),
            Self::Elsewhere { account, .. } => format!("elsewhere/{account}"),
            Self::Finding(finding) => stable_id(&[&finding.to_string()]),
            Self::Awaited(lines) => stable_id(&lines.iter().map(Line::as_str).collect::<Vec<_>>()),
            Self::Past => "past".to_owned(),
        }
    }

    /// Whether nothing more is told of it.
    pub(crate) fn is_last(&self) -> bool {
        matches!(self, Self::Ready { .. } | Self::Elsewhere { .. })
    }
}

/// The line that a finding is about; `None`: all of them.
pub(crate) fn line_of(finding: &VendingFinding) -> Option<&Line> {
    match finding {
        VendingFinding::Made { line, .. }
        | VendingFinding::Stopped { line, .. }
        | VendingFinding::Late { line }
        | VendingFinding::NameTaken { line, .. }
        | VendingFinding::SharedEmail { line, .. }
        | VendingFinding::Unreadable { line }
        | VendingFinding::Orphaned { line, .. }
        | VendingFinding::Unbound { line, .. }
        | VendingFinding::Awaited { line } => Some(line),
        VendingFinding::Held { .. } => None,
    }
}

impl<T: Table + Clone, Q: Queue, O: Organization, W: OpenVending, C: WallClock> Vending<T, Q, O, W, C> {
    /// What is to be told, by what it is about: an order's line as the order calls it, another line, or all.
    pub(crate) async fn news(
        &self,
        look: &Look,
        round: &Round,
        settled: &BTreeSet<Line>,
    ) -> Result<BTreeMap<String, News>, TableError> {
        let mut news = BTreeMap::new();
        let mut of_lines: BTreeMap<&Line, &VendingFinding> =
            round.findings.iter().filter_map(|it| Some((line_of(it)?, it))).collect();
        for order in round.orders.values() {
            let present =
                look.fleet().member_at(&order.line).map_or_else(|| order.line.clone(), |it| it.line());
            let finding = of_lines.remove(&present);
            if look.is_over(order) {
                continue;
            }
            let is_settled = settled.contains(&order.line);
            if let Some(it) = self.of_order(look, order, &present, finding, is_settled).await? {
                news.insert(order.line.to_string(), it);
            }
        }
        let awaited: Vec<Line> =
            of_lines.iter().filter(|(_, it)| is_awaited(it)).map(|(line, _)| (*line).clone()).collect();
        if !awaited.is_empty() {
            news.insert(CONTROL_TOWER.to_owned(), News::Awaited(awaited));
        }
        for (line, finding) in of_lines.into_iter().filter(|(_, it)| !is_awaited(it)) {
            news.insert(line.to_string(), News::Finding(finding.clone()));
        }
        let of_all = round.findings.iter().find(|it| line_of(it).is_none());
        news.extend(of_all.map(|it| (EVERYONE.to_owned(), News::Finding(it.clone()))));
        Ok(news)
    }

    async fn of_order(
        &self,
        look: &Look,
        order: &Order,
        present: &Line,
        finding: Option<&VendingFinding>,
        is_settled: bool,
    ) -> Result<Option<News>, TableError> {
        let line = present.clone();
        let made = |account: &AccountId| News::Building { line: line.clone(), account: account.clone() };
        Ok(match (&order.state, finding) {
            (OrderState::Made { account, at_ms }, Some(VendingFinding::Made { .. })) if is_settled => {
                let Some(member) = look.fleet().member_at(&order.line) else { return Ok(None) };
                let account = account.clone();
                Some(match self.progress(look.fleet(), &member, &account, *at_ms).await? {
                    Progress::Building => made(&account),
                    Progress::Stuck(why) => News::Stuck { line, account, why },
                    Progress::Ready(stacks) => News::Ready { member, account, stacks },
                })
            }
            (OrderState::Made { account, .. }, Some(VendingFinding::Made { .. })) => Some(made(account)),
            (OrderState::Made { account, .. }, None) => {
                Some(News::Elsewhere { line, account: account.clone() })
            }
            (_, Some(finding)) => Some(News::Finding(finding.clone())),
            (OrderState::Stopped { .. }, None) => None,
            (_, None) => {
                let (account_name, email) = (order.account_name.clone(), order.email.clone());
                look.fleet().member_at(&order.line).map(|_| News::Creating { line, account_name, email })
            }
        })
    }
}

fn is_awaited(finding: &VendingFinding) -> bool {
    matches!(finding, VendingFinding::Awaited { .. })
}
