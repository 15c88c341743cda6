//! What starter packs come to for each account.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_wire::Region;

use super::Rules;
use crate::draft::unknown_region;
use crate::identity::Line;
use crate::model::{AccessRole, DeployRole, DomainEnvironment, Environment};
use crate::names::Kind;
use crate::packs::{DeclaredPack, declared};
use crate::place::{Flaw, Place};
use crate::rules::TRUST_POLICY_MAX;

/// Characters of a bucket's name (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>).
const BUCKET_NAME_MAX: usize = 63;
/// What follows the prefix in an account's own namespace, but for the Region.
const BUCKET_SUFFIX: &str = "-123456789012--an";
/// A role that stacks make themselves.
const OWN_ROLE: &str = "phonehome-log-forwarding";
/// Another one.
const OBSERVING_ROLE: &str = "phonehome-observability";
/// Those of a metric stream.
const STREAM_ROLES: [&str; 2] = ["phonehome-metric-delivery", "phonehome-metric-stream"];
/// What a metric stream's bucket is called before the account's id.
const STREAM_BUCKET: &str = "phonehome-metrics";
/// Characters of a trust policy around its statements, and of a statement around its subjects: at most, whatever the
/// partition. A test of the crate `phonehome-starter-pack` holds that none is longer.
const TRUST_POLICY_AROUND: usize = 40;
const TRUST_STATEMENT_AROUND: usize = 400;
const ACCESS_STATEMENT_AROUND: usize = 240;
const ACCESS_ROLE_AROUND: usize = 45;

impl Rules<'_> {
    /// Each mistake once for the section that made it, with the first line it concerns.
    pub(super) fn starter_packs_can_be_made(&mut self) {
        let draft = self.draft;
        let regions = draft.regions.values().map(|region| &region.name);
        let Some(first) = regions.into_iter().find(|it| **it != unknown_region()) else { return };
        if self.reader.has_unreadable_packs {
            return;
        }
        let environments: BTreeMap<&str, (&Place, &Environment)> =
            draft.environments.found.iter().map(|(place, it)| (it.name.as_str(), (place, it))).collect();
        let file = draft.starter_pack.as_ref();
        let mut told = BTreeSet::new();
        for (of_domain, domain) in &draft.domains.found {
            for entry in &domain.environments {
                let Some((of_environment, environment)) = environments.get(entry.name.as_str()) else {
                    continue;
                };
                let pack = declared(file.map(|(_, it)| it), environment, domain, first);
                self.is_observed(entry, pack.as_ref(), of_domain);
                let Some(pack) = pack else { continue };
                let (place, below) = match (&domain.starter_pack, &environment.starter_pack, file) {
                    (Some(_), ..) => (of_domain, ".starter_pack"),
                    (None, Some(_), _) => (*of_environment, ".starter_pack"),
                    (None, None, Some((place, _))) => (place, ""),
                    (None, None, None) => continue,
                };
                let mut found = Found { line: Line::new(&domain.name, &environment.name), flaws: vec![] };
                self.parts_fit(&pack, environment, &mut found);
                roles_can_be_assumed(&pack, &mut found);
                for (about, flaw) in found.flaws {
                    if told.insert((place.path.clone(), about)) {
                        self.report(place, below, flaw);
                    }
                }
                self.warn_unbounded(&pack, &place.below(self.root, below), &mut told);
            }
        }
    }

    fn is_observed(&mut self, entry: &DomainEnvironment, pack: Option<&DeclaredPack>, place: &Place) {
        let is_declared = pack.is_some_and(|pack| pack.observability.is_some());
        if let (Some(id), false) = (entry.observability_account, is_declared) {
            let name = &entry.name;
            let message =
                format!("`{name}` names the account {id}, and no `observability` is declared for it");
            let hint = "declare it in the starter pack of the file, the environment or the domain, or take `observability_account` \
                        out";
            self.report(place, ".environments", Flaw::new(message).hint(hint));
        }
    }

    fn parts_fit(&self, pack: &DeclaredPack, environment: &Environment, found: &mut Found) {
        let regions = self.regions_of(environment);
        if pack.state_bucket.is_some() && !pack.key {
            let hint =
                "add `key: true`: a state holds secrets, and the bucket is encrypted with the account's key";
            found.report("key", "a `state_bucket` without a `key`", hint);
        }
        let forwards = pack.log_bucket.as_ref().is_some_and(|log| log.forward_to.is_some());
        let is_known =
            self.draft.pools.complete && self.reader.names.is_declared(Kind::Region, &pack.home_region);
        if (pack.has_identities() || forwards) && is_known && !regions.contains(&&pack.home_region) {
            let message =
                format!("its roles and users would be kept in {}, where it has no network", pack.home_region);
            let hint = "name a Region in which its environment has an address pool with `home_region`";
            found.report("home", &message, hint);
        }
        let state = pack.state_bucket.as_ref().map(|bucket| &bucket.name);
        let log = pack.log_bucket.as_ref().map(|bucket| &bucket.name);
        if let (Some(_), true) = (state, state == log) {
            let message =
                format!("both buckets are called `{}`", state.map(String::as_str).unwrap_or_default());
            found.report("buckets", &message, "give one another `name`");
        }
        let is_streamed = pack.observability.as_ref().is_some_and(|it| it.metric_stream.is_some());
        if is_streamed && [state, log].into_iter().flatten().any(|name| name == STREAM_BUCKET) {
            let message = format!("a bucket is called `{STREAM_BUCKET}`, which is that of the metric stream");
            found.report("bucket of the stream", &message, "give it another `name`");
        }
        for prefix in [state, log].into_iter().flatten() {
            let length = |region: &Region| prefix.len() + BUCKET_SUFFIX.len() + region.len();
            if let Some(region) = regions.iter().find(|region| length(region) > BUCKET_NAME_MAX) {
                let message =
                    format!("the bucket `{prefix}-…-{region}-an` would have {} characters", length(region));
                let flaw = found.flaw(&message, "S3 allows 63: give it a shorter `name`").for_publishing();
                found.flaws.push((format!("bucket {prefix}"), flaw));
            }
        }
    }

    fn regions_of(&self, environment: &Environment) -> Vec<&Region> {
        let pools = self.draft.pools.values().filter(|pool| environment.pools.contains(&pool.name));
        pools.map(|pool| &pool.region).collect()
    }

    fn warn_unbounded(&mut self, pack: &DeclaredPack, place: &Place, told: &mut BTreeSet<(String, String)>) {
        let roles = pack.deploy_roles.iter().filter(|role| role.permissions_boundary.is_none());
        let users = pack.machine_users.iter().filter(|user| user.permissions_boundary.is_none());
        let roles = roles.map(|role| format!("the deploy role `{}`", role.name));
        for unbounded in roles.chain(users.map(|user| format!("the machine user `{}`", user.name))) {
            if told.insert((place.path.clone(), format!("boundary {unbounded}"))) {
                let flaw = Flaw::new(format!("{unbounded} has no `permissions_boundary`"));
                let hint = "who may change roles with it may give itself everything: name a managed policy that each \
                            account has, and that bounds it";
                self.reader.warn(place, flaw.hint(hint));
            }
        }
        let observed = pack.observability.is_some() && pack.observability_boundary.is_none();
        if observed && told.insert((place.path.clone(), "boundary of observability".to_owned())) {
            let flaw = Flaw::new(format!(
                "`observability` makes the role `{OBSERVING_ROLE}`, and it has no boundary"
            ));
            let hint = "no account makes a role without the one that its `StarterPackBoundary` names, and the stack fails: \
                        name it with `permissions_boundary`";
            self.reader.warn(place, flaw.hint(hint));
        }
        let forwards = pack.log_bucket.as_ref().is_some_and(|log| log.forward_to.is_some());
        let is_unbounded = forwards && pack.forwarding_boundary.is_none();
        if is_unbounded && told.insert((place.path.clone(), "boundary of forwarding".to_owned())) {
            let flaw = Flaw::new(format!("`forward_to` makes the role `{OWN_ROLE}`, and it has no boundary"));
            let hint = "no account makes a role without the one that its `StarterPackBoundary` names, and the stack fails: \
                        name it with `permissions_boundary`";
            self.reader.warn(place, flaw.hint(hint));
        }
    }
}

/// The mistakes of one line, each with what it is about: each of those is told once.
struct Found {
    line: Line,
    flaws: Vec<(String, Flaw)>,
}

impl Found {
    fn flaw(&self, message: &str, hint: &str) -> Flaw {
        Flaw::new(format!("{}: {message}", self.line)).hint(hint)
    }

    fn trust_policy_fits(&mut self, role: &str, length: usize, hint: &str) {
        if length > TRUST_POLICY_MAX {
            let message = format!("the trust policy of `{role}` would have up to {length} characters");
            let flaw = self.flaw(&message, hint).for_publishing();
            self.flaws.push((format!("length {role}"), flaw));
        }
    }

    fn report(&mut self, about: &str, message: &str, hint: &str) {
        self.flaws.push((about.to_owned(), self.flaw(message, hint)));
    }
}

fn roles_can_be_assumed(pack: &DeclaredPack, found: &mut Found) {
    let own = [OWN_ROLE, OBSERVING_ROLE].into_iter().chain(STREAM_ROLES);
    let mut names: BTreeSet<String> = own.map(str::to_owned).collect();
    let deploy = pack.deploy_roles.iter().map(|role| &role.name);
    for name in deploy.chain(pack.access_roles.iter().map(|role| &role.name)) {
        // IAM tells no two roles apart by large and small letters.
        if !names.insert(name.to_ascii_lowercase()) {
            let message = format!("two roles called `{name}`");
            found.report(&format!("role {name}"), &message, "a role's name is its account's once");
        }
    }
    let mut users = BTreeSet::new();
    for user in &pack.machine_users {
        if !users.insert(user.name.to_ascii_lowercase()) {
            let message = format!("two machine users called `{}`", user.name);
            found.report(&format!("user {}", user.name), &message, "a user's name is its account's once");
        }
    }
    for role in &pack.deploy_roles {
        if role.repositories.is_empty() {
            let message = format!("no repository may assume `{}`", role.name);
            let hint = "name them at the role, or with `repositories` in the starter pack of the file, the environment \
                        or the domain";
            found.report(&format!("of {}", role.name), &message, hint);
        }
        let hint = "IAM allows 2,048: spread repositories, branches and environments over several roles";
        found.trust_policy_fits(&role.name, trust_policy_length(role), hint);
    }
    for role in &pack.access_roles {
        let hint = "IAM allows 2,048: spread those that it trusts over several roles";
        found.trust_policy_fits(&role.name, length_of_access(role), hint);
    }
}

/// Characters of its trust policy, at most, without spaces.
fn trust_policy_length(role: &DeployRole) -> usize {
    let statement = |repository| {
        let subjects = role.subjects_of(repository);
        TRUST_STATEMENT_AROUND + subjects.iter().map(|subject| subject.len() + 3).sum::<usize>()
    };
    TRUST_POLICY_AROUND + role.repositories.iter().map(statement).sum::<usize>()
}

/// The same of a role for people: a statement for each account, with its roles.
fn length_of_access(role: &AccessRole) -> usize {
    let accounts: BTreeSet<&str> = role.trusted.iter().map(|it| it.account.as_str()).collect();
    let external_id = role.external_id.as_ref().map_or(0, String::len);
    let roles = role.trusted.iter().map(|it| ACCESS_ROLE_AROUND + it.role.len()).sum::<usize>();
    TRUST_POLICY_AROUND + accounts.len() * (ACCESS_STATEMENT_AROUND + external_id) + roles
}
