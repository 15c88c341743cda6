//! Whatever is accepted of a deploy role, each subject is of one repository, and of one branch or environment of it.

mod support;

use phonehome_fleet::{DeployRole, Repository};
use proptest::prelude::*;
use support::SMALL;

/// Names as people and attackers write them.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,4}",
        "(refs|Refs|heads|tags|pull)/(heads|tags|[0-9])?/?[a-z]{0,4}",
        "[a-zA-Z0-9_./@%:*?$ {}\\[\\]#=,+\u{430}\u{200b}-]{1,8}",
        "(x:|x:ref:|x%3A|environment:|pull_request)[a-z]{0,3}",
        "(\\$\\{aws:username\\}|\\{domain\\}|\\{branch\\})[a-z*]{0,3}",
    ]
}

fn repository_name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zA-Z0-9_]{1,5}/[a-zA-Z0-9._-]{1,6}",
        1 => "[a-z*?$:@/\u{430}-]{1,5}/[a-z*?$:@/ -]{1,5}",
        1 => "acme/shop(:ref|:pull_request|@1|\\.git|/x)?",
    ]
}

/// The role of a file with one, where the file is accepted.
fn role(key: &str, name: &str, repository: &str, subject: &str) -> Option<DeployRole> {
    let text = |text: &str| serde_json::to_string(text).unwrap();
    let (name, repository) = (text(name), text(repository));
    let pack = format!(
        "{{ permissions_boundary: b, repositories: [{{ name: {repository}, id: 2, owner_id: 1, subject: {subject} }}], \
         deploy_roles: [{{ name: deploy, {key}: [{name}] }}] }}"
    );
    let fleet = phonehome_fleet::parse(&format!("{SMALL}\nstarter_pack: {pack}\n")).ok()?;
    let member = fleet.members().into_iter().find(|it| it.line().as_str() == "shop/dev")?;
    Some(fleet.starter_pack_of(&member)?.deploy_roles.remove(0))
}

proptest! {
    #[test]
    fn each_subject_is_of_one_repository_and_one_branch_or_environment(
        name in name(),
        repository in repository_name(),
        is_branch in any::<bool>(),
        has_ids in any::<bool>(),
    ) {
        let key = if is_branch { "branches" } else { "github_environments" };
        let form = if has_ids { "ids" } else { "names" };
        let Some(role) = role(key, &name, &repository, form) else { return Ok(()) };
        let of: &Repository = &role.repositories[0];
        let subjects = role.subjects_of(of);
        prop_assert_eq!(subjects.len(), 1);
        let subject = &subjects[0];
        prop_assert!(subject.is_ascii() && !subject.contains(['*', '?', '$', '[', '{', '\'', '"']), "{subject}");
        // What stands before a colon is read back as it was declared: no two roles have a subject in common by accident.
        let parts: Vec<&str> = subject.split(':').collect();
        let (owner, own) = repository.split_once('/').unwrap();
        let named = if has_ids { format!("{owner}@1/{own}@2") } else { repository.clone() };
        let context = if is_branch {
            vec!["repo".to_owned(), named, "ref".to_owned(), format!("refs/heads/{name}")]
        } else {
            vec!["repo".to_owned(), named, "environment".to_owned(), name.replace("{domain}", "shop")]
        };
        prop_assert_eq!(parts, context);
        prop_assert!(!name.contains('%') || is_branch, "an environment with a subject of another: {name}");
    }
}
