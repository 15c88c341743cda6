//! The parts of fleet files that the documents show.

mod support;

use phonehome_documents::documents;
use serde_json::json;

/// The schema says the same as the parser (see `schema.rs`), and a part of a file can be held against it.
fn parts() -> jsonschema::Validator {
    let mut schema = phonehome_fleet::schema();
    schema["required"] = json!([]);
    jsonschema::draft7::new(&schema).expect("the schema is a valid schema")
}

#[test]
fn every_part_of_a_fleet_file_that_is_shown_is_right() {
    let parts = parts();
    let mut shown = 0;
    for document in documents() {
        for block in document.blocks_of("yaml") {
            if block.what.1.lines().all(|line| line.starts_with('#')) {
                continue;
            }
            let part = support::json(&block.what.1);
            let problems: Vec<_> =
                parts.iter_errors(&part).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert!(problems.is_empty(), "{}: {problems:#?}", block.place);
            shown += 1;
        }
    }
    assert!(shown > 5, "the documents' examples are not found");
}
