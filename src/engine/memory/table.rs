//! A hash table of small numbers whose keys lie elsewhere.
//!
//! It is divided into shards that grow one by one, so that no single write
//! waits for a table of millions to be hashed again.

use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};

/// Finds numbers by keys that are looked up through the numbers.
#[derive(Debug)]
pub(super) struct Table {
    hasher: DefaultHashBuilder,
    shards: Vec<HashTable<u32>>,
}

impl Table {
    /// An empty table of so many shards, a power of two.
    pub(super) fn new(shards: usize) -> Self {
        assert!(shards.is_power_of_two());
        Self {
            hasher: DefaultHashBuilder::default(),
            shards: (0..shards).map(|_| HashTable::new()).collect(),
        }
    }

    /// How many numbers there are.
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(HashTable::len).sum()
    }

    /// Makes room for so many numbers.
    pub(super) fn reserve(&mut self, count: usize) {
        // The shards fill unevenly: by the square root of their mean.
        let mean = count / self.shards.len();
        let each = mean + 2 * mean.isqrt();
        for shard in &mut self.shards {
            shard.reserve(each, |_| unreachable!("reserved while empty"));
        }
    }

    /// The number with this key, if it is there.
    pub(super) fn get<K: Hash + Eq>(&self, key: &K, key_of: impl Fn(u32) -> K) -> Option<u32> {
        let hash = self.hasher.hash_one(key);
        self.shards[self.shard_of(hash)]
            .find(hash, |&number| key_of(number) == *key)
            .copied()
    }

    /// Adds a number whose key is not there yet.
    pub(super) fn insert<K: Hash>(&mut self, number: u32, key_of: impl Fn(u32) -> K) {
        let hash = self.hasher.hash_one(key_of(number));
        let shard = self.shard_of(hash);
        let hasher = &self.hasher;
        self.shards[shard].insert_unique(hash, number, |&other| hasher.hash_one(key_of(other)));
    }

    /// Removes a number that is there under this key.
    pub(super) fn remove(&mut self, number: u32, key: impl Hash) {
        let hash = self.hasher.hash_one(key);
        let shard = self.shard_of(hash);
        self.shards[shard]
            .find_entry(hash, |&other| other == number)
            .expect("what is removed was inserted under the same key")
            .remove();
    }

    /// The table itself uses the high and the low bits of the hash.
    fn shard_of(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.shards.len() - 1)
    }
}
