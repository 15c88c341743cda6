//! Calls, and what is expected of them.

use phonehome_cloud::Class;
use phonehome_executor::{Ids, StackApi};
use phonehome_network::{Address, Inventory, Kind, Tags};
use phonehome_planner::{Action, Ref, StackSpec};

use super::subject::{Accounts, Judgement};
use crate::sample;

/// One account that a case works in.
pub(super) struct Harness<Api> {
    pub(super) api: Api,
    pub(super) spec: StackSpec,
}

/// A reference to something that exists.
pub(super) fn id(of: &str) -> Ref {
    Ref::Id(of.to_owned())
}

/// Fails with `what` unless it holds.
pub(super) fn check(holds: bool, what: impl FnOnce() -> String) -> Judgement {
    if holds { Ok(()) } else { Err(what()) }
}

/// A VPC with an attached internet gateway, a subnet and a route table.
pub(super) struct Base {
    pub(super) vpc: String,
    pub(super) gateway: String,
    pub(super) subnet: String,
    pub(super) table: String,
}

impl<Api: StackApi> Harness<Api> {
    /// The case's account; `second` for its other one.
    pub(super) async fn open<A>(accounts: &A, number: u32, second: bool) -> Result<Self, String>
    where
        A: Accounts<Api = Api>,
    {
        let side = u32::from(second);
        let (account, name) = (format!("9{side}00{number:08}"), format!("case-{number}-{side}"));
        let cidr = format!("10.{number}.{}.0/18", side * 64).parse();
        let cidr = cidr.map_err(|error| format!("case {number}: {error}"))?;
        let spec = sample::full(&account, &name, cidr).map_err(|error| error.to_string())?;
        let api = accounts.open(&account, sample::REGION, spec.clone()).await;
        Ok(Self { api, spec })
    }

    /// A call that succeeds.
    pub(super) async fn done(&self, address: &str, action: Action) -> Result<Option<String>, String> {
        let answer = self.api.perform(&Address::from(address), &action, &Ids::default()).await;
        answer.map_err(|error| format!("{action:?} must succeed: {error}"))
    }

    /// A call that succeeds, or says that it is so already.
    pub(super) async fn so(&self, address: &str, action: Action) -> Judgement {
        match self.api.perform(&Address::from(address), &action, &Ids::default()).await {
            Err(error) if error.class() != Class::AlreadyDone => {
                Err(format!("{action:?} must succeed, or have been done: {error}"))
            }
            _ => Ok(()),
        }
    }

    /// A call that succeeds and answers an id.
    pub(super) async fn make(&self, address: &str, action: Action) -> Result<String, String> {
        let what = format!("{action:?} must answer an id");
        self.done(address, action).await?.ok_or(what)
    }

    /// A call that is refused with one of these codes, all of this class.
    pub(super) async fn refused(&self, action: Action, class: Class, codes: &[&str]) -> Judgement {
        let answer = self.api.perform(&Address::from("contract"), &action, &Ids::default()).await;
        match answer {
            Ok(id) => Err(format!("{action:?} must be refused with {codes:?}, and was done: {id:?}")),
            Err(error) => check(
                error.code().is_some_and(|code| codes.contains(&code)) && error.class() == class,
                || {
                    format!(
                        "{action:?} must be refused with {codes:?} ({class:?}): {error} ({:?})",
                        error.class()
                    )
                },
            ),
        }
    }

    /// Everything of EC2.
    pub(super) async fn see(&self) -> Result<Inventory, String> {
        let ec2 = |kind: &Kind| !matches!(kind, Kind::Function | Kind::Schedule);
        let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(ec2).collect();
        self.observe(&kinds).await
    }

    pub(super) async fn observe(&self, kinds: &[Kind]) -> Result<Inventory, String> {
        self.api.observe(kinds).await.map_err(|error| format!("an observation must succeed: {error}"))
    }

    pub(super) async fn vpc(&self) -> Result<String, String> {
        self.make("vpc", Action::CreateVpc { cidr: self.spec.cidr }).await
    }

    pub(super) async fn subnet(&self, vpc: &str, zone: usize) -> Result<String, String> {
        let zone = &self.spec.zones[zone];
        let (cidr, az_id) = (zone.public, zone.az_id.clone());
        let address = format!("subnet/public/{az_id}");
        self.make(&address, Action::CreateSubnet { vpc: id(vpc), cidr, az_id }).await
    }

    pub(super) async fn table(&self, vpc: &str) -> Result<String, String> {
        self.make("route-table/public", Action::CreateRouteTable { vpc: id(vpc) }).await
    }

    pub(super) async fn base(&self) -> Result<Base, String> {
        let vpc = self.vpc().await?;
        let gateway = self.make("internet-gateway", Action::CreateInternetGateway).await?;
        let attach = Action::AttachInternetGateway { gateway: id(&gateway), vpc: id(&vpc) };
        self.done("internet-gateway/attachment", attach).await?;
        let (subnet, table) = (self.subnet(&vpc, 0).await?, self.table(&vpc).await?);
        Ok(Base { vpc, gateway, subnet, table })
    }

    /// The tags that something with this address must have.
    pub(super) fn has_tags(&self, address: &str, seen: Option<&Tags>) -> Judgement {
        let wanted = self.spec.tags_of(&Address::from(address));
        check(seen == Some(&wanted), || format!("{address}: tags {seen:?}, must be {wanted:?}"))
    }
}
