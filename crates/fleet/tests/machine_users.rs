//! Machine users of starter packs, as declared.

mod support;

use phonehome_fleet::MachineUser;
use support::{EVERY_KEY, SMALL, only_problem};

/// The small file with a starter pack.
fn pack(yaml: &str) -> String {
    format!("{SMALL}\nstarter_pack: {yaml}\n")
}

fn of(text: &str, line: &str) -> Vec<MachineUser> {
    let fleet = support::fleet(text);
    let member = fleet.members().into_iter().find(|it| it.line().as_str() == line).unwrap();
    fleet.starter_pack_of(&member).unwrap().machine_users
}

#[test]
fn a_user_has_the_boundary_of_the_pack_unless_it_has_its_own_and_is_rotated_as_declared() {
    let user = &of(EVERY_KEY, "shop/prod")[0];
    assert_eq!(user.permissions_boundary.as_deref(), Some("deploy-boundary"));
    assert_eq!((user.rotate_days, user.overlap_days), (60, 14));
    let text = pack("{ permissions_boundary: b, machine_users: [{ name: ci, managed_policies: [p] }] }");
    let user = &of(&text, "shop/prod")[0];
    assert_eq!(user.permissions_boundary.as_deref(), Some("b"));
    assert_eq!((user.rotate_days, user.overlap_days), (90, 7));
}

#[test]
fn each_mistake_is_named_with_what_to_do() {
    let cases = [
        (
            pack(
                "{ machine_users: [{ name: ci, managed_policies: [p], rotate_days: 20, overlap_days: 7 }] }",
            ),
            "starter_pack.machine_users[0]: `ci`: an overlap of 7 days is more than a third of the 20 days after which a key is \
             rotated (IAM allows two keys: the old one has to be gone before the next one comes, and one that is still used gets \
             a second overlap)",
        ),
        (
            pack(
                "{ machine_users: [{ name: ci, managed_policies: [p] }, { name: CI, managed_policies: [p] }] }",
            ),
            "starter_pack: shop/dev: two machine users called `CI` (a user's name is its account's once)",
        ),
        (
            pack("{ machine_users: [{ name: ci }] }"),
            "starter_pack.machine_users[0]: the key `managed_policies` is missing",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(only_problem(&text), expected);
    }
}

#[test]
fn a_machine_user_without_a_boundary_is_warned_of() {
    let warnings = |text: &str| phonehome_fleet::check(text).unwrap().warnings.render("fleet.yaml");
    let text = pack("{ machine_users: [{ name: ci, managed_policies: [p] }] }");
    assert!(warnings(&text).contains("the machine user `ci` has no `permissions_boundary`"));
    let text = pack("{ permissions_boundary: b, machine_users: [{ name: ci, managed_policies: [p] }] }");
    assert!(!warnings(&text).contains("permissions_boundary"));
}
