//! When centers are open: their hours read once, and asked once a search.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::bucket::Bucket;
use super::index::Index;
use super::values::{Held, Layout};
use super::vocabulary::{ValueId, Vocabulary};
use crate::domain::{OpenAt, OpeningHours};

/// The opening hours that any center has, by the numbers of their texts.
#[derive(Debug, Default)]
pub(super) struct Hours {
    /// Which vocabulary has the texts; `None` where nothing says when centers are open.
    vocabulary: Option<usize>,
    read: HashMap<ValueId, Option<Arc<OpeningHours>>>,
}

impl Hours {
    /// Reads all that a vocabulary has, where there is one of opening hours.
    pub(super) fn of(layout: &Layout, vocabularies: &[Vocabulary]) -> Self {
        let opening = layout.fields().opening();
        let held = opening.and_then(|opening| layout.held(opening.hours));
        let Some(Held::Interned(vocabulary)) = held else {
            return Self::default();
        };
        let texts = &vocabularies[vocabulary];
        let read = |value| (value, texts.text(value).and_then(OpeningHours::of));
        Self {
            vocabulary: Some(vocabulary),
            read: texts.find_all(|_| true).into_iter().map(read).collect(),
        }
    }

    /// Reads a value that a center is about to have, unless it was read before.
    pub(super) fn note(&mut self, vocabulary: usize, value: ValueId, texts: &Vocabulary) {
        if self.vocabulary == Some(vocabulary)
            && let Some(text) = texts.text(value)
        {
            self.read
                .entry(value)
                .or_insert_with(|| OpeningHours::of(text));
        }
    }

    /// Forgets a value that no center has any more: its number may become that of another.
    pub(super) fn forget(&mut self, vocabulary: usize, value: ValueId) {
        if self.vocabulary == Some(vocabulary) {
            self.read.remove(&value);
        }
    }

    fn get(&self, value: ValueId) -> Option<&OpeningHours> {
        self.read.get(&value)?.as_deref()
    }
}

/// That centers are open, as one search asks it: of equal hours in equal zones once.
pub(super) struct IsOpen<'a> {
    index: &'a Index,
    asked: &'a OpenAt,
    hours: usize,
    zone: Option<usize>,
    known: RefCell<HashMap<(ValueId, ValueId), bool>>,
}

impl<'a> IsOpen<'a> {
    pub(super) fn of(index: &'a Index, asked: &'a OpenAt) -> Self {
        let interned = |field| match index.layout().held(field) {
            Some(Held::Interned(vocabulary)) => vocabulary,
            _ => unreachable!("hours and time zones are texts"),
        };
        Self {
            index,
            asked,
            hours: interned(asked.opening.hours),
            zone: asked.zone_field().map(interned),
            known: RefCell::default(),
        }
    }

    /// Whether a center is open.
    pub(super) fn takes(&self, bucket: &Bucket, slot: usize) -> bool {
        let hours = bucket.value(slot, self.hours);
        if !hours.is_some() {
            return false;
        }
        let zone = self
            .zone
            .map_or(ValueId::NONE, |vocabulary| bucket.value(slot, vocabulary));
        let mut known = self.known.borrow_mut();
        *known.entry((hours, zone)).or_insert_with(|| {
            let name = self.zone.and_then(|vocabulary| {
                let vocabulary = &self.index.vocabularies()[vocabulary];
                vocabulary.text(zone)
            });
            let hours = self.index.hours().get(hours);
            hours.and_then(|hours| self.asked.holds(hours, name)) == Some(true)
        })
    }
}
