//! How accounts are made.

use crate::email::EmailPattern;
use crate::model::Vending;
use crate::place::Flaw;
use crate::reader::{Cursor, Reader};
use crate::rules;

pub(super) fn vending(cursor: &Cursor, reader: &mut Reader) -> Option<Vending> {
    let mut map = cursor.map(reader)?;
    let [email, role_name, control_tower] =
        ["email", "role_name", "control_tower"].map(|key| map.optional(key));
    map.finish(reader);
    let is_control_towers = control_tower.as_ref().and_then(|c| c.boolean(reader)).unwrap_or_default();
    match (&email, is_control_towers) {
        (None, false) => {
            let flaw = Flaw::new("`vending` says neither `email` nor `control_tower: true`");
            let hint = "with `email: aws+{domain}-{environment}@example.com` phonehome makes the accounts, with \
                        `control_tower: true` Control Tower does";
            reader.report(&cursor.place, flaw.hint(hint));
        }
        (Some(of_email), true) => {
            let flaw = Flaw::new("`email` beside `control_tower: true`");
            reader.report(
                &of_email.place,
                flaw.hint("where Control Tower makes the accounts, phonehome makes none"),
            );
        }
        _ => {}
    }
    if let (Some(of_role), true) = (&role_name, is_control_towers) {
        let flaw = Flaw::new("`role_name` beside `control_tower: true` changes nothing");
        reader.warn(&of_role.place, flaw.hint("it is for accounts that phonehome makes: leave it out"));
    }
    let pattern = |text: &str| text.parse::<EmailPattern>().map_err(|error| Flaw::new(error.to_string()));
    Some(Vending {
        email: email.and_then(|c| c.parsed(reader, pattern)),
        role_name: role_name.and_then(|c| c.parsed(reader, rules::role_name)),
        control_tower: is_control_towers,
    })
}
