//! Reading CBOR straight into a request: texts and bytes are borrowed from the body, lengths are
//! believed only as far as the body goes, and nothing is kept of what the request does not know.

use ciborium_ll::{Decoder, Header, simple};
use serde::de::value::StringDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::mismatch::Mismatch;
use crate::structure::Structure;

/// Deepest nesting of a CBOR request, in levels; that of Kinesis's shapes is four.
const CBOR_DEPTH_MAX: usize = 32;

/// A place in a body.
pub(crate) struct Reader<'de> {
    body: &'de [u8],
    at: usize,
    depth: usize,
}

impl<'de> Reader<'de> {
    pub(crate) fn new(body: &'de [u8]) -> Self {
        Self { body, at: 0, depth: 0 }
    }

    /// Bytes that were not read.
    pub(crate) fn left(&self) -> usize {
        self.body.len() - self.at
    }

    fn pull(&mut self) -> Result<Header, Mismatch> {
        let mut decoder = Decoder::from(&self.body[self.at..]);
        let header = decoder.pull().map_err(|error| {
            Mismatch::new(match error {
                ciborium_ll::Error::Io(_) => "The body is not CBOR: it ends too early",
                ciborium_ll::Error::Syntax(_) => "The body is not CBOR",
            })
        })?;
        self.at += decoder.offset();
        Ok(header)
    }

    /// The next header, skipping tags, on which no shape depends.
    fn untagged(&mut self) -> Result<Header, Mismatch> {
        loop {
            match self.pull()? {
                Header::Tag(_) => {}
                header => return Ok(header),
            }
        }
    }

    fn take(&mut self, length: usize) -> Result<&'de [u8], Mismatch> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.body.len());
        let end = end.ok_or_else(|| Mismatch::new("The body is not CBOR: it ends too early"))?;
        let taken = &self.body[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// The segments of a string of indefinite length, joined.
    fn segments(&mut self, length: impl Fn(Header) -> Option<usize>) -> Result<Vec<u8>, Mismatch> {
        let mut whole = Vec::new();
        loop {
            match self.pull()? {
                Header::Break => return Ok(whole),
                header => {
                    let length = length(header).ok_or_else(|| Mismatch::new("The body is not CBOR"))?;
                    whole.extend_from_slice(self.take(length)?);
                }
            }
        }
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Mismatch>) -> Result<T, Mismatch> {
        if self.depth == CBOR_DEPTH_MAX {
            return Err(Mismatch::new("The body is nested too deeply"));
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn visit<V: Visitor<'de>>(&mut self, header: Header, visitor: V) -> Result<V::Value, Mismatch> {
        match header {
            Header::Positive(number) => visitor.visit_u64(number),
            Header::Negative(inverted) => match i64::try_from(inverted) {
                Ok(inverted) => visitor.visit_i64(!inverted),
                Err(_) => Err(Mismatch::new("A number is out of the range of its type")),
            },
            Header::Float(number) => visitor.visit_f64(number),
            Header::Simple(simple::FALSE) => visitor.visit_bool(false),
            Header::Simple(simple::TRUE) => visitor.visit_bool(true),
            Header::Simple(simple::NULL | simple::UNDEFINED) => visitor.visit_unit(),
            Header::Bytes(Some(length)) => visitor.visit_borrowed_bytes(self.take(length)?),
            Header::Bytes(None) => visitor.visit_byte_buf(self.segments(|header| match header {
                Header::Bytes(length) => length,
                _ => None,
            })?),
            Header::Text(Some(length)) => match std::str::from_utf8(self.take(length)?) {
                Ok(text) => visitor.visit_borrowed_str(text),
                Err(_) => Err(not_text()),
            },
            Header::Text(None) => {
                let bytes = self.segments(|header| match header {
                    Header::Text(length) => length,
                    _ => None,
                })?;
                visitor.visit_string(String::from_utf8(bytes).map_err(|_| not_text())?)
            }
            Header::Array(length) => self.nested(|reader| {
                let mut members = Members { reader, left: length };
                let value = visitor.visit_seq(&mut members)?;
                members.end()?;
                Ok(value)
            }),
            Header::Map(length) => self.nested(|reader| {
                let mut members = Members { reader, left: length };
                let value = visitor.visit_map(&mut members)?;
                members.end()?;
                Ok(value)
            }),
            Header::Break | Header::Simple(_) | Header::Tag(_) => Err(Mismatch::new("The body is not CBOR")),
        }
    }
}

fn not_text() -> Mismatch {
    Mismatch::new("A text is not UTF-8")
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let header = self.untagged()?;
        self.visit(header, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let start = self.at;
        if let Header::Simple(simple::NULL | simple::UNDEFINED) = self.untagged()? {
            return visitor.visit_none();
        }
        self.at = start;
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.deserialize_any(Structure(visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        let text: String = serde::Deserialize::deserialize(self)?;
        let text: StringDeserializer<Mismatch> = text.into_deserializer();
        visitor.visit_enum(text)
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map identifier ignored_any
    }
}

/// The members of a list or map: a given number, or up to a break.
struct Members<'a, 'de> {
    reader: &'a mut Reader<'de>,
    left: Option<usize>,
}

impl Members<'_, '_> {
    /// Whether another member follows. The break is read.
    fn has_more(&mut self) -> Result<bool, Mismatch> {
        match &mut self.left {
            Some(0) => Ok(false),
            Some(left) => {
                *left -= 1;
                Ok(true)
            }
            None => {
                let start = self.reader.at;
                if self.reader.pull()? == Header::Break {
                    self.left = Some(0);
                    return Ok(false);
                }
                self.reader.at = start;
                Ok(true)
            }
        }
    }

    /// Whoever visits a list or a map must read it to its end.
    fn end(&mut self) -> Result<(), Mismatch> {
        if self.has_more()? { Err(Mismatch::new("The body has members that were not expected")) } else { Ok(()) }
    }
}

impl<'de> SeqAccess<'de> for Members<'_, 'de> {
    type Error = Mismatch;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Mismatch> {
        if !self.has_more()? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

impl<'de> MapAccess<'de> for Members<'_, 'de> {
    type Error = Mismatch;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Mismatch> {
        if !self.has_more()? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Mismatch> {
        seed.deserialize(&mut *self.reader)
    }
}
