"""Runs a Python handler over the Lambda Runtime API, as AWS's python3.x runtimes do.

Started as `python3 -S -u bootstrap.py` with the variables that Lambda defines. What it logs and reports,
down to the names of errors, is what users of those runtimes know.
"""

import importlib
import json
import logging
import math
import os
import re
import site
import socket
import sys
import time
import traceback

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
TASK_ROOT = os.environ["LAMBDA_TASK_ROOT"]
JSON_LOGS = os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON"
LOG_LEVELS = {"TRACE": "NOTSET", "DEBUG": "DEBUG", "INFO": "INFO", "WARN": "WARN", "ERROR": "ERROR", "FATAL": "FATAL"}
# In a log of text, an error is one event: CloudWatch shows carriage returns as lines, and drops leading spaces.
LINE_END = "\r"
INDENT = "\u00a0"

request_id = None


class Fault(Exception):
    """An error of the runtime's own, under a name of its own."""

    def __init__(self, error_type, message, stack=None):
        super().__init__(message)
        self.error_type, self.stack = error_type, stack or []


class Fields:
    """An object of the fields that it has been given a list of; what is missing is None."""

    __slots__ = ()

    def __init__(self, values):
        for name in self.__slots__:
            setattr(self, name, (values or {}).get(name))

    def __repr__(self):
        fields = ",".join(f"{name}={getattr(self, name)}" for name in self.__slots__)
        return f"{type(self).__name__}([{fields}])"


class CognitoIdentity(Fields):
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")


class Client(Fields):
    __slots__ = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")


class ClientContext(Fields):
    __slots__ = ("custom", "env", "client")

    def __init__(self, values):
        super().__init__(values)
        if self.client is not None:
            self.client = Client(self.client)


class LambdaContext:
    """What a handler gets beside its event."""

    def __init__(self, headers):
        self.aws_request_id = headers.get("lambda-runtime-aws-request-id")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        context = from_header(headers.get("lambda-runtime-client-context"), "Client Context")
        self.client_context = None if context is None else ClientContext(context)
        identity = from_header(headers.get("lambda-runtime-cognito-identity"), "Cognito Identity") or {}
        self.identity = CognitoIdentity({
            "cognito_identity_id": identity.get("cognitoIdentityId"),
            "cognito_identity_pool_id": identity.get("cognitoIdentityPoolId"),
        })
        self._epoch_deadline_time_in_ms = int(headers.get("lambda-runtime-deadline-ms"))

    def get_remaining_time_in_millis(self):
        return max(0, self._epoch_deadline_time_in_ms - int(time.time() * 1000))

    def log(self, message):
        sys.stdout.write(str(message))

    def __repr__(self):
        names = ("aws_request_id", "log_group_name", "log_stream_name", "function_name", "memory_limit_in_mb",
                 "function_version", "invoked_function_arn", "client_context", "identity", "tenant_id")
        return "LambdaContext([" + ",".join(f"{name}={getattr(self, name)}" for name in names) + "])"


def from_header(text, name):
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise Fault("Runtime.LambdaContextUnmarshalError", f"Unable to parse {name} JSON: {error}")


class ResponseEncoder(json.JSONEncoder):
    """JSON in which a Decimal is a number with all its digits."""

    def __init__(self):
        # From Python 3.12 on, answers are UTF-8; before, they were ASCII.
        super().__init__(ensure_ascii=sys.version_info < (3, 12))
        self.mark = os.urandom(16).hex()

    def default(self, value):
        # There are none before the function has imported the module.
        decimal = sys.modules.get("decimal")
        if decimal and isinstance(value, decimal.Decimal):
            return math.nan if value.is_nan() else f"{self.mark}{value}"
        return super().default(value)

    def encode_response(self, value):
        text = self.encode(value)
        return re.sub(f'"{self.mark}([^"]*)"', r"\1", text) if self.mark in text else text


class TextFormatter(logging.Formatter):
    def __init__(self):
        super().__init__("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s",
                         "%Y-%m-%dT%H:%M:%S")


class JsonFormatter(logging.Formatter):
    PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "aws_request_id", "taskName"}

    def format(self, record):
        entry = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "requestId": record.aws_request_id or None,
        }
        if record.exc_info and record.exc_info[0]:
            kind, error, trace = record.exc_info
            entry["stackTrace"] = [line.rstrip() for line in traceback.format_tb(trace)]
            entry["errorType"], entry["errorMessage"] = kind.__name__, str(error)
            entry["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        entry.update((name, value) for name, value in vars(record).items() if name not in self.PLAIN)
        return json.dumps({name: value for name, value in entry.items() if value is not None}, default=str,
                          ensure_ascii=False)


class LambdaLoggerHandler(logging.Handler):
    def emit(self, record):
        record.aws_request_id = request_id or ""
        sys.stdout.write(self.format(record) + "\n")


def set_up_logging():
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    logging.Formatter.converter = time.gmtime
    handler = LambdaLoggerHandler()
    handler.setFormatter(JsonFormatter() if JSON_LOGS else TextFormatter())
    logging.getLogger().addHandler(handler)
    level = LOG_LEVELS.get(os.environ.get("AWS_LAMBDA_LOG_LEVEL", ""))
    if level:
        logging.getLogger().setLevel(level)


def load(handler):
    module_name, dot, name = handler.rpartition(".")
    if not dot:
        raise Fault("Runtime.MalformedHandlerName",
                    f"Bad handler '{handler}': not enough values to unpack (expected 2, got 1)")
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault("Runtime.BuiltInModuleConflict",
                    f"Cannot use built-in module {module_name} as a handler module")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}")
    except SyntaxError as error:
        stack = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        raise Fault("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", stack)
    try:
        return getattr(module, name)
    except AttributeError:
        raise Fault("Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module_name}'")


def described(error):
    """An error as it is reported: without the frames of this file that led to it."""
    if isinstance(error, Fault):
        message, kind, stack = str(error), error.error_type, error.stack
    else:
        frames = traceback.extract_tb(error.__traceback__)
        own = next((at for at, frame in enumerate(frames)
                    if frame.filename != __file__ and not frame.filename.startswith("<frozen")), 0)
        message, kind, stack = str(error), type(error).__name__, traceback.format_list(frames[own:])
    return {"errorMessage": message, "errorType": kind, "requestId": request_id or "", "stackTrace": stack}


def log_error(error):
    if JSON_LOGS:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sys.stdout.write(json.dumps({"timestamp": now, "level": "ERROR", **error}, ensure_ascii=False) + "\n")
        return
    lines = [f"[ERROR] {error['errorType']}" + (f": {error['errorMessage']}" if error["errorMessage"] else ""),
             "Traceback (most recent call last):"]
    for entry in error["stackTrace"]:
        for line in entry.splitlines():
            text = line.lstrip(" ")
            lines.append(INDENT * (len(line) - len(text)) + text)
    sys.stdout.write(LINE_END.join(line.replace("\n", LINE_END) for line in lines) + "\n")


class Runtime:
    """The Runtime API, over one connection that is kept.

    By hand, since `http.client` with all it imports takes longer to load than the rest of this file.
    """

    def __init__(self):
        self.stream = None

    def request(self, method, path, body=b"", headers=None):
        """Status, header fields by their names in small letters, and body."""
        if self.stream is None:
            host, port = API.rsplit(":", 1)
            connection = socket.create_connection((host, int(port)))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.stream = connection.makefile("rwb")
        head = [f"{method} /2018-06-01/runtime/{path} HTTP/1.1", f"Host: {API}", f"Content-Length: {len(body)}"]
        head += [f"{name}: {value}" for name, value in (headers or {}).items()]
        try:
            self.stream.write("\r\n".join([*head, "", ""]).encode("latin-1", "replace") + body)
            self.stream.flush()
            return self.read()
        except OSError:
            self.stream = None
            raise

    def read(self):
        status = self.stream.readline()
        if not status:
            raise ConnectionResetError("The Runtime API closed the connection")
        headers = {}
        for line in iter(self.stream.readline, b"\r\n"):
            if not line:
                raise ConnectionResetError("The Runtime API closed the connection")
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = self.stream.read(int(headers.get("content-length", 0)))
        return int(status.split()[1]), headers, body

    def next(self):
        try:
            status, headers, body = self.request("GET", "invocation/next")
        except OSError:
            # The server is gone, and so is the reason to be here.
            os._exit(0)
        if status != 200:
            os._exit(0)
        return headers, body

    def post(self, path, body, headers=None):
        try:
            self.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})
        except OSError:
            # An answer that is too large is refused before it was read; the next call connects anew.
            self.stream = None

    def respond(self, body):
        self.post(f"invocation/{request_id}/response", body)

    def fail(self, path, error):
        kind = error["errorType"].replace("\r", " ").replace("\n", " ")
        self.post(path, json.dumps(error).encode(), {"Lambda-Runtime-Function-Error-Type": kind})


def answer(handler, headers, body):
    """The handler's answer to an event, as JSON."""
    context = LambdaContext(headers)
    try:
        event = json.loads(body)
    except ValueError as error:
        raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}")
    response = handler(event, context)
    try:
        return ResponseEncoder().encode_response(response).encode()
    except (TypeError, ValueError) as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}")


def main():
    global request_id
    # Without the interpreter's own packages, which AWS's runtimes don't have, but with `exit`.
    site.setquit()
    site.sethelper()
    sys.path[0] = TASK_ROOT
    sys.argv = [os.path.basename(__file__), os.environ["_HANDLER"]]
    set_up_logging()
    runtime = Runtime()
    try:
        handler = load(os.environ["_HANDLER"])
    except Exception as error:
        description = described(error)
        log_error(description)
        runtime.fail("init/error", description)
        sys.exit(1)
    while True:
        headers, body = runtime.next()
        request_id = headers.get("lambda-runtime-aws-request-id")
        trace_id = headers.get("lambda-runtime-trace-id")
        if trace_id:
            os.environ["_X_AMZN_TRACE_ID"] = trace_id
        else:
            os.environ.pop("_X_AMZN_TRACE_ID", None)
        try:
            response = answer(handler, headers, body)
        except Exception as error:
            description = described(error)
            log_error(description)
            runtime.fail(f"invocation/{request_id}/error", description)
        else:
            runtime.respond(response)
        response = body = None


if __name__ == "__main__":
    main()
