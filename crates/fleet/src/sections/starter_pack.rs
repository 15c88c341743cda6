//! What each account gets beside its network. Every value is read here; what they come to for an account is checked when
//! all layers are known.

use std::fmt;
use std::ops::RangeInclusive;

use super::items::{Distinct, reference};
use crate::model::{
    AccessRole, DeployRole, ForwardTo, LogBucket, MachineUser, MetricStream, Observability,
    ObservabilityDataCenter, ObservabilityVendor, OidcProvider, Repository, StarterPack, StateBucket,
    SubjectForm, Toggle, TrustedRole, default_expire_days, default_log_name, default_noncurrent_days,
    default_overlap_days, default_rotate_days, default_state_name,
};
use crate::names::Kind;
use crate::place::Flaw;
use crate::reader::{Cursor, Reader};
use crate::rules;

/// What S3 and this file keep things for at most, in days: ten years.
const DAYS_MAX: u32 = 3650;

/// After how many days an access key may be rotated, and for how many both may work. AWS asks for 90 days at most.
const ROTATE_DAYS: RangeInclusive<u32> = 7..=365;
const OVERLAP_DAYS: RangeInclusive<u32> = 1..=90;

/// How many namespaces a metric stream has at most. CloudWatch takes 1,000, and a template has to fit.
const NAMESPACES_MAX: usize = 50;

pub(super) fn starter_pack(cursor: &Cursor, reader: &mut Reader) -> Option<StarterPack> {
    let problems = reader.problems.len();
    let pack = read(cursor, reader);
    reader.has_unreadable_packs |= reader.problems.len() > problems;
    pack
}

fn read(cursor: &Cursor, reader: &mut Reader) -> Option<StarterPack> {
    const PROVIDERS: [(&str, OidcProvider); 2] =
        [("ours", OidcProvider::Ours), ("theirs", OidcProvider::Theirs)];
    let mut map = cursor.map(reader)?;
    let [enabled, home, key] = ["enabled", "home_region", "key"].map(|key| map.optional(key));
    let [state, log] = ["state_bucket", "log_bucket"].map(|key| map.optional(key));
    let [provider, repositories, boundary] =
        ["oidc_provider", "repositories", "permissions_boundary"].map(|key| map.optional(key));
    let [deploy, access, users, observability] =
        ["deploy_roles", "access_roles", "machine_users", "observability"].map(|key| map.optional(key));
    map.finish(reader);
    let home_region = home.and_then(|c| reference(&c, Kind::Region, reader));
    Some(StarterPack {
        enabled: enabled.and_then(|c| c.boolean(reader)),
        home_region: home_region.and_then(|name| name.parse().ok()),
        key: key.and_then(|c| c.boolean(reader)),
        state_bucket: state.and_then(|c| toggle(&c, reader, state_bucket)),
        log_bucket: log.and_then(|c| toggle(&c, reader, log_bucket)),
        oidc_provider: provider.and_then(|c| c.choice(reader, &PROVIDERS)),
        repositories: repositories.map(|c| self::repositories(&c.list(reader).unwrap_or_default(), reader)),
        permissions_boundary: boundary.and_then(|c| c.parsed(reader, rules::policy)),
        deploy_roles: deploy.map(|c| each(&c, reader, deploy_role)),
        access_roles: access.map(|c| each(&c, reader, access_role)),
        machine_users: users.map(|c| each(&c, reader, machine_user)),
        observability: observability.and_then(|c| self::observability(&c, reader)),
    })
}

/// `true`, `false`, or a map.
pub(super) fn toggle<T: Default>(
    cursor: &Cursor,
    reader: &mut Reader,
    read: fn(&Cursor, &mut Reader) -> Option<T>,
) -> Option<Toggle<T>> {
    if cursor.is_map() {
        return read(cursor, reader).map(Toggle::On);
    }
    cursor.boolean(reader).map(|is_on| if is_on { Toggle::On(T::default()) } else { Toggle::Off })
}

fn each<T>(list: &Cursor, reader: &mut Reader, read: fn(&Cursor, &mut Reader) -> Option<T>) -> Vec<T> {
    let cursors = list.list(reader).unwrap_or_default();
    cursors.iter().filter_map(|cursor| read(cursor, reader)).collect()
}

/// Texts, none of them twice.
fn texts<T: Ord + Clone + fmt::Display>(
    list: Option<Cursor>,
    reader: &mut Reader,
    rule: fn(&str) -> rules::Rule<T>,
) -> Vec<T> {
    let mut items = Distinct::default();
    for cursor in list.and_then(|list| list.list(reader)).unwrap_or_default() {
        if let Some(item) = cursor.parsed(reader, rule) {
            items.push(&cursor, item, reader);
        }
    }
    items.items
}

fn state_bucket(cursor: &Cursor, reader: &mut Reader) -> Option<StateBucket> {
    let mut map = cursor.map(reader)?;
    let [name, lock_table, days] = ["name", "lock_table", "noncurrent_days"].map(|key| map.optional(key));
    map.finish(reader);
    let days = days.and_then(|c| c.integer(reader, "`noncurrent_days`", 1..=DAYS_MAX));
    Some(StateBucket {
        name: name.and_then(|c| c.parsed(reader, rules::bucket_prefix)).unwrap_or_else(default_state_name),
        lock_table: lock_table.and_then(|c| c.boolean(reader)).unwrap_or_default(),
        noncurrent_days: days.unwrap_or_else(default_noncurrent_days),
    })
}

fn log_bucket(cursor: &Cursor, reader: &mut Reader) -> Option<LogBucket> {
    let mut map = cursor.map(reader)?;
    let [name, days, forward] = ["name", "expire_days", "forward_to"].map(|key| map.optional(key));
    map.finish(reader);
    let days = days.and_then(|c| c.integer(reader, "`expire_days`", 1..=DAYS_MAX));
    Some(LogBucket {
        name: name.and_then(|c| c.parsed(reader, rules::bucket_prefix)).unwrap_or_else(default_log_name),
        expire_days: days.unwrap_or_else(default_expire_days),
        forward_to: forward.and_then(|c| forward_to(&c, reader)),
    })
}

fn forward_to(cursor: &Cursor, reader: &mut Reader) -> Option<ForwardTo> {
    let mut map = cursor.map(reader)?;
    let [bucket, account] = ["bucket", "account"].map(|key| map.required(key));
    map.finish(reader);
    let bucket = bucket.and_then(|c| c.parsed(reader, rules::bucket_name));
    let account = account.and_then(|c| c.parsed(reader, rules::account_id));
    Some(ForwardTo { bucket: bucket?, account: account? })
}

fn repository(cursor: &Cursor, reader: &mut Reader) -> Option<Repository> {
    const FORMS: [(&str, SubjectForm); 2] = [("ids", SubjectForm::Ids), ("names", SubjectForm::Names)];
    let mut map = cursor.map(reader)?;
    let [name, id, owner_id] = ["name", "id", "owner_id"].map(|key| map.required(key));
    let subject = map.optional("subject").and_then(|c| c.choice(reader, &FORMS));
    map.finish(reader);
    let name = name.and_then(|c| c.parsed(reader, rules::repository));
    let id = id.and_then(|c| c.integer(reader, "the id of a repository", 1..=u32::MAX));
    let owner_id = owner_id.and_then(|c| c.integer(reader, "the id of an owner", 1..=u32::MAX));
    Some(Repository { name: name?, id: id?, owner_id: owner_id?, subject: subject.unwrap_or_default() })
}

/// Repositories that do not contradict each other. One may stand in both forms, while its tokens change from one to the
/// other.
fn repositories(cursors: &[Cursor], reader: &mut Reader) -> Vec<Repository> {
    let mut found: Vec<Repository> = vec![];
    for cursor in cursors {
        let Some(it) = repository(cursor, reader) else { continue };
        match found.iter().find_map(|other| contradiction(other, &it)) {
            Some(flaw) => reader.report(&cursor.place, flaw),
            None => found.push(it),
        }
    }
    found
}

/// What cannot be true of both: a name, whatever its large and small letters, is one repository's or owner's, and so is an
/// id.
fn contradiction(one: &Repository, other: &Repository) -> Option<Flaw> {
    let owner = |it: &Repository| it.name.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let of_one = one.name.eq_ignore_ascii_case(&other.name);
    let of_one_owner = owner(one) == owner(other);
    let hint = "ask GitHub: gh api repos/OWNER/REPOSITORY --jq '.id, .owner.id'";
    if of_one != (one.id == other.id) {
        let (name, id) = (&other.name, other.id);
        let flaw = Flaw::new(format!("`{name}` has the id {id}, and `{}` has the id {}", one.name, one.id));
        return Some(flaw.hint(hint));
    }
    if of_one_owner != (one.owner_id == other.owner_id) {
        let (name, id) = (&other.name, other.owner_id);
        let of_other = format!("that of `{}` {}", one.name, one.owner_id);
        return Some(Flaw::new(format!("the owner of `{name}` has the id {id}, and {of_other}")).hint(hint));
    }
    (of_one && one.subject == other.subject)
        .then(|| Flaw::new(format!("`{}` is listed twice", other.name)).hint("each once in each form"))
}

/// Those of a role. An empty list would not shut it, but leave it to the starter pack's.
fn own_repositories(list: &Cursor, reader: &mut Reader) -> Vec<Repository> {
    let cursors = list.list(reader);
    if cursors.as_ref().is_some_and(Vec::is_empty) {
        let hint = "without the key those of the starter pack may assume the role; a role is shut by a branch that does not \
                    exist";
        reader.report(&list.place, Flaw::new("at least one repository is needed here").hint(hint));
    }
    repositories(&cursors.unwrap_or_default(), reader)
}

fn deploy_role(cursor: &Cursor, reader: &mut Reader) -> Option<DeployRole> {
    let mut map = cursor.map(reader)?;
    let name = map.required("name").and_then(|c| c.parsed(reader, rules::role_name));
    let [repositories, branches, environments] =
        ["repositories", "branches", "github_environments"].map(|key| map.optional(key));
    let [policies, boundary] = ["managed_policies", "permissions_boundary"].map(|key| map.optional(key));
    map.finish(reader);
    let keys = [&branches, &environments].map(Option::is_some);
    let problems = reader.problems.len();
    let role = DeployRole {
        name: name?,
        repositories: repositories.map(|c| own_repositories(&c, reader)).unwrap_or_default(),
        branches: texts(branches, reader, rules::branch),
        github_environments: texts(environments, reader, rules::github_environment),
        managed_policies: texts(policies, reader, rules::policy),
        permissions_boundary: boundary.and_then(|c| c.parsed(reader, rules::policy)),
    };
    let is_empty = role.branches.is_empty() && role.github_environments.is_empty();
    if keys == [true, true] {
        let flaw = Flaw::new(format!("`{}` says `branches` and `github_environments`", role.name));
        let hint = "a token carries one of the two, so that either would do, and the branch would need nobody's approval: \
                    name the environment, and say in GitHub which branches may use it, or make two roles";
        reader.report(&cursor.place, flaw.hint(hint));
    } else if is_empty && reader.problems.len() == problems {
        let flaw = Flaw::new(format!("`{}` says neither `branches` nor `github_environments`", role.name));
        let hint = "name what may deploy: with neither, nothing could, and a pull request never may";
        reader.report(&cursor.place, flaw.hint(hint));
    }
    Some(role)
}

fn access_role(cursor: &Cursor, reader: &mut Reader) -> Option<AccessRole> {
    let mut map = cursor.map(reader)?;
    let [name, trusted] = ["name", "trusted"].map(|key| map.required(key));
    let [external_id, policies, boundary] =
        ["external_id", "managed_policies", "permissions_boundary"].map(|key| map.optional(key));
    map.finish(reader);
    let name = name.and_then(|c| c.parsed(reader, rules::role_name));
    let trusted = trusted.and_then(|c| c.filled_list(reader, "role"));
    let trusted = trusted.unwrap_or_default().iter().filter_map(|c| trusted_role(c, reader)).collect();
    Some(AccessRole {
        name: name?,
        trusted,
        external_id: external_id.and_then(|c| c.parsed(reader, rules::external_id)),
        managed_policies: texts(policies, reader, rules::policy),
        permissions_boundary: boundary.and_then(|c| c.parsed(reader, rules::policy)),
    })
}

fn machine_user(cursor: &Cursor, reader: &mut Reader) -> Option<MachineUser> {
    let mut map = cursor.map(reader)?;
    let [name, policies] = ["name", "managed_policies"].map(|key| map.required(key));
    let [boundary, rotate, overlap] =
        ["permissions_boundary", "rotate_days", "overlap_days"].map(|key| map.optional(key));
    map.finish(reader);
    let policies = policies.filter(|list| list.filled_list(reader, "policy").is_some());
    let rotate_days = rotate.and_then(|c| c.integer(reader, "`rotate_days`", ROTATE_DAYS));
    let overlap_days = overlap.and_then(|c| c.integer(reader, "`overlap_days`", OVERLAP_DAYS));
    let user = MachineUser {
        name: name.and_then(|c| c.parsed(reader, rules::machine_user))?,
        managed_policies: texts(policies, reader, rules::policy),
        permissions_boundary: boundary.and_then(|c| c.parsed(reader, rules::policy)),
        rotate_days: rotate_days.unwrap_or_else(default_rotate_days),
        overlap_days: overlap_days.unwrap_or_else(default_overlap_days),
    };
    if user.overlap_days * 3 > user.rotate_days {
        let (overlap, rotate) = (user.overlap_days, user.rotate_days);
        let flaw = Flaw::new(format!(
            "`{}`: an overlap of {overlap} days is more than a third of the {rotate} days after which a key is rotated",
            user.name
        ));
        let hint = "IAM allows two keys: the old one has to be gone before the next one comes, and one that is still used \
                    gets a second overlap";
        reader.report(&cursor.place, flaw.hint(hint));
    }
    Some(user)
}

/// A map, or `false`.
fn observability(cursor: &Cursor, reader: &mut Reader) -> Option<Toggle<Observability>> {
    const VENDORS: [(&str, ObservabilityVendor); 1] = [("new_relic", ObservabilityVendor::NewRelic)];
    const CENTERS: [(&str, ObservabilityDataCenter); 2] =
        [("us", ObservabilityDataCenter::Us), ("eu", ObservabilityDataCenter::Eu)];
    if !cursor.is_map() {
        if cursor.boolean(reader)? {
            let flaw = Flaw::new("`observability` says neither which vendor nor where the data is");
            reader.report(&cursor.place, flaw.hint("for example { vendor: new_relic, data_center: eu }"));
            return None;
        }
        return Some(Toggle::Off);
    }
    let mut map = cursor.map(reader)?;
    let [vendor, data_center] = ["vendor", "data_center"].map(|key| map.required(key));
    let stream = map.optional("metric_stream");
    map.finish(reader);
    let metric_stream = stream.and_then(|c| metric_stream(&c, reader));
    let vendor = vendor.and_then(|c| c.choice(reader, &VENDORS));
    let data_center = data_center.and_then(|c| c.choice(reader, &CENTERS));
    Some(Toggle::On(Observability { vendor: vendor?, data_center: data_center?, metric_stream }))
}

fn metric_stream(cursor: &Cursor, reader: &mut Reader) -> Option<MetricStream> {
    let mut map = cursor.map(reader)?;
    let namespaces = map.required("namespaces");
    map.finish(reader);
    let namespaces = namespaces.filter(|list| list.filled_list(reader, "namespace").is_some())?;
    let place = namespaces.place.clone();
    let found = texts(Some(namespaces), reader, rules::metric_namespace);
    if found.len() > NAMESPACES_MAX {
        let flaw = Flaw::new(format!("{} namespaces are streamed, {NAMESPACES_MAX} can be", found.len()));
        reader.report(&place, flaw);
        return None;
    }
    Some(MetricStream { namespaces: found })
}

fn trusted_role(cursor: &Cursor, reader: &mut Reader) -> Option<TrustedRole> {
    let mut map = cursor.map(reader)?;
    let [account, role] = ["account", "role"].map(|key| map.required(key));
    map.finish(reader);
    let account = account.and_then(|c| c.parsed(reader, rules::account_id));
    let role = role.and_then(|c| c.parsed(reader, rules::role_with_path));
    Some(TrustedRole { account: account?, role: role? })
}
