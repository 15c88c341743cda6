//! What the templates in infra/ must say: on AWS nothing else stands between a mistake and the accounts.

mod asked;
mod bearing;
mod calls;
mod closing;
mod costs;
mod github;
mod hub;
mod iam;
mod kept;
mod member;
mod observability;
mod operators;
mod packs;
mod settings;
mod template;
mod upgrade;
mod vending;
mod versions;
mod watching;
