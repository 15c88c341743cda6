//! Workflows: what their token may do, whose code they run, and that they end.

use phonehome_documents::workflows;

#[test]
fn each_workflow_may_only_read_and_ends() {
    let all = workflows();
    assert!(all.len() >= 5, "workflows are not found");
    for workflow in all {
        assert_eq!(workflow.permissions, ["contents: read"], "{}", workflow.path);
        assert!(workflow.unlimited.is_empty(), "{}: no time limit: {:?}", workflow.path, workflow.unlimited);
    }
}

#[test]
fn each_action_is_pinned_by_its_commit() {
    for step in workflows().iter().flat_map(|workflow| &workflow.steps) {
        if let Some(uses) = &step.uses {
            let commit = uses.split_once('@').map_or("", |(_, commit)| commit);
            let whole = commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit());
            assert!(whole, "{}: {uses}", step.place);
        }
        assert!(step.uses.is_some() != step.run.is_some(), "{}: runs one thing", step.place);
    }
}
