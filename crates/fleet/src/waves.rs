//! Which accounts get a change together.

use crate::members::Member;
use crate::model::{Fleet, Wave};

impl Fleet {
    /// The accounts of each wave, each once, in the file's order; `None` where all get a change at once. An account
    /// stays in its wave whatever it is bound to.
    pub fn waves(&self) -> Option<Vec<(&Wave, Vec<Member>)>> {
        let waves = &self.rollout.as_ref()?.waves;
        let mut left = self.members();
        let all = left.len();
        let last = waves.len() - 1;
        let mut of_waves = Vec::new();
        for (number, wave) in waves.iter().enumerate() {
            let taken = match wave.percent {
                _ if number == last => std::mem::take(&mut left),
                Some(percent) => share(&mut left, (all * percent as usize).div_ceil(100)),
                None => {
                    let (taken, rest) = left.into_iter().partition(|member| wave.names(member));
                    left = rest;
                    taken
                }
            };
            of_waves.push((wave, taken));
        }
        Some(of_waves)
    }
}

impl Wave {
    fn names(&self, member: &Member) -> bool {
        self.accounts.contains(&member.account_name) || self.environments.contains(&member.environment)
    }
}

/// Takes so many, as far apart from each other as there is room: a share of every domain and environment.
fn share(left: &mut Vec<Member>, count: usize) -> Vec<Member> {
    let all = left.len();
    let count = count.min(all);
    // Of `count` groups of nearly the same size, the first of each.
    let is_first = |number: usize| number == 0 || number * count / all > (number - 1) * count / all;
    let (mut taken, mut rest) = (vec![], vec![]);
    for (number, member) in std::mem::take(left).into_iter().enumerate() {
        if count > 0 && is_first(number) { taken.push(member) } else { rest.push(member) }
    }
    *left = rest;
    taken
}
