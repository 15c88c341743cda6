//! The scripts of docs/github, against a stand-in of GitHub.

mod comment;
mod login;
mod stand_in;
