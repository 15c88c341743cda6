//! Which account at the vendor is an AWS account's.

use crate::case::Case;
use crate::id::VendorAccountId;
use crate::problem::Problem;
use crate::seen::{Seen, VendorAccount};
use crate::setup::{Asked, Setup};
use crate::step::{Look, Step};
use crate::times::{ASKED_MAX, LISTED_MS, SOON_MS};

/// The account that it is bound to and that takes data, or the step that comes first.
pub(crate) fn decide(case: &Case<'_>, setup: &mut Setup) -> Result<VendorAccountId, Step> {
    let Some(accounts) = &case.seen.accounts else { return Err(Step::Look(Look::Accounts)) };
    let find = |id: VendorAccountId| accounts.iter().find(|account| account.id == id);
    let tell = |problem| Err(case.told(problem));
    match (case.wanted.chosen, setup.bound) {
        (Some(id), bound) if bound != Some(id) => match find(id) {
            None => tell(Problem::NoSuchAccount { id }),
            Some(account) if account.is_canceled => tell(Problem::Canceled { id }),
            Some(_) => Err(bind(case, id)),
        },
        (_, Some(id)) => match find(id) {
            // A list may be behind what was just made.
            None if case.now_ms < setup.bound_at_ms.saturating_add(LISTED_MS) => Ok(id),
            None => tell(Problem::Gone { id }),
            Some(account) if account.is_canceled => tell(Problem::Canceled { id }),
            Some(_) => Ok(id),
        },
        (_, None) => Err(unbound(case, accounts, setup)),
    }
}

fn unbound(case: &Case<'_>, accounts: &[VendorAccount], setup: &mut Setup) -> Step {
    let name = &case.wanted.name;
    let of_name = || accounts.iter().filter(|account| account.name == *name);
    let ids = |found: Vec<&VendorAccount>| found.iter().map(|account| account.id).collect::<Vec<_>>();
    let Some(asked) = setup.asked else {
        let (canceled, live): (Vec<_>, Vec<_>) = of_name().partition(|account| account.is_canceled);
        return match (live.is_empty(), canceled.is_empty()) {
            (false, _) => case.told(Problem::NameTaken { name: name.clone(), ids: ids(live) }),
            (true, false) => case.told(Problem::NameCanceled { name: name.clone(), ids: ids(canceled) }),
            (true, true) => ask(case, setup, 1),
        };
    };
    let may_be = |account: &&VendorAccount| {
        !account.is_canceled && account.data_center == Some(case.wanted.data_center)
    };
    let found: Vec<&VendorAccount> = of_name().filter(may_be).collect();
    match found.as_slice() {
        [it] => bind(case, it.id),
        [] if case.now_ms < asked.at_ms.saturating_add(LISTED_MS) => {
            let again_at_ms = asked.at_ms.saturating_add(LISTED_MS).min(case.now_ms.saturating_add(SOON_MS));
            Step::Rest { problems: vec![], again_at_ms }
        }
        [] if asked.times < ASKED_MAX => ask(case, setup, asked.times + 1),
        [] => case.told(Problem::NeverSeen { name: name.clone(), times: asked.times }),
        several => case.told(Problem::Ambiguous { name: name.clone(), ids: ids(several.to_vec()) }),
    }
}

fn ask(case: &Case<'_>, setup: &mut Setup, times: u32) -> Step {
    setup.asked = Some(Asked { at_ms: case.now_ms, times });
    Step::CreateAccount
}

/// Each account at the vendor is one AWS account's.
fn bind(case: &Case<'_>, id: VendorAccountId) -> Step {
    let Seen { holders, .. } = case.seen;
    match holders.get(&id) {
        None => Step::Look(Look::Holder(id)),
        Some(Some(holder)) if holder != case.account => {
            case.told(Problem::HeldByOther { id, holder: holder.clone() })
        }
        Some(_) => Step::Bind(id),
    }
}
