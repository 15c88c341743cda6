//! Who changes nothing in a fleet file gets the checks that there were.

use std::collections::BTreeMap;

use phonehome_releases::Release;

/// Each check of each account and Region, as JSON. Accounts with the same ones are listed together.
fn inputs(text: &str) -> String {
    let fleet = phonehome_fleet::read(text).unwrap_or_else(|problems| panic!("{problems}")).fleet;
    let mut inputs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for member in fleet.members() {
        for region in &fleet.regions {
            let checks = fleet.checks_for(&member, &region.name);
            let lines: Vec<String> = checks.iter().map(|it| serde_json::to_string(it).unwrap()).collect();
            let of = format!("{} {}", member.account_name, region.name);
            inputs.entry(lines.join("\n")).or_default().push(of);
        }
    }
    let shown = inputs.into_iter().map(|(lines, of)| format!("{}\n{lines}\n", of.join(", ")));
    shown.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_file_of_the_first_release_makes_the_checks_that_it_made_then() {
    let release = Release::all().into_iter().find(|it| it.version == "0.1.0").expect("it is recorded");
    for name in release.names("fleet") {
        insta::assert_snapshot!(name.clone(), inputs(&release.text(&format!("fleet/{name}"))));
    }
}
