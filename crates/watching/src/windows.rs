//! Maintenance windows and quiet hours of the fleet file, as the alerter decides by them.

use phonehome_alerting::{Matcher, Window, WindowEnd, WindowKind};
use phonehome_fleet::{Fleet, Weekday, WindowMatch};
use phonehome_wire::CheckId;

pub(crate) fn windows(fleet: &Fleet) -> Vec<Window> {
    let maintenance = fleet.maintenance.iter().map(|it| window(WindowKind::Maintenance, it));
    let quiet_hours = fleet.quiet_hours.iter().map(|it| window(WindowKind::QuietHours, it));
    maintenance.chain(quiet_hours).collect()
}

fn window(kind: WindowKind, declared: &phonehome_fleet::Window) -> Window {
    let minutes = declared.duration_minutes.and_then(|minutes| u16::try_from(minutes).ok());
    let end = match declared.to {
        Some(to) => WindowEnd::At(to.minute),
        // One of the two is in every file that was parsed.
        None => WindowEnd::After(minutes.unwrap_or_default()),
    };
    Window {
        kind,
        time_zone: declared.time_zone.clone(),
        weekdays: declared.weekdays.iter().copied().map(Weekday::number).collect(),
        from_minute: declared.from.minute,
        end,
        matcher: matcher(&declared.r#match),
        reason: declared.reason.clone(),
    }
}

fn matcher(declared: &WindowMatch) -> Matcher {
    let WindowMatch { account, domain, environment, availability_zone, check, endpoint } = declared;
    Matcher {
        account: account.clone(),
        domain: domain.clone(),
        environment: environment.clone(),
        availability_zone: availability_zone.as_ref().map(ToString::to_string),
        check: check.clone().map(CheckId),
        endpoint: endpoint.clone(),
    }
}
