//! How far the starter packs are with a version.

use phonehome_stacks::{PackPhase, PackRecord};
use phonehome_text::list;

/// How many packs are named.
const NAMED: usize = 5;

/// How far they are with this version, in a line; `None` where there are none. `name` is how one is called.
pub(crate) fn standing(
    packs: &[PackRecord],
    version: u64,
    name: impl Fn(&PackRecord) -> String,
) -> Option<String> {
    let declared: Vec<&PackRecord> =
        packs.iter().filter(|pack| pack.phase != PackPhase::Undeclared).collect();
    let (with, to_come): (Vec<&PackRecord>, Vec<&PackRecord>) =
        declared.iter().copied().partition(|pack| pack.turn_version >= version);
    let phases = [
        (PackPhase::AsDeclared, "as declared", false),
        (PackPhase::Drifted, "as declared but for changes by hand", true),
        (PackPhase::UnderWay, "under way", false),
        (PackPhase::Withheld, "not changed", true),
        (PackPhase::Halted, "HALTED", true),
        (PackPhase::Failed, "FAILED", true),
    ];
    let part = |(phase, what, is_named): &(PackPhase, &str, bool)| {
        let these: Vec<&&PackRecord> = with.iter().filter(|pack| pack.phase == *phase).collect();
        let names = match is_named {
            true => format!(" ({})", list(these.iter().map(|pack| name(pack)), NAMED)),
            false => String::new(),
        };
        (!these.is_empty()).then(|| format!("{} {what}{names}", these.len()))
    };
    let to_come = (!to_come.is_empty()).then(|| format!("{} to come", to_come.len()));
    let parts: Vec<String> = phases.iter().filter_map(part).chain(to_come).collect();
    (!declared.is_empty()).then(|| format!("starter packs of version {version}: {}", parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_are_counted_by_how_far_they_are_with_the_version_and_what_is_wrong_is_named() {
        let pack = |number: u64, phase, turn_version| PackRecord {
            phase,
            turn_version,
            ..PackRecord::new(&format!("{number:012}/eu-west-1").parse().unwrap())
        };
        let packs = [
            pack(1, PackPhase::AsDeclared, 8),
            pack(2, PackPhase::AsDeclared, 8),
            pack(3, PackPhase::Halted, 8),
            pack(4, PackPhase::Failed, 7),
            pack(5, PackPhase::Undeclared, 8),
            pack(6, PackPhase::Withheld, 8),
        ];
        let name = |pack: &PackRecord| pack.stack().to_string();
        assert_eq!(
            standing(&packs, 8, name).unwrap(),
            "starter packs of version 8: 2 as declared, 1 not changed (000000000006/eu-west-1), 1 HALTED \
             (000000000003/eu-west-1), 1 to come"
        );
        assert_eq!(standing(&packs[4..5], 8, name), None);
        let many: Vec<PackRecord> = (0..1_000).map(|number| pack(number, PackPhase::Halted, 8)).collect();
        assert!(standing(&many, 8, name).unwrap().len() < 400, "however many halt");
    }
}
