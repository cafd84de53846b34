// Runs a Node.js handler over the Lambda Runtime API, as AWS's nodejs runtimes do: handlers of CommonJS and of
// ES modules, async and with callbacks, streamed answers, and the logs and errors users know from there.

import fs from 'node:fs';
import http from 'node:http';
import nodeModule, { createRequire } from 'node:module';
import path from 'node:path';
import { Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { format, inspect } from 'node:util';

const env = process.env;
const TASK_ROOT = env.LAMBDA_TASK_ROOT;
const [HOST, PORT] = env.AWS_LAMBDA_RUNTIME_API.split(':');
const JSON_LOGS = env.AWS_LAMBDA_LOG_FORMAT === 'JSON';
const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];
const LEVEL_MIN = Math.max(LEVELS.indexOf(env.AWS_LAMBDA_LOG_LEVEL), 0);
const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const HTTP_INTEGRATION = 'application/vnd.awslambda.http-integration-response';
// From Node.js 24 on, AWS's runtime takes no handlers with callbacks.
const TAKES_CALLBACKS = Number(/nodejs(\d+)/.exec(env.AWS_EXECUTION_ENV ?? '')?.[1] ?? 0) < 24;

let requestId;

// --- Logs ---

function log(level, args) {
  if (LEVELS.indexOf(level) < LEVEL_MIN) return;
  const timestamp = new Date().toISOString();
  if (!JSON_LOGS) {
    const line = `${timestamp}\t${requestId}\t${level}\t${format(...args)}`;
    // One event: CloudWatch shows carriage returns as lines.
    process.stdout.write(line.replace(/\n/g, '\r') + '\n');
    return;
  }
  const entry = { timestamp, level, requestId };
  const [first] = args;
  const error = args.find((argument) => argument instanceof Error);
  if (args.length === 1 && typeof first === 'object' && first !== null && !error) {
    entry.message = first;
  } else {
    entry.message = format(...args);
  }
  if (error) {
    entry.errorType = error.name;
    entry.errorMessage = error.message;
    entry.stackTrace = stack(error);
  }
  let text;
  try {
    text = JSON.stringify(entry);
  } catch {
    text = JSON.stringify({ ...entry, message: inspect(first) });
  }
  process.stdout.write(text + '\n');
}

for (const [method, level] of Object.entries({
  trace: 'TRACE', debug: 'DEBUG', log: 'INFO', info: 'INFO', warn: 'WARN', error: 'ERROR', fatal: 'FATAL',
})) {
  console[method] = (...args) => log(level, args);
}

// --- Errors ---

class RuntimeError extends Error {
  constructor(name, message) {
    super(message);
    this.name = `Runtime.${name}`;
  }
}

const stack = (error) => String(error.stack ?? '').split('\n');
const isError = (value) => value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';

/** An error as the caller gets it. */
function described(error) {
  if (!isError(error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  return { errorType: error.name, errorMessage: error.message, trace: stack(error) };
}

/** An error as the log shows it, with what was set on it. */
function logged(error) {
  if (!isError(error)) return { errorType: typeof error, errorMessage: String(error), stack: [] };
  const own = Object.fromEntries(Object.entries(error).filter(([name]) => name !== 'name'));
  const whole = { errorType: error.name, errorMessage: error.message, ...own, stack: stack(error) };
  try {
    return JSON.parse(JSON.stringify(whole, (_, value) => (isError(value) && value !== whole ? logged(value) : value)));
  } catch {
    return { errorType: error.name, errorMessage: error.message, stack: stack(error) };
  }
}

function logError(what, error) {
  if (JSON_LOGS) {
    log('ERROR', [isError(error) ? error : { errorType: typeof error, errorMessage: String(error) }]);
  } else {
    log('ERROR', [`${what} \t${JSON.stringify(logged(error))}`]);
  }
}

// --- The Runtime API ---

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function request(method, where, headers = {}, own = agent) {
  return http.request({ host: HOST, port: PORT, agent: own, method, path: `/2018-06-01/runtime/${where}`, headers });
}

function call(method, where, body, headers, own) {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const sent = request(method, where, { ...headers, ...length }, own);
    sent.on('error', reject);
    sent.on('response', (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        // What is refused may not have been read: its connection is of no more use.
        if (response.statusCode >= 400) sent.destroy();
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) });
      });
    });
    sent.end(body);
  });
}

const errorHeaders = (error) => ({
  'content-type': 'application/json',
  'lambda-runtime-function-error-type': isError(error) ? headerText(error.name) : typeof error,
});
const headerText = (text) => String(text).replace(/[^\x20-\x7e]/g, '?');

const postError = (where, error, own) => call('POST', where, JSON.stringify(described(error)), errorHeaders(error), own);

async function next() {
  const answer = await call('GET', 'invocation/next').catch(() => ({ status: 0 }));
  // The server is gone, and so is the reason to be here.
  if (answer.status !== 200) process.exit(0);
  return answer;
}

// --- Streamed answers ---

/** What a streaming handler writes to. The answer begins with its first write. */
class ResponseStream extends Writable {
  #id;
  #request;
  #answered;
  #contentType = 'application/octet-stream';
  #beforeFirst;

  constructor(id) {
    super({ highWaterMark: 64 * 1024 });
    this.#id = id;
  }

  setContentType(contentType) {
    if (this.#request) throw new RuntimeError('InvalidStreamingOperation', 'Cannot set content-type, too late.');
    this.#contentType = contentType;
  }

  beforeFirstWrite(bytes) {
    this.#beforeFirst = bytes;
  }

  get begun() {
    return this.#request !== undefined;
  }

  #begin() {
    if (this.#request) return;
    this.#request = request('POST', `invocation/${this.#id}/response`, {
      'content-type': this.#contentType,
      'lambda-runtime-function-response-mode': 'streaming',
      'transfer-encoding': 'chunked',
      trailer: 'Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body',
    });
    this.#answered = new Promise((resolve, reject) => {
      this.#request.on('error', reject);
      this.#request.on('response', (response) => response.resume().on('end', resolve).on('error', reject));
    });
    this.#answered.catch(() => {});
    this.#request.flushHeaders();
    if (this.#beforeFirst) this.#request.write(this.#beforeFirst);
  }

  _write(chunk, encoding, done) {
    this.#begin();
    if (this.#request.write(chunk)) done();
    else this.#request.once('drain', done);
  }

  _final(done) {
    this.#begin();
    this.#request.end();
    this.#answered.then(() => done(), done);
  }

  /** Ends an answer that has begun with an error. */
  async failMidway(error) {
    const body = Buffer.from(JSON.stringify(described(error))).toString('base64');
    this.#request.addTrailers({
      'Lambda-Runtime-Function-Error-Type': headerText(isError(error) ? error.name : typeof error),
      'Lambda-Runtime-Function-Error-Body': body,
    });
    this.#request.end();
    await this.#answered;
  }
}

globalThis.awslambda = {
  streamifyResponse(handler, options) {
    handler[STREAMING] = 'response';
    if (typeof options?.highWaterMark === 'number') {
      handler[Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark')] = options.highWaterMark;
    }
    return handler;
  },
  HttpResponseStream: {
    from(stream, metadata) {
      stream.setContentType(HTTP_INTEGRATION);
      stream.beforeFirstWrite(Buffer.concat([Buffer.from(JSON.stringify(metadata)), Buffer.alloc(8)]));
      return stream;
    },
  },
};

// --- The handler ---

/** ES modules, too, find packages along NODE_PATH: those of layers and the SDK. */
function findPackagesOfLayers() {
  const roots = (env.NODE_PATH ?? '').split(':').filter((entry) => entry.endsWith('/node_modules'));
  const parents = roots.map((root) => pathToFileURL(path.join(root, '..', 'package.js')).href);
  if (parents.length === 0 || typeof nodeModule.register !== 'function') return;
  const hook = `export async function resolve(specifier, context, next) {
    try {
      return await next(specifier, context);
    } catch (error) {
      if (error.code !== 'ERR_MODULE_NOT_FOUND' || /^([./]|[a-z]+:)/.test(specifier)) throw error;
      for (const parentURL of ${JSON.stringify(parents)}) {
        try {
          return await next(specifier, { ...context, parentURL });
        } catch {}
      }
      throw error;
    }
  }`;
  nodeModule.register(`data:text/javascript,${encodeURIComponent(hook)}`);
}

function isOfModules(file) {
  for (let directory = path.dirname(file); ; directory = path.dirname(directory)) {
    try {
      return JSON.parse(fs.readFileSync(path.join(directory, 'package.json'), 'utf8')).type === 'module';
    } catch (error) {
      if (error instanceof SyntaxError) return false;
    }
    if (directory === path.dirname(directory) || path.basename(directory) === 'node_modules') return false;
  }
}

async function loadModule(name) {
  const base = path.resolve(TASK_ROOT, name);
  const require = createRequire(path.join(TASK_ROOT, 'index.js'));
  const existing = ['', '.js', '.mjs', '.cjs'].map((end) => base + end).find((file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile());
  if (existing === undefined) return require(base.startsWith(TASK_ROOT + path.sep) && !fs.existsSync(base) ? name : base);
  if (existing.endsWith('.mjs') || (existing.endsWith('.js') && isOfModules(existing))) {
    return await import(pathToFileURL(existing).href);
  }
  return require(existing);
}

async function load(text) {
  if (text.includes('..')) {
    throw new RuntimeError('MalformedHandlerName',
      `'${text}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  }
  const match = /^([^.]*)\.(.*)$/.exec(path.basename(text));
  if (!match) throw new RuntimeError('MalformedHandlerName', 'Bad handler');
  const name = path.join(text.slice(0, text.length - path.basename(text).length), match[1]);
  let loaded;
  try {
    loaded = await loadModule(name);
  } catch (error) {
    if (error instanceof SyntaxError) throw renamed('UserCodeSyntaxError', error);
    if (['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND'].includes(error?.code)) throw renamed('ImportModuleError', error);
    throw error;
  }
  const find = (from) => match[2].split('.').reduce((value, key) => value?.[key], from);
  const handler = find(loaded) ?? find(loaded?.default);
  if (handler === undefined || handler === null) throw new RuntimeError('HandlerNotFound', `${text} is undefined or not exported`);
  if (typeof handler !== 'function') throw new RuntimeError('HandlerNotFound', `${text} is not a function`);
  if (!TAKES_CALLBACKS && !handler[STREAMING] && handler.length >= 3) {
    throw new RuntimeError('CallbackHandlerDeprecated', 'This runtime takes no handlers with callbacks; make it async.');
  }
  return handler;
}

function renamed(name, error) {
  const own = new RuntimeError(name, error.toString());
  own.stack = `${own.name}: ${error.stack ?? error}`;
  return own;
}

function contextOf(headers) {
  const parsed = (text) => (text ? JSON.parse(text) : undefined);
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parsed(headers['lambda-runtime-client-context']),
    identity: parsed(headers['lambda-runtime-cognito-identity']),
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

/** Runs a handler that returns its answer, promises it, or hands it to a callback. */
function run(handler, event, context) {
  return new Promise((resolve, reject) => {
    let called = false;
    let outcome = () => resolve(undefined);
    // Once nothing is left to be done, the answer is what there is.
    const whenIdle = () => finish();
    const finish = () => {
      process.removeListener('beforeExit', whenIdle);
      outcome();
    };
    const settle = (error, value, wait) => {
      if (called) return;
      called = true;
      outcome = error === undefined || error === null ? () => resolve(value) : () => reject(error);
      if (!wait) finish();
    };
    process.on('beforeExit', whenIdle);
    const callback = (error, value) => settle(error, value, context.callbackWaitsForEmptyEventLoop);
    if (TAKES_CALLBACKS) {
      context.done = callback;
      context.succeed = (value) => settle(null, value, false);
      context.fail = (error) => settle(error ?? 'null', undefined, false);
    }
    try {
      const returned = handler(event, context, TAKES_CALLBACKS ? callback : undefined);
      if (typeof returned?.then === 'function') {
        returned.then((value) => settle(null, value, false), (error) => settle(error ?? new Error(String(error)), undefined, false));
      } else if (!TAKES_CALLBACKS) {
        settle(null, returned, false);
      }
    } catch (error) {
      settle(error ?? new Error(String(error)), undefined, false);
    }
  });
}

async function runStreaming(handler, event, context) {
  const stream = new ResponseStream(context.awsRequestId);
  const finished = new Promise((resolve, reject) => stream.on('finish', resolve).on('error', reject));
  finished.catch(() => {});
  try {
    const returned = handler(event, stream, context);
    if (typeof returned?.then !== 'function') {
      throw new RuntimeError('MalformedStreamingHandler', 'Streaming handler does not return a promise.');
    }
    await returned;
    if (!stream.writableEnded) stream.end();
    await finished;
  } catch (error) {
    logError('Invoke Error', error);
    if (stream.begun) await stream.failMidway(error);
    else await postError(`invocation/${context.awsRequestId}/error`, error);
  }
}

async function handle(handler, { headers, body }) {
  requestId = headers['lambda-runtime-aws-request-id'];
  if (headers['lambda-runtime-trace-id']) env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'];
  else delete env._X_AMZN_TRACE_ID;
  let answer;
  try {
    const event = JSON.parse(body.toString());
    const context = contextOf(headers);
    if (handler[STREAMING]) return await runStreaming(handler, event, context);
    const value = await run(handler, event, context);
    try {
      answer = JSON.stringify(value === undefined ? null : value) ?? 'null';
    } catch (error) {
      throw renamed('MarshalError', new Error(`Unable to stringify response body: ${error.message}`));
    }
  } catch (error) {
    logError('Invoke Error', error);
    return await postError(`invocation/${requestId}/error`, error);
  }
  // An answer that is too large is refused before it was read; the next call connects anew.
  await call('POST', `invocation/${requestId}/response`, answer, { 'content-type': 'application/json' }).catch(() => {});
}

function dieOf(what, error, status) {
  logError(what, error);
  const where = requestId === undefined ? 'init/error' : `invocation/${requestId}/error`;
  const leave = () => process.exit(status);
  // The kept connection may be waiting for an event, or be in the middle of an answer.
  postError(where, error, false).then(leave, leave);
}

process.on('uncaughtException', (error) => dieOf('Uncaught Exception', error, 129));
process.on('unhandledRejection', (reason, promise) => {
  const error = new RuntimeError('UnhandledPromiseRejection', String(reason));
  error.reason = reason;
  error.promise = promise;
  dieOf('Unhandled Promise Rejection', error, 128);
});

findPackagesOfLayers();
let handler;
try {
  handler = await load(env._HANDLER);
} catch (error) {
  logError('Uncaught Exception', error);
  await postError('init/error', error);
  process.exit(1);
}
// Callbacks, so that an event loop that runs empty means the handler has nothing left to do.
(async () => {
  for (;;) await handle(handler, await next());
})();
