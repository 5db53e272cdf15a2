/**
 * The examples of pull-ws's README, unchanged but for the name of the package and, when they run,
 * the addresses. What an example takes from around it (a source, a service, an address) is handed
 * to it.
 */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get, type Server as HttpServer } from 'node:http';
import { createRequire } from 'node:module';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocketServer, WebSocket as WsWebSocket } from 'ws';
import { Client } from '../../../src/index.ts';
import clientPart from '../../../src/pull-ws/client.ts';
import duplexPart from '../../../src/pull-ws/duplex.ts';
import serverPart from '../../../src/pull-ws/server.ts';
import sinkPart from '../../../src/pull-ws/sink.ts';
import sourcePart from '../../../src/pull-ws/source.ts';
import pullWs, { connect, type Server } from '../../../src/pull-ws.ts';
import { TLS, until } from '../../api/sockets.ts';
import { pull, readToEnd, serve } from './streams.ts';

const requireBuiltin = createRequire(import.meta.url);

const MODULES: Readonly<Record<string, unknown>> = {
  'sanswire/pull-ws': pullWs,
  'sanswire/pull-ws/client': clientPart,
  'sanswire/pull-ws/server': serverPart,
  'sanswire/pull-ws/duplex': duplexPart,
  'sanswire/pull-ws/source': sourcePart,
  'sanswire/pull-ws/sink': sinkPart,
  'pull-stream': pull,
};

/** Runs an example; `globals` are what it finds outside, `wanted` is what is asked of it. */
function run(code: string, globals: Record<string, unknown> = {}, wanted = 'undefined'): unknown {
  const scope: Record<string, unknown> = {
    require: (name: string) => MODULES[name] ?? requireBuiltin(name),
    ...globals,
  };
  const example = new Function(...Object.keys(scope), `${code}\nreturn ${wanted};`);
  return example(...Object.values(scope));
}

/**
 * Where a server of an example listens: it has taken a port of its own, in place of a fixed one.
 */
async function urlOf(server: Server | HttpServer, scheme = 'ws'): Promise<string> {
  onTestFinished(() => void server.close());
  await until(() => server.address() !== null);
  const { port } = server.address() as { port: number };
  return `${scheme}://127.0.0.1:${port}`;
}

/** The messages of a server, as far as some are awaited. */
async function take(url: string, count: number, options = {}): Promise<unknown[]> {
  const messages: unknown[] = [];
  await new Promise<void>((resolve) => {
    pull(
      connect(url, options),
      pull.take(count),
      pull.drain(
        (message: unknown) => void messages.push(message),
        () => resolve(),
      ),
    );
  });
  return messages;
}

const SERVICE = { createStream: () => pull.map((message: string) => `service: ${message}`) };

/** Speaks to a server, and gives its answers. */
async function converse(url: string, messages: string[], options = {}): Promise<unknown[]> {
  const stream = connect(url, { ...options, closeOnEnd: false });
  pull(pull.values(messages), stream);
  const answers: unknown[] = [];
  await new Promise<void>((resolve) => {
    pull(
      stream.source,
      pull.take(messages.length),
      pull.drain(
        (answer: unknown) => void answers.push(answer),
        () => resolve(),
      ),
    );
  });
  return answers;
}

describe('Examples of clients', () => {
  it.each([
    ['by its part', `var connect = require('sanswire/pull-ws/client')`],
    ['as a member', `var connect = require('sanswire/pull-ws').connect`],
    ['as a member of its part', `var connect = require('sanswire/pull-ws/client').connect`],
  ])('connect, %s', async (_name, line) => {
    const received: unknown[] = [];
    const { url } = await serve((stream) => {
      pull(
        pull.values(['from the server']),
        pull.through(undefined, () => {}),
        (read: Parameters<typeof stream.sink>[0]) =>
          // The client is the one to close.
          stream.sink((end, callback) =>
            read(end, (ended, data) => ended !== true && callback(ended, data)),
          ),
      );
      pull(
        stream.source,
        pull.drain((message: unknown) => void received.push(message)),
      );
    });
    const answers: unknown[] = [];
    run(
      `
${line}

connect(WS_URL, function (err, stream) {
  if(err) throw err //handle err
  pull(source, stream, sink)
})
`,
      {
        WS_URL: url,
        pull,
        source: pull.values(['from the client']),
        sink: pull.drain((message: unknown) => void answers.push(message)),
      },
    );
    await until(() => received.length > 0 && answers.length > 0);
    expect([received, answers]).toEqual([['from the client'], ['from the server']]);
  });

  it('connect with a callback that handles its error', async () => {
    const errors: unknown[] = [];
    const code = `
var ws = require('sanswire/pull-ws')
ws.connect('ws://localhost:9999', function (err, stream) {
  if(err) return handleError(err)
  //stream is now ready
})
`;
    run(code.replace('localhost:9999', '127.0.0.1:1'), {
      handleError: (error: unknown) => errors.push(error),
    });
    await until(() => errors.length > 0);
    expect(errors).toMatchObject([{ code: 'ECONNREFUSED' }]);
  });

  it('the first read from a stream that cannot connect is an error', async () => {
    const code = `
var ws = require('sanswire/pull-ws')
var stream = ws.connect('ws://localhost:9999')
`;
    const stream = run(code.replace('localhost:9999', '127.0.0.1:1'), {}, 'stream');
    const { data, end } = await readToEnd((stream as ReturnType<typeof connect>).source);
    expect([data, end]).toEqual([[], expect.any(Error)]);
  });
});

describe('Examples of servers', () => {
  it('echo', async () => {
    const server = run(
      `
var createServer = require('sanswire/pull-ws/server')
return createServer(function (stream) {
  //pipe the stream somewhere.
  //eg, echo server
  pull(stream, stream)
}).listen(PORT)
`,
      { pull, PORT: 0 },
    );
    const url = await urlOf(server as Server);
    expect(await converse(url, ['a', 'b'])).toEqual(['a', 'b']);
  });

  it('a service, and its client', async () => {
    const code = `
var ws = require('sanswire/pull-ws')
var pull = require('pull-stream')

var server = ws.createServer(function (stream) {
  //pipe duplex style to your service.
  pull(stream, service.createStream(), stream)
})
.listen(9999)
`;
    const server = run(code.replace('9999', '0'), { service: SERVICE }, 'server') as Server;
    const url = await urlOf(server);
    const heard: unknown[] = [];
    const client = {
      createStream: () => (read: Parameters<ReturnType<typeof connect>['sink']>[0]) => {
        pull(
          read,
          pull.drain((message: unknown) => void heard.push(message)),
        );
        return pull.values(['hello']);
      },
    };
    run(
      `
var ws = require('sanswire/pull-ws')
var pull = require('pull-stream')
var stream = ws.connect('ws://localhost:9999')

pull(stream, client.createStream(), stream)
`.replace('ws://localhost:9999', url),
      { client },
    );
    await until(() => heard.length > 0);
    expect(heard).toEqual(['service: hello']);
  });

  it('over TLS', async () => {
    const code = `
var ws = require('sanswire/pull-ws')
var pull = require('pull-stream')
var tlsOpts = {
  key: fs.readFileSync('test/fixtures/keys/agent2-key.pem'),
  cert: fs.readFileSync('test/fixtures/keys/agent2-cert.pem')
};
var server = ws.createServer(tlsOpts, function (stream) {
  //pipe duplex style to your service.
  pull(stream, service.createStream(), stream)
})
.listen(9999)
`;
    const fixtures = new URL('../../fixtures/tls/', import.meta.url).pathname;
    const adapted = code
      .replace('test/fixtures/keys/agent2-key.pem', `${fixtures}key.pem`)
      .replace('test/fixtures/keys/agent2-cert.pem', `${fixtures}cert.pem`)
      .replace('9999', '0');
    const server = run(adapted, { service: SERVICE, fs: { readFileSync } }, 'server');
    const url = await urlOf(server as Server, 'wss');
    expect(await converse(url, ['hello'], { ca: TLS.cert })).toEqual(['service: hello']);
  });

  it('verifyClient', async () => {
    const code = `
var ws = require('sanswire/pull-ws')
function verifyClient (info) {
  return info.secure == true
}
var server = ws.createServer({ verifyClient: verifyClient }, onStream)
`;
    const streams: unknown[] = [];
    const onStream = (stream: unknown): void => void streams.push(stream);
    const plain = run(code, { onStream }, 'server') as Server;
    const { end } = await readToEnd(connect(await urlOf(plain.listen(0))).source);
    expect((end as Error).message).toBe('Unexpected server response: 401');
    const secure = run(
      code.replace('{ verifyClient', `{ ...tls, verifyClient`),
      {
        onStream: (stream: ReturnType<typeof connect>) => pull(pull.values(['in']), stream),
        tls: TLS,
      },
      'server',
    ) as Server;
    const url = await urlOf(secure.listen(0), 'wss');
    expect(await take(url, 1, { ca: TLS.cert })).toEqual(['in']);
    expect(streams).toEqual([]);
  });

  it('with an http server', async () => {
    const code = `
var ws = require('sanswire/pull-ws')
var http = require('http')
var server = http.createServer(function(req, res){...}).listen(....)
ws.createServer({server: server}, function (stream) { ... })
`
      .replace('{...}', `{ res.end('page') }`)
      .replace('....', '0')
      .replace('{ ... }', '{ pull(stream, stream) }');
    const server = run(code, { pull }, 'server') as HttpServer;
    const url = await urlOf(server);
    expect(await converse(url, ['x'])).toEqual(['x']);
    const page = await new Promise<string>((resolve) => {
      get(url.replace('ws', 'http'), { agent: false }, (response) => {
        response.setEncoding('utf8').on('data', resolve);
      });
    });
    expect(page).toBe('page');
  });
});

/** The makes of socket that an example's `WebSocket` may be. */
const CLASSES: Readonly<Record<string, unknown>> = { ws: WsWebSocket, sanswire: Client };

describe.each(Object.entries(CLASSES))('Examples with a socket of %s', (_name, WebSocket) => {
  it.each(['sanswire/pull-ws', 'sanswire/pull-ws/sink', 'sanswire/pull-ws/duplex'])(
    'write values to it with %s',
    async (name) => {
      const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
      onTestFinished(() => void server.close());
      server.on('connection', (socket) => {
        socket.on('message', (data) => socket.send(String(data)));
      });
      await once(server, 'listening');
      const { port } = server.address() as { port: number };
      const received: string[] = [];
      const code = `
var pull = require('pull-stream');
var wsSink = require('${name}');

// connect to the echo endpoint for test/server.js
var socket = new WebSocket('wss://echo.websocket.org');

// write values to the socket
pull(
  pull.infinite(function() {
    return 'hello @ ' + Date.now()
  }),
  // throttle so it doesn't go nuts
  pull.asyncMap(function(value, cb) {
    setTimeout(function() {
      cb(null, value);
    }, 100);
  }),
  wsSink(socket)
);

socket.addEventListener('message', function(evt) {
  console.log('received: ' + evt.data);
});
`;
      const socket = run(
        code.replace('wss://echo.websocket.org', `ws://127.0.0.1:${port}`),
        {
          WebSocket,
          setTimeout: setImmediate,
          console: { log: (line: string) => received.push(line) },
        },
        'socket',
      ) as { terminate(): void };
      await until(() => received.length >= 3);
      expect(received[2]).toMatch(/^received: hello @ \d+$/);
      socket.terminate();
      for (const client of server.clients) client.terminate();
    },
  );

  it('read values from it', async () => {
    const { url } = await serve((stream) => pull(pull.values(['a', 'b', 'c', 'd']), stream));
    const logged: unknown[] = [];
    const code = `
var pull = require('pull-stream');

// we just need the source, so cherrypick
var wsSource = require('sanswire/pull-ws/source');

pull(
  // connect to the test/server.js endpoint
  wsSource(new WebSocket('ws://localhost:3000/read')),
  pull.log()
);
`;
    const log = (): unknown =>
      pull.drain(
        (value: unknown) => void logged.push(value),
        () => logged.push('END'),
      );
    run(code.replace('ws://localhost:3000/', url), {
      WebSocket,
      require: (name: string) =>
        name === 'pull-stream' ? Object.assign(pull.bind(null), { log }) : MODULES[name],
    });
    await until(() => logged.includes('END'));
    expect(logged).toEqual(['a', 'b', 'c', 'd', 'END']);
  });
});

describe('Duplex use', () => {
  it('a stream between a source and a reader, with lines of JSON', async () => {
    const { url, server } = await serve((stream) => pull(stream, stream));
    const values = await new Promise((resolve) => {
      connect(url, (error, stream) => {
        expect(error).toBe(null);
        pull(
          pull.values([1, 2, 3]),
          pull.map((value: number) => JSON.stringify({ value })),
          // Its end closes the connection; the echo still comes, because the peer got the values
          // before the Close.
          stream as NonNullable<typeof stream>,
          pull.map((line: unknown) => (JSON.parse(String(line)) as { value: number }).value),
          pull.collect((_end: unknown, all: unknown[]) => resolve(all)),
        );
      });
    });
    expect(values).toEqual([1, 2, 3]);
    await new Promise((resolve) => server.close(resolve));
  });
});
