//! Making, describing, listing and deleting delivery streams.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{House, MemoryWriter, clicks_raw};

fn house() -> (tempfile::TempDir, House) {
    let directory = tempfile::tempdir().unwrap();
    let house = House::open(directory.path(), MemoryWriter::default());
    (directory, house)
}

#[tokio::test]
async fn a_delivery_stream_is_described_as_made() {
    let (_directory, house) = house();
    let members = json!({ "Prefix": "raw/", "CompressionFormat": "GZIP", "FileExtension": ".jsonl.gz" });
    let made = house.call("CreateDeliveryStream", clicks_raw(members)).await.unwrap();
    let arn = "arn:aws:firehose:us-east-1:000000000000:deliverystream/clicks-raw";
    assert_eq!(made["DeliveryStreamARN"], arn);
    let described = house.call("DescribeDeliveryStream", json!({ "DeliveryStreamName": "clicks-raw" })).await.unwrap();
    let description = &described["DeliveryStreamDescription"];
    assert_eq!(description["DeliveryStreamARN"], arn);
    assert_eq!(description["DeliveryStreamStatus"], "ACTIVE");
    assert_eq!(description["VersionId"], "1");
    let destination = &description["Destinations"][0]["ExtendedS3DestinationDescription"];
    assert_eq!(destination["BufferingHints"], json!({ "SizeInMBs": 5, "IntervalInSeconds": 300 }));
    assert_eq!(destination["Prefix"], "raw/");
    assert_eq!(destination["FileExtension"], ".jsonl.gz");
    assert_eq!(description["Destinations"][0]["S3DestinationDescription"]["CompressionFormat"], "GZIP");
    let again = house.call("CreateDeliveryStream", clicks_raw(json!({}))).await.unwrap_err();
    assert_eq!(again.code, "ResourceInUseException");
}

#[tokio::test]
async fn what_is_not_offered_is_refused_by_name() {
    let (_directory, house) = house();
    let enabled = json!({ "Enabled": true });
    let cases = [
        ("ProcessingConfiguration", enabled.clone()),
        ("DynamicPartitioningConfiguration", enabled.clone()),
        ("DataFormatConversionConfiguration", enabled.clone()),
        ("CloudWatchLoggingOptions", enabled),
        ("S3BackupMode", json!("Enabled")),
        ("EncryptionConfiguration", json!({ "KMSEncryptionConfig": { "AWSKMSKeyARN": "arn:aws:kms:x:y:key/z" } })),
        ("CompressionFormat", json!("ZIP")),
        ("Colour", json!("blue")),
    ];
    for (member, value) in cases {
        let error = house.call("CreateDeliveryStream", clicks_raw(json!({ member: value }))).await.unwrap_err();
        assert_eq!(error.code, "InvalidArgumentException", "{member}");
        assert!(error.message.contains(member) && error.message.contains("not supported"), "{error}");
    }
    for (member, value) in [
        ("KinesisStreamSourceConfiguration", json!({ "KinesisStreamARN": "arn" })),
        ("DeliveryStreamType", json!("KinesisStreamAsSource")),
        ("HttpEndpointDestinationConfiguration", json!({})),
    ] {
        let mut request = clicks_raw(json!({}));
        request[member] = value;
        let error = house.call("CreateDeliveryStream", request).await.unwrap_err();
        assert!(error.message.contains(member), "{error}");
    }
    let error = house.call("UpdateDestination", json!({})).await.unwrap_err();
    assert_eq!(error.code, "UnknownOperationException");
    assert_eq!(error.message, "Anabranch does not support the operation UpdateDestination of Amazon Data Firehose.");
    assert_eq!(house.call("Nonsense", json!({})).await.unwrap_err().code, "UnknownOperationException");
    assert_eq!(house.firehose.stat(), []);
}

#[tokio::test]
async fn members_that_change_nothing_are_accepted() {
    let (_directory, house) = house();
    let disabled = json!({ "Enabled": false });
    let members = json!({
        "ProcessingConfiguration": disabled,
        "CloudWatchLoggingOptions": disabled,
        "S3BackupMode": "Disabled",
        "EncryptionConfiguration": { "NoEncryptionConfig": "NoEncryption" },
    });
    house.create(members).await;
}

#[tokio::test]
async fn violations_are_reported_together() {
    let (_directory, house) = house();
    let hints = json!({ "SizeInMBs": 129, "IntervalInSeconds": 901 });
    let members = json!({ "BufferingHints": hints, "BucketARN": "clickstream-raw", "FileExtension": "gz" });
    let mut request = clicks_raw(members);
    request["DeliveryStreamName"] = Value::from("two words");
    let error = house.call("CreateDeliveryStream", request).await.unwrap_err();
    assert_eq!(error.code, "ValidationException");
    assert!(error.message.starts_with("5 validation errors detected: "), "{error}");
    for path in ["deliveryStreamName", "bucketARN", "sizeInMBs", "intervalInSeconds", "fileExtension"] {
        assert!(error.message.contains(path), "{path}: {error}");
    }
    let request = json!({ "DeliveryStreamName": "none" });
    let error = house.call("CreateDeliveryStream", request).await.unwrap_err();
    assert!(error.message.contains("Exactly one destination"), "{error}");
    let members = json!({ "Prefix": "!{timestamp:yyyy}/" });
    let error = house.call("CreateDeliveryStream", clicks_raw(members)).await.unwrap_err();
    assert_eq!(error.code, "InvalidArgumentException");
    assert!(error.message.contains("ErrorOutputPrefix"), "{error}");
}

#[tokio::test]
async fn names_are_listed_in_pages() {
    let (_directory, house) = house();
    for name in ["c", "a", "d", "b"] {
        let mut request = clicks_raw(json!({}));
        request["DeliveryStreamName"] = Value::from(name);
        house.call("CreateDeliveryStream", request).await.unwrap();
    }
    let page = house.call("ListDeliveryStreams", json!({ "Limit": 3 })).await.unwrap();
    assert_eq!(page, json!({ "DeliveryStreamNames": ["a", "b", "c"], "HasMoreDeliveryStreams": true }));
    let page = house.call("ListDeliveryStreams", json!({ "ExclusiveStartDeliveryStreamName": "c" })).await.unwrap();
    assert_eq!(page, json!({ "DeliveryStreamNames": ["d"], "HasMoreDeliveryStreams": false }));
    let page = house.call("ListDeliveryStreams", json!({ "DeliveryStreamType": "MSKAsSource" })).await.unwrap();
    assert_eq!(page["DeliveryStreamNames"], json!([]));
}

#[tokio::test]
async fn a_deleted_delivery_stream_leaves_nothing() {
    let (directory, house) = house();
    house.create(json!({})).await;
    house.put(&[b"gone".to_vec()]).await.unwrap();
    let logs = directory.path().join("firehose");
    assert_eq!(fs::read_dir(&logs).unwrap().count(), 1);
    let name = json!({ "DeliveryStreamName": "clicks-raw" });
    house.call("DeleteDeliveryStream", name.clone()).await.unwrap();
    assert_eq!(fs::read_dir(&logs).unwrap().count(), 0);
    for operation in ["DeleteDeliveryStream", "DescribeDeliveryStream"] {
        assert_eq!(house.call(operation, name.clone()).await.unwrap_err().code, "ResourceNotFoundException");
    }
    house.create(json!({})).await;
    assert_eq!(house.stat().backlog_records, 0);
}
