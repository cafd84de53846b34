//! Starting, stopping, and what stands in the way of it.

use std::process::{Command, Output, Stdio};

use anabranch::{App, Config, StartError};

use crate::harness::{call, start, try_start};

fn anabranch(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_anabranch")).args(arguments).output().unwrap()
}

fn assert_fails(output: &Output, code: i32, message: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.contains(message), "{stderr}");
    assert_eq!(stderr.lines().filter(|line| line.starts_with("anabranch: ")).count(), 1, "{stderr}");
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    let table = r#"{"TableName": "sessions", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}"#;
    assert_eq!(call(app.address, "DynamoDB_20120810.CreateTable", table).await.status, 200);
    app.stop().await;
    let app = start(data.path()).await;
    let tables = call(app.address, "DynamoDB_20120810.ListTables", "{}").await;
    assert_eq!(tables.json()["TableNames"], serde_json::json!(["sessions"]));
    assert_eq!(tables.header("content-type"), Some("application/x-amz-json-1.0"));
    app.stop().await;
}

#[tokio::test]
async fn two_servers_in_one_process_and_one_directory() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    let error = try_start(data.path()).await.err().unwrap();
    assert!(matches!(error, StartError::DataDirectoryInUse { pid: Some(_), .. }), "{error}");
    app.stop().await;
    start(data.path()).await.stop().await;
}

#[tokio::test]
async fn another_process_owns_the_data_directory() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    let output = anabranch(&["serve", "--listen", "127.0.0.1:0", "--data", data.path().to_str().unwrap()]);
    assert_fails(&output, 4, &format!("is in use by process {}", std::process::id()));
    assert_eq!(call(app.address, "DynamoDB_20120810.ListTables", "{}").await.status, 200);
    app.stop().await;
}

#[tokio::test]
async fn the_port_is_in_use() {
    let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let app = start(data.path()).await;
    let config = Config { data: other.path().into(), listen: app.address, ..Config::default() };
    assert!(matches!(App::start(config).await.err(), Some(StartError::AddressInUse(_))));
    let address = app.address.to_string();
    let output = anabranch(&["serve", "--listen", &address, "--data", other.path().to_str().unwrap()]);
    assert_fails(&output, 3, &format!("{address} is already in use"));
    app.stop().await;
}

/// What a user's shell gives the server, and what the server makes of it.
#[tokio::test]
async fn a_server_keeps_its_files_private_takes_all_descriptors_and_survives_the_limit_of_file_sizes() {
    use std::io::{BufRead, BufReader};
    use std::os::unix::fs::PermissionsExt;

    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("data");
    let serve = format!(
        "umask 022; ulimit -Sn 256; exec {} serve --listen 127.0.0.1:0 --data {}",
        env!("CARGO_BIN_EXE_anabranch"),
        path.display()
    );
    let mut server =
        Command::new("sh").args(["-c", &serve]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.split("http://").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    let created = call(address, "Kinesis_20131202.CreateStream", r#"{"StreamName": "clicks", "ShardCount": 1}"#).await;
    assert_eq!(created.status, 200, "{created:?}");

    let mut entries = vec![path];
    while let Some(entry) = entries.pop() {
        let metadata = entry.metadata().unwrap();
        let mode = metadata.permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{mode:o} {}", entry.display());
        if metadata.is_dir() {
            entries.extend(std::fs::read_dir(entry).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
    let files: Vec<&str> =
        limits.lines().find(|line| line.starts_with("Max open files")).unwrap().split_whitespace().collect();
    assert_eq!(files[3], files[4], "soft and hard: {files:?}");

    let pid = rustix::process::Pid::from_child(&server);
    rustix::process::kill_process(pid, rustix::process::Signal::XFSZ).unwrap();
    assert_eq!(call(address, "DynamoDB_20120810.ListTables", "{}").await.status, 200);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(server.wait().unwrap().code(), Some(0));
}

#[test]
fn a_newer_data_directory_is_refused() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("VERSION"), "99\n").unwrap();
    let output = anabranch(&["serve", "--listen", "127.0.0.1:0", "--data", data.path().to_str().unwrap()]);
    assert_fails(&output, 5, "has format 99");
}

#[test]
fn an_unwritable_data_directory_is_refused() {
    let output = anabranch(&["serve", "--listen", "127.0.0.1:0", "--data", "/proc/anabranch-data"]);
    assert_fails(&output, 6, "can't write to the data directory /proc/anabranch-data");
}

#[test]
fn wrong_settings_are_refused() {
    let output = anabranch(&["serve", "--flush", "sometimes"]);
    assert_fails(&output, 2, "flush takes fsync, interval=MILLISECONDS or os");
    let output = anabranch(&["serve", "--config", "/nonexistent/anabranch.toml"]);
    assert_fails(&output, 2, "/nonexistent/anabranch.toml");
    assert_eq!(anabranch(&["serve", "--listen", "everywhere"]).status.code(), Some(2));
    assert_eq!(anabranch(&["serve", "--misspelt"]).status.code(), Some(2));
}

#[test]
fn every_command_has_an_example() {
    for command in ["serve", "up", "tail", "log"] {
        let help = anabranch(&[command, "--help"]);
        let text = String::from_utf8(help.stdout).unwrap();
        assert!(text.contains("Examples") && text.contains(&format!("anabranch {command}")), "{text}");
    }
}

#[test]
fn a_log_that_is_not_there_is_named() {
    let empty = tempfile::tempdir().unwrap();
    let output = anabranch(&["log", "stat", empty.path().to_str().unwrap()]);
    assert_fails(&output, 1, "no log here");
}

#[test]
fn tail_says_that_no_server_answers() {
    let output = anabranch(&["tail", "clicks", "--endpoint-url", "http://127.0.0.1:1"]);
    assert_fails(&output, 1, "can't reach a server at http://127.0.0.1:1");
}
