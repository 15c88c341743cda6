//! Makes the kernel's network what a description says, by what differs from the one before.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context as _, Result, anyhow, ensure};

use crate::namespaces::inside;
use crate::network::{Link, Namespace, Network};

/// How many namespaces are changed at once: most of the time is spent in starting programs.
const AT_ONCE: usize = 4;
/// Of a veth interface, in bytes.
const USUAL_MTU: u32 = 1_500;
/// How many packets a veth interface takes as one at most.
const USUAL_BUNDLE: u32 = 65_535;

/// What one namespace has to be told.
#[derive(Debug, Default, PartialEq, Eq)]
struct Change {
    namespace: String,
    /// Lines of `ip -batch` before links come and go.
    before: Vec<String>,
    /// Lines of `ip -batch` after that.
    after: Vec<String>,
    /// What `nft -f` reads.
    ruleset: Option<String>,
    /// Whether it is new, and passes packets on.
    is_new: bool,
    forwards: bool,
}

#[cfg(test)]
impl Change {
    fn tells(&self) -> bool {
        !self.before.is_empty() || !self.after.is_empty() || self.ruleset.is_some()
    }
}

/// Turns one network into another.
pub(crate) fn apply(old: &Network, new: &Network) -> Result<()> {
    let changes = changes(old, new);
    let leaving: Vec<&Change> = changes.iter().filter(|it| !it.before.is_empty()).collect();
    each(&leaving, |change| ip(&change.before, &change.namespace))?;
    run("ip", &["-batch", "-"], &namespaces_and_links(old, new)).context("namespaces and links")?;
    let coming: Vec<&Change> =
        changes.iter().filter(|it| !it.after.is_empty() || it.ruleset.is_some()).collect();
    each(&coming, |change| {
        if change.is_new {
            sysctls(change.forwards)?;
        }
        if let Some(ruleset) = &change.ruleset {
            run("nft", &["-f", "-"], ruleset).with_context(|| format!("{}:\n{ruleset}", change.namespace))?;
        }
        ip(&change.after, &change.namespace)
    })
}

/// What each namespace has to be told that is not as it was.
fn changes(old: &Network, new: &Network) -> Vec<Change> {
    let devices = Devices::of(old, new);
    let differs = |name: &&String| {
        let has_changed = |of: &BTreeMap<&str, BTreeSet<&str>>| of.contains_key(name.as_str());
        old.namespaces.get(*name) != new.namespaces.get(*name)
            || has_changed(&devices.lost)
            || has_changed(&devices.gained)
    };
    new.namespaces.keys().filter(differs).map(|name| change(name, old, new, &devices)).collect()
}

/// Lines of `ip -batch` for all namespaces together.
fn namespaces_and_links(old: &Network, new: &Network) -> String {
    let gone = old.namespaces.keys().filter(|it| !new.namespaces.contains_key(*it));
    let come = new.namespaces.keys().filter(|it| !old.namespaces.contains_key(*it));
    let links = new.links.difference(&old.links).map(|Link { near, far }| {
        format!(
            "link add {} netns {} type veth peer name {} netns {}",
            near.device, near.namespace, far.device, far.namespace
        )
    });
    let lines = gone.map(|it| format!("netns del {it}")).chain(come.map(|it| format!("netns add {it}")));
    lines.chain(links).map(|line| line + "\n").collect()
}

/// Which interfaces each namespace has, and which it loses and gains: also those that are replaced by others of the
/// same name.
#[derive(Default)]
struct Devices<'a> {
    all: BTreeMap<&'a str, BTreeSet<&'a str>>,
    lost: BTreeMap<&'a str, BTreeSet<&'a str>>,
    gained: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Devices<'a> {
    fn of(old: &'a Network, new: &'a Network) -> Self {
        fn sort<'a>(links: impl Iterator<Item = &'a Link>) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
            let mut devices: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
            for end in links.flat_map(|link| [&link.near, &link.far]) {
                devices.entry(&end.namespace).or_default().insert(&end.device);
            }
            devices
        }
        Self {
            all: sort(new.links.iter()),
            lost: sort(old.links.difference(&new.links)),
            gained: sort(new.links.difference(&old.links)),
        }
    }
}

/// What is left of a namespace when the kernel has taken some interfaces away, and all that hangs on them.
fn without(namespace: &Namespace, lost: &BTreeSet<&str>) -> Namespace {
    let mut left = namespace.clone();
    let stays = |device: &str| !lost.contains(device);
    left.routes.retain(|route| route.device().is_none_or(stays));
    left.addresses.retain(|(device, _)| stays(device));
    left.mtus.retain(|device, _| stays(device));
    left.unbundled.retain(|device| stays(device));
    left
}

fn change(name: &str, old: &Network, new: &Network, devices: &Devices<'_>) -> Change {
    let nothing = BTreeSet::new();
    let [all, lost, gained] =
        [&devices.all, &devices.lost, &devices.gained].map(|it| it.get(name).unwrap_or(&nothing));
    let is_new = !old.namespaces.contains_key(name);
    let (was, is) = (old.namespaces.get(name).cloned().unwrap_or_default(), &new.namespaces[name]);
    let left = without(&was, lost);
    let mut before = vec![];
    before.extend(left.routes.difference(&is.routes).map(|it| format!("route del {}", it.ip())));
    before.extend(
        was.rules.iter().filter(|(device, table)| is.rules.get(*device) != Some(table)).map(rule("del")),
    );
    // A link is gone with either of its ends; that of a namespace which goes as a whole goes with it, but later.
    let goes_here = |link: &&Link| {
        let stays = |namespace: &str| new.namespaces.contains_key(namespace);
        link.near.namespace == name || (link.far.namespace == name && !stays(&link.near.namespace))
    };
    let links = old.links.difference(&new.links).filter(goes_here);
    before.extend(links.map(|link| {
        let end = if link.near.namespace == name { &link.near } else { &link.far };
        format!("link del dev {}", end.device)
    }));
    let mut after: Vec<String> = is_new.then(|| "link set lo up".to_owned()).into_iter().collect();
    after.extend(gained.iter().map(|device| format!("link set dev {device} up")));
    after.extend(lengths(&left, is, all));
    let comes = is.addresses.difference(&left.addresses);
    after.extend(comes.map(|(device, net)| format!("address add {net} dev {device}")));
    // After that: with its last address an interface loses all its routes.
    let leaves = left.addresses.difference(&is.addresses);
    after.extend(leaves.map(|(device, net)| format!("address del {net} dev {device}")));
    after.extend(
        is.rules.iter().filter(|(device, table)| was.rules.get(*device) != Some(table)).map(rule("add")),
    );
    after.extend(is.routes.difference(&left.routes).map(|it| format!("route add {}", it.ip())));
    let ruleset = (is_new || was.ruleset != is.ruleset).then(|| is.ruleset.nft());
    Change { namespace: name.to_owned(), before, after, ruleset, is_new, forwards: is.forwards }
}

fn rule(verb: &str) -> impl Fn((&String, &u32)) -> String {
    move |(device, table)| format!("rule {verb} iif {device} lookup {table} priority 1000")
}

/// What changes of how long packets may be.
fn lengths(was: &Namespace, is: &Namespace, devices: &BTreeSet<&str>) -> Vec<String> {
    let mtu = |namespace: &Namespace, device: &str| namespace.mtus.get(device).copied().unwrap_or(USUAL_MTU);
    let bundle = |namespace: &Namespace, device: &str| {
        if namespace.unbundled.contains(device) { 1 } else { USUAL_BUNDLE }
    };
    let mtus = devices.iter().filter(|device| mtu(was, device) != mtu(is, device));
    let bundles = devices.iter().filter(|device| bundle(was, device) != bundle(is, device));
    let mtus = mtus.map(|device| format!("link set dev {device} mtu {}", mtu(is, device)));
    mtus.chain(bundles.map(|device| format!("link set dev {device} gso_max_segs {}", bundle(is, device))))
        .collect()
}

/// Does what is to be done for each change inside its namespace, several at once. The first error counts.
fn each(changes: &[&Change], work: impl Fn(&Change) -> Result<()> + Sync) -> Result<()> {
    let left = Mutex::new(changes.iter());
    let next = || left.lock().ok()?.next();
    let worker = || {
        while let Some(change) = next() {
            inside(&change.namespace, || work(change)).with_context(|| change.namespace.clone())?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(worker)).collect();
        let ends =
            workers.into_iter().map(|it| it.join().unwrap_or_else(|_| Err(anyhow!("a worker panicked"))));
        ends.collect()
    })
}

/// What the namespace that the calling thread is in has below `/proc/sys/net`.
fn sysctls(forwards: bool) -> Result<()> {
    let usual = [
        // Ways may differ by direction.
        ("ipv4/conf/all/rp_filter", "0"),
        ("ipv4/conf/default/rp_filter", "0"),
        // A router that sends something back where it came from would say so; AWS's does not.
        ("ipv4/conf/all/send_redirects", "0"),
        ("ipv4/conf/default/send_redirects", "0"),
        // Or an ICMP message of a host's may come a second late.
        ("ipv4/icmp_ratelimit", "0"),
        // Nobody has an IPv6 address, and so nobody looks for others.
        ("ipv6/conf/all/disable_ipv6", "1"),
        ("ipv6/conf/default/disable_ipv6", "1"),
    ];
    for (name, value) in usual.into_iter().chain(forwards.then_some(("ipv4/ip_forward", "1"))) {
        let path = format!("/proc/sys/net/{name}");
        // A kernel without IPv6 has none to switch off.
        if name.starts_with("ipv4") || std::fs::exists(&path)? {
            std::fs::write(&path, value).context(path)?;
        }
    }
    Ok(())
}

fn ip(lines: &[String], namespace: &str) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let text = lines.join("\n") + "\n";
    run("ip", &["-batch", "-"], &text).with_context(|| format!("{namespace}:\n{text}"))
}

fn run(program: &str, arguments: &[&str], input: &str) -> Result<()> {
    if input.is_empty() {
        return Ok(());
    }
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| program.to_owned())?;
    // It may have ended at the first error, which it says itself.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {}: {}: {}", arguments.join(" "), output.status, said.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::describe;
    use crate::sample::Fleet;

    fn network(fleet: &Fleet) -> Network {
        describe(&fleet.inventories, &fleet.wishes).unwrap()
    }

    #[test]
    fn where_nothing_differs_nothing_is_told() {
        let network = network(&Fleet::new(2, 2));
        assert_eq!(changes(&network, &network), []);
        assert_eq!(namespaces_and_links(&network, &network), "");
    }

    #[test]
    fn a_link_is_taken_away_at_one_end_and_what_led_over_it_goes_by_itself() {
        let mut fleet = Fleet::new(2, 1);
        let before = network(&fleet);
        fleet.account(1).internet_gateways[0].vpc_id = None;
        let after = network(&fleet);
        let changes = changes(&before, &after);
        let told = |name: &str| &changes.iter().find(|it| it.namespace == name).unwrap().before;
        let router = after.namespaces.keys().find(|it| it.ends_with(".vpc-1")).unwrap();
        // At the other end the kernel may be ahead or behind: whatever is said there of the link may be wrong.
        assert_eq!(*told("internet"), Vec::<String>::new());
        assert_eq!(*told(router), ["link del dev internet"]);
    }

    #[test]
    fn one_change_of_ec2s_is_told_to_those_alone_whom_it_concerns() {
        let mut fleet = Fleet::new(2, 2);
        let before = network(&fleet);
        fleet
            .account(1)
            .route_tables
            .iter_mut()
            .for_each(|it| it.routes.retain(|it| it.destination.prefix_len() > 0));
        let after = network(&fleet);
        let changes = changes(&before, &after);
        let told: Vec<&String> = changes.iter().filter(|it| it.tells()).map(|it| &it.namespace).collect();
        assert!(told.len() == 1 && told[0].ends_with(".vpc-1"), "{told:?}");
    }
}
