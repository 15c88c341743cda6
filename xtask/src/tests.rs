use super::*;
use clap::CommandFactory as _;
use phonehome_documents::{arguments_of, documents};

#[test]
fn every_documented_call_is_one_that_this_takes() {
    let calls: Vec<_> = arguments_of("cargo")
        .into_iter()
        .filter(|call| call.what.first().is_some_and(|c| c == "xtask"))
        .collect();
    assert!(calls.len() > 10, "the documents' commands are not found");
    for call in calls {
        // What a workflow fills in is a number.
        let words = call.what.iter().map(|word| if word.starts_with("${{") { "1" } else { word });
        if let Err(error) = Arguments::try_parse_from(words) {
            panic!("{}: cargo {}\n{error}", call.place, call.what.join(" "));
        }
    }
}

#[test]
fn every_command_that_is_named_exists() {
    let known = Arguments::command();
    for span in documents().iter().flat_map(|document| &document.spans) {
        let Some(rest) = span.what.strip_prefix("cargo xtask ") else { continue };
        for name in rest.split(" | ").filter_map(|part| part.split(' ').next()) {
            let known = name == "COMMAND" || known.find_subcommand(name).is_some();
            assert!(known, "{}: `{}`", span.place, span.what);
        }
    }
}
