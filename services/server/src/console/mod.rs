//! The console page: what this server holds, as one page without scripts.

pub(crate) mod format;
mod page;
mod section;
mod sections;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Html;

use crate::gateway::Gateway;
use crate::problems::problems;

/// `GET /_anabranch/`.
pub(crate) async fn page(State(gateway): State<Arc<Gateway>>) -> Html<String> {
    let mut sections = vec![sections::problems(&problems(&gateway.services, &gateway.data))];
    sections.extend(sections::all(&gateway).await);
    Html(page::page(&gateway, &sections).into_string())
}
