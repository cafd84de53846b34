//! What the tests of this crate share: a store on a scratch directory, and literal requests to it.

use std::path::Path;
use std::sync::Arc;

use anabranch_objects::{NotificationTarget, Objects};
use anabranch_protocol::ManualClock;
use axum::body::Body;
use http::{Method, Request, Response};
use http_body_util::BodyExt;

pub(crate) fn open(directory: &Path, target: Option<Arc<dyn NotificationTarget>>) -> Arc<Objects> {
    Objects::open(directory, Arc::new(ManualClock::new(1_763_000_000_000)), target).unwrap()
}

pub(crate) async fn send(
    objects: &Objects,
    method: Method,
    uri: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(uri).header("host", "127.0.0.1:4566");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.header("content-length", body.len()).body(Body::from(body.to_vec())).unwrap();
    objects.handle(request).await
}

pub(crate) async fn text(response: Response<Body>) -> (u16, String) {
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

pub(crate) async fn put(objects: &Objects, uri: &str, body: &[u8]) -> u16 {
    send(objects, Method::PUT, uri, &[], body).await.status().as_u16()
}

pub(crate) async fn get(objects: &Objects, uri: &str, headers: &[(&str, &str)]) -> (u16, String) {
    text(send(objects, Method::GET, uri, headers, b"").await).await
}

pub(crate) fn data_files(directory: &Path) -> usize {
    let shelves = std::fs::read_dir(directory.join("data")).unwrap();
    shelves.map(|shelf| std::fs::read_dir(shelf.unwrap().path()).unwrap().count()).sum()
}
