//! The documents against the real command line.

use clap::CommandFactory as _;
use phonehome_documents::{arguments_of, documents};

use super::*;

#[test]
fn every_documented_call_is_one_that_this_takes() {
    let calls = arguments_of("phonehome");
    assert!(calls.len() > 20, "the documents' commands are not found");
    for call in calls {
        let words = call.what.iter().map(|word| match word.as_str() {
            "$ALLOW_CREATE" => "5", // a number, which the workflow has from a variable
            word => word,
        });
        let words = std::iter::once("phonehome").chain(words);
        if let Err(error) = Arguments::try_parse_from(words) {
            panic!("{}: phonehome {}\n{error}", call.place, call.what.join(" "));
        }
    }
}

/// In prose and tables a command is often incomplete, `phonehome silence … --for DURATION`.
#[test]
fn every_command_and_option_that_is_named_exists() {
    let mut whole = Arguments::command();
    whole.build();
    for span in documents().iter().flat_map(|document| &document.spans) {
        let Some(rest) = span.what.strip_prefix("phonehome ") else { continue };
        let mut words = rest.split([' ', '[', ']', '=']).filter(|word| !word.is_empty());
        let name = words.next().unwrap_or_default();
        if name.starts_with("itself") {
            continue; // an incident's title, not a command
        }
        let command = whole.find_subcommand(name);
        let command = command.unwrap_or_else(|| panic!("{}: no command `{name}`", span.place));
        for option in words.filter_map(|word| word.strip_prefix("--")) {
            let known = command.get_arguments().any(|argument| argument.get_long() == Some(option));
            assert!(known, "{}: `{}`: no option --{option}", span.place, span.what);
        }
    }
}
