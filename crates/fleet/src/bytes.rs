//! A file's bytes as text.

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::limits::FILE_BYTES_MAX;

/// A fleet file's bytes as text.
///
/// # Errors
/// It is too large, or not UTF-8; then the error says what it is instead, and where.
pub fn decode(bytes: &[u8]) -> Result<String, Diagnostics> {
    let failed = |problem, source: &str| Err(Diagnostics::errors(vec![problem], source));
    if let Some(problem) = too_large(bytes.len()) {
        return failed(problem, "");
    }
    if let Some(encoding) = wide(bytes) {
        let problem = Diagnostic::new(1, 1, "", format!("the file is {encoding}: save it as UTF-8"));
        let hint = "PowerShell's `>` writes UTF-16; `| Out-File -Encoding utf8 fleet.yaml` does not";
        return failed(problem.with_hint(hint), "");
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let (good, rest) = bytes.split_at(error.valid_up_to());
            let good = String::from_utf8_lossy(good);
            let line = good.matches('\n').count() + 1;
            let column = good.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            let byte = rest.first().copied().unwrap_or_default();
            let problem =
                format!("the byte 0x{byte:02X} that stands here is not UTF-8: save the file as UTF-8");
            let problem = Diagnostic::new(line, column, "", problem);
            // In Latin-1 and its relatives each byte is a character.
            let hint = format!("as Latin-1 (Windows-1252) it would be `{}`", char::from(byte));
            let is_letter = char::from(byte).is_alphanumeric();
            let problem = if is_letter { problem.with_hint(hint) } else { problem };
            failed(problem, &String::from_utf8_lossy(bytes))
        }
    }
}

/// What is wrong with a file of this many bytes.
pub(crate) fn too_large(bytes: usize) -> Option<Diagnostic> {
    (bytes > FILE_BYTES_MAX).then(|| {
        let message = format!("the file has {bytes} bytes; a fleet file has at most {FILE_BYTES_MAX}");
        Diagnostic::new(1, 1, "", message)
    })
}

/// An encoding with more than one byte for each character, by its mark, or by the zeros that every
/// other byte of Latin text is.
fn wide(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Some("UTF-16"),
        _ => {}
    }
    let zeros = |first: usize| {
        let half: Vec<&u8> = bytes.iter().skip(first).step_by(2).take(100).collect();
        half.len() > 1 && half.iter().filter(|byte| ***byte == 0).count() * 2 > half.len()
    };
    match (zeros(0), zeros(1)) {
        (true, true) => Some("UTF-32, or no text at all"),
        (false, false) => None,
        _ => Some("UTF-16"),
    }
}
