//! infra/github.yaml: who the workflows of a repository are.

use anyhow::Result;
use serde_json::Value;

use crate::iam::{Request, allowed};
use crate::template::{Template, list, load};

const PROVIDER: &str = "arn:aws:iam::333333333333:oidc-provider/token.actions.githubusercontent.com";
const ISSUER: &str = "token.actions.githubusercontent.com";

fn pipelines() -> Result<Template> {
    load("github", &[("Repository", "acme/network"), ("ProviderArn", PROVIDER)])
}

/// Whether GitHub's identity with this subject, for this audience, may be a role.
fn is_let_in(template: &Template, role: &str, subject: &str, audience: &str) -> Result<bool> {
    let properties = template.properties(role)?;
    let statements =
        properties["AssumeRolePolicyDocument"]["Statement"].as_array().cloned().unwrap_or_default();
    // A trust policy has no resource: it is the role.
    let statements: Vec<Value> = statements
        .into_iter()
        .map(|mut statement| {
            statement["Resource"] = "*".into();
            statement
        })
        .collect();
    let (sub, aud) = (format!("{ISSUER}:sub"), format!("{ISSUER}:aud"));
    let request = Request::new("sts:AssumeRoleWithWebIdentity", "role");
    Ok(allowed(&statements, &request.with(&sub, &[subject]).with(&aud, &[audience])))
}

#[test]
fn a_pull_request_may_plan_and_only_the_environment_may_publish() -> Result<()> {
    let template = pipelines()?;
    let audience = "sts.amazonaws.com";
    for (subject, plans, publishes) in [
        ("repo:acme/network:pull_request", true, false),
        ("repo:acme/network:ref:refs/heads/main", true, false),
        ("repo:acme/network:environment:fleet", false, true),
        ("repo:acme/network:ref:refs/heads/feature", false, false),
        ("repo:acme/network:environment:other", false, false),
        ("repo:acme/network-2:environment:fleet", false, false),
        ("repo:evil/network:pull_request", false, false),
        ("repo:acme/network:ref:refs/tags/main", false, false),
    ] {
        assert_eq!(is_let_in(&template, "Plan", subject, audience)?, plans, "{subject}");
        assert_eq!(is_let_in(&template, "Publish", subject, audience)?, publishes, "{subject}");
        assert!(!is_let_in(&template, "Plan", subject, "somebody-else")?, "{subject}");
        assert!(!is_let_in(&template, "Publish", subject, "somebody-else")?, "{subject}");
    }
    Ok(())
}

#[test]
fn a_pipeline_can_do_nothing_but_become_the_one_role_of_the_hub() -> Result<()> {
    let template = pipelines()?;
    for (role, becomes) in [("Plan", "phonehome-viewer"), ("Publish", "phonehome-operator")] {
        let statements = template.statements(role)?;
        let actions: Vec<String> = statements.iter().flat_map(|it| list(&it["Action"])).collect();
        assert_eq!(actions, ["sts:AssumeRole"], "{role}");
        for other in ["phonehome-viewer", "phonehome-operator", "phonehome-provisioner", "admin"] {
            let request = Request::new("sts:AssumeRole", &format!("arn:aws:iam::333333333333:role/{other}"));
            assert_eq!(allowed(&statements, &request), other == becomes, "{role}: {other}");
        }
        let elsewhere = Request::new("sts:AssumeRole", &format!("arn:aws:iam::444455556666:role/{becomes}"));
        assert!(!allowed(&statements, &elsewhere), "{role}");
    }
    Ok(())
}
