//! A function that dies.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use phonehome_cloud::table::{Doc, Key, Table, TableError, Write};
use phonehome_cloud::{Cause, CloudError, Message, Queue};

/// For how many writes and sends it lives.
#[derive(Debug, Clone)]
pub(super) struct Life {
    left: Arc<AtomicI64>,
    /// It dies after the last one took effect, and before anybody knows; otherwise before.
    after_effect: bool,
}

impl Life {
    /// It dies at the write or send with this number, counted from 1.
    pub(super) fn of(effects: i64, after_effect: bool) -> Self {
        Self { left: Arc::new(AtomicI64::new(effects)), after_effect }
    }

    pub(super) fn is_over(&self) -> bool {
        self.left.load(Ordering::SeqCst) <= 0
    }

    /// Whether the next write or send takes effect, and whether that is known.
    fn next(&self) -> (bool, bool) {
        match self.left.fetch_sub(1, Ordering::SeqCst) {
            2.. => (true, true),
            1 => (self.after_effect, false),
            _ => (false, false),
        }
    }
}

/// What a function has in its hands while it lives.
#[derive(Debug, Clone)]
pub(super) struct Mortal<T> {
    of: T,
    life: Life,
}

impl<T> Mortal<T> {
    pub(super) fn of(of: T, life: &Life) -> Self {
        Self { of, life: life.clone() }
    }
}

fn dead() -> CloudError {
    CloudError::of_cause("a call", "a function that died", Cause::Connection("dead".to_owned()))
}

impl<T: Table> Table for Mortal<T> {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        if self.life.is_over() { Err(dead().into()) } else { self.of.get(key).await }
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        if self.life.is_over() { Err(dead().into()) } else { self.of.query(partition).await }
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        let (takes_effect, is_known) = self.life.next();
        if takes_effect {
            self.of.write(writes).await?;
        }
        if is_known { Ok(()) } else { Err(dead().into()) }
    }
}

impl<Q: Queue> Queue for Mortal<Q> {
    async fn send(&self, message: Message) -> Result<(), CloudError> {
        self.send_all(vec![message]).await
    }

    /// Of many, half are sent by one who dies at it.
    async fn send_all(&self, mut messages: Vec<Message>) -> Result<(), CloudError> {
        let (takes_effect, is_known) = self.life.next();
        if !is_known {
            messages.truncate(messages.len() / 2);
        }
        if takes_effect {
            self.of.send_all(messages).await?;
        }
        if is_known { Ok(()) } else { Err(dead()) }
    }

    async fn waiting(&self) -> Result<u64, CloudError> {
        if self.life.is_over() { Err(dead()) } else { self.of.waiting().await }
    }
}
