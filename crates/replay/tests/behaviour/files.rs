//! Files: good ones, and bad ones.

use proptest::prelude::*;

use crate::support::{CALM, FROM_MS, MINUTE_MS, Night, fleet, line, packed, played, replayed};

fn night() -> Night {
    Night { minutes: 12, fails: 4..9, ..CALM }
}

fn refused(file: &str) -> String {
    played(file.as_bytes(), None).unwrap_err().to_string()
}

#[test]
fn the_same_file_gives_the_same_bytes_packed_or_not_in_one_part_or_several() {
    let file = night().file();
    let json = |bytes: &[u8]| serde_json::to_string(&played(bytes, Some(&fleet())).unwrap()).unwrap();
    let first = json(file.as_bytes());
    assert_eq!(json(file.as_bytes()), first);
    assert_eq!(json(&packed(&file)), first);
    let half = file.match_indices('\n').nth(20).unwrap().0 + 1;
    assert_eq!(json(&[packed(&file[..half]), packed(&file[half..])].concat()), first);
}

#[test]
fn what_is_no_recording_says_what_to_do() {
    let file = night().file();
    for empty in ["", "\n", "  \n"] {
        assert!(refused(empty).contains("the file is empty: `phonehome record`"), "{empty:?}");
    }
    let reports = file.lines().last().unwrap();
    assert!(refused(reports).contains("phonehome record --reports"), "{}", refused(reports));
    assert!(refused("fleet: yaml\n").contains("does not say that this is a recording"));
    let newer = file.replacen("\"recording\":1", "\"recording\":2", 1);
    assert_eq!(
        refused(&newer),
        "it is of format 2, and this version of phonehome reads up to 1: use a newer one"
    );
}

#[test]
fn a_bad_line_fails_alone_with_its_number() {
    let file = night().file();
    let expected = replayed(&file);
    let mut lines: Vec<&str> = file.lines().collect();
    let (garbage, other) =
        ("{\"received\": 7", "{\"received\":\"2026-11-25T02:01:00Z\",\"event\":{\"source\":\"my.app\"}}");
    lines.insert(10, garbage);
    lines.insert(20, other);
    lines.insert(30, "{}");
    let replayed = replayed(&(lines.join("\n") + "\n"));
    assert_eq!(replayed.told, expected.told);
    assert_eq!((replayed.notes.bad_lines, replayed.notes.reports), (3, expected.notes.reports));
    let numbers: Vec<u64> = replayed.notes.first_bad_lines.iter().map(|it| it.line).collect();
    assert_eq!(numbers, [11, 21, 31]);
}

#[test]
fn objects_without_line_breaks_between_reports_are_read_as_well() {
    let file = night().file();
    let at = file.match_indices('\n').nth(2).unwrap().0 + 1;
    let joined = format!("{}{}", &file[..at], file[at..].replace('\n', ""));
    assert_eq!(replayed(&joined).told, replayed(&file).told);
}

#[test]
fn silence_of_all_is_told_and_said_to_be_a_gap() {
    let replayed = replayed(&Night { silent: 10..20, ..CALM }.file());
    assert_eq!((replayed.notes.gaps, replayed.told.incidents.len()), (1, 1));
    let gap = &replayed.notes.first_gaps[0];
    assert_eq!(
        (gap.from_ms - FROM_MS, gap.to_ms - FROM_MS),
        (9 * MINUTE_MS + 15_000, 20 * MINUTE_MS + 5_000)
    );
    assert!(replayed.told.incidents[0].resolved_at_ms.is_some());
}

#[test]
fn what_fails_from_the_beginning_on_pages_nobody_and_that_is_said() {
    let replayed = replayed(&Night { fails: 0..40, ..CALM }.file());
    assert_eq!((replayed.told.pages, replayed.told.never_seen_working), (0, 3));
    assert_eq!(replayed.told.incidents.len(), 1);
}

#[test]
fn a_report_that_is_out_of_order_or_comes_twice_or_later_is_counted() {
    let night = night();
    let mut file = night.file();
    let kept = night.kept();
    file += &line(&kept[3]);
    let mut late = kept[4].clone();
    late.received = "2026-11-25T03:00:00Z".parse().unwrap();
    file += &line(&late);
    let replayed = replayed(&file);
    let notes = &replayed.notes;
    assert_eq!((notes.out_of_order, notes.duplicates, notes.outside), (1, 1, 1));
}

#[test]
fn refused_reports_are_counted_by_reason() {
    let night = night();
    let forged =
        line(&night.kept()[5]).replacen("\"account\":\"444455556666\"", "\"account\":\"555566667777\"", 1);
    let replayed = replayed(&(night.file() + &forged));
    assert_eq!(replayed.notes.refused.get("in another account's name"), Some(&1));
}

#[test]
fn a_file_that_was_cut_short_ends_with_its_last_report_and_not_in_silence() {
    let file = CALM.file();
    let packed = packed(&file);
    let plain = &file.as_bytes()[..file.len() / 2];
    for cut in [plain, &packed[..packed.len() * 9 / 10]] {
        let replayed = played(cut, None).unwrap();
        assert!(replayed.notes.is_cut && replayed.notes.bad_lines == 1, "{:?}", replayed.notes);
        assert!(replayed.notes.reports > 10 && replayed.to_ms < CALM.header().to_ms);
        assert!(replayed.told.timeline.is_empty(), "{:?}", replayed.told.timeline);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Wherever a file was cut, and whatever byte of it is another: it is replayed as far as it can be, or refused.
    #[test]
    fn a_file_that_was_cut_or_damaged_anywhere_never_panics(
        cut in 0.0..1.0_f64, at in 0.0..1.0_f64, byte: u8, pack: bool, damage: bool,
    ) {
        let file = Night { minutes: 6, ..night() }.file();
        let mut bytes = if pack { packed(&file) } else { file.into_bytes() };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a length")]
        let part = |of: f64| (bytes.len() as f64 * of) as usize;
        let (cut, at) = (part(cut), part(at));
        if damage {
            bytes[at] = byte;
        }
        let _ = played(&bytes[..cut], Some(&fleet()));
    }
}
