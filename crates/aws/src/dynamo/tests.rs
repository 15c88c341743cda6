//! How items are packed, read and written again.

use phonehome_cloud::table::SCHEMA_READ;

use super::*;

#[test]
fn a_long_body_is_stored_small_and_read_back_whole() {
    let member =
        r#"{"account":"444455556666","region":"us-east-1","check":"connection/shop-to-payments/443"}"#;
    for (members, plain) in [(1, true), (2000, false)] {
        let body = member.repeat(members);
        let packed = pack(&body);
        assert_eq!(packed.is_s(), plain, "{members} members");
        assert_eq!(unpack(&packed), Some(body));
        if let AttributeValue::B(bytes) = packed {
            assert!(bytes.as_ref().len() < 20_000, "{} bytes", bytes.as_ref().len());
        }
    }
}

#[test]
fn a_body_that_unpacks_to_more_than_the_limit_is_no_document() {
    let most = "x".repeat(BODY_BYTES_MAX as usize);
    assert_eq!(unpack(&pack(&most)), Some(most.clone()));
    assert_eq!(unpack(&pack(&(most + "x"))), None);
}

#[test]
fn an_item_that_is_no_document_is_unreadable_and_nothing_worse() {
    let whole = [
        ("pk", AttributeValue::S("paths".into())),
        ("sk", AttributeValue::S("a".into())),
        ("version", AttributeValue::N("3".into())),
        ("body", AttributeValue::S("1".into())),
    ];
    let item = |without: &str| {
        let kept = whole.iter().filter(|(name, _)| *name != without);
        doc(&kept.map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    };
    assert_eq!(item("").read::<u8>(), Ok(1));
    for missing in ["version", "body"] {
        let broken = item(missing);
        assert_eq!(broken.key, key("paths", "a"));
        assert!(matches!(broken.read::<u8>(), Err(TableError::Unreadable { .. })), "{missing}");
    }
}

#[test]
fn an_item_without_a_schema_number_is_of_schema_1_and_one_that_is_newer_is_not_read() {
    let item = |schema: Option<AttributeValue>| {
        let mut item = HashMap::from([
            ("pk".to_owned(), AttributeValue::S("paths".into())),
            ("sk".to_owned(), AttributeValue::S("a".into())),
            ("version".to_owned(), AttributeValue::N("3".into())),
            ("body".to_owned(), AttributeValue::S("1".into())),
        ]);
        item.extend(schema.map(|schema| (SCHEMA.to_owned(), schema)));
        doc(&item)
    };
    let number = |number: u32| Some(AttributeValue::N(number.to_string()));
    for (schema, found, is_read) in [
        (None, 1, true),
        (number(SCHEMA_WRITTEN), SCHEMA_WRITTEN, true),
        (number(SCHEMA_READ + 1), SCHEMA_READ + 1, false),
        (Some(AttributeValue::S("two".into())), u32::MAX, false),
    ] {
        let doc = item(schema);
        assert_eq!((doc.schema, doc.read::<u8>().is_ok()), (found, is_read));
    }
}

fn refused(code: &str, message: &str) -> CloudError {
    CloudError::service("dynamodb:PutItem", "phonehome", code, message)
}

#[test]
fn a_write_that_meets_a_transaction_is_tried_again_and_not_for_ever() {
    let single = refused("TransactionConflictException", "Transaction is ongoing for the item");
    let other = refused("TransactionCanceledException", "reasons [TransactionConflict, None]");
    for error in [single, other] {
        let pauses: Vec<_> = (1..=6).map(|attempt| pause_before_next(&error, attempt)).collect();
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(pauses, [ms(25), ms(50), ms(75), ms(100), None, None]);
    }
}

#[test]
fn a_write_whose_condition_does_not_hold_is_not_tried_again() {
    let both = "reasons [TransactionConflict, ConditionalCheckFailed]";
    for error in [
        refused("ConditionalCheckFailedException", "The conditional request failed"),
        refused("TransactionCanceledException", both),
        refused("TransactionCanceledException", "reasons [ThrottlingError]"),
        CloudError::of_cause("dynamodb:PutItem", "phonehome", Cause::Timeout),
    ] {
        assert_eq!(pause_before_next(&error, 1), None, "{error}");
    }
}

#[test]
fn a_body_that_is_neither_text_nor_gzip_is_no_document() {
    assert_eq!(unpack(&AttributeValue::B(Blob::new([1, 2, 3]))), None);
    assert_eq!(unpack(&AttributeValue::N("1".into())), None);
}
