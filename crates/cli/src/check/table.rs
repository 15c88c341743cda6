//! A report as a table for people.

use std::fmt::Write as _;
use std::time::Duration;

use phonehome_text::count;
use phonehome_wire::{
    Approach, Attempt, Certificate, CheckResult, Class, Detail, Miss, ProbeInput, Report, Verdict,
};

/// One line for each check, and below it what else there is to know.
pub(super) fn render(input: &ProbeInput, report: &Report) -> String {
    let mut text = String::new();
    for result in &report.results {
        let check = input.checks.iter().find(|check| check.id == result.id);
        let target = check.map(|check| check.target.endpoint.as_str()).unwrap_or_default();
        let (mark, words) = words(&result.verdict);
        let id = result.id.to_string();
        // A target that was written on the command line says itself where to.
        let to = if id.contains(target) { String::new() } else { format!(" → {target}") };
        let _ = writeln!(text, "{mark} {id}{to}: {words} ({} ms)", result.latency_ms);
        text.push_str(&details(result));
    }
    let _ = writeln!(text, "{} in {} ms", count(report.results.len(), "check"), report.duration_ms);
    if report.stalled_ms > 0 {
        let _ = writeln!(
            text,
            "this machine stood still for {} ms: what took longer may have waited for it, not for the network",
            report.stalled_ms
        );
    }
    text
}

pub(super) fn words(verdict: &Verdict) -> (char, String) {
    match verdict {
        Verdict::Ok => ('✓', "ok".to_owned()),
        Verdict::Denied { error } => ('✓', format!("denied: {error}")),
        Verdict::DenyProven => ('✓', "proven closed".to_owned()),
        Verdict::Fail { stage, class, error } => {
            let class = class_word(*class).map(|word| format!(" [{word}]")).unwrap_or_default();
            ('✗', format!("fails at {}{class}: {error}", stage.as_str()))
        }
        Verdict::Inconclusive { reason } => ('?', format!("inconclusive: {reason}")),
        Verdict::ProbeError { reason } => ('?', format!("could not test: {reason}")),
    }
}

/// The word for a class that reports have, too.
fn class_word(class: Class) -> Option<String> {
    match serde_json::to_value(class) {
        Ok(serde_json::Value::String(word)) if class != Class::Other => Some(word),
        _ => None,
    }
}

fn details(result: &CheckResult) -> String {
    let Detail { resolve_us, sampled_of, attempts, certificate, answers, note, .. } = &*result.detail;
    let mut lines = Vec::new();
    lines.extend(resolve_us.map(|took| format!("name resolved in {}", time(took))));
    lines.extend(sampled_of.map(|number| format!("the name has {number} addresses: these are a sample")));
    lines.extend(attempts.iter().map(attempt));
    lines.extend(certificate.as_ref().map(certificate_line));
    if !answers.is_empty() {
        lines.push(format!("answer: {}", answers.join(", ")));
    }
    lines.extend(note.clone());
    lines.iter().map(|line| format!("    {line}\n")).collect()
}

fn attempt(attempt: &Attempt) -> String {
    let Attempt { address, approach, connect_us, tls_us, first_byte_us, .. } = attempt;
    let how = match approach {
        Approach::First => "",
        Approach::OtherPort => ", from another source port",
        Approach::SmallSegments => ", with small segments",
        Approach::Unknown => ", in another way",
    };
    let phases = [("connect", connect_us), ("TLS", tls_us), ("first byte", first_byte_us)];
    let mut parts: Vec<String> =
        phases.iter().filter_map(|(name, took)| took.map(|took| format!("{name} {}", time(took)))).collect();
    if attempt.rtt_us > 0 {
        parts.push(format!("round trip {}", time(attempt.rtt_us.into())));
    }
    if attempt.retransmissions > 0 {
        parts.push(format!("{} sent again", count(attempt.retransmissions as usize, "segment")));
    }
    match &attempt.miss {
        None => {}
        Some(
            Miss::Failed { error: text, .. }
            | Miss::NotTestable { reason: text }
            | Miss::ProbeError { reason: text },
        ) => {
            parts.push(text.clone());
        }
        Some(Miss::Unknown) => parts.push("no success".to_owned()),
    }
    format!("{address}{how}: {}", parts.join(", "))
}

fn certificate_line(certificate: &Certificate) -> String {
    let Certificate { days_left, subject, issuer, chain } = certificate;
    let ends = match days_left {
        ..0 => format!("ended {} ago", days(-days_left)),
        0 => "ends today".to_owned(),
        1.. => format!("ends in {}", days(*days_left)),
    };
    format!("certificate {subject}, issuer {issuer}, {} shown: {ends}", count(*chain as usize, "certificate"))
}

fn days(number: i64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), "day")
}

fn time(us: u64) -> String {
    let millis = Duration::from_micros(us).as_secs_f64() * 1_000.0;
    format!("{millis:.1} ms")
}

#[cfg(test)]
mod tests;
