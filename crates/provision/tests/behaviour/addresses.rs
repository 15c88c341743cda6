//! Which addresses an account gets.

use phonehome_provision::Job;

use crate::support::World;

#[tokio::test]
async fn an_account_that_can_get_no_addresses_is_told_why() {
    let world = World::new();
    let elsewhere = "eu-west-1".parse().unwrap();
    let job = Job { region: &elsewhere, ..world.job() };
    let refused = world.provision.expected_claim(&job, &[]).await.unwrap_err().to_string();
    assert!(refused.contains("no address pool serves this environment"), "{refused}");
}
