use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use proptest::prelude::*;
use serde::de::DeserializeOwned;

use super::*;

/// Each of the texts is one, from code and from JSON, and comes out as it went in.
fn accepts<T>(texts: &[&str])
where
    T: FromStr<Err = InvalidId> + fmt::Display + Debug + Serialize + DeserializeOwned + PartialEq,
{
    for text in texts {
        let id: T = text.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(id.to_string(), *text);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("{text:?}"));
        assert_eq!(serde_json::from_str::<T>(&json).unwrap(), id);
    }
}

/// None of the texts is one, and both errors name the text and what it should look like.
fn refuses<T: FromStr<Err = InvalidId> + Debug + DeserializeOwned>(texts: &[&str], shape: &str) {
    for text in texts {
        let error = text.parse::<T>().unwrap_err().to_string();
        let read = serde_json::from_value::<T>(serde_json::json!(text)).unwrap_err().to_string();
        assert_eq!(error, read);
        let named: String = format!("{text:?}").chars().take(TOLD_CHARS_MAX).collect();
        assert!(error.starts_with(named.trim_end_matches('"')) && error.contains(shape), "{error}");
    }
}

#[test]
fn an_account_id_is_twelve_digits() {
    accepts::<AccountId>(&["111122223333", "000000000000", "012345678901"]);
    let wrong = [
        "",
        "1",
        "11112222333",
        "1111222233334",
        "1111-2222-3333",
        "11112222333x",
        "１１１１２２２２３３３３",
    ];
    refuses::<AccountId>(&wrong, "12 digits");
    refuses::<AccountId>(&["111122223333 ", "111122223333/us-east-1", "+11122223333"], "12 digits");
}

#[test]
fn a_region_is_words_and_a_number() {
    let regions = [
        "us-east-1",
        "us-gov-west-1",
        "us-iso-east-1",
        "cn-northwest-1",
        "ap-southeast-12",
        "eusc-de-east-1",
    ];
    accepts::<Region>(&regions);
    let wrong = [
        "",
        "us",
        "us-1",
        "us-east",
        "us-east-1a",
        "us-east-123",
        "US-EAST-1",
        "us--1",
        "us-east1",
        "us_east_1",
        "1-east-1",
        "u-east-1",
        "europ-east-1",
        "-east-1",
        "us-east-1/use1-az1",
        "us-east-1 ",
        "üs-east-1",
        "us-averyveryveryveryverylongword-1",
    ];
    refuses::<Region>(&wrong, "us-east-1");
}

#[test]
fn an_az_id_is_a_place_and_a_numbered_zone() {
    accepts::<AzId>(&["use1-az1", "usgw1-az3", "cnn1-az12", "usw2-lax1-az1", "use1-wl1-bos-wlz1"]);
    let wrong = [
        "",
        "use1",
        "us-east-1a",
        "us-east-1",
        "use1-az",
        "use1-az1a",
        "-az1",
        "use1--az1",
        "USE1-AZ1",
        "use1_az1",
        "use1-az1/x",
        "use1-zz1",
        "averyveryveryveryverylongplace1-az1",
    ];
    refuses::<AzId>(&wrong, "use1-az1");
}

#[test]
fn a_stack_is_an_account_and_a_region() {
    accepts::<StackId>(&["111122223333/us-east-1", "000000000000/ap-southeast-2"]);
    refuses::<StackId>(&["", "111122223333", "us-east-1"], "111122223333/us-east-1");
    for text in ["111122223333/", "/us-east-1", "111122223333/us-east-1/use1-az1", "1/us-east-1"] {
        assert!(text.parse::<StackId>().is_err(), "{text}");
    }
}

#[test]
fn a_long_wrong_text_is_told_in_part() {
    let error = "7".repeat(1_000_000).parse::<AccountId>().unwrap_err().to_string();
    assert!(error.len() < 200 && error.contains('…'), "{error}");
}

#[test]
fn it_is_found_and_compared_by_its_text() {
    let region: Region = "us-east-1".parse().unwrap();
    let text = "us-east-1".to_owned();
    assert_eq!(region, text);
    assert_eq!(text, region);
    assert_eq!(region, "us-east-1");
    assert_eq!("us-east-1", region);
    assert_eq!(format!("{region:?} {region:>10}"), "\"us-east-1\"  us-east-1");
    assert!(BTreeMap::from([(region.clone(), 1)]).contains_key("us-east-1"));
    assert!(HashMap::from([(region, 1)]).contains_key("us-east-1"));
}

#[test]
fn its_schema_is_that_of_a_text() {
    assert_eq!(schemars::schema_for!(Vec<AzId>), schemars::schema_for!(Vec<String>));
}

proptest! {
    #[test]
    fn what_is_made_of_the_shape_comes_back_the_same(
        account in "[0-9]{12}",
        region in "[a-z]{2,4}-[a-z]{1,12}(-[a-z]{1,10})?-[0-9]{1,2}",
        zone in "[a-z0-9]{1,12}(-[a-z0-9]{1,8})?-(az|wlz)[0-9]{1,4}",
    ) {
        let text = format!("{account}/{region}");
        let stack: StackId = text.parse().unwrap();
        prop_assert_eq!((stack.account.as_str(), stack.region.as_str()), (&*account, &*region));
        prop_assert_eq!(stack.to_string(), text);
        prop_assert_eq!(zone.parse::<AzId>().unwrap().to_string(), zone);
    }

    #[test]
    fn any_text_is_either_refused_or_comes_back_the_same(text in "[a-z0-9/-]{0,40}|.{0,20}") {
        fn same<T: FromStr + fmt::Display>(text: &str) -> bool {
            text.parse::<T>().map_or(true, |id| id.to_string() == text)
        }
        prop_assert!(same::<AccountId>(&text) && same::<Region>(&text));
        prop_assert!(same::<AzId>(&text) && same::<StackId>(&text));
    }
}
