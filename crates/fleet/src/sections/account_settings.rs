//! Settings of accounts that security scans ask for.

use super::starter_pack::toggle;
use crate::model::{AccountSettings, EbsEncryption};
use crate::reader::{Cursor, Reader};
use crate::rules;

pub(super) fn account_settings(cursor: &Cursor, reader: &mut Reader) -> Option<AccountSettings> {
    let mut map = cursor.map(reader)?;
    let [access, encryption, imdsv2] =
        ["s3_block_public_access", "ebs_encryption", "imdsv2"].map(|key| map.optional(key));
    map.finish(reader);
    Some(AccountSettings {
        s3_block_public_access: access.and_then(|c| c.boolean(reader)),
        ebs_encryption: encryption.and_then(|c| toggle(&c, reader, ebs_encryption)),
        imdsv2: imdsv2.and_then(|c| c.boolean(reader)),
    })
}

fn ebs_encryption(cursor: &Cursor, reader: &mut Reader) -> Option<EbsEncryption> {
    let mut map = cursor.map(reader)?;
    let key = map.optional("key");
    map.finish(reader);
    Some(EbsEncryption { key: key.and_then(|c| c.parsed(reader, rules::key_alias)) })
}
