use serde_json::json;

use super::*;

#[test]
fn what_is_on_stays_on() {
    let all = json!({ "A": true, "B": true });
    for (deployed, wanted, is_plain_) in [
        (json!({ "Status": "Suspended" }), json!({ "Status": "Enabled" }), true),
        (json!({ "Status": "Enabled" }), json!({ "Status": "Suspended" }), false),
        (json!({ "Status": "Enabled" }), Value::Null, false),
        (Value::Null, json!({ "Status": "Enabled" }), true),
        (Value::Null, json!({ "Status": "Suspended" }), false),
        (json!({ "A": false, "B": true }), all.clone(), true),
        (all.clone(), json!({ "A": true }), false),
        (all.clone(), json!({ "A": true, "B": true, "C": false }), false),
        (json!(true), json!(false), false),
        (json!(false), json!(true), true),
        (json!(true), json!({ "Ref": "Parameter" }), false),
    ] {
        let said = is_plain(Rule::OnlyOn, Some(&deployed), Some(&wanted));
        assert_eq!(said, is_plain_, "{deployed} became {wanted}");
    }
}

fn expiring(days: u32) -> Value {
    json!({ "Rules": [{ "Id": "expire", "Status": "Enabled", "ExpirationInDays": days }] })
}

#[test]
fn nothing_is_deleted_sooner_than_before() {
    let with = |key: &str, value: Value| {
        let mut rules = expiring(30);
        rules["Rules"][0][key] = value;
        rules
    };
    for (deployed, wanted, is_plain_) in [
        (expiring(30), expiring(31), true),
        (expiring(30), expiring(29), false),
        (expiring(30), json!({ "Rules": [] }), true),
        (expiring(30), Value::Null, true),
        (Value::Null, expiring(3650), false),
        (expiring(30), with("Id", json!("other")), false),
        (expiring(30), with("Prefix", json!("s3/")), false),
        (with("Status", json!("Disabled")), expiring(30), false),
        (with("Prefix", json!("s3/")), expiring(30), false),
        (expiring(30), with("AbortIncompleteMultipartUpload", json!({ "DaysAfterInitiation": 1 })), true),
        (expiring(30), with("NoncurrentVersionExpiration", json!({ "NoncurrentDays": 90 })), false),
        (expiring(30), with("ExpirationInDays", json!({ "Ref": "Days" })), false),
    ] {
        let said = is_plain(Rule::NothingGoesSooner, Some(&deployed), Some(&wanted));
        assert_eq!(said, is_plain_, "{deployed} became {wanted}");
    }
}
