//! Documents that are read for each report and in each decision. Whoever uses a table is compiled with it, and not always
//! for speed; these are compiled here.

use phonehome_alerting::{Heartbeat, Paths};
use phonehome_cloud::table::Doc;
use phonehome_state::Unread;

use crate::reached::Reached;

#[inline(never)]
pub(crate) fn heartbeat(doc: Doc) -> Result<(Doc, Heartbeat), Unread> {
    Unread::or(doc)
}

#[inline(never)]
pub(crate) fn paths(doc: Doc) -> Result<(Doc, Paths), Unread> {
    Unread::or(doc)
}

#[inline(never)]
pub(crate) fn reached(doc: Doc) -> Result<(Doc, Reached), Unread> {
    Unread::or(doc)
}
