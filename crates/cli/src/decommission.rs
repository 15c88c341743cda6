//! `phonehome decommission`.

mod close;
mod confirmation;
mod leaving;

use clap::{Args, ValueEnum};
use phonehome_planner::Decommission;
use phonehome_provision::LeftData;
use phonehome_wire::AccountId;
use serde_json::json;

use crate::output::{Done, Failure, Format};
use confirmation::{Asked, asked};
use leaving::{Leaving, StackOutcome};

/// Give up the stacks of an account that is no longer in the fleet file, and put its addresses into
/// quarantine; with --close-account close the account then.
#[derive(Debug, Args)]
pub(crate) struct DecommissionArguments {
    /// The account's id.
    account: AccountId,
    /// What becomes of the network.
    #[arg(long, value_enum, default_value_t = Mode::Remove)]
    mode: Mode,
    /// Do it, without asking: the account's name. Without it a terminal asks for that, and anything else only shows
    /// what it comes to.
    #[arg(long, value_name = "ACCOUNT_NAME")]
    confirm: Option<String>,
    /// Then close the account, where nothing is in it any more: AWS Support can bring it back for 90 days, and nobody
    /// after that. Run the same again until it says that it is closed.
    #[arg(long)]
    close_account: bool,
    /// With --close-account: you have looked for what starter packs left whose stack somebody deleted (buckets, tables,
    /// keys), and nothing of it is there or needed. phonehome may not look for it.
    #[arg(long, requires = "close_account")]
    left_data_is_gone: bool,
}

impl DecommissionArguments {
    fn left(&self) -> LeftData {
        if self.left_data_is_gone { LeftData::IsGone } else { LeftData::MayBeThere }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// It is taken away.
    Remove,
    /// It stays, and is no longer phonehome's.
    Forget,
}

impl From<Mode> for Decommission {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Remove => Self::Remove,
            Mode::Forget => Self::Forget,
        }
    }
}

/// What everybody has to know who closes an account.
const CLOSES: &str = "Then the account is closed, with everything in it: also what is in no VPC and is not looked at here, such \
                      as buckets, tables and backups. AWS Support can bring it back for 90 days, and nobody after that.\n";

/// Shows what giving the account up comes to, and does it for whoever names it.
pub(crate) async fn run(
    arguments: DecommissionArguments,
    table: &str,
    format: Format,
) -> Result<Done, Failure> {
    if arguments.close_account && arguments.mode == Mode::Forget {
        return Err(Failure::input(
            "with --mode forget the network stays, and no account is closed that has one: leave one of the two out",
        ));
    }
    let leaving = Leaving::read(&arguments.account, arguments.close_account, table).await?;
    let mode = arguments.mode.into();
    // Who names it has seen it before, or reads it here at the terminal.
    let (shown, in_the_way) = match &arguments.confirm {
        Some(_) => (vec![], vec![]),
        None => {
            let left = arguments.close_account.then(|| arguments.left());
            (leaving.preview(mode).await?, leaving.in_the_way(left).await)
        }
    };
    let mut before = text(&leaving, &shown, &in_the_way);
    if arguments.close_account {
        before.push_str(CLOSES);
    }
    match asked(arguments.confirm.as_deref(), &leaving, &before, format)? {
        Asked::Confirmed => {}
        Asked::OnlyShown => {
            let hint = format!("Nothing was done. Add --confirm {} to do it.\n", leaving.name);
            return answer(format, before + &hint, (&leaving, &shown, &in_the_way), None, 0);
        }
    }
    let stacks = leaving.carry_out(mode).await?;
    let is_done = stacks.iter().all(|it| it.done);
    let closing = match arguments.close_account && is_done {
        true => Some(close::run(&leaving, arguments.left()).await?),
        false => None,
    };
    let mut said = text(&leaving, &stacks, &[]);
    if let Some(closing) = &closing {
        said.push_str(&format!("{}\n", closing.text));
    } else if arguments.close_account {
        said.push_str("The account is not closed before its network is gone.\n");
    }
    let is_done = is_done && closing.as_ref().is_none_or(|closing| closing.done);
    answer(format, said, (&leaving, &stacks, &[]), closing, u8::from(!is_done))
}

/// For people: each stack with what becomes of it, and what keeps the account from being closed.
fn text(leaving: &Leaving, stacks: &[StackOutcome], in_the_way: &[String]) -> String {
    let Leaving { id, name, .. } = leaving;
    let line = |it: &StackOutcome| format!("{name} ({id}) in {}, {}\n{}\n", it.region, it.block, it.message);
    let mut text: String = stacks.iter().map(line).collect();
    if stacks.is_empty() && leaving.stacks.is_empty() {
        text.push_str(&format!("{name} ({id}) has no network of phonehome's (any more).\n"));
    }
    for hindrance in in_the_way {
        text.push_str(&format!("keeps the account from being closed: {hindrance}\n"));
    }
    text
}

fn answer(
    format: Format,
    text: String,
    (leaving, stacks, in_the_way): (&Leaving, &[StackOutcome], &[String]),
    closing: Option<close::Answer>,
    exit_code: u8,
) -> Result<Done, Failure> {
    if format == Format::Text {
        return Ok(Done { text, exit_code });
    }
    let stacks: Vec<_> = stacks
        .iter()
        .map(|it| json!({"region": it.region, "block": it.block, "decommissioned": it.done, "message": it.message}))
        .collect();
    let closing = closing.map(|it| json!({"closed": it.done, "message": it.text}));
    let text = crate::output::json(&json!({
        "account": leaving.id,
        "account_name": leaving.name,
        "line": leaving.line,
        "stacks": stacks,
        "in_the_way": in_the_way,
        "closing": closing,
    }))?;
    Ok(Done { text, exit_code })
}
