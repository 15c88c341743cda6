//! What accounts would hold, without claiming it.

use phonehome_cloud::table::MemoryTable;

use super::*;

/// What [`peek()`] answers for each, as if those before it had claimed.
async fn one_after_the_other(
    table: &MemoryTable,
    asked: &[(Vec<&AddressPool>, Vec<Ipv4Net>, StackId)],
    mut also: Vec<Claim>,
) -> Vec<Result<Claim, String>> {
    let mut answers = Vec::new();
    for (pools, kept, stack) in asked {
        let answer = peek(table, pools, kept, stack, &also, 7).await.map_err(|error| error.to_string());
        also.extend(answer.clone().ok());
        answers.push(answer);
    }
    answers
}

#[tokio::test]
async fn all_at_once_would_hold_what_each_would_after_those_before_it() {
    let table = MemoryTable::default();
    let (small, large) = (pool("small", "10.0.0.0/17", 18), pool("large", "10.16.0.0/12", 18));
    for number in ["3", "1"] {
        claim(&table, &[&small], &[], &stack(number), 1).await.unwrap();
    }
    release_block(&table, &stack("3"), 7, 2).await.unwrap();
    record_seen(&table, &stack("9"), &[vpc("vpc-9", "9", "10.16.0.0/18")], 3).await.unwrap();
    table.put_raw(Keys::holder(&stack("5")), "nonsense");
    table.put_raw(Keys::block("10.16.64.0/18"), "nonsense");
    // Of what is kept for others each has its own.
    let asked = |numbers: &[&str]| -> Vec<(Vec<&AddressPool>, Vec<Ipv4Net>, StackId)> {
        numbers
            .iter()
            .map(|number| {
                let pools = if *number == "4" { vec![&small] } else { vec![&small, &large] };
                let kept = if *number == "7" { vec!["10.18.0.0/16".parse().unwrap()] } else { vec![] };
                (pools, kept, stack(number))
            })
            .collect()
    };
    for numbers in [&["1", "2", "3", "4", "5", "6", "7"][..], &["7", "4", "3", "2"], &[]] {
        for also in [vec![], vec![held("10.17.0.0/18", "8"), held("10.16.128.0/18", "8")]] {
            let asked = asked(numbers);
            let all = peek_all(&table, &asked, also.clone(), 7).await.unwrap();
            let all: Vec<Result<Claim, String>> =
                all.into_iter().map(|answer| answer.map_err(|error| error.to_string())).collect();
            assert_eq!(all, one_after_the_other(&table, &asked, also).await, "{numbers:?}");
        }
    }
    let all = peek_all(&table, &asked(&["2", "4", "6"]), vec![], 7).await.unwrap();
    let blocks: Vec<Option<String>> =
        all.iter().map(|answer| answer.as_ref().ok().map(|claim| claim.cidr.to_string())).collect();
    // One block of the small pool is held and one in quarantine, so who may have only that one gets none.
    assert_eq!(blocks, [Some("10.16.128.0/18".to_owned()), None, Some("10.16.192.0/18".to_owned())]);
}
