//! The tests of the whole: see the folder `tests` beside this one.
