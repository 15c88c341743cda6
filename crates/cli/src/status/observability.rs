//! What there is to say of an account's set-up at an observability vendor.

use phonehome_stacks::ObservabilityRecord;
use phonehome_state::StackStatus;

/// What is wrong with it, or what it waits for; with `always` also which account it is where nothing is. It stands with the
/// Region of the pack that declares it.
pub(super) fn note(records: &[ObservabilityRecord], stack: &StackStatus, always: bool) -> Option<String> {
    let record = records.iter().find(|it| it.stack() == stack.stack())?;
    let setup = &record.setup;
    // Else it is not declared any more.
    setup.wanted.as_ref()?;
    let said = match (&record.told, setup.bound) {
        (Some(told), _) => format!("NOT AS DECLARED: {}", told.about.replace('\n', "; ")),
        (None, None) => "under way: it has no account at the vendor yet".to_owned(),
        (None, Some(id)) if setup.ready_in(&record.region) != Some(id) => {
            format!("under way: its secret has no key of account {id} yet")
        }
        (None, Some(id)) if setup.linked_role.is_none() => {
            format!("under way: account {id} is not linked yet")
        }
        (None, Some(id)) => return always.then(|| format!("observability: account {id}, linked")),
    };
    Some(format!("observability: {said}"))
}

#[cfg(test)]
mod tests {
    use phonehome_observability::{DataCenter, KeyState, VendorAccountId, Wanted};
    use phonehome_stacks::Told;

    use super::*;

    fn wanted() -> Wanted {
        let (name, data_center) = ("shop-dev".to_owned(), DataCenter::Eu);
        Wanted { name, data_center, chosen: None, secrets: [].into(), link: None }
    }

    #[test]
    fn what_is_wrong_or_waits_at_the_vendor_is_shown_and_what_is_set_up_only_when_it_is_asked_for() {
        let stack = phonehome_samples::stack(0);
        let mut record = ObservabilityRecord::new(&stack.stack());
        let shown = |record: &ObservabilityRecord, always| note(std::slice::from_ref(record), &stack, always);
        assert_eq!(shown(&record, true), None, "nothing is declared");
        record.setup.wanted = Some(wanted());
        let waits = "observability: under way: it has no account at the vendor yet";
        assert_eq!(shown(&record, false).as_deref(), Some(waits));
        let id = VendorAccountId::new(4_000_001);
        record.setup.bound = Some(id);
        let waits = "observability: under way: its secret has no key of account 4000001 yet";
        assert_eq!(shown(&record, false).as_deref(), Some(waits));
        let key = KeyState { account: Some(id), ..KeyState::default() };
        record.setup.keys.insert(stack.region.clone(), key);
        let waits = "observability: under way: account 4000001 is not linked yet";
        assert_eq!(shown(&record, false).as_deref(), Some(waits));
        record.setup.linked_role = Some("arn".into());
        assert_eq!(shown(&record, false), None);
        assert_eq!(shown(&record, true).as_deref(), Some("observability: account 4000001, linked"));
        record.told = Some(Told { incident_id: "observability/1".into(), about: "one\ntwo".into() });
        let wrong = "observability: NOT AS DECLARED: one; two";
        assert_eq!(shown(&record, false).as_deref(), Some(wrong));
        let elsewhere = ObservabilityRecord::new(&"999999999999/eu-west-1".parse().unwrap());
        assert_eq!(shown(&elsewhere, true), None);
    }
}
