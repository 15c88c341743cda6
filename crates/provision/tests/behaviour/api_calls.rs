//! What is noted of calls that somebody has made in an account.

use phonehome_cloud::table::{MemoryTable, Table as _};
use phonehome_provision::{is_observation_queued, note_queued_observation};
use phonehome_state::Keys;

#[tokio::test]
async fn an_observation_that_is_queued_is_noted_once_until_it_begins() {
    let (table, stack) = (MemoryTable::default(), "444455556666/us-east-1".parse().unwrap());
    for due_ms in [5_000, 5_000, 4_000] {
        note_queued_observation(&table, &stack, due_ms, 1_000).await.unwrap();
    }
    let noted = table.get(&Keys::change_log(&stack)).await.unwrap().unwrap();
    assert_eq!(noted.version, 1, "what is noted already is not written again");
    for (now_ms, is_queued) in [(2_999, true), (3_000, false), (5_000, false)] {
        assert_eq!(is_observation_queued(&table, &stack, now_ms).await.unwrap(), is_queued);
    }
}
