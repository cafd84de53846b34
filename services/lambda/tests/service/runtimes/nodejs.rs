//! `nodejs*`.

use anabranch_lambda::{AnswerPart, InvokeOptions};
use bytes::Bytes;
use serde_json::json;
use tokio::sync::mpsc;

use super::{Packaged, error, has, tail, type_and_message};
use crate::fixture::id;

const INDEX: &str = r#"
let count = 0;
export const handler = async (event, context) => {
  count += 1;
  switch (event.do) {
    case 'log':
      console.log('one\ntwo', { a: 1 });
      console.error('bad');
      return;
    case 'throw':
      throw new TypeError('refused as asked');
    case 'string':
      throw 'a text';
    case 'exit':
      process.exit(5);
    case 'stray':
      Promise.reject(new Error('nobody looks'));
      return new Promise((resolve) => setTimeout(resolve, 60000));
    case 'large':
      return 'x'.repeat(7 << 20);
    case 'never':
      return new Promise(() => {});
  }
  return {
    event, count, cwd: process.cwd(), left: context.getRemainingTimeInMillis(), id: context.awsRequestId,
    memory: context.memoryLimitInMB, name: context.functionName, waits: context.callbackWaitsForEmptyEventLoop,
    trace: process.env._X_AMZN_TRACE_ID, arn: context.invokedFunctionArn,
  };
};
"#;

#[tokio::test(flavor = "multi_thread")]
async fn handlers_run_as_in_aws_nodejs_runtimes() {
    if !has("node") {
        return;
    }
    let function = Packaged::new("nodejs20.x", "index.handler", &[("index.mjs", INDEX)]).await;
    let answer = function.answer(json!({"ü": [1]})).await;
    assert_eq!((&answer["event"], &answer["count"], &answer["waits"]), (&json!({"ü": [1]}), &json!(1), &json!(true)));
    assert_eq!((&answer["memory"], &answer["name"]), (&json!("256"), &json!("f")));
    assert!(answer["left"].as_u64().unwrap() <= 30_000);
    assert_eq!(function.answer(json!({})).await["count"], 2, "the environment is used again");

    let outcome = function.invoke(json!({"do": "log"})).await;
    assert_eq!(outcome.payload, Bytes::from("null"));
    let log = tail(&outcome);
    assert!(log.contains(&format!("Z\t{}\tINFO\tone\rtwo {{ a: 1 }}\n", outcome.request_id)), "{log}");
    assert!(log.contains(&format!("Z\t{}\tERROR\tbad\n", outcome.request_id)), "{log}");

    let (failure, log) = function.failure(json!({"do": "throw"})).await;
    assert_eq!(type_and_message(&failure), error("TypeError", "refused as asked"));
    assert_eq!(failure["trace"][0], "TypeError: refused as asked");
    assert!(
        log.contains(
            "\tERROR\tInvoke Error \t{\"errorType\":\"TypeError\",\"errorMessage\":\"refused as asked\",\"stack\":["
        ),
        "{log}"
    );
    let (failure, _) = function.failure(json!({"do": "string"})).await;
    assert_eq!((type_and_message(&failure), &failure["trace"]), (error("string", "a text"), &json!([])));
    assert_eq!(function.answer(json!({"do": "never"})).await, json!(null), "nothing is left to be done");

    let (failure, log) = function.failure(json!({"do": "large"})).await;
    assert_eq!(failure["errorType"], "Function.ResponseSizeTooLarge");
    assert!(!log.contains("Unhandled"), "{log}");

    let (failure, _) = function.failure(json!({"do": "exit"})).await;
    assert_eq!(failure["errorType"], "Runtime.ExitError");
    assert!(
        failure["errorMessage"].as_str().unwrap().ends_with("Runtime exited with error: exit status 5"),
        "{failure}"
    );
    let (failure, log) = function.failure(json!({"do": "stray"})).await;
    assert_eq!(type_and_message(&failure), error("Runtime.UnhandledPromiseRejection", "Error: nobody looks"));
    assert!(log.contains("Unhandled Promise Rejection"), "{log}");
    assert_eq!(function.answer(json!({})).await["count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn handlers_are_found_in_all_their_forms() {
    if !has("node") {
        return;
    }
    let callback = "exports.handler = (event, context, callback) => setTimeout(() => callback(null, event.n), 5)";
    let function = Packaged::new("nodejs20.x", "index.handler", &[("index.js", callback)]).await;
    assert_eq!(function.answer(json!({"n": 7})).await, json!(7));
    let module = ("package.json", r#"{"type": "module"}"#);
    let nested = "const app = { run: async () => import('shared') }; module.exports = { app };";
    let shared = |spec: &mut anabranch_lambda::FunctionSpec, directory: &std::path::Path| {
        let layer = directory.join("layer");
        let package = r#"{"name": "shared", "type": "module", "exports": "./main.js"}"#;
        let at = |name: &str| format!("nodejs/node_modules/shared/{name}");
        super::write(&layer, &[(&at("package.json"), package), (&at("main.js"), "export const name = 'of a layer';")]);
        spec.layers = vec![layer];
    };
    for (handler, files, expected) in [
        ("index.handler", vec![("index.js", "export const handler = async () => 1;"), module], json!(1)),
        ("src/app.main", vec![("src/app.cjs", "exports.main = async () => 2;")], json!(2)),
        ("index.handler", vec![("index.js", "exports.handler = (e, c) => c.succeed(3);")], json!(3)),
        ("index.app.run", vec![("index.js", nested)], json!({"name": "of a layer"})),
        (
            "index.handler",
            vec![("index.mjs", "import { name } from 'shared'; export const handler = async () => name;")],
            json!("of a layer"),
        ),
        (
            "index.handler",
            vec![("index.js", "exports.handler = async () => process.env.NODE_PATH.length > 0;")],
            json!(true),
        ),
    ] {
        function.put("nodejs20.x", handler, &files, shared).await;
        assert_eq!(function.answer(json!({})).await, expected, "{handler} {files:?}");
    }
    for (handler, text, error_type, message) in [
        ("index.other", "exports.handler = 1", "Runtime.HandlerNotFound", "index.other is undefined or not exported"),
        ("index.handler", "exports.handler = 1", "Runtime.HandlerNotFound", "index.handler is not a function"),
        ("index.handler", "exports.handler = (", "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected end of input"),
        ("absent.handler", "", "Runtime.ImportModuleError", "Error: Cannot find module"),
        (
            "index.handler",
            "require('missing-package')",
            "Runtime.ImportModuleError",
            "Error: Cannot find module 'missing-package'",
        ),
        ("../index.handler", "", "Runtime.MalformedHandlerName", "'../index.handler' is not a valid handler name"),
        ("index.handler", "throw new RangeError('at load')", "RangeError", "at load"),
    ] {
        function.put("nodejs20.x", handler, &[("index.js", text)], |_, _| {}).await;
        let (failure, _) = function.failure(json!({})).await;
        assert_eq!(failure["errorType"], error_type, "{failure}");
        assert!(failure["errorMessage"].as_str().unwrap().starts_with(message), "{failure}");
    }
}

const STREAMING: &str = r#"
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  if (event.http) stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 });
  else stream.setContentType('text/plain');
  if (event.fail === 'early') throw new Error('before');
  for (const piece of event.pieces) {
    stream.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (event.fail === 'late') throw new Error('midway');
  stream.end();
});
"#;

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_streamed() {
    if !has("node") {
        return;
    }
    let function = Packaged::new("nodejs20.x", "index.handler", &[("index.js", STREAMING)]).await;
    let streamed = async |event: serde_json::Value| {
        let (sender, mut parts) = mpsc::channel(4);
        let options = InvokeOptions { stream: Some(sender), ..InvokeOptions::default() };
        let (function_id, payload) = (id("f"), Bytes::from(event.to_string()));
        let invoked = function.service.lambda.invoke(&function_id, payload, options);
        let gathered = async {
            let mut gathered = Vec::new();
            while let Some(part) = parts.recv().await {
                gathered.push(part);
            }
            gathered
        };
        let (outcome, parts) = tokio::join!(invoked, gathered);
        (outcome.unwrap(), parts)
    };
    let plain = |text: &str| AnswerPart::Bytes(Bytes::from(text.to_string()));
    let (outcome, parts) = streamed(json!({"pieces": ["one", "two"]})).await;
    assert_eq!(parts, [AnswerPart::ContentType(Some("text/plain".into())), plain("one"), plain("two")]);
    assert_eq!((outcome.function_error, outcome.payload), (None, Bytes::new()));
    let (_, parts) = streamed(json!({"http": true, "pieces": ["body"]})).await;
    assert_eq!(parts[0], AnswerPart::ContentType(Some("application/vnd.awslambda.http-integration-response".into())));
    let bytes: Vec<u8> = parts[1..]
        .iter()
        .flat_map(|part| match part {
            AnswerPart::Bytes(bytes) => bytes.to_vec(),
            AnswerPart::ContentType(_) => Vec::new(),
        })
        .collect();
    assert_eq!(bytes, b"{\"statusCode\":201}\0\0\0\0\0\0\0\0body");
    let (outcome, parts) = streamed(json!({"fail": "early"})).await;
    assert_eq!((outcome.function_error.as_deref(), parts), (Some("Unhandled"), vec![]));
    let (outcome, parts) = streamed(json!({"fail": "late", "pieces": ["one"]})).await;
    assert_eq!((outcome.function_error.as_deref(), parts.len()), (Some("Unhandled"), 2));
    let failure: serde_json::Value = serde_json::from_slice(&outcome.payload).unwrap();
    assert_eq!(type_and_message(&failure), error("Error", "midway"));
    // Who doesn't take it piece by piece gets it whole.
    assert_eq!(function.invoke(json!({"pieces": ["[1,", "2]"]})).await.payload, Bytes::from("[1,2]"));
}
