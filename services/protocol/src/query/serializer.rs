//! Writes an operation's output as XML elements.

use std::fmt::Display;

use base64_simd::STANDARD;
use jiff::Timestamp;
use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
use serde::ser::{Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer};

use super::style::QueryStyle;
use crate::encoding::MOMENT;

/// Why a value could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{0}")]
    Value(String),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl serde::ser::Error for Failure {
    fn custom<T: Display>(message: T) -> Self {
        Self::Value(message.to_string())
    }
}

/// A value under a name: one element, none if it is absent, or several if it is a flattened list.
pub(super) struct Named<'a, W> {
    writer: &'a mut Writer<W>,
    style: &'a QueryStyle,
    name: &'a str,
    is_flattened: bool,
    root: Root<'a>,
}

/// What is different at the root of a document.
#[derive(Clone, Copy, Default)]
pub(super) struct Root<'a> {
    /// Its namespace, if it has one.
    pub(super) namespace: &'a str,
    /// Members that are not in it.
    pub(super) outside: &'a [&'a str],
}

impl<'a, W: std::io::Write> Named<'a, W> {
    pub(super) fn new(writer: &'a mut Writer<W>, style: &'a QueryStyle, name: &'a str) -> Self {
        Self::root(writer, style, name, Root::default())
    }

    pub(super) fn root(writer: &'a mut Writer<W>, style: &'a QueryStyle, name: &'a str, root: Root<'a>) -> Self {
        Self { writer, style, name, is_flattened: style.is_flattened, root }
    }

    fn text(self, text: &str) -> Result<(), Failure> {
        self.writer.create_element(self.name).write_text_content(BytesText::new(text))?;
        Ok(())
    }

    fn number(self, number: impl Display) -> Result<(), Failure> {
        self.text(&number.to_string())
    }
}

/// Elements of a list, a map or a structure, and the end of what is around them.
pub(super) struct Inner<'a, W> {
    writer: &'a mut Writer<W>,
    style: &'a QueryStyle,
    /// The element around, where there is one.
    around: Option<&'a str>,
    /// The name that each member of a list, or entry of a map, has.
    each: &'a str,
    key: Option<String>,
    is_flattened: bool,
    /// Members that are not written.
    outside: &'a [&'a str],
}

impl<'a, W: std::io::Write> Inner<'a, W> {
    fn begin(named: Named<'a, W>, wrapped_each: &'a str) -> Result<Self, Failure> {
        let Named { writer, style, name, is_flattened, root } = named;
        let outside = root.outside;
        if is_flattened {
            return Ok(Self { writer, style, around: None, each: name, key: None, is_flattened, outside });
        }
        let mut start = BytesStart::new(name);
        if !root.namespace.is_empty() {
            start.push_attribute(("xmlns", root.namespace));
        }
        writer.write_event(Event::Start(start))?;
        Ok(Self { writer, style, around: Some(name), each: wrapped_each, key: None, is_flattened, outside })
    }

    fn named<'b>(&'b mut self, name: &'b str) -> Named<'b, W> {
        Named::new(self.writer, self.style, name)
    }

    fn finish(self) -> Result<(), Failure> {
        if let Some(name) = self.around {
            self.writer.write_event(Event::End(BytesEnd::new(name)))?;
        }
        Ok(())
    }
}

impl<W: std::io::Write> SerializeSeq for Inner<'_, W> {
    type Ok = ();
    type Error = Failure;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        let each = self.each;
        // A list in a list is wrapped even where lists are flattened.
        value.serialize(Named { is_flattened: false, ..self.named(each) })
    }

    fn end(self) -> Result<(), Failure> {
        self.finish()
    }
}

impl<W: std::io::Write> SerializeMap for Inner<'_, W> {
    type Ok = ();
    type Error = Failure;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Failure> {
        match serde_json::to_value(key) {
            Ok(serde_json::Value::String(key)) => self.key = Some(key),
            _ => return Err(unwritable("a key that is not text")),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        let key = self.key.take().unwrap_or_default();
        let each = self.each;
        let (key_name, value_name) = match (self.is_flattened, each) {
            (false, _) => ("key", "value"),
            // Whatever is called a tag has a key in every service model.
            (true, "Tag") => ("Key", "Value"),
            (true, _) => ("Name", "Value"),
        };
        self.writer.write_event(Event::Start(BytesStart::new(each)))?;
        self.named(key_name).text(&key)?;
        value.serialize(self.named(value_name))?;
        self.writer.write_event(Event::End(BytesEnd::new(each)))?;
        Ok(())
    }

    fn end(self) -> Result<(), Failure> {
        self.finish()
    }
}

impl<W: std::io::Write> SerializeStruct for Inner<'_, W> {
    type Ok = ();
    type Error = Failure;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Failure> {
        if self.outside.contains(&name) {
            return Ok(());
        }
        let name = self.style.name(name);
        value.serialize(self.named(name))
    }

    fn end(self) -> Result<(), Failure> {
        self.finish()
    }
}

macro_rules! as_text {
    ($($method:ident $kind:ty;)+) => {$(
        fn $method(self, value: $kind) -> Result<(), Failure> {
            self.number(value)
        }
    )+};
}

impl<'a, W: std::io::Write> Serializer for Named<'a, W> {
    type Ok = ();
    type Error = Failure;
    type SerializeSeq = Inner<'a, W>;
    type SerializeTuple = Impossible<(), Failure>;
    type SerializeTupleStruct = Impossible<(), Failure>;
    type SerializeTupleVariant = Impossible<(), Failure>;
    type SerializeMap = Inner<'a, W>;
    type SerializeStruct = Inner<'a, W>;
    type SerializeStructVariant = Impossible<(), Failure>;

    as_text! {
        serialize_bool bool; serialize_i8 i8; serialize_i16 i16; serialize_i32 i32; serialize_i64 i64;
        serialize_u8 u8; serialize_u16 u16; serialize_u32 u32; serialize_u64 u64; serialize_f32 f32;
        serialize_f64 f64; serialize_char char;
    }

    fn serialize_str(self, text: &str) -> Result<(), Failure> {
        self.text(text)
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Failure> {
        self.text(&STANDARD.encode_to_string(bytes))
    }

    fn serialize_none(self) -> Result<(), Failure> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Failure> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Failure> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Failure> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Failure> {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<(), Failure> {
        if name != MOMENT {
            return value.serialize(self);
        }
        let seconds = serde_json::to_value(value).ok().and_then(|seconds| seconds.as_f64());
        let seconds = seconds.ok_or_else(|| unwritable("a moment that is not a number"))?;
        let moment = Timestamp::from_millisecond((seconds * 1000.0).round() as i64);
        self.number(moment.map_err(|error| Failure::Value(error.to_string()))?)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Inner<'a, W>, Failure> {
        Inner::begin(self, "member")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Inner<'a, W>, Failure> {
        Inner::begin(self, "entry")
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Inner<'a, W>, Failure> {
        Inner::begin(Named { is_flattened: false, ..self }, "")
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Failure> {
        Err(unwritable("a tuple"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Failure> {
        Err(unwritable("a tuple"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Failure> {
        Err(unwritable("a tuple"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Failure> {
        Err(unwritable("a variant with members"))
    }
}

fn unwritable(what: &str) -> Failure {
    Failure::Value(format!("{what} has no form in XML"))
}
