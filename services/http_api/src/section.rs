//! The HTTP APIs as the console shows them.

use std::sync::Arc;

use anabranch_protocol::{Cell, Column, Section};

use crate::ApiSpec;

const COLUMNS: &[Column] = &[Column::text("API"), Column::text("Route"), Column::text("Address")];

pub(crate) fn section(apis: &[Arc<ApiSpec>]) -> Section {
    let rows = |api: &Arc<ApiSpec>| {
        let path = format!("/_aws/execute-api/{}/{}", api.api_id, api.stage);
        let row = |route: &crate::Route| {
            let target = Cell::Text(format!("{} → {}", route.key, route.function));
            vec![Cell::Name(api.name.clone()), target, Cell::Path(path.clone())]
        };
        api.routes.iter().map(row).collect::<Vec<_>>()
    };
    Section {
        title: "HTTP APIs",
        example: "anabranch up TEMPLATE",
        columns: COLUMNS,
        rows: Ok(apis.iter().flat_map(rows).collect()),
    }
}
