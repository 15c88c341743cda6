//! What there is to say of a starter pack's stack.

use phonehome_stacks::{PackPhase, PackRecord};
use phonehome_state::{Desired, StackStatus};

use crate::packs::standing;

/// How far all of them are with the version that is rolled out, or the one in force.
pub(super) fn standing_of(
    packs: &[PackRecord],
    stacks: &[StackStatus],
    desired: &Result<Desired, String>,
) -> Option<String> {
    let desired = desired.as_ref().ok()?;
    let rolling = desired.rolling().map(|rolling| rolling.target.number);
    let version = rolling.unwrap_or_else(|| desired.in_force().number);
    standing(packs, version, |pack| {
        let is_it = |stack: &&StackStatus| stack.account == pack.account && stack.region == pack.region;
        let name = stacks.iter().find(is_it).map_or(pack.account.as_str(), |stack| &stack.account_name);
        format!("{name} in {}", pack.region)
    })
}

/// How far the starter pack of an account in a Region is, where it is not as declared, or with `always`.
pub(super) fn note(packs: &[PackRecord], stack: &StackStatus, always: bool) -> Option<String> {
    let pack = packs.iter().find(|pack| pack.account == stack.account && pack.region == stack.region)?;
    let phase = match pack.phase {
        PackPhase::AsDeclared => return always.then(|| "starter pack: as declared".to_owned()),
        PackPhase::UnderWay => "under way",
        PackPhase::Drifted => "as declared, but for changes by hand",
        PackPhase::Withheld => "not changed",
        PackPhase::Halted => "HALTED",
        PackPhase::Failed => "FAILED",
        PackPhase::Undeclared => "no longer declared",
    };
    Some(format!("starter pack: {phase}: {}", pack.message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_starter_pack_that_is_not_as_declared_says_why_and_one_that_is_only_when_it_is_asked_for() {
        let stack = phonehome_samples::stack(0);
        let record = PackRecord::new(&stack.stack());
        let said = |phase, message: &str, always| {
            let pack = PackRecord { phase, message: message.to_owned(), ..record.clone() };
            note(&[pack], &stack, always)
        };
        assert_eq!(said(PackPhase::AsDeclared, "", false), None);
        assert_eq!(said(PackPhase::AsDeclared, "", true).as_deref(), Some("starter pack: as declared"));
        let failed = said(PackPhase::Failed, "it could not be made", false);
        assert_eq!(failed.as_deref(), Some("starter pack: FAILED: it could not be made"));
        let elsewhere = PackRecord::new(&"999999999999/eu-west-1".parse().unwrap());
        assert_eq!(note(&[elsewhere], &stack, true), None);
    }
}
