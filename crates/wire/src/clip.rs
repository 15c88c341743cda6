//! What of a report is cut: by a collector, what is too long to be believed; by a probe, what makes it too
//! large.

use crate::{
    ADDRESSES_MAX, ANSWERS_MAX, ATTEMPTS_MAX, CheckResult, Class, Detail, Miss, REPORT_VERSION,
    RUN_ID_CHARS_MAX, Report, TEXT_BYTES_MAX, TEXT_CHARS_MAX, Verdict,
};

/// How many characters are left of an error where a report would be too large.
const BRIEF_CHARS: usize = 60;

impl Report {
    /// Cuts every text to its limit ([`TEXT_CHARS_MAX`] and [`TEXT_BYTES_MAX`], [`RUN_ID_CHARS_MAX`]), every
    /// list to its own, and takes out control characters: a report comes from an account that anybody may have
    /// got hold of. The names it is about (Region, zone, checks) are not cut: what reads them compares them with
    /// what was declared.
    pub fn clip(&mut self) {
        clip(&mut self.run_id, RUN_ID_CHARS_MAX);
        for result in &mut self.results {
            result.addresses.truncate(ADDRESSES_MAX);
            clip_verdict(&mut result.verdict, TEXT_CHARS_MAX);
            clip_detail(&mut result.detail);
        }
    }

    /// The report in the version that a hub asked for ([`crate::ProbeInput::report_version`]).
    #[must_use]
    pub fn in_version(mut self, version: u32) -> Self {
        if version < REPORT_VERSION {
            (self.clock_ahead_ms, self.stalled_ms) = (0, 0);
            for result in &mut self.results {
                *result.detail = Detail::default();
                if let Verdict::Fail { class, .. } = &mut result.verdict {
                    *class = Class::Other;
                }
            }
        }
        self
    }

    /// Cuts what was measured where the report would be written in more than `usual` bytes: first the attempts
    /// of what succeeded, all but the slowest. Where it would still be more than `most`, the attempts of what
    /// failed, from the last on, and in the end most of each error. What was cut is counted
    /// ([`Detail::attempts_cut`]); a result is never left out.
    pub fn fit(&mut self, usual: usize, most: usize) {
        if self.bytes() <= usual {
            return;
        }
        let well = |result: &CheckResult| !matches!(result.verdict, Verdict::Fail { .. });
        self.results.iter_mut().filter(|it| well(it)).for_each(|it| keep_slowest(&mut it.detail));
        let mut bytes = self.bytes();
        for result in self.results.iter_mut().rev() {
            if bytes <= most {
                return;
            }
            let before = bytes_of(result);
            let cut = result.detail.attempts_cut + count(result.detail.attempts.len());
            *result.detail = Detail { attempts_cut: cut, ..Detail::default() };
            bytes = (bytes + bytes_of(result)).saturating_sub(before);
        }
        if bytes > most {
            for result in &mut self.results {
                result.addresses.clear();
                clip_verdict(&mut result.verdict, BRIEF_CHARS);
            }
        }
    }

    fn bytes(&self) -> usize {
        bytes_of(self)
    }
}

fn bytes_of(value: &impl serde::Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |text| text.len())
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn keep_slowest(detail: &mut Detail) {
    let slowest = detail.attempts.iter().max_by_key(|attempt| attempt.total_us).cloned();
    detail.attempts_cut += count(detail.attempts.len().saturating_sub(1));
    detail.attempts = slowest.into_iter().collect();
}

fn clip_verdict(verdict: &mut Verdict, limit: usize) {
    match verdict {
        Verdict::Fail { error: text, .. }
        | Verdict::Denied { error: text }
        | Verdict::Inconclusive { reason: text }
        | Verdict::ProbeError { reason: text } => clip(text, limit),
        Verdict::Ok | Verdict::DenyProven => {}
    }
}

fn clip_detail(detail: &mut Detail) {
    let Detail { attempts, answers, certificate, note, .. } = detail;
    attempts.truncate(ATTEMPTS_MAX);
    for attempt in attempts {
        match &mut attempt.miss {
            Some(
                Miss::Failed { error: text, .. }
                | Miss::NotTestable { reason: text }
                | Miss::ProbeError { reason: text },
            ) => clip(text, TEXT_CHARS_MAX),
            Some(Miss::Unknown) | None => {}
        }
    }
    answers.truncate(ANSWERS_MAX);
    answers.iter_mut().for_each(|answer| clip(answer, TEXT_CHARS_MAX));
    if let Some(certificate) = certificate {
        clip(&mut certificate.subject, TEXT_CHARS_MAX);
        clip(&mut certificate.issuer, TEXT_CHARS_MAX);
    }
    if let Some(text) = note {
        clip(text, TEXT_CHARS_MAX);
    }
}

/// At most `limit` characters and [`TEXT_BYTES_MAX`] bytes, none of them a control character; an ellipsis
/// says that there was more.
pub fn clip(text: &mut String, limit: usize) {
    const MORE: char = '…';
    let is_long = text.len() > TEXT_BYTES_MAX || text.chars().nth(limit).is_some();
    if is_long || text.chars().any(char::is_control) {
        let plain = text.chars().map(|character| if character.is_control() { ' ' } else { character });
        let room =
            if is_long { (limit - 1, TEXT_BYTES_MAX - MORE.len_utf8()) } else { (limit, TEXT_BYTES_MAX) };
        let mut bytes = 0;
        let fits = |character: &char| {
            bytes += character.len_utf8();
            bytes <= room.1
        };
        *text = plain.take(room.0).take_while(fits).chain(is_long.then_some(MORE)).collect();
    }
}

#[cfg(test)]
mod tests;
