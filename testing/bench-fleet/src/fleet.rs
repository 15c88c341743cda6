//! The fleet that is measured.

use phonehome_cloud::Account;
use phonehome_wire::AccountId;

/// The Region of every account.
pub(crate) const REGION: &str = "us-east-1";
/// The environments, in the order of the waves.
pub(crate) const ENVIRONMENTS: [&str; 3] = ["dev", "stage", "prod"];

/// Which account has this number.
pub(crate) fn id(number: usize) -> AccountId {
    format!("{:012}", 100_000_000_000 + number).parse().unwrap_or_else(|_| unreachable!("twelve digits"))
}

fn name(number: usize) -> String {
    format!("d{}-{}", number / ENVIRONMENTS.len(), ENVIRONMENTS[number % ENVIRONMENTS.len()])
}

/// The organization: the accounts that the fleet file declares.
pub(crate) fn accounts(number: usize) -> Vec<Account> {
    let account = |it| Account { id: id(it), name: name(it), active: true, created_at_ms: None };
    (0..number).map(account).collect()
}

/// The accounts of an environment.
pub(crate) fn wave(environment: usize, accounts: usize) -> Vec<AccountId> {
    (0..accounts).filter(|it| it % ENVIRONMENTS.len() == environment).map(id).collect()
}

/// The fleet file of so many accounts, with three zones each and these gateway endpoints.
pub(crate) fn text(accounts: usize, endpoints: &str) -> String {
    let domain = |first: usize| {
        let last = (first + ENVIRONMENTS.len()).min(accounts);
        let environments: Vec<String> = (first..last)
            .map(|it| format!("{{ name: {} }}", ENVIRONMENTS[it % ENVIRONMENTS.len()]))
            .collect();
        let number = first / ENVIRONMENTS.len();
        format!(
            "  - {{ name: d{number}, owner: team-{number}, environments: [{}] }}\n",
            environments.join(", ")
        )
    };
    let domains: String = (0..accounts).step_by(ENVIRONMENTS.len()).map(domain).collect();
    format!(
        "version: 1
organization:
  id: o-a1b2c3d4e5
  management_account: \"111111111111\"
  hub_account: \"222222222222\"
regions:
  - name: {REGION}
    availability_zones: [use1-az1, use1-az2, use1-az4]
address_pools:
  - {{ name: all, region: {REGION}, cidr: 10.0.0.0/8, block: 18 }}
environments:
  - {{ name: dev, pools: [all] }}
  - {{ name: stage, pools: [all] }}
  - {{ name: prod, pools: [all] }}
domains:
{domains}network: {{ gateway_endpoints: [{endpoints}] }}
probing:
  egress: [{{ host: example.com, port: 443 }}]
alert_routes:
  - {{ slack_channel: \"#net\" }}
"
    )
}
