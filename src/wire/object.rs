//! Objects that are objects: serde also takes a struct from an array, member by member in
//! the order of the source, which no client should rely on and nobody means.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, IntoDeserializer as _, MapAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::Value;

/// What is read from an object and from nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OfMembers(PhantomData))
    }
}

struct OfMembers<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OfMembers<T> {
    type Value = Object<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

/// An object that has members beside those that a struct has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WithOthers<T> {
    /// The struct.
    pub known: T,
    /// All other members, in their order.
    pub others: Vec<(String, Value)>,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for WithOthers<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut others = Vec::new();
        let known = T::deserialize(Dividing {
            of_all: deserializer,
            others: &mut others,
        })?;
        Ok(Self { known, others })
    }
}

/// Reads a struct and puts aside members that it does not have.
struct Dividing<'a, D> {
    of_all: D,
    others: &'a mut Vec<(String, Value)>,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Dividing<'_, D> {
    type Error = D::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.of_all.deserialize_map(OfAll {
            visitor,
            known,
            others: self.others,
        })
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.of_all.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct OfAll<'a, V> {
    visitor: V,
    known: &'static [&'static str],
    others: &'a mut Vec<(String, Value)>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for OfAll<'_, V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(OwnMembers {
            members,
            known: self.known,
            others: self.others,
        })
    }
}

/// The known members of an object.
struct OwnMembers<'a, A> {
    members: A,
    known: &'static [&'static str],
    others: &'a mut Vec<(String, Value)>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for OwnMembers<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.members.next_key::<String>()? {
            if self.known.contains(&key.as_str()) {
                return seed.deserialize(key.into_deserializer()).map(Some);
            }
            if self.others.iter().any(|(other, _)| *other == key) {
                return Err(A::Error::custom(format!("duplicate field `{key}`")));
            }
            let value = self.members.next_value()?;
            self.others.push((key, value));
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.members.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Place {
        lat: f64,
        #[serde(default)]
        name: String,
    }

    #[test]
    fn members_that_a_struct_does_not_have_are_put_aside() {
        let read = |text: &str| serde_json::from_str::<WithOthers<Place>>(text);
        let place = read(r#"{"stars":4,"lat":1.5,"tags":["a"],"name":"b"}"#).unwrap();
        let known = Place {
            lat: 1.5,
            name: "b".to_owned(),
        };
        assert_eq!(place.known, known);
        let others = [
            ("stars".to_owned(), json!(4)),
            ("tags".to_owned(), json!(["a"])),
        ];
        assert_eq!(place.others, others);
        for (text, told) in [
            (r#"{"stars":4}"#, "missing field `lat`"),
            (r#"{"lat":1,"lat":2}"#, "duplicate field `lat`"),
            (r#"{"lat":1,"a":2,"a":2}"#, "duplicate field `a`"),
            (r#"{"lat":"x"}"#, "expected f64 at line 1 column 10"),
            ("[1]", "expected an object"),
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(told), "{told} in {error}");
        }
    }
}
