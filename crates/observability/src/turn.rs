//! One turn of an AWS account's set-up: looks, does what there is to do one after the other, and ends.

use std::future::Future;

use phonehome_cloud::table::NotKept;
use phonehome_cloud::{Class, CloudError};
use phonehome_wire::{AccountId, Region};

use crate::api::{NewLink, Secrets, Vendor};
use crate::case::Case;
use crate::decide::decide;
use crate::error::{VendorError, VendorErrorKind};
use crate::id::VendorAccountId;
use crate::problem::Problem;
use crate::seen::{IngestKey, Link, Seen, VendorAccount, Versions};
use crate::setup::Setup;
use crate::step::{Look, Step};
use crate::times::{ROLE_SEEN_MS, SOON_MS, TOLD_MS};
use crate::wanted::{Wanted, WantedLink};

/// How often something is looked at or done in a turn, at most.
const ROUNDS_MAX: usize = 64;

/// Keeps what is known before a call that changes something.
pub trait KeepSetup: Send {
    /// Stores it, unless somebody else wrote since it was read.
    fn keep(&mut self, setup: &Setup) -> impl Future<Output = Result<(), NotKept>> + Send;
    /// Stores it, and with it that this account at the vendor is this AWS account's, unless somebody else wrote either.
    fn keep_bound(
        &mut self,
        setup: &Setup,
        bound: VendorAccountId,
    ) -> impl Future<Output = Result<(), NotKept>> + Send;
    /// Which AWS account an account at the vendor is bound to.
    fn holder(
        &mut self,
        id: VendorAccountId,
    ) -> impl Future<Output = Result<Option<AccountId>, NotKept>> + Send;
}

/// What came of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// What is known now; to be stored together with what is told.
    pub setup: Setup,
    /// What people are to know; `None` where it was not looked at to the end.
    pub problems: Option<Vec<Problem>>,
    /// For people: what could not be done just now. It is tried again by itself.
    pub later: Option<String>,
}

/// Why a turn ended.
enum End {
    NotKept(NotKept),
    Vendor(VendorError),
    /// The vendor did not link the account.
    Link(VendorError),
    Cloud(CloudError),
}

impl From<NotKept> for End {
    fn from(error: NotKept) -> Self {
        Self::NotKept(error)
    }
}

impl From<VendorError> for End {
    fn from(error: VendorError) -> Self {
        Self::Vendor(error)
    }
}

impl From<CloudError> for End {
    fn from(error: CloudError) -> Self {
        Self::Cloud(error)
    }
}

/// What a turn works with.
struct Work<'a, V, S, K> {
    vendor: &'a V,
    secrets: &'a S,
    keep: &'a mut K,
    wanted: &'a Wanted,
    now_ms: u64,
}

/// Brings an account's set-up as far as it can be brought now. What is about to be done is kept before each call that
/// changes something.
///
/// # Errors
/// [`NotKept`]: then the call that was to come was not made.
pub async fn turn<V: Vendor, S: Secrets, K: KeepSetup>(
    (vendor, secrets): (&V, &S),
    keep: &mut K,
    (account, wanted): (&AccountId, &Wanted),
    setup: Setup,
    now_ms: u64,
) -> Result<Turn, NotKept> {
    let mut work = Work { vendor, secrets, keep, wanted, now_ms };
    // Whoever dies leaves it to be looked at soon.
    let mut setup = Setup { again_at_ms: now_ms.saturating_add(SOON_MS), ..setup };
    let (mut seen, mut notes) = (Seen::default(), vec![]);
    for _ in 0..ROUNDS_MAX {
        let decision = decide(&Case { account, wanted, seen: &seen, now_ms }, setup);
        setup = decision.setup;
        notes.extend(decision.note);
        if let Step::Rest { problems, again_at_ms } = decision.step {
            setup.again_at_ms = again_at_ms;
            notes.extend(problems);
            return Ok(Turn { setup, problems: Some(notes), later: None });
        }
        match work.take(&decision.step, &mut setup, &mut seen).await {
            Ok(()) => {}
            Err(End::NotKept(error)) => return Err(error),
            Err(End::Vendor(error)) => return Ok(refused(setup, notes, &error, now_ms)),
            Err(End::Link(error)) => return Ok(not_linked(setup, notes, error, now_ms)),
            Err(End::Cloud(error)) => return Ok(failed(setup, notes, &error, now_ms)),
        }
    }
    Ok(Turn { setup, problems: None, later: Some("it was looked at as often as a turn allows".to_owned()) })
}

impl<V: Vendor, S: Secrets, K: KeepSetup> Work<'_, V, S, K> {
    async fn take(&mut self, step: &Step, setup: &mut Setup, seen: &mut Seen) -> Result<(), End> {
        match step {
            Step::Look(what) => return self.look(what, setup, seen).await,
            Step::CreateAccount => {
                self.keep.keep(setup).await?;
                let Wanted { name, data_center, .. } = self.wanted;
                let made = self.vendor.create_account(name, *data_center).await;
                if made.as_ref().is_err_and(VendorError::was_refused) {
                    forget_asking(setup);
                }
                let id = made?;
                setup.bind(id, self.now_ms);
                self.keep.keep_bound(setup, id).await?;
                // A list may be behind: what was just made is there.
                seen.accounts.get_or_insert_default().push(made_account(self.wanted, id));
            }
            Step::Bind(id) => {
                setup.bind(*id, self.now_ms);
                self.keep.keep_bound(setup, *id).await?;
            }
            Step::MakeKey(region) => {
                self.make_key(region, setup, seen).await?;
            }
            Step::DeleteKey(key) => {
                self.keep.keep(setup).await?;
                self.vendor.delete_key(key).await?;
                seen.keys.iter_mut().for_each(|keys| keys.retain(|it| it.id != *key));
            }
            Step::Link => {
                self.keep.keep(setup).await?;
                let (Some(link), Some(bound)) = (&self.wanted.link, setup.bound) else { return Ok(()) };
                let WantedLink { role_arn, is_streamed } = link.clone();
                let name = link_name(&self.wanted.name, is_streamed);
                let new = NewLink { name: &name, role_arn: &role_arn, is_streamed };
                self.vendor.link(bound, &new).await.map_err(End::Link)?;
                // A list may be behind: what was just linked is.
                seen.links.get_or_insert_default().push(Link { name, role_arn, is_streamed });
            }
            Step::Rest { .. } => {}
        }
        Ok(())
    }

    async fn look(&mut self, what: &Look, setup: &Setup, seen: &mut Seen) -> Result<(), End> {
        match (what, setup.bound) {
            (Look::Accounts, _) => seen.accounts = Some(self.vendor.accounts().await?),
            (Look::Holder(id), _) => {
                let holder = self.keep.holder(*id).await?;
                seen.holders.insert(*id, holder);
            }
            (Look::Keys, Some(bound)) => seen.keys = Some(self.vendor.keys(bound).await?),
            (Look::Links, Some(bound)) => seen.links = Some(self.vendor.links(bound).await?),
            (Look::Secret(region), _) => {
                let secret = self.wanted.secrets.get(region).map(String::as_str).unwrap_or_default();
                let versions = self.secrets.versions(region, secret).await?;
                seen.secrets.insert(region.clone(), versions);
            }
            (Look::Keys | Look::Links, None) => {}
        }
        Ok(())
    }

    /// Makes a key, notes its id, and stores it in the secret. One that surely was not stored is deleted at once; where
    /// nobody knows, a later look shows it: a key that the secret hands out is never deleted on a guess.
    async fn make_key(&mut self, region: &Region, setup: &mut Setup, seen: &mut Seen) -> Result<(), End> {
        self.keep.keep(setup).await?;
        let (Some(bound), Some(state)) = (setup.bound, setup.keys.get_mut(region)) else { return Ok(()) };
        let Some(name) = state.making.as_ref().map(|making| making.name.clone()) else { return Ok(()) };
        let made = self.vendor.create_key(bound, &name).await;
        if made.as_ref().is_err_and(VendorError::was_refused) {
            // No such key is there, and another one may be asked for when it is looked at again.
            (state.making, state.asked_at_ms) = (None, 0);
        }
        let key = made?;
        if let Some(making) = &mut state.making {
            making.made = Some(key.id.clone());
        }
        if let Err(not_kept) = self.keep.keep(setup).await {
            // Whatever comes of a deletion, the next look shows that too.
            let _ = self.vendor.delete_key(&key.id).await;
            return Err(not_kept.into());
        }
        let secret = self.wanted.secrets.get(region).map(String::as_str).unwrap_or_default();
        let stored = self.secrets.store(region, secret, &key).await;
        let Some(state) = setup.keys.get_mut(region) else { return Ok(()) };
        match stored {
            Ok(()) => state.hands_out(&key.id, bound),
            Err(error) => {
                if error.was_refused() {
                    state.lose();
                    let _ = self.vendor.delete_key(&key.id).await;
                }
                return Err(error.into());
            }
        }
        self.keep.keep(setup).await?;
        let versions = Versions { current: Some(key.id.version()) };
        seen.secrets.insert(region.clone(), Some(versions));
        seen.keys.get_or_insert_default().push(IngestKey { id: key.id, name });
        Ok(())
    }
}

/// No two links of an account have one name.
fn link_name(account: &str, is_streamed: bool) -> String {
    let what = if is_streamed { " metric stream" } else { "" };
    format!("{account}{what}")
}

fn made_account(wanted: &Wanted, id: VendorAccountId) -> VendorAccount {
    let (name, data_center) = (wanted.name.clone(), Some(wanted.data_center));
    VendorAccount { id, name, data_center, is_canceled: false }
}

/// This time surely nothing was made; of the times before nobody knows.
fn forget_asking(setup: &mut Setup) {
    setup.asked = setup.asked.filter(|asked| asked.times > 1).map(|mut asked| {
        asked.times -= 1;
        asked
    });
}

fn refused(setup: Setup, notes: Vec<Problem>, error: &VendorError, now_ms: u64) -> Turn {
    let (operation, said) = (error.operation.to_owned(), error.said.clone());
    match error.kind {
        VendorErrorKind::Denied => told(setup, notes, Problem::Denied { operation, said }, now_ms),
        VendorErrorKind::Rejected => told(setup, notes, Problem::Rejected { operation, said }, now_ms),
        VendorErrorKind::Throttled | VendorErrorKind::NotAsked | VendorErrorKind::Unclear => {
            later(setup, error.to_string())
        }
    }
}

/// A role that was just made is refused until all of AWS's machines know it.
fn not_linked(setup: Setup, notes: Vec<Problem>, error: VendorError, now_ms: u64) -> Turn {
    let since_ms = setup.linking_since_ms.unwrap_or(now_ms);
    match error.kind {
        VendorErrorKind::Rejected if now_ms < since_ms.saturating_add(ROLE_SEEN_MS) => {
            later(setup, error.to_string())
        }
        _ => refused(setup, notes, &error, now_ms),
    }
}

fn failed(setup: Setup, notes: Vec<Problem>, error: &CloudError, now_ms: u64) -> Turn {
    let (operation, said) = (error.operation.to_owned(), error.cause.to_string());
    match error.class() {
        Class::Denied => told(setup, notes, Problem::Denied { operation, said }, now_ms),
        Class::Invalid => told(setup, notes, Problem::Rejected { operation, said }, now_ms),
        _ => later(setup, error.to_string()),
    }
}

fn told(mut setup: Setup, mut notes: Vec<Problem>, problem: Problem, now_ms: u64) -> Turn {
    setup.again_at_ms = now_ms.saturating_add(TOLD_MS);
    notes.push(problem);
    Turn { setup, problems: Some(notes), later: None }
}

fn later(setup: Setup, reason: String) -> Turn {
    Turn { setup, problems: None, later: Some(reason) }
}
