//! The console page: what this server holds, as one page without scripts. The sections are
//! those of the services ([`Service::sections`](anabranch_protocol::Service::sections)).

pub(crate) mod format;
mod page;
mod problems;
mod table;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Html;

use crate::gateway::Gateway;

/// `GET /_anabranch/`.
pub(crate) async fn page(State(gateway): State<Arc<Gateway>>) -> Html<String> {
    let mut sections = Vec::new();
    for service in &gateway.services.all {
        sections.extend(service.sections().await);
    }
    // What there is comes before what there could be.
    sections.sort_by_key(|section| section.rows.as_ref().is_ok_and(Vec::is_empty));
    sections.insert(0, problems::section(&crate::problems::problems(&gateway.services, &gateway.data)));
    Html(page::page(&gateway, &sections).into_string())
}
