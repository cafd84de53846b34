//! The page around the sections.

use anabranch_protocol::Section;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{format, table};
use crate::config::{flush_losses, flush_name};
use crate::gateway::{Gateway, resident_bytes};

const STYLE: &str = include_str!("style.css");

pub(super) fn page(gateway: &Gateway, sections: &[Section]) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Anabranch" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (header(gateway))
                main {
                    @for section in sections { (table::section(section, &gateway.base_url)) }
                    (reach(&gateway.base_url))
                }
                footer {
                    a href="/_anabranch/health" { "health" }
                    a href="/_anabranch/metrics" { "metrics" }
                    a href="/_anabranch/" { "reload" }
                }
            }
        }
    }
}

fn header(gateway: &Gateway) -> Markup {
    let uptime_ms = gateway.started.elapsed().as_millis() as u64;
    let flush = gateway.config.flush;
    html! {
        header {
            div.title { h1 { "Anabranch" } span.version { (env!("CARGO_PKG_VERSION")) } }
            dl {
                div { dt { "Endpoint" } dd { code { (gateway.base_url) } } }
                div { dt { "Up for" } dd { (format::duration(uptime_ms)) } }
                @if let Some(memory) = resident_bytes() {
                    div { dt { "Memory" } dd { (format::bytes(memory)) } }
                }
                div { dt { "Data" } dd { code { (gateway.data.display()) } } }
                div { dt { "Flush" } dd { code { (flush_name(flush)) } " · " (flush_losses(flush)) } }
            }
        }
    }
}

/// How to use the server.
fn reach(base_url: &str) -> Markup {
    let lines = format!(
        "export AWS_ENDPOINT_URL={base_url} AWS_REGION=us-east-1\n\
         export AWS_ACCESS_KEY_ID=anabranch AWS_SECRET_ACCESS_KEY=anabranch\n\n\
         aws kinesis list-streams\n\
         aws s3 ls\n\
         aws dynamodb list-tables\n\
         aws lambda list-functions\n\n\
         anabranch tail STREAM --follow"
    );
    html! {
        section {
            h2 { "How to reach it" }
            p.hint { "Any credentials work with the AWS CLI and SDKs. In a shell:" }
            pre { code { (lines) } }
        }
    }
}
