//! Pages of lists.

/// A page of `items`, which are in the order of their `key`s, and the marker of the next one.
pub(super) fn page<T>(
    items: Vec<T>,
    marker: Option<&str>,
    most: usize,
    key: impl Fn(&T) -> String,
) -> (Vec<T>, Option<String>) {
    let is_behind = |item: &T| marker.is_none_or(|marker| key(item).as_str() > marker);
    let mut page: Vec<T> = items.into_iter().filter(is_behind).collect();
    let more = page.len() > most;
    page.truncate(most);
    let next = page.last().filter(|_| more).map(key);
    (page, next)
}

/// A number as a key that sorts as numbers do.
pub(super) fn number_key(number: u64) -> String {
    format!("{number:012}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another() {
        let (mut marker, mut seen) = (None, Vec::new());
        loop {
            let (found, next) = page((1..=7).collect(), marker.as_deref(), 3, |number: &u64| number_key(*number));
            seen.extend(found);
            marker = next;
            if marker.is_none() {
                break;
            }
        }
        assert_eq!(seen, (1..=7).collect::<Vec<u64>>());
    }
}
