// SPDX-License-Identifier: MIT OR Apache-2.0
//! Deserializes the parsed file with serde, with errors that name the key and its place. serde_path_to_error around toml's
//! deserializer does the same, but both are instantiated for each type, which adds 200 kB.

use std::{
    fmt::{self, Display},
    mem,
    ops::Range,
    slice,
};

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, Expected, MapAccess, SeqAccess, Unexpected, Visitor,
        value::{self, BorrowedStrDeserializer, MapAccessDeserializer},
    },
    forward_to_deserialize_any,
};
use toml::{
    Spanned,
    de::{DeArray, DeInteger, DeString, DeTable, DeValue},
    map,
};

use crate::quote::quote;

/// A problem and its place; boxed to keep results small.
#[derive(Debug)]
pub(super) struct Error(Box<Wrong>);

/// The content of an [`Error`].
#[derive(Debug)]
pub(super) struct Wrong {
    /// The problem, and what is expected.
    pub(super) problem: String,
    /// The key, such as `output[0].chip`; empty for the document as a whole.
    pub(super) key: String,
    /// Its place in the text.
    pub(super) span: Option<Range<usize>>,
}

/// Deserializes a `T` from the whole document.
pub(super) fn read<'de, T: Deserialize<'de>>(document: &'de DeTable<'de>) -> Result<T, Wrong> {
    T::deserialize(MapAccessDeserializer::new(Entries::of(document))).map_err(|error| *error.0)
}

impl Error {
    /// Adds the place `span`, unless the place is already known.
    #[cold]
    fn at(mut self, span: Range<usize>) -> Self {
        self.0.span.get_or_insert(span);
        self
    }

    /// Prefixes the key with `step`, which leads from a table or an array to the value.
    #[cold]
    fn behind(mut self, step: &dyn Display) -> Self {
        let rest = mem::take(&mut self.0.key);
        let dot = if rest.is_empty() || rest.starts_with('[') {
            ""
        } else {
            "."
        };
        self.0.key = format!("{step}{dot}{rest}");
        self
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.problem)
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: Display>(problem: T) -> Self {
        Self(Box::new(Wrong {
            problem: problem.to_string(),
            key: String::new(),
            span: None,
        }))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        match found {
            Unexpected::Str(text) => Self::custom(value::Error::invalid_value(
                Unexpected::Str(&quote(text)),
                expected,
            )),
            found => Self::custom(value::Error::invalid_value(found, expected)),
        }
    }

    fn unknown_variant(word: &str, words: &'static [&'static str]) -> Self {
        Self::custom(value::Error::unknown_variant(&quote(word), words))
    }

    fn unknown_field(key: &str, keys: &'static [&'static str]) -> Self {
        Self::custom(value::Error::unknown_field(&quote(key), keys))
    }
}

/// A value. No key takes a float or a date, so these are always wrong; enumerations are strings.
#[derive(Clone, Copy)]
struct Value<'de>(&'de Spanned<DeValue<'de>>);

impl<'de> Value<'de> {
    /// The error for an unexpected type.
    #[cold]
    fn wrong_type(self, expected: &dyn Expected) -> Error {
        let found = match self.0.get_ref() {
            DeValue::String(text) => format!("string {:?}", quote(text)),
            DeValue::Integer(number) => format!("integer `{}`", quote(&number.to_string())),
            DeValue::Float(number) => {
                format!("floating point `{}`", quote(&number.to_string()))
            }
            DeValue::Boolean(value) => format!("boolean `{value}`"),
            DeValue::Datetime(date) => format!("date `{date}`"),
            DeValue::Array(_) => "array".to_owned(),
            DeValue::Table(_) => "table".to_owned(),
        };
        serde::de::Error::invalid_type(Unexpected::Other(&found), expected)
    }

    fn several<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.get_ref() {
            DeValue::Array(array) => visitor.visit_seq(Elements::of(array)),
            DeValue::Table(table) => visitor.visit_map(Entries::of(table)),
            _ => Err(self.wrong_type(&visitor)),
        }
    }
}

fn integer(number: &DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(number.as_str(), number.radix()).ok()
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.get_ref() {
            DeValue::String(_) => self.deserialize_str(visitor),
            DeValue::Integer(_) => self.deserialize_i64(visitor),
            DeValue::Boolean(_) => self.deserialize_bool(visitor),
            _ => self.several(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.get_ref() {
            DeValue::Boolean(value) => visitor.visit_bool(*value),
            _ => Err(self.wrong_type(&visitor)),
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let number = match self.0.get_ref() {
            DeValue::Integer(number) => integer(number),
            _ => None,
        };
        match number {
            None => Err(self.wrong_type(&visitor)),
            Some(number) => match number.try_into() {
                Ok(number) => visitor.visit_i64(number),
                Err(_) => visitor.visit_i128(number),
            },
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.get_ref() {
            DeValue::String(text) => visitor.visit_borrowed_str(text),
            _ => Err(self.wrong_type(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.several(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.several(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0.get_ref() {
            DeValue::String(word) => visitor.visit_enum(BorrowedStrDeserializer::new(word)),
            _ => Err(self.wrong_type(&OneOf(words))),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct struct
        identifier ignored_any
    }
}

/// Expects one of these words.
struct OneOf(&'static [&'static str]);

impl Expected for OneOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one of ")?;
        for (index, word) in self.0.iter().enumerate() {
            write!(f, "{}{word:?}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// The entries of a table.
struct Entries<'de> {
    rest: map::Iter<'de, Spanned<DeString<'de>>, Spanned<DeValue<'de>>>,
    /// The entry whose value comes next.
    current: Option<(&'de Spanned<DeString<'de>>, &'de Spanned<DeValue<'de>>)>,
}

impl<'de> Entries<'de> {
    fn of(table: &'de DeTable<'de>) -> Self {
        Self {
            rest: table.iter(),
            current: None,
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        self.current = self.rest.next();
        let Some((key, _)) = self.current else {
            return Ok(None);
        };
        match seed.deserialize(BorrowedStrDeserializer::new(key.get_ref())) {
            Ok(key) => Ok(Some(key)),
            Err::<_, Error>(error) => Err(error.at(key.span()).behind(&quote(key.get_ref()))),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((key, value)) = self.current else {
            return Err(serde::de::Error::custom("a value was read before its key"));
        };
        match seed.deserialize(Value(value)) {
            Err(error) => Err(error.at(value.span()).behind(&quote(key.get_ref()))),
            value => value,
        }
    }
}

/// The elements of an array.
struct Elements<'de> {
    rest: slice::Iter<'de, Spanned<DeValue<'de>>>,
    /// The index of the next element.
    index: usize,
}

impl<'de> Elements<'de> {
    fn of(array: &'de DeArray<'de>) -> Self {
        Self {
            rest: array.iter(),
            index: 0,
        }
    }
}

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some(element) = self.rest.next() else {
            return Ok(None);
        };
        let index = self.index;
        self.index += 1;
        match seed.deserialize(Value(element)) {
            Ok(element) => Ok(Some(element)),
            Err(error) => Err(error.at(element.span()).behind(&format_args!("[{index}]"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Edge {
        Rising,
        Falling,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        number: u8,
        edge: Option<Edge>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Document {
        chip: Option<String>,
        #[serde(default)]
        line: Vec<Line>,
    }

    fn wrong(text: &str) -> (String, String, usize) {
        let document = DeTable::parse(text).unwrap();
        let wrong = read::<Document>(document.get_ref()).unwrap_err();
        (
            wrong.key,
            wrong.problem,
            wrong.span.map_or(0, |span| span.start),
        )
    }

    #[test]
    fn values_are_read() {
        let text = "chip = 'a'\n[[line]]\nnumber = 0xff\n[[line]]\nnumber = 1\nedge = 'falling'";
        let document = DeTable::parse(text).unwrap();
        let read: Document = read(document.get_ref()).unwrap();
        assert_eq!(read.chip.as_deref(), Some("a"));
        assert_eq!(read.line[0].number, 255);
        assert!(matches!(read.line[1].edge, Some(Edge::Falling)));
    }

    #[test]
    fn errors_name_the_key_and_its_place() {
        for (text, key, problem, at) in [
            (
                "chip = 1",
                "chip",
                "invalid type: integer `1`, expected a string",
                7,
            ),
            (
                "chip = 1.5",
                "chip",
                "invalid type: floating point `1.5`, expected a string",
                7,
            ),
            (
                "chip = 1979-05-27",
                "chip",
                "invalid type: date `1979-05-27`, expected a string",
                7,
            ),
            (
                "chip = []",
                "chip",
                "invalid type: array, expected a string",
                7,
            ),
            (
                "line = [{ number = 1 }, { number = 256 }]",
                "line[1].number",
                "invalid value: integer `256`, expected u8",
                35,
            ),
            (
                "line = [{ number = 99999999999999999999999999999999999999999 }]",
                "line[0].number",
                "expected u8",
                19,
            ),
            (
                "line = [{ number = 1 }, {}]",
                "line[1]",
                "missing field `number`",
                24,
            ),
            (
                "line = [{ number = 1, edge = 'up' }]",
                "line[0].edge",
                "unknown variant `up`, expected `rising` or `falling`",
                29,
            ),
            (
                "line = [{ number = 1, edge = 3 }]",
                "line[0].edge",
                "invalid type: integer `3`, expected one of \"rising\", \"falling\"",
                29,
            ),
            (
                "\nlines = []",
                "lines",
                "unknown field `lines`, expected `chip` or `line`",
                1,
            ),
        ] {
            let found = wrong(text);
            assert_eq!((found.0.as_str(), found.2), (key, at), "{text}: {found:?}");
            assert!(found.1.contains(problem), "{text}: {found:?}");
        }
    }
}
