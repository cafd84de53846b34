//! What is wrong, or that nothing is.

use anabranch_protocol::{Cell, Column, Section};

use super::format;
use crate::problems::ServiceProblems;

const PROBLEMS: &[Column] =
    &[Column::text("Problem"), Column::text("Service"), Column::text("Resource"), Column::text("What is wrong")];
const HEALTH: &[Column] = &[Column::text("State"), Column::text("Services")];

pub(super) fn section(all: &[ServiceProblems]) -> Section {
    let mut rows = Vec::new();
    for found in all {
        for problem in &found.problems {
            let kind = problem.kind.as_str().replace('_', " ");
            rows.push(vec![
                if problem.kind.is_failure() { Cell::Bad(kind) } else { Cell::Neutral(kind) },
                Cell::Text(found.service.into()),
                Cell::Name(problem.resource.clone()),
                Cell::Text(problem.message.clone()),
            ]);
        }
        if found.more > 0 {
            let more = format!("and {} more", format::count(found.more as u64));
            rows.push(vec![Cell::Neutral(more), Cell::Text(found.service.into())]);
        }
    }
    if rows.is_empty() {
        let services: Vec<&str> = all.iter().map(|found| found.service).collect();
        rows.push(vec![Cell::Good("all well".into()), Cell::Text(services.join(", "))]);
        return Section { title: "Health", example: "", columns: HEALTH, rows: Ok(rows) };
    }
    Section { title: "Problems", example: "", columns: PROBLEMS, rows: Ok(rows) }
}
