//! A recording from its first line to its last.

use std::collections::BTreeSet;

use phonehome_alerting::ProbeKey;
use phonehome_state::StateError;
use phonehome_watching::{Arrival, read_event};
use serde::Serialize;

use crate::difference::Difference;
use crate::line::{FORMAT, Header, Kept, Line, parse};
use crate::notes::Notes;
use crate::run::{Became, Run, probe};
use crate::told::{Summary, Told};
use crate::{Document, Lines};

/// What a replay says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replayed {
    /// When the recording begins; milliseconds since the Unix epoch.
    pub from_ms: u64,
    /// When it ends.
    pub to_ms: u64,
    /// What is told of it, by the rules of then.
    pub told: Told,
    /// What was told then, and how the replay differs from that.
    pub then: Vec<Summary>,
    /// From what was told then to what the replay tells.
    pub since_then: Difference,
    /// What is told by other rules.
    pub with_rules: Option<Told>,
    /// From the rules of then to the others.
    pub difference: Option<Difference>,
    /// What is to be known of the recording.
    pub notes: Notes,
}

/// Why there is no replay.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is nothing in the file.
    #[error("the file is empty: `phonehome record` writes recordings, and docs/replay.md says how")]
    Empty,
    /// The first line is another one.
    #[error(
        "line 1 does not say that this is a recording. What the hub keeps are reports alone: put them together with \
         what they are judged by, with `phonehome record --reports FOLDER`"
    )]
    NoHeader,
    /// A newer build wrote it.
    #[error("it is of format {found}, and this version of phonehome reads up to {FORMAT}: use a newer one")]
    Newer {
        /// Its format.
        found: u32,
    },
    /// What is in the recording cannot be decided by.
    #[error("what the reports are judged by cannot be used: {0}")]
    State(#[from] StateError),
}

/// Replays a recording, also with other rules: the text of a fleet file.
///
/// # Errors
/// [`ReplayError`]. A line that cannot be read fails alone, and is counted.
pub async fn replay(mut lines: Lines<'_>, rules: Option<&str>) -> Result<Replayed, ReplayError> {
    let mut notes = Notes::default();
    let header = header(&mut lines)?;
    let mut reading =
        Reading { header, documents: vec![], then: vec![], playing: None, is_cut: false, rules };
    for (number, text) in lines {
        let text = match text {
            Ok(text) => text,
            Err(problem) => {
                notes.bad(number, problem);
                reading.is_cut = true;
                break;
            }
        };
        for line in parse(&text) {
            match line {
                Ok(line) => reading.line(line, number, &mut notes).await?,
                Err(problem) => {
                    notes.bad(number, problem);
                    reading.is_cut = !text.ends_with(b"\n");
                }
            }
        }
    }
    reading.end(notes).await
}

fn header(lines: &mut Lines<'_>) -> Result<Header, ReplayError> {
    let (_, text) = lines.next().ok_or(ReplayError::Empty)?;
    let text = text.unwrap_or_default();
    if text.is_empty() || text.iter().all(u8::is_ascii_whitespace) {
        return Err(ReplayError::Empty);
    }
    match parse(&text).next() {
        Some(Ok(Line::Header(header))) if header.recording > FORMAT => {
            Err(ReplayError::Newer { found: header.recording })
        }
        Some(Ok(Line::Header(header))) => Ok(header),
        _ => Err(ReplayError::NoHeader),
    }
}

/// What was read so far.
struct Reading<'r> {
    header: Header,
    documents: Vec<Document>,
    then: Vec<Summary>,
    /// Once the first report was read.
    playing: Option<Playing>,
    /// Whether the file ends in the middle.
    is_cut: bool,
    rules: Option<&'r str>,
}

/// What happens so far.
struct Playing {
    run: Run,
    with_rules: Option<Run>,
    /// When the newest report was received.
    at_ms: u64,
    probes: BTreeSet<ProbeKey>,
}

impl Playing {
    fn new(header: &Header, documents: &[Document], rules: Option<&str>) -> Self {
        Self {
            run: Run::new(header.from_ms, documents, None),
            with_rules: rules.map(|rules| Run::new(header.from_ms, documents, Some(rules))),
            at_ms: header.from_ms,
            probes: BTreeSet::new(),
        }
    }

    fn runs(&mut self) -> impl Iterator<Item = &mut Run> {
        [&mut self.run].into_iter().chain(self.with_rules.as_mut())
    }
}

impl Reading<'_> {
    async fn line(&mut self, line: Line, number: u64, notes: &mut Notes) -> Result<(), ReplayError> {
        match line {
            Line::Kept(kept) => self.report(*kept, number, notes).await?,
            Line::Document(document) if self.playing.is_none() => self.documents.push(document),
            Line::Document(_) => notes.bad(number, "a document after the first report".to_owned()),
            Line::Told(incident) => self.then.push(Summary::of(&incident, None)),
            Line::Header(_) => notes.bad(number, "a second beginning".to_owned()),
        }
        Ok(())
    }

    async fn report(&mut self, kept: Kept, number: u64, notes: &mut Notes) -> Result<(), ReplayError> {
        let Header { from_ms, to_ms, .. } = self.header;
        let received_ms = kept.at_ms();
        let arrival = match read_event(kept.event) {
            Ok(arrival) => arrival,
            Err(problem) => {
                notes.bad(number, problem);
                return Ok(());
            }
        };
        if !(from_ms..=to_ms).contains(&received_ms) {
            notes.outside += 1;
            return Ok(());
        }
        let playing =
            self.playing.get_or_insert_with(|| Playing::new(&self.header, &self.documents, self.rules));
        if received_ms < playing.at_ms {
            notes.out_of_order += 1;
        }
        let at_ms = received_ms.max(playing.at_ms);
        notes.between(playing.at_ms, at_ms);
        playing.at_ms = at_ms;
        let mut became = None;
        if let Arrival::Report(report) = &arrival {
            playing.probes.insert(probe(report));
        }
        for run in playing.runs() {
            run.until(at_ms).await?;
            let of_this = match &arrival {
                Arrival::Report(report) => Some(run.arrives(report).await?),
                Arrival::Refused { account, refused, problem } => {
                    run.refuse(account, *refused, problem).await.map_err(StateError::from)?;
                    Some(Became::Refused(*refused))
                }
                Arrival::Crashed { .. } => None,
            };
            became = became.or(of_this);
        }
        notes.reports += 1;
        match became {
            Some(Became::Folded) => {}
            Some(Became::Refused(refused)) => *notes.refused.entry(refused.word()).or_default() += 1,
            Some(Became::Unjudged) => notes.unjudged += 1,
            None => notes.crashes += 1,
        }
        Ok(())
    }

    async fn end(self, mut notes: Notes) -> Result<Replayed, ReplayError> {
        let Self { header: Header { from_ms, mut to_ms, .. }, documents, then, playing, is_cut, rules } =
            self;
        let playing = playing.unwrap_or_else(|| {
            Playing::new(&Header { recording: FORMAT, from_ms, to_ms }, &documents, rules)
        });
        if is_cut {
            // What was lost is no silence.
            to_ms = playing.at_ms;
            notes.is_cut = true;
        }
        notes.between(playing.at_ms, to_ms);
        notes.probes = playing.probes.len();
        notes.duplicates = playing.run.duplicates();
        let told = playing.run.told(to_ms).await?;
        let with_rules = match playing.with_rules {
            Some(run) => Some(run.told(to_ms).await?),
            None => None,
        };
        let mut then: Vec<Summary> = then.into_iter().filter(|it| it.is_within(from_ms, to_ms)).collect();
        then.sort_by(|a, b| (a.opened_at_ms, &a.id).cmp(&(b.opened_at_ms, &b.id)));
        let since_then = Difference::of(&then, &told.incidents);
        let difference = with_rules.as_ref().map(|others| Difference::of(&told.incidents, &others.incidents));
        Ok(Replayed { from_ms, to_ms, told, then, since_then, with_rules, difference, notes })
    }
}
