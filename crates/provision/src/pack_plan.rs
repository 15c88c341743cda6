//! What becomes of a starter pack, by what the table has of it.

use phonehome_stacks::{PackPhase, PackRecord};
use phonehome_starter_pack::{Known, PackPlan};
use serde_json::Value;

/// What becomes of the pack of which this is stored when this template is wanted; without one none is declared. The account
/// is not asked.
#[must_use]
pub fn pack_plan(record: Option<&PackRecord>, wanted: Option<&Value>) -> PackPlan {
    let is_over = |record: &&PackRecord| wanted.is_none() && record.phase == PackPhase::Undeclared;
    let Some(record) = record.filter(|record| !is_over(record)) else {
        return PackPlan::of(Known::Nothing, wanted);
    };
    match &record.deployed {
        Some(deployed) if deployed.is_gone => PackPlan::of(Known::Nothing, wanted),
        Some(deployed) => {
            // What cannot be read is no template, and what would become of it not clear.
            let template = serde_json::from_str(&deployed.body).unwrap_or_else(|_| Value::from(""));
            PackPlan::of(Known::Template(&template), wanted)
        }
        // A release that noted no templates has seen it.
        None if record.verified.is_some() || record.version > 0 => PackPlan::of(Known::Unnoted, wanted),
        None => PackPlan::of(Known::Nothing, wanted),
    }
}

#[cfg(test)]
mod tests {
    use phonehome_stacks::{LastTemplate, Verified};
    use phonehome_starter_pack::PackOutcome;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_stored_of_a_pack_says_what_becomes_of_it() {
        let template = json!({"Resources": {"Key": {"Type": "AWS::KMS::Key", "DeletionPolicy": "Retain"}}});
        let none = PackRecord::new(&"111122223333/eu-west-1".parse().unwrap());
        let has = |body: &str, is_gone| {
            let deployed = Some(LastTemplate { body: body.to_owned(), is_gone });
            PackRecord { deployed, phase: PackPhase::AsDeclared, ..none.clone() }
        };
        let there = has(&template.to_string(), false);
        let seen = Some(Verified { sha256: "of it".into(), changed_at_ms: 1 });
        let unnoted = PackRecord { verified: seen, ..none.clone() };
        let failing_again = PackRecord { version: 3, ..none.clone() };
        let over = PackRecord { phase: PackPhase::Undeclared, ..there.clone() };
        let withheld = |plan: PackPlan| matches!(plan.outcome, PackOutcome::Withheld { .. });
        let of = |record: Option<&PackRecord>| pack_plan(record, Some(&template)).outcome;
        let without = |record: &PackRecord| pack_plan(Some(record), None).outcome;
        assert_eq!(of(None), PackOutcome::Made);
        assert_eq!(of(Some(&none)), PackOutcome::Made, "it is under way");
        assert_eq!(of(Some(&there)), PackOutcome::Unchanged);
        assert_eq!(of(Some(&over)), PackOutcome::Unchanged, "declared again, it goes on");
        assert_eq!(of(Some(&has(&template.to_string(), true))), PackOutcome::Made);
        assert_eq!(of(Some(&unnoted)), PackOutcome::NotKnown);
        assert_eq!(of(Some(&failing_again)), PackOutcome::NotKnown);
        assert!(withheld(pack_plan(Some(&has("\"\"", false)), Some(&template))), "somebody's own");
        assert!(withheld(pack_plan(Some(&has("no json", false)), Some(&template))));
        assert!(matches!(without(&there), PackOutcome::LeftAlone { kept } if kept.len() == 1));
        assert_eq!(without(&over), PackOutcome::Unchanged);
        assert_eq!(without(&has(&template.to_string(), true)), PackOutcome::Unchanged);
        assert_eq!(without(&none), PackOutcome::Unchanged);
    }
}
