//! What others chose, for people: on one line, with nothing in it that cannot be seen.

/// A name or an address with all but ASCII's letters, digits, signs and spaces written as `\u{200b}`; a space at an end as
/// well. At most 100 characters of it: Organizations allows 50 of a name and 64 of an address.
#[must_use]
pub fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 100;
    let (first, last) = (text.find(|c| c != ' '), text.rfind(|c| c != ' '));
    let is_inside = |at: usize| first.is_some_and(|first| first < at) && last.is_some_and(|last| at < last);
    let mut shown = String::new();
    for (at, c) in text.char_indices().take(CHARS_MAX) {
        match c {
            ' ' if is_inside(at) => shown.push(' '),
            '\\' => shown.push_str("\\\\"),
            '!'..='~' => shown.push(c),
            _ => shown.extend(c.escape_unicode()),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn what_cannot_be_seen_is_written_out_and_stays_on_one_line() {
        for (text, expected) in [
            ("Shop Production", "Shop Production"),
            ("shop-prod ", "shop-prod\\u{20}"),
            (" shop", "\\u{20}shop"),
            ("shop\u{200b}-prod", "shop\\u{200b}-prod"),
            ("a\nb: c # d", "a\\u{a}b: c # d"),
            ("a\\u{20}", "a\\\\u{20}"),
            ("", ""),
            ("  ", "\\u{20}\\u{20}"),
        ] {
            assert_eq!(shown(text), expected);
        }
        assert!(shown(&"a".repeat(500)).len() == 100);
    }
}
