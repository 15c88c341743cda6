//! Read, decide, write; and again where somebody else wrote first.

use std::error::Error;

use super::TableError;

/// How often a decision about documents that few write at the same moment is taken before it is left to
/// whoever comes next.
pub const ATTEMPTS: u32 = 5;

/// An error that may be a conflict of the table's.
pub trait MayConflict {
    /// Whether somebody else wrote first, so that nothing was written.
    fn is_conflict(&self) -> bool;
}

impl MayConflict for TableError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }
}

impl MayConflict for Box<dyn Error + Send + Sync> {
    fn is_conflict(&self) -> bool {
        self.downcast_ref::<TableError>().is_some_and(MayConflict::is_conflict)
    }
}

/// Reads, decides and writes by `decide`, and again when somebody else wrote first: `attempts` times at
/// most, and once at least. There is no pause between them: whoever was faster is done.
///
/// # Errors
/// Any of `decide`'s but a conflict at once; the last attempt's conflict, which names what was to be
/// written.
pub async fn on_conflict<T, E: MayConflict, F: Future<Output = Result<T, E>>>(
    attempts: u32,
    mut decide: impl FnMut() -> F,
) -> Result<T, E> {
    for _ in 1..attempts {
        match decide().await {
            Err(error) if error.is_conflict() => {}
            decided => return decided,
        }
    }
    decide().await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::super::key;
    use super::*;

    /// What comes of it, and after how many attempts; nothing here ever waits.
    fn tried(attempts: u32, answers: &[Result<u32, TableError>]) -> (Result<u32, TableError>, usize) {
        let tried = Cell::new(0);
        let decided = on_conflict(attempts, async || {
            tried.set(tried.get() + 1);
            answers[tried.get() - 1].clone()
        });
        match pin!(decided).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => (result, tried.get()),
            Poll::Pending => panic!("it waits"),
        }
    }

    #[test]
    fn a_decision_that_meets_another_is_taken_again_and_not_for_ever() {
        let met = |sort: &str| Err(TableError::Conflict { keys: vec![key("paths", sort)] });
        let broken = TableError::Unreadable { key: key("paths", "a"), problem: "cut".into() };
        assert_eq!(tried(5, &[Ok(1)]), (Ok(1), 1));
        assert_eq!(tried(5, &[met("a"), met("b"), Ok(3)]), (Ok(3), 3));
        assert_eq!(tried(2, &[met("a"), met("b"), Ok(3)]), (met("b"), 2));
        assert_eq!(tried(0, &[met("a"), Ok(2)]), (met("a"), 1));
        assert_eq!(tried(5, &[Err(broken.clone()), Ok(2)]), (Err(broken), 1));
        let text = met("a").unwrap_err().to_string();
        assert_eq!(text, "someone else wrote paths/a first");
    }

    #[test]
    fn a_conflict_is_known_in_a_box_too() {
        let boxed = |error: TableError| Box::<dyn Error + Send + Sync>::from(error);
        assert!(boxed(TableError::Conflict { keys: vec![] }).is_conflict());
        let other = TableError::Unreadable { key: key("a", "b"), problem: String::new() };
        assert!(!boxed(other).is_conflict());
        assert!(!Box::<dyn Error + Send + Sync>::from("another error").is_conflict());
    }
}
