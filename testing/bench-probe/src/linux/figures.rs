//! Figures, and how they are shown.

/// The one in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// A limit that a figure is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    AtLeast(f64),
    AtMost(f64),
}

/// One line: whether the target was met, in words.
pub(crate) fn verdict(what: &str, value: f64, limit: Limit, unit: &str) {
    let (is_met, words, number) = match limit {
        Limit::AtLeast(least) => (value >= least, "at least", least),
        Limit::AtMost(most) => (value <= most, "at most", most),
    };
    let met = if is_met { "met" } else { "MISSED" };
    println!("  {met:<7}{what}: {value:.2}{unit}, {words} {number:.2}{unit}");
}

/// A figure in a column of a table, or a dash.
pub(crate) fn cell(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"))
}
