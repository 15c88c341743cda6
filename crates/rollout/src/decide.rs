//! Whose turn it is.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use phonehome_wire::AccountId;

use crate::gate::{converging, halts, not_green, not_proven, turned};
use crate::{Account, Before, Event, Halt, NAMED_MAX, NAMES_BYTES_MAX, Observed, Phase, RollOut, Turn, Wait};

/// The longest time between two looks that counts as seen, in milliseconds: what happens each minute may be late once.
const SEEN_MS: u64 = 2 * 60_000;

/// After how long the provisioner is asked again to look at an account, in milliseconds.
const ASK_AGAIN_MS: u64 = 5 * 60_000;

/// What is decided of a roll-out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The roll-out from now on.
    pub roll_out: RollOut,
    /// The accounts that the provisioner is to look at, once this is stored.
    pub reconcile: Vec<AccountId>,
    /// What it waits for.
    pub waits: Vec<Wait>,
    /// Whether the new version is to be put in force, in the same transaction as this is stored.
    pub completes: bool,
}

/// Decides what happens now. The same again decides nothing new.
#[must_use]
pub fn decide(before: &RollOut, observed: &Observed, now_ms: u64) -> Decision {
    let now_ms = now_ms.max(before.decided_at_ms);
    let mut roll_out = before.clone();
    let mut deciding = Deciding { roll_out: &mut roll_out, observed, now_ms };
    let waits = match &before.phase {
        Phase::Rolling => deciding.roll(),
        Phase::GoingBack => deciding.go_back(),
        Phase::Halted { .. }
        | Phase::RolledBack
        | Phase::Finished
        | Phase::Superseded
        | Phase::AtOnce { .. } => vec![],
    };
    let reconcile = match &before.phase {
        Phase::Rolling if deciding.roll_out.phase == Phase::Finished => deciding.ask_waiting(),
        Phase::Rolling | Phase::GoingBack => deciding.ask(),
        Phase::AtOnce { .. } => deciding.ask_all(),
        Phase::Halted { .. } | Phase::RolledBack | Phase::Finished | Phase::Superseded => vec![],
    };
    if roll_out != *before {
        roll_out.decided_at_ms = now_ms;
    }
    let completes = before.phase != Phase::Finished && roll_out.phase == Phase::Finished;
    Decision { roll_out, reconcile, waits, completes }
}

/// What became of a wave.
enum Outcome {
    Done,
    Waits(Vec<Wait>),
}

struct Deciding<'d> {
    roll_out: &'d mut RollOut,
    observed: &'d Observed,
    now_ms: u64,
}

impl Deciding<'_> {
    fn roll(&mut self) -> Vec<Wait> {
        self.note_convergence();
        self.accept();
        let why = halts(self.roll_out, self.observed, self.now_ms);
        if !why.is_empty() {
            return self.halt(Phase::Halted { why });
        }
        while let Some(number) = self.roll_out.wave_under_way() {
            if let Outcome::Waits(waits) = self.wave(number) {
                return waits;
            }
        }
        self.roll_out.phase = Phase::Finished;
        self.roll_out.note(self.now_ms, Event::Finished);
        vec![]
    }

    fn halt(&mut self, phase: Phase) -> Vec<Wait> {
        self.roll_out.phase = phase;
        self.roll_out.note(self.now_ms, Event::Halted);
        vec![]
    }

    /// Notes which accounts have converged; the time of one that has no longer begins anew, and that of one which may
    /// take away more in another hour only does not run before.
    fn note_convergence(&mut self) {
        let RollOut { versions, turns, .. } = &mut *self.roll_out;
        for (id, turn) in turns {
            let Some(account) = self.observed.accounts.get(id) else { continue };
            let regions = account.regions(versions.turned.contains(id));
            let converged = account.has_converged(regions, versions.of(id));
            let is_held = !converged && account.next_hour_ms(regions) > self.now_ms;
            if is_held || (turn.converged && !converged) {
                turn.since_ms = self.now_ms;
            }
            if converged && !turn.converged {
                turn.converged_at_ms = account.looked_at_ms(regions);
            }
            turn.converged = converged;
        }
    }

    /// What fails, or is not proven, counts as known where an operator goes on in spite of it.
    fn accept(&mut self) {
        if !std::mem::take(&mut self.roll_out.accepts) {
            return;
        }
        let mut room = self.room_for_names();
        for (id, turn) in &mut self.roll_out.turns {
            let Some(account) = self.observed.accounts.get(id) else { continue };
            room += turn.before.bytes();
            turn.before = std::mem::take(&mut turn.before).accepting(account).within(room, account);
            room -= turn.before.bytes();
        }
        if let Some(number) = self.nothing_proven() {
            self.roll_out.waves[number].done_at_ms = Some(self.now_ms);
        }
    }

    /// How many bytes of names there is room for.
    fn room_for_names(&self) -> usize {
        let taken: usize = self.roll_out.turns.values().map(|turn| turn.before.bytes()).sum();
        NAMES_BYTES_MAX.saturating_sub(taken)
    }

    /// The first wave, where it is under way and all of its accounts are gone while others wait for what it proves.
    fn nothing_proven(&self) -> Option<usize> {
        let first = self.roll_out.wave_under_way().filter(|number| *number == 0)?;
        let others = &self.observed.accounts;
        (!others.is_empty() && others.values().all(|it| it.wave != first)).then_some(first)
    }

    /// Brings a wave as far as it may go.
    fn wave(&mut self, number: usize) -> Outcome {
        let of_wave = |account: &Account| account.wave <= number;
        let members = self.observed.accounts.iter().filter(|(_, account)| of_wave(account));
        let due: Vec<&AccountId> =
            members.map(|(id, _)| id).filter(|id| !self.roll_out.versions.turned.contains(*id)).collect();
        if self.roll_out.waves[number].began_at_ms.is_none() && !due.is_empty() {
            let incidents = self.incidents(number);
            if !incidents.is_empty() && !self.roll_out.mends {
                return Outcome::Waits(vec![Wait::Incidents { wave: number, incidents }]);
            }
            self.roll_out.waves[number].began_at_ms = Some(self.now_ms);
            self.roll_out.note(self.now_ms, Event::WaveBegan { wave: number });
        }
        let left = due.len().saturating_sub(self.turn(number, due));
        let late: Vec<&Account> = self.underway().collect();
        if left > 0 || !late.is_empty() {
            let waits = converging(&late, left, self.now_ms);
            // Nobody can hurry the hour, nor those before whose turn others have to converge.
            let is_held = left > 0 || waits.iter().any(|it| matches!(it, Wait::Hour { .. }));
            return if is_held {
                self.hold(number, waits)
            } else {
                self.wait(number, None, Outcome::Waits(waits))
            };
        }
        self.prove(number)
    }

    /// The open incidents that concern accounts of a wave, each with the name of one.
    fn incidents(&self, number: usize) -> BTreeMap<String, String> {
        let accounts = self.observed.accounts.values().filter(|account| account.wave == number);
        accounts.flat_map(|it| it.incidents.iter().map(|id| (id.clone(), it.name.clone()))).collect()
    }

    /// Gives as many of these accounts their turn as there is room for; says how many. What the wave has proven before
    /// says nothing of them.
    fn turn(&mut self, number: usize, due: Vec<&AccountId>) -> usize {
        let mut room = self.roll_out.pace.at_once.saturating_sub(self.underway().count());
        let (now_ms, mut bytes) = (self.now_ms, self.room_for_names());
        let mut given = 0;
        for id in due {
            let account = &self.observed.accounts[id];
            let converged = account.has_converged(&account.target_regions, self.roll_out.versions.target);
            if !converged && room == 0 {
                continue;
            }
            room -= usize::from(!converged);
            bytes += self.roll_out.turns.get(id).map_or(0, |had| had.before.bytes());
            let before = self.before(id, account).within(bytes, account);
            bytes -= before.bytes();
            self.roll_out.versions.turned.insert(id.clone());
            // What is known of it was so before its turn, also where the clock of whoever decides is behind.
            let at_ms = now_ms.max(account.looked_at_ms(&account.target_regions));
            self.roll_out.turns.insert(id.clone(), Turn { converged, ..Turn::new(number, at_ms, before) });
            given += 1;
        }
        if given > 0 {
            self.roll_out.waves[number].prove_anew();
        }
        given
    }

    /// What failed in an account before its turn. Of one that had another version until lately, whose place this one
    /// took: before that.
    fn before(&self, id: &AccountId, account: &Account) -> Before {
        let had = self.roll_out.turns.get(id).filter(|had| {
            let age_ms = self.now_ms - had.converged_at_ms.min(self.now_ms);
            !had.converged || age_ms <= self.roll_out.pace.converge_ms
        });
        had.map_or_else(|| Before::of(account), |had| had.before.superseded(account))
    }

    /// The accounts whose turn has come and that have not converged.
    fn underway(&self) -> impl Iterator<Item = &Account> {
        turned(self.roll_out, self.observed).filter(|(_, turn, _)| !turn.converged).map(|(_, _, it)| it)
    }

    /// Lets the bake time of a wave run, all of which has converged, while it is green.
    fn prove(&mut self, number: usize) -> Outcome {
        let of_wave = turned(self.roll_out, self.observed).filter(|(_, turn, _)| turn.wave == number);
        let (mut any, mut is_failing, mut names) = (false, false, vec![]);
        for (_, turn, account) in of_wave {
            any = true;
            let open = not_green(turn, account);
            is_failing |= open.values().any(Option::is_none);
            if !open.is_empty() {
                names.push(account.name.clone());
            }
        }
        if let Some(number) = self.nothing_proven() {
            let why = vec![Halt::NothingProven { wave: self.roll_out.waves[number].name.clone() }];
            return Outcome::Waits(self.halt(Phase::Halted { why }));
        }
        if !any {
            return self.done(number);
        }
        let count = names.len();
        names.truncate(NAMED_MAX);
        match count {
            0 => self.bake(number),
            _ => self.wait(number, Some(is_failing), Outcome::Waits(vec![Wait::Green { names, count }])),
        }
    }

    fn bake(&mut self, number: usize) -> Outcome {
        let (seen_ms, bake_ms) = (self.seen_ms(number), self.roll_out.pace.bake_ms);
        let wave = &mut self.roll_out.waves[number];
        if std::mem::replace(&mut wave.seen_green, true) {
            wave.green_ms += seen_ms;
        }
        if wave.green_ms >= bake_ms {
            return self.done(number);
        }
        let until_ms = self.now_ms + bake_ms - wave.green_ms;
        Outcome::Waits(vec![Wait::Bake { until_ms }])
    }

    fn done(&mut self, number: usize) -> Outcome {
        self.roll_out.waves[number].done_at_ms = Some(self.now_ms);
        if self.roll_out.waves[number].began_at_ms.is_some() {
            self.roll_out.note(self.now_ms, Event::WaveDone { wave: number });
        }
        Outcome::Done
    }

    /// The bake time does not run, and begins anew where something fails. For too long is a reason to halt.
    fn wait(&mut self, number: usize, is_failing: Option<bool>, waits: Outcome) -> Outcome {
        let (seen_ms, converge_ms) = (self.seen_ms(number), self.roll_out.pace.converge_ms);
        let wave = &mut self.roll_out.waves[number];
        if is_failing == Some(true) {
            wave.green_ms = 0;
        }
        wave.seen_green = false;
        wave.waited_ms += seen_ms;
        // Once to converge, and once to be heard of.
        if wave.waited_ms <= 2 * converge_ms {
            return waits;
        }
        let why = not_proven(self.roll_out, self.observed, number);
        if why.is_empty() {
            return waits;
        }
        Outcome::Waits(self.halt(Phase::Halted { why }))
    }

    /// As [`Self::wait`], but for as long as it takes.
    fn hold(&mut self, number: usize, waits: Vec<Wait>) -> Outcome {
        self.seen_ms(number);
        self.roll_out.waves[number].seen_green = false;
        Outcome::Waits(waits)
    }

    /// How much time of a wave was seen since it was last looked at.
    fn seen_ms(&mut self, number: usize) -> u64 {
        let wave = &mut self.roll_out.waves[number];
        let last_ms = wave.seen_at_ms.replace(self.now_ms).unwrap_or(self.now_ms);
        (self.now_ms - last_ms.min(self.now_ms)).min(SEEN_MS)
    }

    /// Takes accounts back, those of the newest wave first, as many at once as there is room for. Nothing is waited
    /// for beyond an account's time to converge: what does not go back must not keep others from it.
    fn go_back(&mut self) -> Vec<Wait> {
        self.note_convergence();
        let mut turned: Vec<AccountId> = self.roll_out.versions.turned.iter().cloned().collect();
        turned.sort_by_key(|id| Reverse(self.roll_out.turns.get(id).map(|turn| turn.wave)));
        let mut room = self.roll_out.pace.at_once.saturating_sub(self.going_back().count());
        for id in turned {
            let base = self.roll_out.versions.base;
            let account = self.observed.accounts.get(&id);
            let converged = account.is_none_or(|it| it.has_converged(&it.base_regions, base));
            if !converged && room == 0 {
                continue;
            }
            room -= usize::from(!converged);
            self.take_back(&id, converged);
        }
        let mut names: Vec<String> = self.going_back().map(|it| it.name.clone()).collect();
        let count = names.len() + self.roll_out.versions.turned.len();
        names.truncate(NAMED_MAX);
        if count > 0 {
            return vec![Wait::Converging { names, count }];
        }
        let back = self.roll_out.turns.iter().filter(|(_, turn)| !turn.converged);
        let left = back.filter_map(|(id, _)| self.observed.accounts.get(id)).map(|it| it.name.clone());
        let left = left.take(NAMED_MAX).collect();
        self.roll_out.phase = Phase::RolledBack;
        self.roll_out.note(self.now_ms, Event::RolledBack { left });
        vec![]
    }

    fn take_back(&mut self, id: &AccountId, converged: bool) {
        let RollOut { versions, turns, .. } = &mut *self.roll_out;
        versions.turned.remove(id);
        if let Some(turn) = turns.get_mut(id) {
            turn.converged = converged;
            (turn.at_ms, turn.since_ms, turn.asked_at_ms) = (self.now_ms, self.now_ms, 0);
        }
    }

    /// The accounts that were taken back, have not converged and still have time to.
    fn going_back(&self) -> impl Iterator<Item = &Account> {
        let turns = self.roll_out.turns.iter();
        let back = turns.filter(|(id, turn)| {
            let has_time = self.now_ms - turn.since_ms.min(self.now_ms) <= self.roll_out.pace.converge_ms;
            !self.roll_out.versions.turned.contains(*id) && !turn.converged && has_time
        });
        back.filter_map(|(id, _)| self.observed.accounts.get(id))
    }

    /// The accounts that the provisioner is to look at: those that are to change and that nobody has looked at since.
    /// What was asked may have got lost, so that it is asked again after a while.
    fn ask(&mut self) -> Vec<AccountId> {
        let going_back = self.roll_out.phase == Phase::GoingBack;
        let RollOut { versions, turns, .. } = &mut *self.roll_out;
        let mut asked = Vec::new();
        for (id, turn) in turns {
            let Some(account) = self.observed.accounts.get(id) else { continue };
            let waits_to_go_back = going_back && versions.turned.contains(id);
            let changes = !turn.converged && !waits_to_go_back;
            let is_due = turn.asked_at_ms == 0 || turn.asked_at_ms + ASK_AGAIN_MS <= self.now_ms;
            let regions = account.regions(versions.turned.contains(id));
            let has_its_hour = account.has_its_hour(regions, self.now_ms);
            let is_unseen = !account.was_looked_at_since(turn.at_ms) || has_its_hour;
            if changes && is_due && is_unseen {
                turn.asked_at_ms = self.now_ms;
                asked.push(id.clone());
            }
        }
        asked
    }

    /// The accounts in which something waits until the version is in force, as it is now.
    fn ask_waiting(&self) -> Vec<AccountId> {
        let waiting =
            turned(self.roll_out, self.observed).filter(|(_, _, account)| account.waits_for_force());
        waiting.map(|(id, ..)| id.clone()).collect()
    }

    /// Every account, once.
    fn ask_all(&mut self) -> Vec<AccountId> {
        if !self.roll_out.turns.is_empty() {
            return vec![];
        }
        for (id, account) in &self.observed.accounts {
            let turn = Turn::new(account.wave, self.now_ms, Before::default());
            self.roll_out.turns.insert(id.clone(), Turn { asked_at_ms: self.now_ms, ..turn });
        }
        self.observed.accounts.keys().cloned().collect()
    }
}
