//! From reports to messages: path states, the dead-man's switch, localisation of the cause, the
//! life of an incident, and what is said about it in Slack and to on-call.
//!
//! Everything here is pure and deterministic. Time comes in as an argument (milliseconds since
//! the Unix epoch); nothing is read, sent or stored. The collector calls [`fold()`] for each
//! report; the alerter gathers a [`World`], calls [`decide()`], and stores the [`Decision`] in one
//! transaction.

mod aims;
mod asks;
mod blame;
mod bounds;
mod calm;
mod checks;
mod concern;
mod connecting;
mod connects;
mod continuity;
mod crashes;
mod crowd;
mod decide;
mod decision;
mod dependencies;
mod doubt;
mod elsewhere;
mod evaluation;
mod evidence;
mod finding;
mod fold;
mod gray;
mod incident;
mod inference;
mod inputs;
mod joined;
mod lately;
mod lateness;
mod lifecycle;
mod matcher;
mod messages;
mod notices;
mod outbox;
mod outgoing;
mod passed_again;
mod probe;
mod probe_state;
mod proof;
mod reader;
mod refusals;
mod reruns;
mod results;
mod routing;
mod runbook;
mod shared;
mod silence;
mod streak;
mod suspect;
mod suspected;
mod text;
mod ticks;
mod titles;
mod turns;
mod unreadable;
mod windows;
mod words;
mod world;
mod zones;

pub use aims::{Aim, Aims};
pub use asks::{ASKED_AT_ONCE, Suspected, SuspectedStack, Suspicion};
pub use calm::Calm;
pub use checks::{Checks, Declared};
pub use connects::{Connects, RUNS_KEPT};
pub use crashes::{CRASHES_KEPT, Crash, Crashes};
pub use decide::decide;
pub use decision::Decision;
pub use doubt::Doubt;
pub use finding::{Finding, RepairState, StackPart};
pub use fold::{CLOCK_TOLERANCE_MS, Folded, GAP_MS, Transition, fold};
pub use gray::{GrayZones, gray_zones};
pub use incident::{
    Incident, IncidentMember, IncidentState, MemberKey, MemberState, Resolution, Severity, Symptom,
    TIMELINE_LIMIT, TimelineEntry, UPDATES_PER_HOUR,
};
pub use inputs::{Asked, Endpoints, Given, INPUTS_KEPT, Inputs, endpoints};
pub use lately::Change;
pub use lateness::{BEHIND_LASTS_MS, Behind, Received};
pub use matcher::Matcher;
pub use messages::subject;
pub use notices::{LOOKED_THROUGH_EVERY_MS, Notices, Trouble, notices};
pub use outgoing::{Outgoing, OutgoingBody, SlackKind, stable_id};
pub use passed_again::PassedAgain;
pub use phonehome_localisation::Outcome;
pub use probe_state::{
    Failure, Heartbeat, Hysteresis, PATHS_KEPT_MS, PathResult, PathState, PathStatus, Paths, ProbeKey,
    ProbePart,
};
pub use proof::{
    WITNESS_ACCOUNTS_MAX, WITNESS_ZONES_MAX, WITNESSED_WITHIN_MS, Witness, Witnesses, denied, isolations_at,
    judge_denials, judge_omissions,
};
pub use reader::Reader;
pub use refusals::{LASTS_AFTER_MS, LETTERS_KEPT, OVER_AFTER_MS, Refusals, Refused};
pub use reruns::{ASKED_LASTS_MS, Rerun, Reruns, Unanswered};
pub use shared::Shared;
pub use silence::WhySilent;
pub use suspect::Suspect;
pub use titles::title;
pub use turns::Turns;
pub use unreadable::{Salvaged, UnreadableIncident};
pub use windows::{Window, WindowEnd, WindowKind};
pub use words::{SlackBlocks, SlackMessage, SlackText, Words};
pub use world::{Owner, PartView, Policy, ProbeView, Route, Silence, Unreadable, Unseen, World};
