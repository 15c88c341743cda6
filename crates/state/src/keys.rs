//! Keys.

use phonehome_alerting::ProbePart;
use phonehome_cloud::table::{Key, key};
use phonehome_fleet::Line;
use phonehome_wire::{AccountId, StackId};

/// Which roles write each partition, and nobody else can: the policies in infra/hub.yaml and
/// infra/operator.yaml (`dynamodb:LeadingKeys`) say the same, and a test compares them. The operator is
/// whoever runs the command `phonehome`, who in `apply` and `decommission` writes what the provisioner does.
pub const WRITERS: [(&str, &[&str]); 43] = [
    ("fleet", &["operator", "rollouts"]),
    ("fleet/versions", &["operator"]),
    ("rollout", &["operator", "rollouts"]),
    ("permissions", &["provisioner", "operator"]),
    ("removals", &["provisioner", "operator"]),
    (Keys::BINDINGS, &["provisioner", "operator", "vendor"]),
    (Keys::BOUND_ACCOUNTS, &["provisioner", "operator", "vendor"]),
    (Keys::TOLD, &["provisioner", "operator"]),
    (Keys::STACKS, &["provisioner", "operator"]),
    (Keys::LEDGER, &["provisioner", "operator"]),
    (Keys::HOLDERS, &["provisioner", "operator"]),
    ("ledger/turn", &["provisioner", "operator"]),
    (Keys::SEEN, &["provisioner", "operator"]),
    ("deeds", &["provisioner", "operator"]),
    (Keys::NOTICES, &["provisioner", "operator"]),
    ("default-vpcs", &["provisioner"]),
    (Keys::PROBE_CODE, &["provisioner"]),
    (Keys::PROBE_CHUNKS, &["provisioner"]),
    ("sweeps", &["provisioner"]),
    ("sweeps/accounts", &["provisioner"]),
    (Keys::HEARTBEATS, &["collector"]),
    (Keys::PATHS, &["collector"]),
    (Keys::INCIDENTS, &["alerter"]),
    (Keys::RESOLVED, &["alerter"]),
    ("alerter", &["alerter"]),
    (Keys::OUTBOX, &["alerter", "provisioner", "notifier", "operator", "rollouts", "vendor"]),
    (Keys::INPUTS, &["provisioner", "operator"]),
    (Keys::REFUSALS, &["collector"]),
    (Keys::CRASHES, &["collector"]),
    (Keys::UNREADABLE, &["collector", "provisioner", "operator"]),
    ("properties", &["vendor"]),
    ("properties/support", &["vendor"]),
    ("slack", &["notifier"]),
    ("pages", &["notifier"]),
    (Keys::SILENCES, &["operator"]),
    ("vending", &["vendor"]),
    ("vending/pace", &["vendor"]),
    (Keys::VENDING_NOTES, &["vendor"]),
    ("decommissioned", &["provisioner", "operator"]),
    ("packs", &["provisioner"]),
    ("observability", &["provisioner"]),
    ("observability/bound", &["provisioner"]),
    ("settings", &["provisioner"]),
];

/// The partitions that a role writes, as [`WRITERS`] has them.
pub fn written_by(role: &str) -> impl Iterator<Item = &'static str> {
    WRITERS.iter().filter(move |(_, roles)| roles.contains(&role)).map(|(partition, _)| *partition)
}

/// Makes the key of each kind of document.
#[derive(Debug)]
pub struct Keys;

impl Keys {
    /// Partition of all versions of the fleet file.
    pub const VERSIONS: &str = "fleet/versions";
    /// Partition of the stacks' statuses.
    pub const STACKS: &str = "stacks";
    /// Partition of the claimed blocks.
    pub const LEDGER: &str = "ledger";
    /// Partition of who holds which block.
    pub const HOLDERS: &str = "ledger/holders";
    /// Partition of the VPCs that were seen in the accounts.
    pub const SEEN: &str = "ledger/seen";
    /// Partition of the heartbeats.
    pub const HEARTBEATS: &str = "heartbeats";
    /// Partition of the paths.
    pub const PATHS: &str = "paths";
    /// Partition of the open incidents.
    pub const INCIDENTS: &str = "incidents";
    /// Partition of the incidents that are over.
    pub const RESOLVED: &str = "incidents/resolved";
    /// Partition of the messages on their way out.
    pub const OUTBOX: &str = "outbox";
    /// Partition of what the probes were given to test.
    pub const INPUTS: &str = "inputs";
    /// Partition of the accounts whose reports were refused.
    pub const REFUSALS: &str = "refusals";
    /// Partition of the probes that crashed.
    pub const CRASHES: &str = "crashes";
    /// Partition of the copies of items that could not be read and were written anew.
    pub const UNREADABLE: &str = "unreadable";
    /// Partition of the bindings: which account each line of the fleet file is.
    pub const BINDINGS: &str = "bindings";
    /// Partition of the same bindings by account.
    pub const BOUND_ACCOUNTS: &str = "bindings/accounts";
    /// Partition of what was notified of who is who.
    pub const TOLD: &str = "bindings/told";
    /// Partition of what has been notified of accounts and their stacks.
    pub const NOTICES: &str = "notices";
    /// Partition of the silences.
    pub const SILENCES: &str = "silences";

    /// Partition of what was told of accounts that are made.
    pub const VENDING_NOTES: &str = "vending/told";

    /// Partition of what code of the probes is kept, and which one is the newest.
    pub const PROBE_CODE: &str = "probe-code";
    /// Partition of that code, in chunks.
    pub const PROBE_CHUNKS: &str = "probe-code/chunks";

    /// The fleet file in force.
    pub fn fleet() -> Key {
        key("fleet", "current")
    }
    /// One version of the fleet file; the oldest sorts first.
    pub fn version(number: u64) -> Key {
        key(Self::VERSIONS, format!("{number:010}"))
    }
    /// The roll-out that is under way, or the last one, with the version that each account is to have.
    pub fn rollout() -> Key {
        key("rollout", "current")
    }
    /// What was used up of a version's permission in an account and Region.
    pub fn used(stack: &StackId) -> Key {
        key("permissions", stack.to_string())
    }
    /// How much was taken away in an hour, counted since the Unix epoch.
    pub fn removals(hour: u64) -> Key {
        key("removals", format!("{hour:010}"))
    }
    /// A stack's status.
    pub fn stack(stack: &StackId) -> Key {
        key(Self::STACKS, stack.to_string())
    }
    /// A block's claim.
    pub fn block(cidr: &str) -> Key {
        key(Self::LEDGER, cidr)
    }
    /// The claim of an adopted VPC's addresses, which several accounts can have.
    pub fn adopted_block(cidr: &str, stack: &StackId) -> Key {
        key(Self::LEDGER, format!("{cidr}/{stack}"))
    }
    /// An account's claim: the same document, so that an account claims once.
    pub fn holder(stack: &StackId) -> Key {
        key(Self::HOLDERS, stack.to_string())
    }
    /// Whose turn it is to change the ledger: changes with each claim and release.
    pub fn ledger_revision() -> Key {
        key("ledger/turn", "current")
    }
    /// The VPCs that were seen in an account.
    pub fn seen(stack: &StackId) -> Key {
        key(Self::SEEN, stack.to_string())
    }
    /// Which account a line of the fleet file is.
    pub fn binding(line: &Line) -> Key {
        key(Self::BINDINGS, line.as_str())
    }
    /// Which line an account is.
    pub fn bound_account(account: &AccountId) -> Key {
        key(Self::BOUND_ACCOUNTS, account.as_str())
    }
    /// That something about who is who was reported.
    pub fn notified(finding: &str) -> Key {
        key(Self::TOLD, finding)
    }
    /// Who did what lately in an account and Region.
    pub fn change_log(stack: &StackId) -> Key {
        key("deeds", stack.to_string())
    }
    /// Which accounts were told to be in no fleet file.
    pub fn unlisted() -> Key {
        key(Self::NOTICES, "unlisted")
    }
    /// What was told of accounts with an older member template than they need.
    pub fn outdated() -> Key {
        key(Self::NOTICES, "outdated")
    }
    /// Which accounts are orphaned since when, and which message says so.
    pub fn orphaned() -> Key {
        key(Self::NOTICES, "orphaned")
    }
    /// What has been notified of an account and Region.
    pub fn stack_notices(stack: &StackId) -> Key {
        key(Self::NOTICES, stack.to_string())
    }
    /// How far the removal of an account's default VPCs is.
    pub fn default_vpcs(account: &AccountId) -> Key {
        key("default-vpcs", account.as_str())
    }
    /// How far the sweep is.
    pub fn sweep() -> Key {
        key("sweeps", "current")
    }
    /// A part of the accounts that the sweep has listed, counted from 0.
    pub fn swept_accounts(part: u32) -> Key {
        key("sweeps/accounts", format!("{part:04}"))
    }
    /// The heartbeat of a part of a probe.
    pub fn heartbeat(probe: &ProbePart) -> Key {
        key(Self::HEARTBEATS, probe.to_string())
    }
    /// The paths of a part of a probe.
    pub fn paths(probe: &ProbePart) -> Key {
        key(Self::PATHS, probe.to_string())
    }
    /// An open incident.
    pub fn incident(id: &str) -> Key {
        key(Self::INCIDENTS, id)
    }
    /// An incident that is over.
    pub fn resolved(id: &str) -> Key {
        key(Self::RESOLVED, id)
    }
    /// Whose turn it is to decide: changes with each stored decision.
    pub fn revision() -> Key {
        key("alerter", "turn")
    }
    /// What trouble of phonehome's own has been reported.
    pub fn notices() -> Key {
        key("alerter", "notices")
    }
    /// Which zones have been told to be slow.
    pub fn gray_zones() -> Key {
        key("alerter", "gray")
    }
    /// Which stacks are suspected, by which incidents.
    pub fn suspected() -> Key {
        key("alerter", "suspected")
    }
    /// Which probes were asked to run again lately.
    pub fn reruns() -> Key {
        key("alerter", "reruns")
    }
    /// What the probes of a stack were given to test.
    pub fn inputs(stack: &StackId) -> Key {
        key(Self::INPUTS, stack.to_string())
    }
    /// The refused reports of an account.
    pub fn refusals(account: &AccountId) -> Key {
        key(Self::REFUSALS, account.as_str())
    }
    /// The crashes of an account's probes.
    pub fn crashes(account: &AccountId) -> Key {
        key(Self::CRASHES, account.as_str())
    }
    /// The copy of an item that could not be read.
    pub fn unreadable(item: &Key, at_ms: u64) -> Key {
        key(Self::UNREADABLE, format!("{}/{}/{at_ms:015}", item.partition, item.sort))
    }
    /// The newest code of the probes.
    pub fn newest_probes() -> Key {
        key(Self::PROBE_CODE, "newest")
    }
    /// Which newest code people were told of.
    pub fn told_probes() -> Key {
        key(Self::PROBE_CODE, "told")
    }
    /// What is kept of the probes' code with this hash.
    pub fn probe_code(code_sha256: &str) -> Key {
        key(Self::PROBE_CODE, format!("code/{code_sha256}"))
    }
    /// A chunk of the probes' code with this hash, counted from 0, where each has so many bytes.
    pub fn probe_chunk(code_sha256: &str, chunk_bytes: usize, number: u32) -> Key {
        key(Self::PROBE_CHUNKS, format!("{code_sha256}/{chunk_bytes}/{number:04}"))
    }
    /// A message on its way out; the oldest sorts first.
    pub fn outbox(at_ms: u64, id: &str) -> Key {
        key(Self::OUTBOX, format!("{at_ms:015}/{id}"))
    }
    /// Where an incident's message is.
    pub fn slack(incident_id: &str, channel: &str) -> Key {
        key("slack", format!("{incident_id}/{channel}"))
    }
    /// What was paged lately.
    pub fn paging() -> Key {
        key("pages", "current")
    }
    /// What was told of the account of a line while it was made; or of something that is no line's.
    pub fn vending_note(about: &str) -> Key {
        key(Self::VENDING_NOTES, about)
    }
    /// A silence.
    pub fn silence(id: &str) -> Key {
        key(Self::SILENCES, id)
    }
}
