//! Accounts that are being closed, for people.

use phonehome_closing::{Closing, DECOMMISSIONED, Decommissioned};
use phonehome_cloud::table::Table;
use phonehome_state::readable;

use crate::output::{Failure, time};

/// A line for each account that AWS was asked to close, until somebody has seen that it is closed.
pub(crate) async fn lines(table: &impl Table) -> Result<Vec<String>, Failure> {
    let records = readable::<Decommissioned>(table, DECOMMISSIONED).await.map_err(Failure::other)?;
    Ok(records.found.iter().filter_map(|(_, record)| line(record)).collect())
}

fn line(record: &Decommissioned) -> Option<String> {
    let Decommissioned { account, account_name, closing, .. } = record;
    let Closing { by, accepted_at_ms, closed_at_ms: None, .. } = closing.as_ref()? else { return None };
    let since = time((*accepted_at_ms)?);
    Some(format!(
        "being closed: {account_name} ({account}), asked for by {by}, since {since}. `phonehome decommission {account} \
         --close-account` says whether it is closed"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_is_being_closed_is_shown_until_it_is_seen_closed() {
        let closing = |accepted_at_ms, closed_at_ms| Closing {
            by: "arn:x".into(),
            asked_at_ms: Some(1),
            accepted_at_ms,
            closed_at_ms,
        };
        let line = |closing| {
            let account = "444455556666".parse().unwrap();
            let of = phonehome_fleet::Line::new("shop", "dev");
            line(&Decommissioned { account, account_name: "shop-dev".into(), line: of, at_ms: 0, closing })
        };
        assert_eq!(line(None), None);
        assert_eq!(line(Some(closing(None, None))), None);
        assert_eq!(line(Some(closing(Some(2), Some(3)))), None);
        let shown = line(Some(closing(Some(60_000), None))).unwrap();
        assert!(
            shown.contains("shop-dev (444455556666), asked for by arn:x, since 1970-01-01 00:01:00Z"),
            "{shown}"
        );
    }
}
