//! The words of a name.

/// The words that a name is made of, in small letters: `ShopProduction`, `prod/shop` and `AWS_Shop 2` are two or three.
/// `None` where something in it is no character of ASCII: what it looks like is not what it is.
pub(crate) fn words(name: &str) -> Option<Vec<String>> {
    if !name.is_ascii() || name.contains(|c: char| c.is_ascii_control()) {
        return None;
    }
    let (mut words, chars) = (vec![String::new()], name.chars().collect::<Vec<_>>());
    for (at, c) in chars.iter().enumerate() {
        if !c.is_ascii_alphanumeric() || begins(&chars, at) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_ascii_alphanumeric(), words.last_mut()) {
            word.push(c.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    Some(words)
}

/// Whether a capital letter begins a word: after a small one (`shopProd`) or a digit, or before a small one after another
/// capital one (`AWSShop`).
fn begins(chars: &[char], at: usize) -> bool {
    let is = |at: Option<usize>, of: fn(&char) -> bool| at.and_then(|at| chars.get(at)).is_some_and(of);
    let (before, after) = (at.checked_sub(1), Some(at + 1));
    is(Some(at), char::is_ascii_uppercase)
        && (is(before, |c| c.is_ascii_lowercase() || c.is_ascii_digit())
            || is(before, char::is_ascii_uppercase) && is(after, char::is_ascii_lowercase))
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_name_is_taken_apart_where_people_read_a_new_word() {
        for (name, expected) in [
            ("shop-prod", "shop prod"),
            ("prod/shop", "prod shop"),
            ("ShopProduction", "shop production"),
            ("AWSShopProd", "aws shop prod"),
            ("shop_API v2", "shop api v2"),
            ("SHOP PROD", "shop prod"),
            ("shop--prod.", "shop prod"),
            ("team42Prod", "team42 prod"),
            ("...", ""),
        ] {
            assert_eq!(words(name).unwrap().join(" "), expected, "{name}");
        }
        for name in ["shop\u{200b}-prod", "büro-prod", "shop\t", "ѕhop-prod"] {
            assert_eq!(words(name), None, "{name}");
        }
    }
}
