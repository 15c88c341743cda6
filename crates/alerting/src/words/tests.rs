//! Whatever strings go in, nothing that Slack would act on comes out, and its limits hold.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::{OutgoingBody, SlackKind};

const HOSTILE: [&str; 12] = [
    "<!channel>",
    "<@U012AB3CD>",
    "<http://x.example|here>",
    "&lt;!here&gt;",
    "`",
    "```",
    "a\nb",
    "\u{202e}dorp-pohs",
    "shop\u{200b}-prod",
    "😀😀😀😀",
    "",
    "&&&&<<<<>>>>````",
];

fn hostile() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        (0..HOSTILE.len()).prop_map(|at| HOSTILE[at].to_owned()),
        any::<String>(),
        "[a-z0-9-]{1,12}",
    ];
    vec(parts, 0..8).prop_map(|parts| parts.concat())
}

fn words() -> impl Strategy<Value = Words> {
    let piece = prop_oneof![
        hostile().prop_map(Words::of),
        hostile().prop_map(|it| Words::new().name(it)),
        hostile().prop_map(|it| Words::new().code(it)),
        hostile().prop_map(|it| Words::new().link(&it, "runbook")),
        Just(Words::new().markup("*Since* ")),
        Just(Words::new().markup("\n")),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.into_iter().fold(Words::new(), Words::then))
}

/// What Slack would act on.
fn assert_harmless(text: &str) {
    assert!(!text.contains(['<', '>']), "{text:?}");
    for (at, _) in text.match_indices('&') {
        let escape = |it: &&str| text[at..].starts_with(*it);
        assert!(["&amp;", "&lt;", "&gt;"].iter().any(escape), "half an escape: {text:?}");
    }
    for line in text.split('\n') {
        assert!(line.matches('`').count().is_multiple_of(2), "code that does not end: {text:?}");
        assert!(!line.contains("``"), "empty code: {text:?}");
        assert!(one_line(line) == line, "unseen characters: {text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

    #[test]
    fn no_string_becomes_markup_and_no_text_is_longer_than_its_limit(words in words(), limit in 1_usize..400) {
        let text = words.slack(limit);
        assert_harmless(&text);
        prop_assert!(size(&text) <= limit, "{} of {limit}: {text}", size(&text));
        prop_assert!(!text.trim().is_empty());
        prop_assert!(words.plain(limit).chars().count() <= limit);
    }

    #[test]
    fn a_text_on_one_line_stays_on_one_line(text in hostile()) {
        let words = Words::of(&text).name(&text).code(&text);
        prop_assert!(!words.slack(3000).contains('\n') && !words.plain(3000).contains('\n'));
    }

    #[test]
    fn every_message_is_one_that_slack_takes(
        headline in words(),
        sections in vec(words(), 0..55),
        lists in vec(vec(words(), 0..15), 0..4),
        thread in proptest::option::of(words()),
        is_headed in any::<bool>(),
    ) {
        let new = if is_headed { SlackMessage::headed } else { SlackMessage::new };
        let mut message = new(headline).thread(thread);
        for list in lists {
            message = message.list("Failing", list);
        }
        for words in sections {
            message = message.section(words);
        }
        assert_accepted(&message.footer(Words::of("Incident x")).body("#net", SlackKind::Updated));
    }
}

/// The limits of Block Kit's reference, and that every text in it is harmless.
fn assert_accepted(body: &OutgoingBody) {
    let OutgoingBody::Slack { text, blocks, thread_text, .. } = body else { panic!("not for Slack") };
    let blocks = blocks.as_array().unwrap();
    assert!((1..=50).contains(&blocks.len()));
    let mut all = 0;
    for block in blocks {
        let (object, limit) = match block["type"].as_str().unwrap() {
            "header" => (&block["text"], 150),
            "section" => (&block["text"], 3000),
            "context" => (&block["elements"][0], 3000),
            other => panic!("{other}"),
        };
        let inner = object["text"].as_str().unwrap();
        assert!((1..=limit).contains(&size(inner)), "{limit}: {}", size(inner));
        assert!(object["type"] == "plain_text" || object["verbatim"] == true, "{object}");
        assert_harmless(inner);
        all += size(inner);
    }
    assert!(all <= 12_000, "{all}");
    for text in std::iter::once(text).chain(thread_text) {
        assert!((1..=3000).contains(&size(text)));
        assert_harmless(text);
    }
}

#[test]
fn what_is_escaped_reads_as_it_was_written() {
    let table = [
        (Words::of("R&D <!channel>"), "R&amp;D &lt;!channel&gt;"),
        (Words::of("a `b` c"), "a 'b' c"),
        (Words::new().code("x`<y>\nz"), "`x'&lt;y&gt; z`"),
        (Words::new().code(""), "–"),
        (Words::new().markup("*Since* ").text("10:15"), "*Since* 10:15"),
        (Words::of("shop\u{202e}dorp"), "shop dorp"),
    ];
    for (words, expected) in table {
        assert_eq!(words.slack(3000).as_str(), expected);
    }
    assert_eq!(Words::new().markup("*Since* ").code("a`b").plain(100), "Since a`b");
}

#[test]
fn an_escape_is_never_cut_in_half_and_code_always_ends() {
    let table = [
        (Words::of("<<<<"), 16, "&lt;&lt;&lt;&lt;"),
        (Words::of("<<<<<"), 16, "&lt;&lt;&lt;…"),
        (Words::of("a&b"), 7, "a&amp;b"),
        (Words::new().code("abcdef"), 8, "`abcdef`"),
        (Words::new().code("abcdef"), 7, "`abcd`…"),
        (Words::new().code("abcdef"), 3, "…"),
        (Words::of("abc").markup("*long markup*").text("d"), 6, "abc…"),
    ];
    for (words, limit, expected) in table {
        assert_eq!(words.slack(limit).as_str(), expected);
    }
}

#[test]
fn what_has_no_room_in_a_message_is_said_to_be_more() {
    let message = (0..60).fold(SlackMessage::new(Words::of("first")), |message, number| {
        message.section(Words::of(format!("section {number}")))
    });
    let OutgoingBody::Slack { blocks, .. } = message.body("#net", SlackKind::Opened) else { panic!() };
    let blocks = blocks.as_array().unwrap();
    assert_eq!(blocks.len(), 50);
    assert_eq!(blocks[49]["text"]["text"], "… and more");
}

#[test]
fn a_link_leads_to_a_plain_https_url_or_is_text() {
    let link = |url: &str| Words::new().link(url, "runbook").slack(100).to_string();
    assert_eq!(
        link("https://wiki.example.com/r?a=1&b=2#x"),
        "<https://wiki.example.com/r?a=1&amp;b=2#x|runbook>"
    );
    assert_eq!(
        Words::new().link("https://w.example/r#x", "runbook").plain(100),
        "runbook: https://w.example/r#x"
    );
    for other in
        ["http://wiki.example.com", "javascript:alert(1)", "https://a|b", "https://a>b", "https://a b"]
    {
        assert!(!link(other).contains(['<', '>']) || link(other).contains("&gt;"), "{}", link(other));
        assert!(!link(other).ends_with("|runbook>"), "{}", link(other));
    }
    assert_eq!(Words::of("see ").link("https://wiki.example.com/r#x", "runbook").slack(20).as_str(), "see …");
}
