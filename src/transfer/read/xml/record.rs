//! What stands in one element that is a record.

use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Writer, XmlVersion};

use crate::transfer::read::error::{MAX_RECORD_BYTES, RowError, quoted};

/// A text of a record.
#[derive(Debug)]
pub(super) struct Leaf {
    /// Local names of the elements around it, without the record's own.
    pub(super) path: Vec<String>,
    /// The `name` of the nearest element around it that has one.
    pub(super) key: Option<String>,
    pub(super) text: String,
}

/// An element that is open.
#[derive(Debug)]
struct Open {
    name: String,
    key: Option<String>,
    text: String,
    has_elements: bool,
}

/// A record and its own text, taken event by event.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// Attributes of the record itself.
    pub(super) attributes: Vec<(String, String)>,
    pub(super) leaves: Vec<Leaf>,
    open: Vec<Open>,
    raw: Vec<u8>,
    is_too_long: bool,
    fault: Option<RowError>,
    is_open: bool,
}

impl Record {
    /// Begins with the element of the record.
    pub(super) fn begin(&mut self, start: &BytesStart<'_>, is_open: bool) {
        *self = Self {
            is_open,
            raw: std::mem::take(&mut self.raw),
            ..Self::default()
        };
        self.raw.clear();
        self.keep(&if is_open {
            Event::Start(start.borrow())
        } else {
            Event::Empty(start.borrow())
        });
        self.attributes = self.attributes_of(start);
    }

    /// Takes what comes next.
    pub(super) fn take(&mut self, event: &Event<'_>) {
        self.keep(event);
        match event {
            Event::Start(start) => self.start(start),
            Event::Empty(start) => {
                self.start(start);
                self.end();
            }
            Event::End(_) if self.open.is_empty() => self.is_open = false,
            Event::End(_) => self.end(),
            Event::Text(text) => self.add(&text.xml10_content()),
            Event::CData(text) => self.add(&text.xml10_content()),
            Event::GeneralRef(entity) => {
                let character = entity.resolve_char_ref().ok().flatten();
                let text = match (character, resolve_xml_entity(entity)) {
                    (Some(character), _) => character.to_string(),
                    (None, Some(text)) => text.to_owned(),
                    (None, None) => {
                        self.fail(RowError::Entity(quoted(entity)));
                        return;
                    }
                };
                self.add(&text);
            }
            _ => {}
        }
    }

    fn start(&mut self, start: &BytesStart<'_>) {
        let attributes = self.attributes_of(start);
        let name = start.local_name().as_ref().to_owned();
        let key = self.open.last_mut().and_then(|parent| {
            parent.has_elements = true;
            parent.key.clone()
        });
        let mut own_key = None;
        let mut link = None;
        for (attribute, value) in attributes {
            match attribute.as_str() {
                "name" => own_key = Some(value),
                "href" => link = Some(value),
                _ => {}
            }
        }
        let is_link = link.is_some();
        self.open.push(Open {
            name,
            key: own_key.or(key),
            text: link.unwrap_or_default(),
            has_elements: false,
        });
        if is_link {
            self.push_leaf();
            // What stands in a link is about it.
            if let Some(open) = self.open.last_mut() {
                open.has_elements = true;
                open.text.clear();
            }
        }
    }

    fn end(&mut self) {
        if self.open.last().is_some_and(|open| !open.has_elements) {
            self.push_leaf();
        }
        self.open.pop();
    }

    fn push_leaf(&mut self) {
        let Some(open) = self.open.last_mut() else {
            return;
        };
        let text = std::mem::take(&mut open.text);
        let key = open.key.clone();
        if !self.is_too_long {
            self.leaves.push(Leaf {
                path: self.open.iter().map(|open| open.name.clone()).collect(),
                key,
                text: text.trim().to_owned(),
            });
        }
    }

    fn add(&mut self, text: &str) {
        if let (Some(open), false) = (self.open.last_mut(), self.is_too_long) {
            open.text.push_str(text);
        }
    }

    fn attributes_of(&mut self, start: &BytesStart<'_>) -> Vec<(String, String)> {
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let value = attribute.as_ref().map(|attribute| {
                let name = attribute.key.local_name().as_ref().to_owned();
                (name, attribute.normalized_value(XmlVersion::Implicit1_0))
            });
            match value {
                Ok((name, Ok(value))) => attributes.push((name, value.into_owned())),
                Ok((name, Err(_))) => self.fail(RowError::Entity(name)),
                Err(error) => self.fail(RowError::NotAnElement(quoted(&error.to_string()))),
            }
        }
        attributes
    }

    fn fail(&mut self, fault: RowError) {
        self.fault.get_or_insert(fault);
    }

    fn keep(&mut self, event: &Event<'_>) {
        if self.is_too_long {
            return;
        }
        Writer::new(&mut self.raw)
            .write_event(event.borrow())
            .expect("memory takes what is written");
        if self.raw.len() > MAX_RECORD_BYTES {
            self.is_too_long = true;
            self.fault = Some(RowError::TooLong);
            self.leaves = Vec::new();
        }
    }

    /// Whether its end is still to come.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// How many elements of it are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Why it cannot be read.
    pub(super) fn fault(&self) -> Option<RowError> {
        self.fault.clone()
    }

    pub(super) fn raw(&self) -> &[u8] {
        &self.raw
    }

    pub(super) fn is_too_long(&self) -> bool {
        self.is_too_long
    }
}
