//! `lab --watch`: the fleet in the terminal as it changes, to be broken and mended by hand.

use std::collections::BTreeMap;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;

use anyhow::Result;
use phonehome_lab::Counters;

use crate::run::{Before, mend};
use crate::scenario::Repair;
use crate::view::{states, turned, view};
use crate::watch::{Place, Watch};
use crate::world::World;

/// How often the picture is drawn anew.
const REDRAW: Duration = Duration::from_millis(500);
/// Clears the terminal, and its first line is for typing.
const BEGIN: &str = "\x1b[2J\x1b[H> ";
/// The first line is empty again.
const TYPED: &str = "\x1b[H\x1b[2K> ";
const HELP: &str =
    "break NAME · repair (phonehome's sweep) · mend (by hand, all of it) · faults (their names) · quit";

/// What somebody types.
#[derive(Debug, PartialEq, Eq)]
enum Command {
    Break(String),
    Repair,
    Mend,
    Faults,
    Help,
    Quit,
}

impl Command {
    fn read(line: &str) -> Self {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("break"), Some(name)) => Self::Break(name.to_owned()),
            (Some("repair"), None) => Self::Repair,
            (Some("mend"), None) => Self::Mend,
            (Some("faults"), None) => Self::Faults,
            (Some("quit" | "exit" | "q"), None) => Self::Quit,
            _ => Self::Help,
        }
    }
}

/// Shows the fleet until somebody types `quit` or the input ends.
///
/// # Errors
/// When the network cannot be changed, a probe gives no report, or a function of the hub's fails.
pub fn live(world: &mut World, watch: &mut Watch) -> Result<()> {
    let lines = lines();
    let whole = Before::of(world);
    let mut screen = Screen::new(std::io::stdout().is_terminal());
    screen.begin()?;
    let mut said = HELP.to_owned();
    loop {
        watch.until(world, REDRAW, |_, _| false)?;
        match lines.try_recv() {
            Ok(line) => match Command::read(&line) {
                Command::Quit => return Ok(()),
                command => {
                    said = obey(world, &whole, &command)?;
                    screen.typed(&said)?;
                }
            },
            Err(TryRecvError::Disconnected) => return Ok(()),
            Err(TryRecvError::Empty) => {}
        }
        screen.draw(world, watch, &said)?;
    }
}

/// Where the fleet is shown.
struct Screen {
    /// A terminal shows a picture, over which the next one is drawn; anything else gets a line for each change.
    is_terminal: bool,
    counters: Counters,
    states: BTreeMap<Place, BTreeMap<String, bool>>,
    /// Slack's messages, as they were shown last.
    messages: Vec<String>,
}

impl Screen {
    fn new(is_terminal: bool) -> Self {
        Self { is_terminal, counters: Counters::default(), states: BTreeMap::new(), messages: vec![] }
    }

    fn begin(&self) -> Result<()> {
        self.print(if self.is_terminal { BEGIN } else { "" })
    }

    /// A line was typed, and this is said of it.
    fn typed(&self, said: &str) -> Result<()> {
        if self.is_terminal { self.print(TYPED) } else { self.print(&format!("{said}\n")) }
    }

    fn draw(&mut self, world: &World, watch: &Watch, said: &str) -> Result<()> {
        if self.is_terminal {
            let counters = world.counters()?;
            let picture = format!("{}\n  {said}\n", view(world, watch, &counters, &self.counters));
            self.counters = counters;
            return self.print(&over(&picture));
        }
        let messages = world.hub.slack().into_iter().map(|it| format!("{}: {}", it.channel, it.text));
        let messages: Vec<String> = messages.collect();
        // New ones, and those that were edited.
        let told = (0..).zip(&messages).filter(|(at, text)| self.messages.get(*at) != Some(text));
        let told = told.map(|(_, text)| text.clone());
        let lines: String = turned(&self.states, watch).into_iter().chain(told).map(|it| it + "\n").collect();
        (self.states, self.messages) = (states(watch), messages);
        self.print(&lines)
    }

    fn print(&self, text: &str) -> Result<()> {
        print!("{text}");
        Ok(std::io::stdout().flush()?)
    }
}

/// Draws from the third line on, over what was there, and leaves the cursor where somebody types.
fn over(picture: &str) -> String {
    format!("\x1b7\x1b[3H{}\x1b[J\x1b8", picture.replace('\n', "\x1b[K\n"))
}

/// Does what was typed; answers with what to say of it.
fn obey(world: &mut World, whole: &Before, command: &Command) -> Result<String> {
    match command {
        Command::Break(name) => {
            let Some(scenario) = crate::scenarios().find(|it| it.name == name) else {
                return Ok(format!("no fault {name:?}: `faults` names them"));
            };
            (scenario.break_it)(world);
            world.follow()?;
            let by = match scenario.repair {
                Repair::Provisioner => "`repair` mends it",
                Repair::ByHand => "phonehome cannot mend it: `mend` does",
            };
            Ok(format!("{name} is broken; {by}"))
        }
        Command::Repair => {
            let outcome = mend(world, Repair::Provisioner, whole);
            Ok(outcome.map_or_else(|error| format!("{error:#}"), |()| "the provisioner has swept".to_owned()))
        }
        Command::Mend => {
            mend(world, Repair::ByHand, whole)?;
            Ok("all is as it was".to_owned())
        }
        Command::Faults => Ok(crate::scenarios().map(|it| it.name).collect::<Vec<_>>().join("  ")),
        Command::Help | Command::Quit => Ok(HELP.to_owned()),
    }
}

/// What is typed, line by line.
fn lines() -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let typed = std::io::stdin().lock().lines().map_while(Result::ok);
        for line in typed {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_drawn_over_the_one_before_and_leaves_the_line_that_is_typed_in() {
        assert_eq!(over("a\nb\n"), "\x1b7\x1b[3Ha\x1b[K\nb\x1b[K\n\x1b[J\x1b8");
    }

    #[test]
    fn what_is_typed_is_a_command_or_asks_for_help() {
        for (line, command) in [
            ("break peering-deleted", Command::Break("peering-deleted".to_owned())),
            ("  repair ", Command::Repair),
            ("mend", Command::Mend),
            ("faults", Command::Faults),
            ("q", Command::Quit),
            ("break", Command::Help),
            ("", Command::Help),
            ("repair everything", Command::Help),
        ] {
            assert_eq!(Command::read(line), command, "{line}");
        }
    }
}
