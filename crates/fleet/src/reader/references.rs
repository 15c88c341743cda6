//! Declarations and references, as the reader meets them.

use super::Reader;
use crate::names::Kind;
use crate::place::{Flaw, Place};
use crate::spelling::{closest, listed};

impl Reader {
    /// Notes a declaration and reports a name that is taken.
    pub(crate) fn declare(&mut self, kind: Kind, name: &str, place: &Place) {
        if let Err(flaw) = self.names.declare(kind, name, place) {
            self.report(place, flaw);
        }
    }

    /// Reports every reference to a name that is declared nowhere.
    pub(crate) fn resolve_references(&mut self) {
        for (kind, name, place) in self.names.take_references() {
            if self.names.is_declared(kind, &name) {
                continue;
            }
            let flaw = Flaw::new(format!("unknown {kind} `{name}`"));
            if !self.may_suggest() {
                self.report(&place, flaw);
                continue;
            }
            let declared = self.names.declared(kind);
            let flaw = match closest(&name, declared.iter().copied()) {
                Some(meant) => flaw.hint(format!("did you mean `{meant}`?")),
                // Perhaps it is the one whose declaration could not be read.
                None if self.names.is_partial(kind) => continue,
                None if declared.is_empty() => flaw,
                None => flaw.hint(format!("declared: {}", listed(&declared))),
            };
            self.report(&place, flaw);
        }
    }
}
