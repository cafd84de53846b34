//! How services that speak Query write their answers.

/// How a service writes its answers.
#[derive(Debug, Clone, Copy)]
pub struct QueryStyle {
    /// XML namespace of its answers, such as `http://sns.amazonaws.com/doc/2010-03-31/`.
    pub namespace: &'static str,
    /// Whether lists and maps repeat the member's element (`flattened` in the service model)
    /// instead of wrapping `member` and `entry` elements in it.
    pub is_flattened: bool,
    /// Members that have another name in XML than in JSON (`locationName`), such as
    /// `("Messages", "Message")`.
    pub renamed: &'static [(&'static str, &'static str)],
}

impl QueryStyle {
    pub(super) fn name(&self, member: &'static str) -> &'static str {
        self.renamed.iter().find(|(json, _)| *json == member).map_or(member, |(_, xml)| xml)
    }
}
