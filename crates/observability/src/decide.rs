//! What is done next.

use phonehome_wire::Region;

use crate::case::Case;
use crate::id::VendorAccountId;
use crate::keys::Outcome;
use crate::problem::Problem;
use crate::setup::Setup;
use crate::step::{Decision, Look, Step};
use crate::times::{DAILY_MS, TOLD_MS};
use crate::wanted::WantedLink;
use crate::{accounts, keys};

/// What is done next: exactly one step, and what is stored before it. First the account, then a key for each secret, then
/// the link. What is wrong with one Region's key holds up no other's, nor the link.
#[must_use]
pub fn decide(case: &Case<'_>, mut setup: Setup) -> Decision {
    setup.wanted = Some(case.wanted.clone());
    let bound = match accounts::decide(case, &mut setup) {
        Ok(bound) => bound,
        Err(step) => return Decision { setup, step, note: None },
    };
    let mut problems = vec![];
    let mut again_at_ms = case.now_ms.saturating_add(DAILY_MS);
    for (region, secret) in &case.wanted.secrets {
        match keys::decide(case, (region, secret), bound, setup.keys.entry(region.clone()).or_default()) {
            Outcome::Fine => {}
            Outcome::Do(step) => {
                let note = gone(&step, region, bound, &setup);
                return Decision { setup, step, note };
            }
            Outcome::Wait(until_ms) => again_at_ms = again_at_ms.min(until_ms),
            Outcome::Tell(problem) => problems.push(problem),
        }
    }
    if let Some(link) = &case.wanted.link {
        match linked(case, link, &mut setup) {
            Ok(problem) => problems.extend(problem),
            Err(step) => return Decision { setup, step, note: None },
        }
    }
    if !problems.is_empty() {
        again_at_ms = again_at_ms.min(case.now_ms.saturating_add(TOLD_MS));
    }
    Decision { setup, step: Step::Rest { problems, again_at_ms }, note: None }
}

/// That another key is made because somebody deleted the one that was handed out.
fn gone(step: &Step, region: &Region, bound: VendorAccountId, setup: &Setup) -> Option<Problem> {
    let state = setup.keys.get(region).filter(|state| state.account == Some(bound))?;
    let key = state.current.clone().filter(|_| matches!(step, Step::MakeKey(_)))?;
    Some(Problem::KeyGone { region: region.clone(), key })
}

/// What is wrong with the link, or the step that comes first.
fn linked(case: &Case<'_>, link: &WantedLink, setup: &mut Setup) -> Result<Option<Problem>, Step> {
    let Some(links) = &case.seen.links else { return Err(Step::Look(Look::Links)) };
    // The vendor changes no link's mode. One for each may be there, by the same role; the one before stays, with what people
    // have chosen for it.
    if links.iter().any(|it| it.role_arn == link.role_arn && it.is_streamed == link.is_streamed) {
        setup.linked_role = Some(link.role_arn.clone());
        setup.linking_since_ms = None;
        return Ok(None);
    }
    // An ARN has the account in it: one of the same account's other roles is a second look at the same metrics.
    let of_account = format!(":{}:", case.account);
    let mut others = links.iter().filter(|it| it.role_arn != link.role_arn);
    if let Some(other) = others.find(|it| it.role_arn.contains(&of_account)) {
        let (name, role_arn) = (other.name.clone(), other.role_arn.clone());
        return Ok(Some(Problem::LinkedOtherwise { name, role_arn }));
    }
    setup.linking_since_ms.get_or_insert(case.now_ms);
    Err(Step::Link)
}
