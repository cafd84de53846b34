//! Reads an XML document into the tree that forms are read into.

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::Event;

use crate::query::{Form, PARAMETER_DEPTH_MAX, PARAMETERS_MAX};

/// The members of the document's root, whatever it is called.
///
/// # Errors
/// Why it can't be read, in words for the caller.
pub(super) fn read(document: &[u8]) -> Result<Form, String> {
    let malformed = |error: &dyn std::fmt::Display| format!("The XML you provided was not well-formed: {error}");
    let mut reader = Reader::from_reader(document);
    reader.config_mut().expand_empty_elements = true;
    // The elements that are open, outermost first, each with its name; the root's container below.
    let mut open: Vec<(String, Form)> = vec![(String::new(), Form::default())];
    let mut elements = 0;
    loop {
        let text = match reader.read_event().map_err(|error| malformed(&error))? {
            Event::Start(start) => {
                elements += 1;
                if elements > PARAMETERS_MAX || open.len() > PARAMETER_DEPTH_MAX {
                    return Err(malformed(&"it has too many elements, or is nested too deeply"));
                }
                let name = start.local_name();
                let name = std::str::from_utf8(name.as_ref()).map_err(|error| malformed(&error))?;
                open.push((name.into(), Form::default()));
                continue;
            }
            Event::End(_) => {
                let (name, form) = open.pop().ok_or_else(|| malformed(&"an element ends that did not begin"))?;
                let (_, outer) = open.last_mut().ok_or_else(|| malformed(&"an element ends that did not begin"))?;
                outer.add(name, form.closed());
                continue;
            }
            Event::Text(text) => {
                text.xml_content(XmlVersion::Implicit1_0).map_err(|error| malformed(&error))?.into_owned()
            }
            Event::CData(text) => text.decode().map_err(|error| malformed(&error))?.into_owned(),
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().map_err(|error| malformed(&error))?;
                let name = reference.decode().map_err(|error| malformed(&error))?;
                let named = || quick_xml::escape::resolve_predefined_entity(&name).map(str::to_string);
                let resolved = character.map(String::from).or_else(named);
                resolved.ok_or_else(|| malformed(&"it has an entity that is not predefined"))?
            }
            Event::Eof => break,
            Event::DocType(_) => return Err(malformed(&"a document type is not allowed")),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => continue,
            Event::Empty(_) => continue,
        };
        if let Some((_, form)) = open.last_mut().filter(|_| elements > 0) {
            form.text.get_or_insert_default().push_str(&text);
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some((_, document)), true) => {
            let mut roots = document.below.into_values();
            match (roots.next(), roots.next()) {
                (Some(root), None) if root.more.is_empty() => Ok(root),
                _ => Err(malformed(&"it has not one root element")),
            }
        }
        _ => Err(malformed(&"it ends within an element")),
    }
}
