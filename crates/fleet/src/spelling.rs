//! Names that were perhaps meant.

use phonehome_text::list;

/// More than this many items of a list are only counted.
pub(crate) const LISTED_MAX: usize = 10;

/// Names in code marks, for a hint.
pub(crate) fn listed(names: &[&str]) -> String {
    list(names.iter().map(|name| format!("`{name}`")), LISTED_MAX)
}

/// The candidate a typing error away from `word`: one edit for every four letters.
pub(crate) fn closest<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    // Whatever is longer is no word; comparing two takes the product of their lengths.
    const WORD_MAX: usize = 200;
    if word.len() > WORD_MAX {
        return None;
    }
    let word = word.to_lowercase().replace('_', "-");
    let length = word.chars().count();
    candidates
        .filter_map(|candidate| {
            let spelled = candidate.to_lowercase().replace('_', "-");
            let letters = spelled.chars().count();
            let edits = (letters / 4).max(1);
            // As many edits as the lengths differ by are needed in any case.
            let may_be = spelled.len() <= WORD_MAX && letters.abs_diff(length) <= edits;
            let distance = may_be.then(|| strsim::damerau_levenshtein(&word, &spelled))?;
            (distance <= edits).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The candidate that is most like `word`, however unlike; `None` without any.
#[must_use]
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .min_by_key(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), *candidate))
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn a_typing_error_finds_the_word_that_was_meant_and_another_word_does_not() {
        let words = ["environments", "owner", "name", "block"];
        let cases = [
            ("enviroments", Some("environments")),
            ("Owner", Some("owner")),
            ("nmae", Some("name")),
            ("blok", Some("block")),
            ("colour", None),
            ("x", None),
        ];
        for (word, meant) in cases {
            assert_eq!(closest(word, words.into_iter()), meant, "{word}");
        }
    }
}
