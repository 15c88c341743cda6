//! The machine users of a pack, whose access keys are looked after.

use phonehome_fleet::MachineUser as Declared;
use phonehome_machine_users::Rules;

use crate::called::SECRET_PREFIX;
use crate::pack::Pack;

const DAY_MS: u64 = 24 * 60 * 60_000;

/// A machine user whose access key is looked after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineUser {
    /// Its name.
    pub name: String,
    /// The secret with its key, by its name.
    pub secret: String,
    /// How often the key is rotated.
    pub rules: Rules,
}

impl Pack {
    /// The machine users: in the home Region alone.
    #[must_use]
    pub fn machine_users(&self) -> Vec<MachineUser> {
        let users = self.declared.machine_users.iter().filter(|_| self.is_home());
        let days = |days: u32| u64::from(days) * DAY_MS;
        let user = |user: &Declared| MachineUser {
            name: user.name.clone(),
            secret: format!("{SECRET_PREFIX}{}", user.name),
            rules: Rules { rotate_after_ms: days(user.rotate_days), overlap_ms: days(user.overlap_days) },
        };
        users.map(user).collect()
    }
}
