"""TLS on the same port as plain HTTP, with the certificate that the server made."""

import shutil
import socket
import subprocess

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import SSLError


def certificate(server):
    return server.directory / "data/tls/certificate.pem"


def kinesis(server, verify):
    return boto3.client(
        "kinesis",
        endpoint_url=f"https://localhost:{server.port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        verify=str(verify) if verify else None,
        config=Config(retries={"max_attempts": 1}),
    )


def test_boto3_trusts_the_certificate(server):
    assert "StreamNames" in kinesis(server, certificate(server)).list_streams()
    assert "StreamNames" in server.client("kinesis").list_streams(), "plain HTTP on the same port"
    with pytest.raises(SSLError):
        kinesis(server, None).list_streams()


@pytest.mark.parametrize(("asked", "answered"), [("--http2", "2"), ("--http1.1", "1.1")])
def test_the_version_of_http_is_negotiated(server, asked, answered):
    command = ["curl", "-sS", asked, "--cacert", certificate(server), "-o", "/dev/null", "-w", "%{http_version}"]
    url = f"https://localhost:{server.port}/_anabranch/health"
    assert subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout == answered


def test_who_begins_no_handshake_keeps_nobody_waiting(server):
    with socket.create_connection(("127.0.0.1", server.port)), socket.create_connection(
        ("127.0.0.1", server.port)
    ) as halfway:
        halfway.sendall(b"\x16\x03\x01")
        assert "StreamNames" in kinesis(server, certificate(server)).list_streams()


def test_a_given_certificate_is_shown(server, servers, tmp_path):
    for name in ("certificate.pem", "key.pem"):
        shutil.copy(certificate(server).with_name(name), tmp_path / f"given-{name}")
    files = ["--tls-certificate", tmp_path / "given-certificate.pem", "--tls-key", tmp_path / "given-key.pem"]
    other = servers(arguments=files).start()
    assert "StreamNames" in kinesis(other, certificate(server)).list_streams()
    assert not certificate(other).exists()
