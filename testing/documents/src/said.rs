//! What a document says, and where.

/// Something that a document says, with where it says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<T> {
    /// `README.md:12`; the line is that of the block or paragraph it stands in.
    pub place: String,
    /// What is said.
    pub what: T,
}

/// The words of one simple command, its program first; variables and substitutions as they are written.
pub type Words = Vec<String>;
