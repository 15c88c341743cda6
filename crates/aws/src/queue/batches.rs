//! What SQS takes at once.

use aws_sdk_sqs::types::BatchResultErrorEntry;
use phonehome_cloud::Message;

/// Messages of one SendMessageBatch.
const MESSAGES_MAX: usize = 10;
/// Bytes of all its messages together: 256 KiB, which SQS took before it took 1 MiB, and other queues that are
/// asked as SQS is still do.
const BYTES_MAX: usize = 256 * 1024;

/// The messages in batches, in their order. One that is too large by itself is in a batch of its own, for SQS to
/// refuse.
pub(super) fn batches(messages: Vec<Message>) -> Vec<Vec<Message>> {
    let mut batches: Vec<Vec<Message>> = Vec::new();
    let mut bytes = 0;
    for message in messages {
        let more = size(&message);
        match batches.last_mut() {
            Some(batch) if batch.len() < MESSAGES_MAX && bytes + more <= BYTES_MAX => {
                bytes += more;
                batch.push(message);
            }
            _ => {
                bytes = more;
                batches.push(vec![message]);
            }
        }
    }
    batches
}

/// As SQS counts: the body, and of each attribute its name, type and value.
fn size(message: &Message) -> usize {
    let attributes = message.attributes.iter();
    let attributes = attributes.map(|(name, value)| name.len() + "String".len() + value.len());
    message.body.len() + attributes.sum::<usize>()
}

/// A message that SQS did not take.
#[derive(Debug)]
pub(super) struct Fate {
    /// Which one of the batch, counted from 0.
    pub(super) number: usize,
    pub(super) is_the_senders_fault: bool,
    pub(super) code: String,
    pub(super) message: String,
}

impl Fate {
    pub(super) fn of(refused: &BatchResultErrorEntry) -> Self {
        Self {
            // The id is the number that it was sent with; any other one is no message of the batch.
            number: refused.id().parse().unwrap_or(usize::MAX),
            is_the_senders_fault: refused.sender_fault(),
            code: refused.code().to_owned(),
            message: refused.message().unwrap_or("no message").to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: usize) -> Message {
        Message { body: "x".repeat(bytes), ..Message::default() }
    }

    fn sizes(messages: Vec<Message>) -> Vec<usize> {
        batches(messages).iter().map(Vec::len).collect()
    }

    #[test]
    fn a_batch_has_ten_messages_at_most_and_256_kib() {
        assert_eq!(sizes(vec![]), Vec::<usize>::new());
        assert_eq!(sizes(vec![message(100); 25]), [10, 10, 5]);
        assert_eq!(sizes(vec![message(100 * 1024); 5]), [2, 2, 1]);
        assert_eq!(sizes(vec![message(BYTES_MAX), message(1)]), [1, 1]);
        assert_eq!(sizes(vec![message(1), message(BYTES_MAX + 1), message(1)]), [1, 1, 1]);
    }

    #[test]
    fn attributes_count_with_their_names_and_types() {
        let with = Message { attributes: vec![("reason".to_owned(), "y".repeat(20))], ..message(100) };
        assert_eq!(size(&with), 100 + 6 + 6 + 20);
    }
}
