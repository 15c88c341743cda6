//! What starter packs come to for each account.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_wire::Region;

use super::Rules;
use crate::draft::unknown_region;
use crate::model::{DeployRole, Domain, Environment};
use crate::packs::{DeclaredPack, declared};
use crate::place::Flaw;
use crate::rules::TRUST_POLICY_MAX;

/// Characters of a bucket's name (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>).
const BUCKET_NAME_MAX: usize = 63;
/// Names that a stack gives itself.
const OWN_ROLE: &str = "phonehome-log-forwarding";
/// Characters of a trust policy around its statements, and of a statement around its subjects: at most, whatever the
/// partition. A test of the crate `phonehome-starter-pack` holds that none is longer.
const TRUST_POLICY_AROUND: usize = 40;
const TRUST_STATEMENT_AROUND: usize = 400;

impl Rules<'_> {
    /// Each mistake once for the section that made it, with the first line it concerns.
    pub(super) fn starter_packs_can_be_made(&mut self) {
        let draft = self.draft;
        let Some(first) =
            draft.regions.values().map(|region| &region.name).find(|it| **it != unknown_region())
        else {
            return;
        };
        let environments: BTreeMap<&str, (&_, &Environment)> =
            draft.environments.found.iter().map(|(place, it)| (it.name.as_str(), (place, it))).collect();
        let mut told = BTreeSet::new();
        for (of_domain, domain) in &draft.domains.found {
            for entry in &domain.environments {
                let Some((of_environment, environment)) = environments.get(entry.name.as_str()).copied()
                else {
                    continue;
                };
                let file = draft.starter_pack.as_ref();
                let Some(pack) = declared(file.map(|(_, pack)| pack), environment, domain, first) else {
                    continue;
                };
                let (place, below) = match (&domain.starter_pack, &environment.starter_pack, file) {
                    (Some(_), ..) => (of_domain, ".starter_pack"),
                    (None, Some(_), _) => (of_environment, ".starter_pack"),
                    (None, None, Some((place, _))) => (place, ""),
                    (None, None, None) => continue,
                };
                for flaw in self.flaws_of(&pack, environment, domain) {
                    if told.insert((place.path.clone(), flaw.about)) {
                        self.report(place, below, flaw.flaw);
                    }
                }
                for role in pack.deploy_roles.iter().filter(|role| role.permissions_boundary.is_none()) {
                    if told.insert((place.path.clone(), format!("boundary {}", role.name))) {
                        let place = place.below(self.root, below);
                        self.reader.warn(&place, unbounded(role));
                    }
                }
            }
        }
    }

    fn flaws_of(&self, pack: &DeclaredPack, environment: &Environment, domain: &Domain) -> Vec<FlawAbout> {
        let line = format!("{}/{}", domain.name, environment.name);
        let regions = self.regions_of(environment);
        let mut flaws = vec![];
        let mut report = |about: String, message: String, hint: &str| {
            let flaw = Flaw::new(format!("{line}: {message}")).hint(hint).for_publishing();
            flaws.push(FlawAbout { about, flaw });
        };
        if pack.state_bucket.is_some() && !pack.key {
            let hint =
                "add `key: true`: a state holds secrets, and the bucket is encrypted with the account's key";
            report("key".into(), "a `state_bucket` without a `key`".into(), hint);
        }
        let forwards = pack.log_bucket.as_ref().is_some_and(|log| log.forward_to.is_some());
        if (pack.has_roles() || forwards)
            && self.draft.pools.complete
            && !regions.contains(&&pack.home_region)
        {
            let message = format!("its roles would be kept in {}, where it has no network", pack.home_region);
            let hint = "name a Region in which its environment has an address pool with `home_region`";
            report("home".into(), message, hint);
        }
        let prefixes = [
            pack.state_bucket.as_ref().map(|bucket| &bucket.name),
            pack.log_bucket.as_ref().map(|bucket| &bucket.name),
        ];
        for (prefix, region) in
            prefixes.iter().flatten().flat_map(|prefix| regions.iter().map(move |it| (prefix, it)))
        {
            let length = prefix.len() + "-123456789012-".len() + region.len() + "-an".len();
            if length > BUCKET_NAME_MAX {
                let message = format!("the bucket `{prefix}-…-{region}-an` would have {length} characters");
                report(format!("bucket {prefix}"), message, "S3 allows 63: give it a shorter `name`");
            }
        }
        if let [Some(state), Some(log)] = prefixes
            && state == log
        {
            report("buckets".into(), format!("both buckets are called `{state}`"), "give one another `name`");
        }
        roles(pack, &mut report);
        flaws
    }

    fn regions_of(&self, environment: &Environment) -> Vec<&Region> {
        let pools = self.draft.pools.values().filter(|pool| environment.pools.contains(&pool.name));
        pools.map(|pool| &pool.region).collect()
    }
}

/// A mistake, and about what: it is told once.
struct FlawAbout {
    about: String,
    flaw: Flaw,
}

fn roles(pack: &DeclaredPack, report: &mut impl FnMut(String, String, &str)) {
    let mut names = BTreeSet::from([OWN_ROLE.to_owned()]);
    let deploy = pack.deploy_roles.iter().map(|role| &role.name);
    for name in deploy.chain(pack.access_roles.iter().map(|role| &role.name)) {
        // IAM tells no two roles apart by large and small letters.
        if !names.insert(name.to_ascii_lowercase()) {
            report(
                format!("role {name}"),
                format!("two roles called `{name}`"),
                "a role's name is its account's once",
            );
        }
    }
    for role in &pack.deploy_roles {
        if role.repositories.is_empty() {
            let hint = "name them at the role, or with `repositories` in the starter pack of the file, the environment \
                        or the domain";
            report(format!("of {}", role.name), format!("no repository may assume `{}`", role.name), hint);
        }
        let length = trust_policy_length(role);
        if length > TRUST_POLICY_MAX {
            let message = format!("the trust policy of `{}` would have up to {length} characters", role.name);
            let hint = "IAM allows 2,048: spread repositories, branches and environments over several roles";
            report(format!("length {}", role.name), message, hint);
        }
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

fn unbounded(role: &DeployRole) -> Flaw {
    Flaw::new(format!("the deploy role `{}` has no `permissions_boundary`", role.name)).hint(
        "who may change roles with it may give itself everything: name a managed policy that each account has, and that \
         bounds it",
    )
}
