//! Maintenance windows, quiet hours and routes by severity, from the fleet file to the outbox.

use phonehome_alerting::{Window, WindowEnd, WindowKind};

use super::*;

/// Each day from the minute before the tests begin, 08:27:14 UTC, to 09:00 UTC.
const MAINTENANCE: &str = "maintenance:\n  - { time_zone: Africa/Nairobi, weekdays: [friday], from: \"11:27\", to: \
                           \"12:00\", match: { environment: prod }, reason: patches }\n";

async fn alerter_with(more: &str) -> Alerter<MemoryTable, MemoryQueue> {
    let alerter = alerter().await;
    let fleet = published(&format!("{FLEET}{more}"));
    alerter.table.put_raw(Keys::fleet(), &serde_json::to_string(&fleet).unwrap());
    alerter
}

#[tokio::test]
async fn what_a_maintenance_window_of_the_fleet_file_holds_back_is_paged_within_a_minute_of_its_end() {
    let alerter = alerter_with(MAINTENANCE).await;
    let mut told = Vec::new();
    for minute in 0..60 {
        let now_ms = START_MS + minute * MINUTE_MS;
        alerter.heard(now_ms, PathStatus::Down).await;
        alerter.run(now_ms).await.unwrap();
        told.push((alerter.pages().await, alerter.outbox().await.is_empty()));
    }
    let first = told.iter().position(|(_, is_empty)| !is_empty);
    // 09:00:14.
    assert_eq!(first, Some(33));
    assert_eq!((told[33].0, told[59].0), (1, 1));
}

#[tokio::test]
async fn a_window_is_as_the_fleet_file_says() {
    let quiet = "quiet_hours:\n  - { time_zone: UTC, from: 20:00, duration_minutes: 90, match: { domain: shop, check: \
                 connection/shop-to-payments/443 }, reason: night }\n";
    let alerter = alerter_with(&format!("{MAINTENANCE}{quiet}")).await;
    let world = gather(&alerter.table, &alerter.known, START_MS, &alerter.pace).await.unwrap().world;
    let [maintenance, night] = world.policy.windows.as_slice() else { panic!("{:?}", world.policy.windows) };
    let Window { kind, weekdays, from_minute, end, .. } = maintenance;
    let friday = [5].into();
    assert_eq!(
        (kind, weekdays, from_minute, end),
        (&WindowKind::Maintenance, &friday, &687, &WindowEnd::At(720))
    );
    assert_eq!((night.kind, night.end), (WindowKind::QuietHours, WindowEnd::After(90)));
    let matcher = &night.matcher;
    assert_eq!((matcher.domain.as_deref(), matcher.environment.as_deref()), (Some("shop"), None));
    assert_eq!(matcher.check, Some(CheckId("connection/shop-to-payments/443".to_owned())));
}

#[tokio::test]
async fn what_pages_takes_the_route_for_pages_and_notes_theirs() {
    let alerter = alerter().await;
    let pages = "alert_routes:\n  - { severity: page, slack_channel: \"#oncall\", page: true }\n";
    let text = FLEET.replacen("alert_routes:\n", pages, 1);
    alerter.table.put_raw(Keys::fleet(), &serde_json::to_string(&published(&text)).unwrap());
    let world = gather(&alerter.table, &alerter.known, START_MS, &alerter.pace).await.unwrap().world;
    let route = |account: &str| &world.routes[account];
    let (prod, dev) = (route("shop-prod"), route("shop-dev"));
    assert_eq!((prod.page, prod.page_channel.as_deref()), (true, Some("#oncall")));
    assert_ne!(prod.slack_channel, "#oncall");
    assert_eq!((dev.page, dev.page_channel.as_deref()), (false, None), "its environment has no paging");
}
