//! What there is to say of the settings of an account in a Region.

use phonehome_settings::{SettingsRecord, State};
use phonehome_state::StackStatus;

use crate::output::time;

/// What stands otherwise than declared, and who sets it; with `always` everything, with what it was before.
pub(super) fn notes(records: &[SettingsRecord], stack: &StackStatus, always: bool) -> Vec<String> {
    let Some(record) = records.iter().find(|it| it.stack() == stack.stack()) else { return vec![] };
    let mut notes = Vec::new();
    for (setting, known) in &record.settings {
        let how = match known.state {
            State::AsDeclared if always => "as declared".to_owned(),
            State::ByPolicy if always => format!("as declared: {}", known.message),
            State::AsDeclared | State::ByPolicy | State::Undeclared => continue,
            State::Stays => format!("stays {}", known.message),
            State::Open => format!("not known yet: {}", known.message),
            State::Otherwise => format!("NOT AS DECLARED: {}", known.message),
        };
        let before = known.before.as_ref().filter(|_| always);
        let before = before.map(|it| format!(" (before {} it was {})", time(it.at_ms), it.value));
        notes.push(format!("{setting}: {how}{}", before.unwrap_or_default()));
    }
    notes
}

#[cfg(test)]
mod tests {
    use phonehome_settings::{Before, Known, Setting};

    use super::*;

    #[test]
    fn a_setting_that_is_not_as_declared_says_who_sets_it_and_one_that_is_only_when_it_is_asked_for() {
        let stack = phonehome_samples::stack(0);
        let mut record = SettingsRecord::new(&stack.stack());
        let known = |state, message: &str| Known { state, message: message.to_owned(), ..Known::default() };
        let before = Some(Before { value: "off".to_owned(), at_ms: 1_793_577_600_000 });
        record.settings = [
            (Setting::PublicAccess, known(State::Otherwise, "a policy above the account")),
            (Setting::Encryption, Known { before, ..known(State::AsDeclared, "") }),
            (Setting::EncryptionKey, known(State::Stays, "arn:1, which the account has chosen itself")),
            (Setting::MetadataTokens, known(State::ByPolicy, "a declarative policy sets it")),
        ]
        .into();
        let shown = notes(&[record.clone()], &stack, false);
        let otherwise = "S3 public access block: NOT AS DECLARED: a policy above the account";
        let stays = "EBS default key: stays arn:1, which the account has chosen itself";
        assert_eq!(shown, [otherwise, stays]);
        let all = notes(&[record], &stack, true);
        assert_eq!(all.len(), 4);
        assert!(
            all[1].starts_with("EBS encryption by default: as declared (before 2026-11-02"),
            "{}",
            all[1]
        );
        assert!(all[1].ends_with("it was off)"), "{}", all[1]);
        assert_eq!(all[3], "IMDSv2 by default: as declared: a declarative policy sets it");
        let elsewhere = SettingsRecord::new(&"999999999999/eu-west-1".parse().unwrap());
        assert_eq!(notes(&[elsewhere], &stack, true), [""; 0]);
    }
}
