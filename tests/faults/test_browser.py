"""A real browser: a page of another origin reaches nothing, whatever a page can send; a stored page can't
call the API or read the console; the console can't be framed; what is let through by option or by a
bucket's CORS rules is exactly that."""

import base64
import http.server
import json
import pathlib
import threading
import time
import urllib.request

import pytest

from anabranch_server import Server, wait_for
from browser import Browser

TEMPLATE = pathlib.Path(__file__).resolve().parent.parent / "functions/template.yaml"
SECRET = "what nobody else may read"
AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"
# Long enough for what a page sends without an answer to it; all of it goes to this machine.
SETTLE_S = 1
STORED = """<!doctype html><title>stored</title><p id=p>stored</p><script>
document.title = "ran";
fetch("/_anabranch/").then(answer => answer.text()).then(text => { document.title = "read " + text.length; });
fetch("/", {method: "POST", headers: {"X-Amz-Target": "Kinesis_20131202.CreateStream", "Content-Type": "application/x-amz-json-1.1", "Authorization": "Credential=a/20260101/us-east-1/kinesis/aws4_request"}, body: '{"StreamName":"by-stored-page","ShardCount":1}'});
fetch("/private/by-stored-page", {method: "PUT", body: "x"});
</script>"""


class OtherSite:
    """A site on a port of its own, with one empty page."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = b"<!doctype html><title>other</title><body></body>"
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def other_site():
    site = OtherSite()
    yield site
    site.server.shutdown()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("browser") / "profile", ["MAP rebound.example 127.0.0.1"])
    yield browser
    browser.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory, other_site):
    trusted = f"http://trusted.localhost:{other_site.port}"
    server = Server(tmp_path_factory.mktemp("server"), TEMPLATE, ["--cors-origin", trusted]).start()
    s3 = server.client("s3")
    for bucket in ["private", "empty", "shared"]:
        s3.create_bucket(Bucket=bucket)
    for bucket in ["private", "shared"]:
        s3.put_object(Bucket=bucket, Key="secret.txt", Body=SECRET, ContentType="text/plain")
    s3.put_object(Bucket="private", Key="page.html", Body=STORED, ContentType="text/html")
    s3.put_object(Bucket="private", Key="page.bin", Body=STORED, ContentType="application/octet-stream")
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><title>stored</title>' + STORED[STORED.index("<script>") :] + "</svg>"
    s3.put_object(Bucket="private", Key="page.svg", Body=svg, ContentType="image/svg+xml")
    s3.put_bucket_cors(
        Bucket="shared",
        CORSConfiguration={"CORSRules": [{"AllowedOrigins": [f"http://evil.localhost:{other_site.port}"], "AllowedMethods": ["GET"]}]},
    )
    server.client("kinesis").create_stream(StreamName="there", ShardCount=1)
    # The function's process is up, so that its Runtime API listens.
    server.client("lambda").invoke(FunctionName="behaving", Payload=b'{"by": "us"}')
    yield server
    server.stop()


def state(server):
    """All that a page could have changed."""
    s3 = server.client("s3")
    buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    return {
        "streams": server.client("kinesis").list_streams()["StreamNames"],
        "tables": server.client("dynamodb").list_tables()["TableNames"],
        "delivery streams": server.client("firehose").list_delivery_streams()["DeliveryStreamNames"],
        "objects": {name: [one["Key"] for one in s3.list_objects_v2(Bucket=name).get("Contents", [])] for name in buckets},
        "secret": s3.get_object(Bucket="private", Key="secret.txt")["Body"].read(),
        "mappings": len(server.client("lambda").list_event_source_mappings()["EventSourceMappings"]),
        "invocations": (server.directory / "data/lambda/behaving.log").read_text().count("event "),
    }


def listening_ports(pid):
    """Ports on which a process listens, such as those of the Runtime API."""
    inodes = set()
    for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(descriptor.readlink().name)
        except OSError:
            continue
    rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in inodes}


# What a page can do without asking, and what it must ask for; each gives what it could read.
SCRIPT = """
(async (base, ports, authorization) => {
  const read = [], sent = [];
  // A refusal may be shown as XML, whose elements are no forms or frames unless they are told to be.
  const make = tag => document.createElementNS("http://www.w3.org/1999/xhtml", tag);
  const place = document.body || document.documentElement;
  const sleep = ms => new Promise(done => setTimeout(done, ms));
  const attempt = async (what, url, options) => {
    sent.push(what);
    try {
      const answer = await Promise.race([fetch(url, options), sleep(5000).then(() => { throw new Error("no answer"); })]);
      if (answer.type != "opaque" && answer.type != "opaqueredirect") {
        // A page sees its own refusal when its name leads here; what it must not see is anything behind it.
        read.push([what, answer.status, (await answer.text()).slice(0, 200)]);
      }
    } catch (error) { }
  };
  const kinesis = (operation, body) => ({method: "POST", body, headers: {"X-Amz-Target": "Kinesis_20131202." + operation, "Content-Type": "application/x-amz-json-1.1", "Authorization": authorization}});
  const paths = ["/", "/private", "/private/secret.txt", "/private/by-page", "/empty", "/new-bucket", "/_anabranch/", "/_anabranch/health", "/_anabranch/metrics", "/2015-03-31/functions/behaving/invocations", "/2015-03-31/functions/", "/2015-03-31/event-source-mappings/", "/private?delete"];
  for (const path of paths) {
    for (const method of ["GET", "HEAD", "POST"]) {
      await attempt(`no-cors ${method} ${path}`, base + path, {mode: "no-cors", method, body: method == "POST" ? '{"by":"a page"}' : undefined});
    }
    for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
      await attempt(`cors ${method} ${path}`, base + path, {mode: "cors", method, body: ["POST", "PUT", "PATCH"].includes(method) ? '{"by":"a page"}' : undefined});
    }
    await attempt(`cors with credentials GET ${path}`, base + path, {mode: "cors", credentials: "include"});
  }
  await attempt("CreateStream", base + "/", kinesis("CreateStream", '{"StreamName":"by-page","ShardCount":1}'));
  await attempt("ListStreams", base + "/", kinesis("ListStreams", "{}"));
  await attempt("DeleteStream", base + "/", kinesis("DeleteStream", '{"StreamName":"there"}'));
  for (const [target, body] of [["DynamoDB_20120810.CreateTable", '{"TableName":"by-page","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{"AttributeName":"a","AttributeType":"S"}],"KeySchema":[{"AttributeName":"a","KeyType":"HASH"}]}'], ["Firehose_20150804.CreateDeliveryStream", '{"DeliveryStreamName":"by-page","S3DestinationConfiguration":{"RoleARN":"arn:aws:iam::000000000000:role/r","BucketARN":"arn:aws:s3:::private"}}']]) {
    await attempt(target, base + "/", {method: "POST", body, headers: {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0", "Authorization": authorization}});
  }
  await attempt("a mapping", base + "/2015-03-31/event-source-mappings/", {method: "POST", mode: "no-cors", body: '{"FunctionName":"behaving","EventSourceArn":"arn:aws:kinesis:us-east-1:000000000000:stream/there","StartingPosition":"TRIM_HORIZON"}'});
  await attempt("signed by query", base + "/private/by-page?X-Amz-Credential=a%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=0", {mode: "no-cors", method: "POST", body: "x"});

  const into = name => { const frame = make("iframe"); frame.name = name; place.append(frame); return name; };
  const form = (path, enctype, fields) => {
    const one = make("form");
    Object.assign(one, {method: "POST", action: base + path, enctype, target: into("frame" + sent.length)});
    for (const [name, value] of Object.entries(fields)) {
      const input = make("input");
      Object.assign(input, {name, value});
      one.append(input);
    }
    place.append(one);
    one.submit();
    sent.push(`form ${enctype} ${path}`);
  };
  for (const enctype of ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"]) {
    form("/", enctype, {Action: "CreateQueue", QueueName: "by-page"});
    form("/private", enctype, {key: "by-form", file: "x"});
    form("/private?delete", enctype, {"<Delete><Object><Key>secret.txt</Key></Object><x>": "</x></Delete>"});
    form("/2015-03-31/functions/behaving/invocations", enctype, {'{"by":"a form", "x":"': '"}'});
    form("/2015-03-31/event-source-mappings/", enctype, {'{"FunctionName":"behaving","EventSourceArn":"arn:aws:kinesis:us-east-1:000000000000:stream/there","StartingPosition":"TRIM_HORIZON","x":"': '"}'});
    form("/private/parts?uploads", enctype, {a: "b"});
  }
  for (const path of paths) {
    for (const tag of ["img", "script", "iframe", "link", "object", "video", "embed"]) {
      const element = make(tag);
      if (tag == "link") { element.rel = "stylesheet"; element.href = base + path; }
      else if (tag == "object") { element.data = base + path; }
      else { element.src = base + path; }
      element.onload = () => { if (tag == "img" || tag == "script") read.push([tag, path, "loaded"]); };
      place.append(element);
      sent.push(`${tag} ${path}`);
    }
    for (const type of ["text/plain", "application/x-www-form-urlencoded"]) {
      navigator.sendBeacon(base + path, new Blob(['{"by":"a beacon"}'], {type}));
      sent.push(`beacon ${type} ${path}`);
    }
    try { new EventSource(base + path).onmessage = message => read.push(["events", path, message.data]); } catch (error) { }
  }
  for (const path of ["/", "/_anabranch/", "/private/secret.txt"]) {
    const socket = new WebSocket(base.replace("http", "ws") + path);
    socket.onopen = () => read.push(["socket", path, "open"]);
    sent.push(`socket ${path}`);
  }
  for (const port of ports) {
    for (const [method, path] of [["GET", "/2018-06-01/runtime/invocation/next"], ["POST", "/2018-06-01/runtime/init/error"], ["POST", "/2018-06-01/runtime/invocation/00000000-0000-0000-0000-000000000000/response"]]) {
      await attempt(`runtime ${method} ${path}`, `http://127.0.0.1:${port}${path}`, {mode: "no-cors", method, body: method == "POST" ? "{}" : undefined});
      await attempt(`runtime cors ${method} ${path}`, `http://127.0.0.1:${port}${path}`, {mode: "cors", method, body: method == "POST" ? "{}" : undefined});
    }
  }
  await sleep(SETTLE);
  return {read, sent: sent.length};
})
"""


def attack(page, base, ports):
    script = SCRIPT.replace("SETTLE", str(SETTLE_S * 1000))
    arguments = ", ".join(json.dumps(one) for one in [base, sorted(ports), AUTHORIZATION.format("kinesis")])
    return page.run(f"{script}({arguments})")


@pytest.mark.parametrize("site", ["evil.localhost", "127.0.0.1", "rebound.example"])
def test_a_page_of_another_origin_reaches_nothing(server, browser, other_site, site):
    before = state(server)
    ports = listening_ports(server.process.pid) - {server.port}
    assert ports, "the Runtime API listens"
    if site == "rebound.example":
        # Its name leads to the server itself: for the browser, the server is its own origin.
        base = f"http://{site}:{server.port}"
        page = browser.page(f"{base}/")
        page.call("Page.setBypassCSP", enabled=True)
    else:
        base = server.url
        page = browser.page(f"http://{site}:{other_site.port}/")
    done = attack(page, base, ports)
    page.close()
    assert done["sent"] > 200
    readable = [one for one in done["read"] if one[1] != 403 or SECRET in str(one)]
    assert readable == []
    time.sleep(SETTLE_S)
    assert state(server) == before
    answer = server.client("lambda").invoke(FunctionName="behaving", Payload=b'{"by": "us"}')
    assert json.loads(answer["Payload"].read())["got"] == {"by": "us"}, "the function still answers its own"


def test_a_page_can_go_to_the_console_but_not_frame_it(server, browser, other_site):
    page = browser.page(f"http://evil.localhost:{other_site.port}/")
    frame = """new Promise(done => {
        const frame = document.createElement("iframe");
        frame.onload = done;
        frame.src = "%s/_anabranch/";
        document.body.append(frame);
    }).then(() => document.querySelector("iframe").contentDocument === null)"""
    assert page.run(frame % server.url), "the frame's document is not the page's to read"
    (shown,) = page.frames()
    assert "may not reach" in shown and "there" not in shown, f"the console is shown in a frame: {shown}"
    page.close()


@pytest.mark.parametrize("path", ["page.html", "page.svg", "page.bin?response-content-type=text/html"])
def test_a_stored_page_runs_nothing(server, browser, path):
    before = state(server)
    page = browser.page(f"{server.url}/private/{path}")
    time.sleep(SETTLE_S)
    title = "document.title || document.querySelector('title').textContent"
    assert page.run(title) == "stored", "its script ran"
    # Even what runs in it by other means is of no origin, and reaches nothing.
    reached = page.run(
        """Promise.all(["/_anabranch/", "/private/secret.txt"].map(path =>
            fetch(path).then(answer => answer.text()).then(text => text.slice(0, 80), () => "")
        )).catch(() => [])"""
    )
    assert not any(SECRET in text or "<html" in text.lower() for text in reached), reached
    page.close()
    assert state(server) == before


def test_the_console_works(server, browser, tmp_path):
    page = browser.page(f"{server.url}/_anabranch/")
    shown = lambda: page.run("document.body.innerText")
    wait_for(lambda: "there" in shown() and "private" in shown() and "behaving" in shown(), "the console shows what there is")
    (tmp_path / "console.png").write_bytes(base64.b64decode(page.screenshot()))
    assert (tmp_path / "console.png").stat().st_size > 10_000
    page.close()


FETCH = """(async () => {
    try {
        const answer = await fetch(%s, %s);
        return [answer.status, await answer.text()];
    } catch (error) { return null; }
})()"""


def fetch(page, url, **options):
    return page.run(FETCH % (json.dumps(url), json.dumps(options)))


def test_cors_rules_of_a_bucket_let_exactly_those_through(server, browser, other_site):
    page = browser.page(f"http://evil.localhost:{other_site.port}/")
    assert fetch(page, f"{server.url}/shared/secret.txt") == [200, SECRET]
    assert fetch(page, f"{server.url}/shared/new", method="PUT", body="x") is None
    assert fetch(page, f"{server.url}/private/secret.txt") is None
    page.open(f"http://other.localhost:{other_site.port}/")
    assert fetch(page, f"{server.url}/shared/secret.txt") is None
    page.close()
    assert "new" not in state(server)["objects"]["shared"]


def test_an_origin_given_by_option_may_call(server, browser, other_site):
    call = {
        "method": "POST",
        "headers": {
            "X-Amz-Target": "Kinesis_20131202.ListStreams",
            "Content-Type": "application/x-amz-json-1.1",
            "Authorization": AUTHORIZATION.format("kinesis"),
        },
        "body": "{}",
    }
    page = browser.page(f"http://trusted.localhost:{other_site.port}/")
    status, text = fetch(page, f"{server.url}/", **call)
    assert status == 200 and "there" in json.loads(text)["StreamNames"]
    page.open(f"http://evil.localhost:{other_site.port}/")
    assert fetch(page, f"{server.url}/", **call) is None
    page.close()


def test_programs_are_not_pages(server):
    assert SECRET.encode() == urllib.request.urlopen(f"{server.url}/private/secret.txt").read()
