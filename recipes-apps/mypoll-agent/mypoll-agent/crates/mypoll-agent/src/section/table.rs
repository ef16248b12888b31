// SPDX-License-Identifier: MIT OR Apache-2.0
//! Accepts only tables: derived types would also accept an array of values in the order of the keys, and would name
//! the Rust type in their errors.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, Error, MapAccess, SeqAccess, Unexpected, Visitor,
        value::MapAccessDeserializer,
    },
};

/// A type written as a table.
pub(crate) trait Table {
    /// The expected form, for error messages.
    const EXPECTED: &str;

    /// Whether it is compatible with the earlier elements of an array.
    ///
    /// # Errors
    ///
    /// It is not; the message says what is expected.
    fn fits(&self, _earlier: &[Self]) -> Result<(), String>
    where
        Self: Sized,
    {
        Ok(())
    }
}

struct OneTable<T>(PhantomData<T>);

impl<'de, T: Table + Deserialize<'de>> Visitor<'de> for OneTable<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_map<A: MapAccess<'de>>(self, keys: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(keys))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<T, A::Error> {
        Err(A::Error::invalid_type(Unexpected::Other("array"), &self))
    }
}

impl<'de, T: Table + Deserialize<'de>> DeserializeSeed<'de> for OneTable<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_map(self)
    }
}

/// A table.
pub(crate) fn table<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Table + Deserialize<'de>,
{
    OneTable(PhantomData).deserialize(deserializer)
}

/// An optional table: use with `default`.
pub(crate) fn optional<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Table + Deserialize<'de>,
{
    table(deserializer).map(Some)
}

/// The next element of an array.
struct Next<'a, T>(&'a [T]);

impl<'de, T: Table + Deserialize<'de>> DeserializeSeed<'de> for Next<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        let table: T = OneTable(PhantomData).deserialize(deserializer)?;
        table.fits(self.0).map_err(D::Error::custom)?;
        Ok(table)
    }
}

/// An array of tables.
pub(crate) fn array<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Table + Deserialize<'de>,
{
    struct Tables<T>(PhantomData<T>);

    impl<'de, T: Table + Deserialize<'de>> Visitor<'de> for Tables<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{} for each", T::EXPECTED)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<T>, A::Error> {
            let mut tables = Vec::new();
            while let Some(table) = elements.next_element_seed(Next(&tables))? {
                tables.push(table);
            }
            Ok(tables)
        }

        fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Vec<T>, A::Error> {
            Err(A::Error::invalid_type(
                Unexpected::Other("single table"),
                &self,
            ))
        }
    }

    deserializer.deserialize_seq(Tables(PhantomData))
}

/// An optional array of tables: use with `default`.
pub(crate) fn optional_array<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Table + Deserialize<'de>,
{
    array(deserializer).map(Some)
}
