//! An identity provider that the account's team keeps itself, and that the starter pack's deploy roles refer to. It is in no
//! stack, so no drift detection sees that it goes, and with it every pipeline of the account.

use std::fmt;

use phonehome_cloud::table::{Table, TableError};
use phonehome_cloud::{Class, CloudError, MemberRoleLacks, WallClock};
use phonehome_stacks::{PackRecord, pack_key};
use phonehome_starter_pack::{AUDIENCE, Pack};

use crate::Members;
use crate::keeping::writes;
use crate::pack_told::{WRONG, about, provider, provider_left};
use crate::provision::{Job, Provision};

/// How long after a look the next one comes.
const DAY_MS: u64 = 24 * 60 * 60_000;
/// The same while something is told: whoever mends it does not wait for a day to hear so.
const HOUR_MS: u64 = 60 * 60_000;

/// What is wrong with it.
#[derive(Debug, PartialEq, Eq)]
enum Problem {
    Missing { arn: String },
    OtherAudiences { arn: String, audiences: Vec<String> },
    Denied { said: String },
}

impl<T: Table, M: Members, C: WallClock + Clone> Provision<T, M, C> {
    /// Looks once a day whether the provider is there that deploy roles refer to, once their stack was made, and after each
    /// change of it. What is wrong is told once, and that it is over.
    ///
    /// # Errors
    /// [`TableError`] when the state could not be read or written.
    pub async fn look_at_provider(&self, job: &Job<'_>) -> Result<(), TableError> {
        let Some(pack) = Pack::of(job.fleet, job.member, job.region) else { return Ok(()) };
        let referred = pack.referred_provider(job.account);
        let Some(doc) = self.table.get(&pack_key(&job.stack())).await? else { return Ok(()) };
        let mut record = doc.read::<PackRecord>()?;
        let now_ms = self.clock.now_ms();
        let outgoing = match referred {
            None if record.provider.is_none() => return Ok(()),
            None => provider_left(job, &mut record, now_ms),
            Some(_) if !is_due(&record, now_ms) => return Ok(()),
            Some(arn) => {
                let Ok(problem) = problem(&arn, self.members.provider_audiences(&job.stack(), &arn).await)
                else {
                    // Nothing was seen: the next sweep looks again.
                    return Ok(());
                };
                let known = record.provider.get_or_insert_default();
                known.looked_at_ms = now_ms;
                match problem {
                    Some(problem) => provider().is_told(job, &mut known.told, WRONG, about(&problem), now_ms),
                    None => provider().is_well(job, &mut known.told, now_ms),
                }
            }
        };
        match self.table.write(writes(Some(&doc), pack_key(&record.stack()), &record, outgoing)).await {
            // Whoever wrote is told of it by the next sweep.
            Ok(()) | Err(TableError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn is_due(record: &PackRecord, now_ms: u64) -> bool {
    let Some(verified) = &record.verified else { return false };
    let Some(known) = &record.provider else { return true };
    let every_ms = if known.told.is_some() { HOUR_MS } else { DAY_MS };
    verified.changed_at_ms > known.looked_at_ms || now_ms.saturating_sub(known.looked_at_ms) >= every_ms
}

/// What is wrong by what was seen; an error where nothing was.
fn problem(
    arn: &str,
    audiences: Result<Option<Vec<String>>, CloudError>,
) -> Result<Option<Problem>, CloudError> {
    let arn = arn.to_owned();
    match audiences {
        Ok(None) => Ok(Some(Problem::Missing { arn })),
        Ok(Some(audiences)) if audiences.iter().any(|it| it == AUDIENCE) => Ok(None),
        Ok(Some(audiences)) => Ok(Some(Problem::OtherAudiences { arn, audiences })),
        Err(error) if error.class() == Class::Denied => Ok(Some(Problem::Denied { said: error.to_string() })),
        Err(error) => Err(error),
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { arn } => write!(
                f,
                "{arn} is not there, so that no job of GitHub gets a deploy role of this account. It is the team's own \
                 (`oidc_provider: theirs`): have the team make it again, or declare `oidc_provider: ours`"
            ),
            Self::OtherAudiences { arn, audiences } => write!(
                f,
                "{arn} does not take the audience {AUDIENCE}, which GitHub's jobs ask for by default, so that none gets a deploy \
                 role of this account. Have the team add it (aws iam add-client-id-to-open-id-connect-provider); it takes: {}",
                audiences.join(", ")
            ),
            Self::Denied { said } => {
                MemberRoleLacks { doing: "look at it", said, parameter: "StarterPack" }.fmt(f)
            }
        }
    }
}
