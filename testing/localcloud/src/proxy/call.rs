//! What the proxy remembers of each call, and what is worked out from that.

use std::time::Duration;

/// A call that the proxy saw, from its arrival to its answer or to the end of its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its number in the order of arrival since the last [`Proxy::clear`](super::Proxy::clear),
    /// from 1.
    pub number: usize,
    /// The account that it was made in; unknown for credentials that the proxy has not seen come
    /// from `sts:AssumeRole`.
    pub account: Option<String>,
    /// Such as `ec2:CreateVpc`, see [`Incoming::operation`](super::Incoming::operation).
    pub operation: String,
    /// When it arrived, since the proxy's start.
    pub started: Duration,
    /// When its answer was ready or its connection was closed, since the proxy's start.
    pub ended: Duration,
    /// The HTTP status that the caller was given; 0 if its connection was closed without an answer.
    pub status: u16,
    /// Whether the emulator got it, and so whether it may have had an effect.
    pub forwarded: bool,
}

/// How many calls had to wait for one another: the length of the longest chain in which each call
/// starts after the one before has ended. It is what a run of calls costs in round trips, however
/// many of them were made side by side.
#[must_use]
pub fn rounds(calls: &[Call]) -> usize {
    let mut calls: Vec<&Call> = calls.iter().collect();
    // Taking whichever ends first leaves the most room for the rest, so this chain is a longest one.
    calls.sort_by_key(|call| (call.ended, call.started));
    let mut chain = 0;
    let mut end = Duration::ZERO;
    for call in calls {
        if call.started >= end {
            chain += 1;
            end = call.ended;
        }
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(times: &[(u64, u64)]) -> Vec<Call> {
        let call = |(index, &(started, ended)): (usize, &(u64, u64))| Call {
            number: index + 1,
            account: None,
            operation: "ec2:DescribeVpcs".into(),
            started: Duration::from_millis(started),
            ended: Duration::from_millis(ended),
            status: 200,
            forwarded: true,
        };
        times.iter().enumerate().map(call).collect()
    }

    #[test]
    fn calls_side_by_side_are_one_round() {
        assert_eq!(rounds(&[]), 0);
        assert_eq!(rounds(&calls(&[(0, 60), (1, 61), (2, 62)])), 1);
    }

    #[test]
    fn each_call_after_another_is_a_round_of_its_own() {
        assert_eq!(rounds(&calls(&[(0, 60), (60, 120), (125, 185)])), 3);
    }

    #[test]
    fn the_longest_chain_counts_and_not_the_longest_call() {
        // One long call beside three short ones that follow each other.
        assert_eq!(rounds(&calls(&[(0, 300), (10, 60), (70, 120), (130, 190)])), 3);
        // Given in another order.
        assert_eq!(rounds(&calls(&[(130, 190), (0, 300), (70, 120), (10, 60)])), 3);
    }
}
