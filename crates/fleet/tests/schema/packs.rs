//! What the schema and the parser say of starter packs.

use serde_json::{Value, json};

use super::assert_refused;

#[test]
fn the_schema_and_the_parser_refuse_the_same_values_of_starter_packs() {
    let role = json!({ "name": "d", "branches": ["main"] });
    assert_refused(&[
        ("/starter_pack", json!(true)),
        ("/starter_pack/state_bucket", json!("acme")),
        ("/starter_pack/state_bucket/name", json!("Acme")),
        ("/starter_pack/log_bucket/expire_days", json!(3651)),
        ("/starter_pack/log_bucket/forward_to/bucket", json!("s3://logs")),
        ("/starter_pack/repositories/0/name", json!("acme/*")),
        ("/starter_pack/repositories/0/id", json!("1317716765")),
        ("/starter_pack/repositories/0/owner_id", json!(0)),
        ("/starter_pack/permissions_boundary", json!("arn:aws:iam::111111111111:policy/b")),
        ("/starter_pack/deploy_roles", Value::from(vec![role; 11])),
        ("/starter_pack/deploy_roles/0/managed_policies", json!(["*"])),
        ("/starter_pack/deploy_roles/1/branches", json!(["release/*"])),
        ("/starter_pack/deploy_roles/0/github_environments", json!(["a:b"])),
        ("/starter_pack/deploy_roles/0/repositories", json!([])),
        ("/starter_pack/access_roles/0/trusted", json!([])),
        ("/starter_pack/access_roles/0/external_id", json!("x")),
        ("/starter_pack/machine_users/0/name", json!("a/b")),
        ("/starter_pack/machine_users/0/name", json!("a,b")),
        ("/starter_pack/machine_users/0/managed_policies", json!([])),
        ("/starter_pack/machine_users/0/rotate_days", json!(6)),
        ("/starter_pack/machine_users/0/overlap_days", json!(0)),
    ]);
}
