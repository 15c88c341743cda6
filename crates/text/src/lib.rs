//! Lists and numbers, as people read them. Nothing here escapes or clips: who puts a text into Slack or
//! Markdown does.

use std::fmt::Display;

/// `a, b and 3 more`: the items after the first `at_most`, which is 1 or more, are only counted.
pub fn list<T: Display>(items: impl IntoIterator<Item = T>, at_most: usize) -> String {
    let mut items = items.into_iter();
    let shown = joined(items.by_ref().take(at_most));
    match items.count() {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// `a, b, c`: for what is bounded where it comes from.
pub fn joined<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

/// `1 path`, `2 paths`: for nouns that only get an s.
pub fn count<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    agree(number, noun, &format!("{noun}s"))
}

/// `1 change waits`, `2 changes wait`: for whatever else changes with the number.
pub fn agree<N: Display + PartialEq + From<u8>>(number: N, one: &str, several: &str) -> String {
    let words = if number == N::from(1) { one } else { several };
    format!("{number} {words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_of_a_list_is_counted() {
        for (items, at_most, text) in [
            (&["a", "b", "c"][..], 1, "a and 2 more"),
            (&["a", "b", "c"], 2, "a, b and 1 more"),
            (&["a", "b", "c"], 3, "a, b, c"),
            (&["a"], 3, "a"),
            (&[], 3, ""),
        ] {
            assert_eq!(list(items, at_most), text);
        }
        assert_eq!(joined([10, 20]), "10, 20");
    }

    #[test]
    fn one_of_something_is_in_the_singular() {
        assert_eq!([0, 1, 2].map(|number| count(number, "path")), ["0 paths", "1 path", "2 paths"]);
        let waits = [0, 1, 2].map(|number| agree(number, "change waits", "changes wait"));
        assert_eq!(waits, ["0 changes wait", "1 change waits", "2 changes wait"]);
    }
}
