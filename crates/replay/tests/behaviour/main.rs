//! What a replay says of recordings that are made here.

mod files;
mod recording;
mod rules;
mod support;
mod then;
