//! What people read of an account: that it is made, and in the end all that its team needs.

use phonehome_alerting::{Owner, SlackKind, SlackMessage, Words};
use phonehome_fleet::{Fleet, Line, Link, Member, Nat};
use phonehome_state::StackStatus;
use phonehome_text::{agree, list};
use phonehome_wire::AccountId;

use crate::news::{News, line_of};

/// How many of what is not ready, or of the lines that wait, are named.
const SHOWN: usize = 5;
/// The role that Organizations makes where nobody says another name.
const ACCESS_ROLE: &str = "OrganizationAccountAccessRole";

/// Who hears of it: the line's own route; of what is phonehome's own trouble, or everyone's, the platform team.
pub(crate) fn channel(fleet: &Fleet, about: &str, news: &News) -> String {
    let line = match news {
        News::Finding(finding) => line_of(finding).map(Line::as_str),
        News::Creating { line, .. }
        | News::Building { line, .. }
        | News::Stuck { line, .. }
        | News::Elsewhere { line, .. } => Some(line.as_str()),
        News::Ready { .. } | News::Past => Some(about),
        News::Awaited(_) => None,
    };
    let (domain, environment) = line.and_then(|line| line.split_once('/')).unwrap_or_default();
    match fleet.member_at(&Line::new(domain, environment)) {
        Some(member) => fleet.route_for(&member.environment, &member.domain).slack_channel.clone(),
        None => fleet.platform_channel().to_owned(),
    }
}

pub(crate) fn message(fleet: &Fleet, news: &News, kind: SlackKind) -> SlackMessage {
    let message = match news {
        News::Creating { line, account_name, email } => {
            let text = Words::of(":hourglass_flowing_sand: An account is made for ").name(line.as_str());
            let what = Words::new().markup("*Name* ").name(account_name).markup("\n*E-mail* ").code(email);
            SlackMessage::new(text).section(what)
        }
        News::Building { line, account } => {
            let text = Words::of(":building_construction: The account for ").name(line.as_str());
            SlackMessage::new(text.text(format!(" is made ({account}), its network is on its way")))
        }
        News::Stuck { line, account, why } => stuck(line, account, why),
        News::Ready { member, account, stacks } => ready(fleet, member, account, stacks),
        News::Elsewhere { line, account } => {
            let text = Words::of(format!(":information_source: Account {account} was made for "));
            SlackMessage::new(text.name(line.as_str()).text(" and is another line now"))
        }
        News::Finding(finding) => SlackMessage::new(Words::of(":warning: ").text(finding.to_string())),
        News::Awaited(lines) => awaited(lines),
        News::Past => {
            SlackMessage::new(Words::of(":white_check_mark: What kept accounts from being made is over"))
        }
    };
    let thread = (kind != SlackKind::Opened).then(|| changed(news));
    message.thread(thread)
}

/// What changed, for the thread.
fn changed(news: &News) -> Words {
    match news {
        News::Creating { .. } => Words::of("it is asked for"),
        News::Building { account, .. } => Words::of(format!("made: {account}")),
        News::Stuck { .. } => Words::of("its network is not ready"),
        News::Ready { account, .. } => Words::of(format!("{account} is ready, and its network proven")),
        News::Elsewhere { .. } => Words::of("it is another line now"),
        News::Finding(finding) => Words::of(finding.to_string()),
        News::Awaited(lines) => Words::of(agree(lines.len(), "line waits", "lines wait")),
        News::Past => Words::of("over"),
    }
}

fn stuck(line: &Line, account: &AccountId, why: &[String]) -> SlackMessage {
    let text = Words::of(":warning: The account for ").name(line.as_str());
    let text = text
        .text(format!(" is made ({account}), and its network is not ready and proven after half an hour"));
    let lines = why.iter().take(SHOWN).map(Words::of).collect();
    let advice = Words::of("This message says when it is. What is wrong: ").code("phonehome status");
    SlackMessage::new(text).list("", lines).section(advice)
}

fn awaited(lines: &[Line]) -> SlackMessage {
    let text = agree(
        lines.len(),
        "line of the fleet file has no account yet",
        "lines of the fleet file have no account yet",
    );
    let text = Words::of(format!(":hourglass_flowing_sand: {text}: "))
        .text(list(lines.iter().map(Line::as_str), SHOWN));
    let why = Words::of(
        "Accounts of this organization are made by Control Tower: phonehome makes none. Each is bound when an account of \
         its name is there.",
    );
    SlackMessage::new(text).section(why)
}

/// All that a team needs to begin.
fn ready(fleet: &Fleet, member: &Member, account: &AccountId, stacks: &[StackStatus]) -> SlackMessage {
    let line = member.line();
    let headline = Words::of(":tada: The account for ").name(line.as_str());
    let headline = headline.text(format!(" is ready: {account}. Every path of its network is proven"));
    let links = fleet.links_of(member);
    let outbound = links.iter().filter_map(|link| reach(link, &link.outbound, "to "));
    let inbound = links.iter().filter_map(|link| reach(link, &link.inbound, "from "));
    let way_out = Words::of(match fleet.environment(&member.environment).map(|it| it.nat) {
        Some(Nat::None) | None => "nothing on the internet",
        Some(_) => "the internet, by its NAT gateways",
    });
    SlackMessage::new(headline)
        .section(
            Words::new().markup("*Account* ").name(&member.account_name).text(" ").code(account.as_str()),
        )
        .list("Addresses", stacks.iter().map(addresses).collect())
        .list("May connect", [way_out].into_iter().chain(outbound).chain(inbound).collect())
        .section(access(fleet))
        .section(ask(fleet, member))
}

fn addresses(stack: &StackStatus) -> Words {
    let zones = stack.availability_zones.iter().map(|zone| zone.as_str());
    Words::new()
        .name(stack.region.as_str())
        .text(": ")
        .code(stack.cidr.to_string())
        .text(format!(" in {}", list(zones, 6)))
}

fn reach(link: &Link, ports: &[u16], way: &str) -> Option<Words> {
    let all = list(ports.iter().map(u16::to_string), 10);
    let ports = if ports.len() == 1 { format!(" on port {all}") } else { format!(" on ports {all}") };
    let words = Words::of(way).name(&link.peer.account_name).text(ports.clone());
    (!all.is_empty()).then_some(words)
}

fn access(fleet: &Fleet) -> Words {
    let role = fleet.vending.as_ref().and_then(|it| it.role_name.as_deref()).unwrap_or(ACCESS_ROLE);
    let words = Words::new()
        .markup("*How to get in* ")
        .text("by IAM Identity Center, once its owners assign you; or from ");
    words.text("the management account with the role ").code(role)
}

fn ask(fleet: &Fleet, member: &Member) -> Words {
    let owner = Owner { team: member.owner.clone(), channel: member.owner_channel.clone() };
    let words = Words::new().markup("*Ask* ").text(owner.to_string()).text(" about the account, ");
    words.text(fleet.platform_channel()).text(" about its network")
}
