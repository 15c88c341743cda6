//! While a version of the fleet file is rolled out: what is expected of an account is what its own version declares.

use phonehome_fleet::{Binding, Line};
use phonehome_state::StackStatus;
use serde_json::json;

use super::*;

const PAYMENTS_PROD: &str = "333333333333";

/// The example without shop's connection to payments, whose place as a control the way out takes.
fn without_connection() -> String {
    let (begin, rest) = FLEET.split_once("  - from: shop\n    to: payments\n").unwrap();
    let (_, end) = rest.split_once("\n\n").unwrap();
    format!("{begin}{end}")
        .replace("control: connection/shop-to-payments/443", "control: egress/checkip.amazonaws.com/443")
}

/// A hub in which `base` is in force as version 1 and `target` is rolled out as version 2, with probes in shop-prod
/// and a network in payments-production.
async fn rolling(base: &str, target: &str) -> Alerter<MemoryTable, MemoryQueue> {
    let alerter = alerter().await;
    for (key, number, text) in
        [(Keys::fleet(), 1, base), (Keys::version(1), 1, base), (Keys::version(2), 2, target)]
    {
        let published = phonehome_state::PublishedFleet { number, ..published(text) };
        alerter.overwrite(Write::put, key, &published).await;
    }
    let payments = StackStatus {
        account: PAYMENTS_PROD.parse().unwrap(),
        account_name: "payments-production".into(),
        domain: "payments".into(),
        ready_since_ms: [].into(),
        ..phonehome_samples::stack(START_MS)
    };
    alerter.overwrite(Write::put, Keys::stack(&payments.stack()), &payments).await;
    for (line, account) in
        [(Line::new("shop", "prod"), SHOP_PROD), (Line::new("payments", "prod"), PAYMENTS_PROD)]
    {
        let binding = Binding {
            line: line.clone(),
            account: account.parse().unwrap(),
            account_name: String::new(),
            bound_at_ms: 1,
        };
        alerter.overwrite(Write::put, Keys::binding(&line), &binding).await;
    }
    alerter
}

impl Alerter<MemoryTable, MemoryQueue> {
    /// The turn of these accounts has come, and these have converged to version 2.
    async fn at(&self, turned: &[&str], converged: &[&str]) {
        let versions = json!({"versions": {"base": 1, "target": 2, "turned": turned}});
        self.overwrite(Write::put, Keys::rollout(), &versions).await;
        for account in [SHOP_PROD, PAYMENTS_PROD] {
            let key = Keys::stack(&format!("{account}/{REGION}").parse().unwrap());
            let doc = self.table.get(&key).await.unwrap().unwrap();
            let version = if converged.contains(&account) { 2 } else { 1 };
            let status = StackStatus { version, ..doc.read().unwrap() };
            self.overwrite(Write::put, key, &status).await;
        }
    }

    /// What is open after a look in which every connection was just heard to be down.
    async fn open_when_down(&self, minute: u64) -> usize {
        let now_ms = START_MS + minute * MINUTE_MS;
        self.heard(now_ms, PathStatus::Down).await;
        self.run(now_ms + 1000).await.unwrap();
        all::<Incident>(&self.table, Keys::INCIDENTS).await.unwrap().len()
    }
}

#[tokio::test]
async fn a_connection_that_is_taken_away_stays_what_it_is_until_the_accounts_own_version_has_it_no_more() {
    let alerter = rolling(FLEET, &without_connection()).await;
    alerter.at(&["999999999999"], &[]).await;
    assert_eq!(alerter.open_when_down(1).await, 1, "it is down");
    alerter.run(START_MS + 3 * MINUTE_MS).await.unwrap();
    assert_eq!(alerter.open_when_down(4).await, 1, "that others have the new version resolves nothing");
    alerter.at(&[SHOP_PROD], &[]).await;
    assert_eq!(alerter.open_when_down(5).await, 1, "its turn has come, and it has the version before");
    alerter.at(&[SHOP_PROD], &[SHOP_PROD]).await;
    assert_eq!(alerter.open_when_down(6).await, 0);
}

#[tokio::test]
async fn what_is_about_to_be_taken_away_is_no_news_when_it_fails() {
    for turned in [SHOP_PROD, PAYMENTS_PROD] {
        let alerter = rolling(FLEET, &without_connection()).await;
        alerter.at(&[turned], &[]).await;
        assert_eq!(alerter.open_when_down(1).await, 0, "{turned}");
        assert_eq!(alerter.open_when_down(2).await, 0, "{turned}");
    }
}

#[tokio::test]
async fn a_new_connection_counts_once_both_ends_have_the_version_that_declares_it() {
    let both = [SHOP_PROD, PAYMENTS_PROD];
    for (turned, converged, open) in [
        (&both[..0], &both[..0], 0),
        (&both[..1], &both[..1], 0),
        (&both[1..], &both[1..], 0),
        (&both, &both[..0], 0),
        (&both, &both[..1], 0),
        (&both, &both, 1),
    ] {
        let alerter = rolling(&without_connection(), FLEET).await;
        alerter.at(turned, converged).await;
        alerter.open_when_down(1).await;
        assert_eq!(alerter.open_when_down(2).await, open, "{turned:?} {converged:?}");
    }
}

#[tokio::test]
async fn who_hears_of_it_is_by_the_routes_in_force() {
    let louder = FLEET.replace("slack_channel: \"#", "slack_channel: \"#new-");
    assert_ne!(louder, FLEET);
    let alerter = rolling(FLEET, &louder).await;
    alerter.at(&[SHOP_PROD], &[SHOP_PROD]).await;
    alerter.open_when_down(1).await;
    let messages = all::<Outboxed>(&alerter.table, Keys::OUTBOX).await.unwrap();
    assert!(!messages.is_empty());
    for (_, message) in messages {
        let body = serde_json::to_string(&message.outgoing.body).unwrap();
        assert!(!body.contains("#new-"), "{body}");
    }
}
