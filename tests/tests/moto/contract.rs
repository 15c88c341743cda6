//! The contract that the fake cloud keeps, judged of moto through the AWS adapter: so the fake cannot
//! drift away from what an independent emulator of AWS does.

use std::sync::Arc;

use phonehome_accounts::AwsStack;
use phonehome_fakecloud::contract::{Accounts, cases};
use phonehome_localcloud::proxy::Proxy;
use phonehome_planner::StackSpec;

use crate::place;

/// One moto: peerings are between two accounts.
struct Motos(Proxy);

impl Accounts for Motos {
    type Api = AwsStack;

    async fn open(&self, account: &str, _: &str, spec: StackSpec) -> AwsStack {
        for role in ["phonehome-probe", "phonehome-schedule"] {
            let form = "CreateRole&Version=2010-05-08&AssumeRolePolicyDocument=%7B%7D&RoleName=";
            place::call(account, "iam", &format!("{form}{role}")).await;
        }
        place::open(&self.0, &spec).await
    }
}

#[tokio::test]
async fn moto_does_what_the_contract_says() {
    let motos = Arc::new(Motos(place::proxy("900000000000").await));
    motos.0.record_as_exercise();
    let cases = cases::<Motos>();
    let (mut passed, mut wrong) = (0, Vec::new());
    for case in &cases {
        match (case.run(&motos).await, case.strict) {
            (Ok(()), false) => passed += 1,
            (Err(what), false) => wrong.push(format!("{}: {what}", case.name)),
            // A mark that is not true any more hides what moto can judge.
            (Ok(()), true) => wrong.push(format!("{}: passes, so it is not `strict`", case.name)),
            (Err(what), true) => println!("moto does not know this: {}: {what}", case.name),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(passed > 15, "{passed}");
    println!(
        "{passed} of {} cases pass on moto, the others are about rules that it does not have",
        cases.len()
    );
}
