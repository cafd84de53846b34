//! Lists of objects in an event: all fields of a match must come from the same element of
//! each list ("array consistency").
//!
//! An event is seen as a tree: elements hold lists, lists hold elements. A value belongs to
//! the innermost object or list that is an element of a list; strings and numbers that are
//! elements themselves belong where their list does. A match chooses one element of each list
//! that it needs. Lists that are not inside one another can be chosen for separately, so the
//! time is that of visiting each element once for each conjunction.
//!
//! `exists: false` follows Event Ruler, which looks at fields in the order of their names:
//! until an earlier field has settled an element, a field counts as present if it is in any
//! element of the list, from then on only if it is in that one.

use smallvec::{SmallVec, smallvec};

use crate::bits::Bits;
use crate::program::{Key, Program};

/// An object or list inside a list, or the event.
#[derive(Debug)]
pub(crate) struct Element {
    /// Requirements that its own values fulfil.
    pub(crate) fulfilled: Bits,
    /// Fields of which it has values of its own.
    pub(crate) present: Bits,
    /// Fields of which it or the lists in it have values.
    within: Bits,
    arrays: SmallVec<[usize; 2]>,
}

/// A list with at least one object or list that some rule asks for.
#[derive(Debug)]
struct Array {
    elements: Vec<usize>,
    within: Bits,
}

impl Element {
    fn new(program: &Program) -> Self {
        let fields = Bits::new(program.fields());
        Self {
            fulfilled: Bits::new(program.requirements),
            present: fields.clone(),
            within: fields,
            arrays: SmallVec::new(),
        }
    }
}

/// A key that is looked for in a list.
#[derive(Clone, Copy, PartialEq)]
enum Need {
    /// Nothing outside of the list fulfils it.
    Must,
    /// A value outside does already.
    May,
}

type Needs = SmallVec<[(Key, Need); 4]>;

/// What an event consists of: itself, then the elements of its lists that are objects or lists.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) elements: SmallVec<[Element; 1]>,
    arrays: Vec<Array>,
}

impl Tree {
    /// That of an event of which nothing was seen yet.
    pub(crate) fn new(program: &Program) -> Self {
        Self { elements: smallvec![Element::new(program)], arrays: Vec::new() }
    }

    /// Adds an element, and says which it is and which list would be the first in it; until
    /// [`Tree::end_element`] puts it in its place.
    pub(crate) fn begin_element(&mut self, program: &Program) -> (usize, usize) {
        self.elements.push(Element::new(program));
        (self.elements.len() - 1, self.arrays.len())
    }

    /// Puts element `id`, which has been walked over, into its `list` in element `outer`; or drops it, with the
    /// arrays in it (all from `first_array` on), if no rule asks for anything there.
    pub(crate) fn end_element(&mut self, id: usize, outer: usize, list: &mut Option<usize>, first_array: usize) {
        let mut within = self.elements[id].present.clone();
        for &array in &self.elements[id].arrays {
            within.add(&self.arrays[array].within);
        }
        if within.is_empty() {
            self.elements.truncate(id);
            self.arrays.truncate(first_array);
            return;
        }
        match *list {
            Some(array) => {
                self.arrays[array].elements.push(id);
                self.arrays[array].within.add(&within);
            }
            None => {
                *list = Some(self.arrays.len());
                self.elements[outer].arrays.push(self.arrays.len());
                self.arrays.push(Array { elements: vec![id], within: within.clone() });
            }
        }
        self.elements[id].within = within;
    }

    /// Whether `keys`, in the order of their names, are fulfilled in an element.
    pub(crate) fn element_fulfils(&self, id: usize, keys: &[Key]) -> bool {
        let element = &self.elements[id];
        let mut by_array: SmallVec<[Needs; 2]> = SmallVec::from_elem(SmallVec::new(), element.arrays.len());
        for key in keys {
            let fulfilled = element.fulfilled.has(key.requirement);
            match element.arrays.iter().position(|&array| self.arrays[array].within.has(key.field)) {
                Some(array) => by_array[array].push((*key, if fulfilled { Need::May } else { Need::Must })),
                None if fulfilled || (key.absent && !element.present.has(key.field)) => {}
                None => return false,
            }
        }
        element.arrays.iter().zip(by_array).all(|(&array, keys)| self.array_fulfils(array, &keys))
    }

    fn array_fulfils(&self, array: usize, keys: &[(Key, Need)]) -> bool {
        let must: SmallVec<[Key; 4]> =
            keys.iter().filter(|(_, need)| *need == Need::Must).map(|(key, _)| *key).collect();
        if self.some_element_fulfils(array, &must) {
            return true;
        }
        // A field that a value outside fulfils can still settle an element, and with it make others absent.
        must.len() < keys.len() && must.iter().any(|key| key.absent) && {
            let all: SmallVec<[Key; 4]> = keys.iter().map(|(key, _)| *key).collect();
            self.some_element_fulfils(array, &all)
        }
    }

    /// Whether one element has the first field, which settles it, and fulfils all.
    fn some_element_fulfils(&self, array: usize, keys: &[Key]) -> bool {
        let Some(first) = keys.first() else { return true };
        self.arrays[array]
            .elements
            .iter()
            .any(|&element| self.elements[element].within.has(first.field) && self.element_fulfils(element, keys))
    }
}
