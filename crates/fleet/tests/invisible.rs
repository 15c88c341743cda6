//! What cannot be seen in a file is named, with its place.

mod support;

use phonehome_fleet::{Diagnostic, check, decode};
use support::{SMALL, problems, with, without_warnings};

/// `line:column message` of the first problem.
fn first(text: &str) -> String {
    shown(&problems(text).as_slice()[0])
}

fn shown(problem: &Diagnostic) -> String {
    format!("{}:{} {}", problem.line, problem.column, problem.message)
}

fn undecodable(bytes: &[u8]) -> String {
    let problems = decode(bytes).unwrap_err();
    shown(&problems.as_slice()[0])
}

fn utf16(text: &str, bytes_of: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes_of).collect()
}

#[test]
fn a_space_that_is_none_is_named_where_it_breaks_the_structure() {
    let dev = "  - { name: dev, pools: [nonprod] }";
    let owner = "    owner: team-shop";
    let cases = [
        (dev, "\u{a0}  - { name: dev, pools: [nonprod] }", "13:1 a no-break space (U+00A0)"),
        (dev, "  -\u{a0}{ name: dev, pools: [nonprod] }", "13:4 a no-break space (U+00A0)"),
        (owner, "    owner:\u{a0}team-shop", "17:11 a no-break space (U+00A0)"),
        (owner, "   \u{2007}owner: team-shop", "17:4 a space of another width (U+2007)"),
        (owner, "    owner:\u{3000}team-shop", "17:11 an ideographic space (U+3000)"),
        (owner, "    owner:\u{202f}team-shop", "17:11 a narrow no-break space (U+202F)"),
    ];
    for (old, new, expected) in cases {
        let found = first(&with(SMALL, old, new));
        assert_eq!(found, format!("{expected} stands here: replace it by a space"), "{new:?}");
    }
}

#[test]
fn a_name_with_something_invisible_is_not_said_to_look_wrong() {
    let characters = [
        ("\u{200b}", "a zero-width space (U+200B)"),
        ("\u{200d}", "a zero-width joiner (U+200D)"),
        ("\u{2060}", "a word joiner (U+2060)"),
        ("\u{feff}", "a byte order mark (U+FEFF)"),
        ("\u{ad}", "a soft hyphen (U+00AD)"),
        ("\u{202e}", "a control of the writing direction (U+202E)"),
        ("\u{2066}", "a control of the writing direction (U+2066)"),
        ("\u{e0041}", "an invisible character (U+E0041)"),
    ];
    for (character, name) in characters {
        // A name, a reference to one, a key: each is the one problem of its file.
        for (old, new, column) in [
            ("  - name: shop", format!("  - name: shop{character}"), 15),
            ("from: shop,", format!("from: sh{character}op,"), 15),
            ("    port: 5432", format!("    po{character}rt: 5432"), 7),
        ] {
            let text = with(SMALL, old, &new);
            let found = problems(&text);
            assert_eq!(found.as_slice().len(), 1, "{new:?}: {found}");
            let problem = &found.as_slice()[0];
            assert_eq!(problem.message, format!("{name} stands here: remove it"), "{new:?}");
            assert_eq!(problem.column, column, "{new:?}");
            let line = found.render("fleet.yaml").lines().nth(3).unwrap_or_default().to_owned();
            assert!(line.contains('·') && !line.contains(character), "it is shown: {line}");
        }
    }
}

#[test]
fn an_invisible_character_in_a_text_that_may_have_it_is_warned_of() {
    for (character, message) in [
        ("\u{a0}", "17:16 a no-break space (U+00A0) stands here: replace it by a space"),
        ("\u{200b}", "17:16 a zero-width space (U+200B) stands here: remove it"),
        ("\u{2028}", "17:16 a line separator (U+2028) stands here: replace it by a line break"),
    ] {
        let text = with(&without_warnings(), "owner: team-shop", &format!("owner: team{character}shop"));
        let checked = check(&text).unwrap_or_else(|problems| panic!("{problems}"));
        let warnings: Vec<String> = checked.warnings.as_slice().iter().map(shown).collect();
        assert_eq!(warnings, [message]);
    }
    let harmless = [
        ("owner: team-shop", "owner: \"Équipe Réseau 👍\""),
        ("owner: team-shop", "owner: team-shop # a\u{a0}comment\u{200b}"),
    ];
    for (old, new) in harmless {
        assert!(
            check(&with(&without_warnings(), old, new)).unwrap().warnings.as_slice().is_empty(),
            "{new:?}"
        );
    }
}

#[test]
fn what_looks_like_punctuation_is_reported_beside_what_the_parser_says() {
    let cases = [
        (
            "    owner: team-shop",
            "    owner：team-shop",
            "a full-width colon (U+FF1A) stands here: replace it by `:` and a space",
        ),
        (
            "pools: [nonprod] }",
            "pools: [nonprod］ }",
            "a full-width bracket (U+FF3D) stands here: replace it by `[` or `]`",
        ),
        (
            "  - { slack_channel: \"#net-dev\" }",
            "  - { slack_channel: \"#net-dev” }",
            "a typographic quotation mark (U+201D) stands here: replace it by `\"`",
        ),
    ];
    for (old, new, expected) in cases {
        let found = problems(&with(SMALL, old, new));
        assert!(found.as_slice().iter().any(|problem| problem.message == expected), "{new}: {found}");
    }
}

#[test]
fn a_file_in_another_encoding_is_told_to_be_saved_as_utf_8() {
    let mark = "\u{feff}";
    let marked = format!("{mark}{SMALL}");
    for bytes in [
        utf16(&marked, u16::to_le_bytes),
        utf16(&marked, u16::to_be_bytes),
        utf16(SMALL, u16::to_le_bytes),
        utf16(SMALL, u16::to_be_bytes),
    ] {
        assert_eq!(undecodable(&bytes), "1:1 the file is UTF-16: save it as UTF-8");
    }
    let utf32: Vec<u8> = marked.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    assert_eq!(undecodable(&utf32), "1:1 the file is UTF-32: save it as UTF-8");

    let latin1 =
        |text: &str| -> Vec<u8> { text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect() };
    let problems = decode(&latin1(&with(SMALL, "owner: team-shop", "owner: équipe"))).unwrap_err();
    let [problem] = problems.as_slice() else { panic!("{problems}") };
    assert_eq!(shown(problem), "17:12 the byte 0xE9 that stands here is not UTF-8: save the file as UTF-8");
    assert_eq!(problem.hint.as_deref(), Some("as Latin-1 (Windows-1252) it would be `é`"));
    assert_eq!(
        decode(marked.as_bytes()).map(|text| check(&text).is_ok()),
        Ok(true),
        "UTF-8 with a mark is fine"
    );
    assert_eq!(decode(b"").as_deref(), Ok(""));
}

#[test]
fn what_is_never_closed_is_reported_where_it_is_opened() {
    let email = "{ name: prod, account_id: \"333333333333\", email: payments@example.com }";
    let cases = [
        (
            email,
            "{ name: prod, email: aws@example.com # change me }",
            "21:25 not valid YAML: this `{` is never closed",
        ),
        (email, "{ name: prod", "21:25 not valid YAML: this `{` is never closed"),
        ("pools: [nonprod] }", "pools: [nonprod }", "13:25 not valid YAML: this `[` is never closed"),
        ("pools: [nonprod] }", "pools: [nonprod]", "13:5 not valid YAML: this `{` is never closed"),
        ("    - { name: rest }", "    - { name: rest", "38:7 not valid YAML: this `{` is never closed"),
    ];
    for (old, new, expected) in cases {
        assert_eq!(first(&with(SMALL, old, new)), expected, "{new}");
    }
    let commented = problems(&with(SMALL, email, "{ name: prod # here }]"));
    let hint = commented.as_slice()[0].hint.clone().unwrap_or_default();
    assert!(hint.starts_with("the `}` stands in a comment"), "{hint}");
    // A list over several lines is one.
    let text = with(SMALL, "pools: [nonprod] }", "pools: [\n      nonprod,\n    ] }");
    assert!(check(&text).is_ok());
}

#[test]
fn a_range_of_ports_is_told_to_be_one_port_each() {
    for ports in ["[8000-8010]", "8000-8010", "[\"8000-8010\"]", "[8000–8010]", "[443, 1..9]"] {
        let found = first(&with(SMALL, "ports: [443]", &format!("ports: {ports}")));
        assert!(found.contains("is a range of ports; list them: one port each"), "{ports}: {found}");
    }
    assert!(first(&with(SMALL, "port: 5432", "port: 5432-5440")).contains("one port each"));
    assert!(
        first(&with(SMALL, "ports: [443]", "ports: [443/tcp]"))
            .contains("`443/tcp` is a port with its protocol")
    );
}
