//! What the tests of this crate share: a store on a scratch directory, and literal requests to it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anabranch_objects::Objects;
use anabranch_ports::Target;
use anabranch_protocol::ManualClock;
use axum::body::Body;
use http::{Method, Request, Response};
use http_body_util::BodyExt;

pub(crate) fn open(directory: &Path, target: Option<Arc<dyn Target>>) -> Arc<Objects> {
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

pub(crate) async fn delete(objects: &Objects, uri: &str) -> u16 {
    send(objects, Method::DELETE, uri, &[], b"").await.status().as_u16()
}

pub(crate) async fn get(objects: &Objects, uri: &str, headers: &[(&str, &str)]) -> (u16, String) {
    text(send(objects, Method::GET, uri, headers, b"").await).await
}

/// The text of the first element `name` in `xml`.
pub(crate) fn element(xml: &str, name: &str) -> String {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {xml}"));
    rest.split('<').next().unwrap().to_string()
}

pub(crate) async fn create_upload(objects: &Objects, uri: &str) -> String {
    let (_, answer) = text(send(objects, Method::POST, &format!("{uri}?uploads"), &[], b"").await).await;
    element(&answer, "UploadId")
}

/// Uploads a part and gives its ETag, without quotes.
pub(crate) async fn upload_part(objects: &Objects, uri: &str, upload_id: &str, number: i32, body: &[u8]) -> String {
    let uri = format!("{uri}?partNumber={number}&uploadId={upload_id}");
    let response = send(objects, Method::PUT, &uri, &[], body).await;
    let etag = response.headers().get("etag").map(|etag| etag.to_str().unwrap().trim_matches('"').to_string());
    etag.unwrap_or_else(|| panic!("{uri}: {}", response.status()))
}

pub(crate) async fn complete(objects: &Objects, uri: &str, upload_id: &str, parts: &[(i32, &str)]) -> (u16, String) {
    let part =
        |(number, etag): &(i32, &str)| format!("<Part><PartNumber>{number}</PartNumber><ETag>\"{etag}\"</ETag></Part>");
    let parts: String = parts.iter().map(part).collect();
    let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
    text(send(objects, Method::POST, &format!("{uri}?uploadId={upload_id}"), &[], body.as_bytes()).await).await
}

/// Files under `data`, but for the store's id.
pub(crate) fn data_files(directory: &Path) -> usize {
    let shelves = std::fs::read_dir(directory.join("data")).unwrap().map(|shelf| shelf.unwrap().path());
    shelves.filter(|shelf| shelf.is_dir()).map(|shelf| std::fs::read_dir(shelf).unwrap().count()).sum()
}

/// Waits until nothing is left under `data`: files that were being read go once their readers are done.
pub(crate) async fn until_no_data_files(directory: &Path) {
    let gone = async {
        while data_files(directory) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), gone).await;
    assert!(waited.is_ok(), "{} files are left behind", data_files(directory));
}
