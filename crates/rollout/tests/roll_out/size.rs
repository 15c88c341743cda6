//! What is stored fits one item, whatever fails.

use phonehome_rollout::{KNOWN_KEPT, NAMES_BYTES_MAX, Phase, Unproven, resume};

use crate::world::{World, path};

/// Names that tell nothing of each other.
fn name(number: usize) -> String {
    let mut name = String::from("egress/");
    let mut state = number as u64 + 1;
    for _ in 0..12 {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        name.push_str(&format!("{:04x}", state >> 48));
    }
    name
}

fn bytes(world: &World) -> usize {
    serde_json::to_string(&world.roll_out).unwrap().len()
}

#[test]
fn whatever_fails_in_three_hundred_accounts_it_fits_an_item_and_what_is_not_known_by_name_is_by_number() {
    let mut world = World::of(&[1, 299]);
    world.roll_out.pace.at_once = 300;
    for number in 0..300 {
        for check in 0..KNOWN_KEPT {
            world.fails(number, &name(number * KNOWN_KEPT + check));
        }
    }
    world.minutes(10);
    assert_eq!(world.turned().len(), 300);
    assert!(bytes(&world) < 380 * 1024, "{}", bytes(&world));
    let named = world.roll_out.turns.values().filter(|turn| !turn.before.known.is_empty()).count();
    assert!(named * KNOWN_KEPT * path(&name(0)).to_string().len() > NAMES_BYTES_MAX / 2, "{named}");
    assert!(!world.has_halted());
    world.fails(299, "one more");
    assert!(world.halts(), "of the last one their number is known");
    world.roll_out = resume(&world.roll_out, "me".into(), true, world.now_ms).unwrap();
    assert!(!world.halts());
    world.fails(0, "one more");
    assert!(world.halts(), "of the first one their names");
    assert!(bytes(&world) < 380 * 1024, "{}", bytes(&world));
}

#[test]
fn what_is_accepted_in_three_hundred_accounts_fits_an_item_and_goes_on() {
    for count in [KNOWN_KEPT / 2, KNOWN_KEPT * 3 / 2] {
        let mut world = World::of(&[1, 299]);
        world.roll_out.pace.at_once = 300;
        for number in 0..300 {
            let silent = |check| (path(&name(number * count + check)), Unproven::Silent);
            world.account(number).unproven.extend((0..count).map(silent));
        }
        for _ in 0..2 {
            world.minutes(30);
            assert!(world.has_halted());
            world.roll_out = resume(&world.roll_out, "me".into(), true, world.now_ms).unwrap();
        }
        world.minutes(30);
        assert_eq!(world.roll_out.phase, Phase::Finished, "{count}");
        assert!(bytes(&world) < 380 * 1024, "{}", bytes(&world));
    }
}
