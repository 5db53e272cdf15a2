/**
 * Every head is checked as what is sent. Cut to a byte, U+010D U+010A is a line break that no check
 * for CR and LF has seen: wherever an application's string goes into a head, it is refused
 * (CVE-2026-1527).
 */

import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ClientEndpoint, nodePlatform, ServerEndpoint } from '../../src/engine.ts';
import { Client, EventSource, type Extension, WebSocket } from '../../src/index.ts';
import { connect as connectNodejs } from '../../src/nodejs-websocket.ts';
import { WebSocketStream } from '../../src/streams.ts';
import * as walve from '../../src/walve.ts';
import * as ws from '../../src/ws.ts';
import { connectRaw, listen, readHead, upgradeRequest } from '../api/sockets.ts';
import { plugIn } from '../extensions/plug-ins.ts';
import { patiently } from '../support/event-log.ts';
import { RecordingHandler } from '../support/recording-handler.ts';
import type { ServerFace } from '../support/server-faces.ts';

/** What an application may put into a head, and what its low bytes spell. */
const EVIL: readonly string[] = [
  'a\r\nX-Admin: 1',
  'a\u010d\u010aX-Admin: 1',
  'a\u560d\u560aX-Admin: 1',
  'a\nX-Admin: 1',
  'a\0b',
  'a\u0100b',
];
const OFFER = upgradeRequest({
  'Sec-WebSocket-Protocol': 'chat',
  'Sec-WebSocket-Extensions': 'x-plain',
});

/** Has an http server answer an upgrade: returns the head that it sent, or throws what it threw. */
async function accept(answer: ReturnType<ServerFace['answer']>): Promise<string> {
  const server = createHttpServer();
  let thrown: unknown;
  server.on('upgrade', (request, socket, head) => {
    try {
      answer(request, socket, head);
    } catch (error) {
      thrown = error;
      socket.destroy();
    }
  });
  const raw = await connectRaw(await listen(server));
  raw.write(OFFER);
  const [head] = await readHead(raw).catch(() => ['']);
  if (thrown !== undefined) throw thrown;
  return head;
}

/** Has a client ask a bare server, or a proxy: returns the head of its request. */
async function dial(open: (port: number) => unknown): Promise<string> {
  let head = '';
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      head = bytes.toString('latin1');
      socket.destroy();
    });
  });
  const port = await listen(server);
  open(port);
  await patiently(once(server, 'connection'), () => 'no request');
  return head;
}

const HANDLER = Object.assign(new RecordingHandler(), { onOpen: () => {} });

/** Has the engine's server answer a request. */
function decide(decision: () => object): string {
  const endpoint = new ServerEndpoint({
    platform: nodePlatform,
    handler: HANDLER,
    decide: decision as never,
  });
  endpoint.receive(Buffer.from(OFFER, 'latin1'));
  return Buffer.concat(endpoint.takeOutput()).toString('latin1');
}

function answering(parameter: string): Extension {
  const extension = plugIn();
  const createServerSession: Extension['createServerSession'] = (offers) => {
    const session = extension.createServerSession(offers)!;
    return { ...session, generateResponse: () => ({ a: parameter }) };
  };
  return { ...extension, createServerSession };
}

const ignoring = (socket: { on(type: 'error', listener: () => void): unknown }): unknown =>
  socket.on('error', () => {});

const upgrades = (options: ws.ServerOptions, prepare = (_: ws.WebSocketServer): void => {}) => {
  const server = new ws.WebSocketServer({ noServer: true, ...options });
  prepare(server);
  return accept((request, socket, head) => server.handleUpgrade(request, socket, head, () => {}));
};

/** Every place for a string of the application: puts it there, and gives the head that is sent. */
const PLACES: Readonly<Record<string, (text: string) => Promise<string> | string>> = {
  'headers of WebSocket': (text) =>
    accept((...upgrade) => void new WebSocket(...upgrade, [], { headers: { 'X-A': text } })),
  'the name of a header of WebSocket': (text) =>
    accept((...upgrade) => void new WebSocket(...upgrade, [], { headers: { [text]: 'a' } })),
  'headers of a draft': (text) => {
    const options = { allowDrafts: true, headers: { 'X-A': text } };
    return accept((...upgrade) => void new WebSocket(...upgrade, [], options));
  },
  'headers of WebSocketStream.accept': (text) =>
    accept((...upgrade) => {
      WebSocketStream.accept(...upgrade, { headers: { 'X-A': text } });
    }),
  'an extension at a server': (text) =>
    accept((...upgrade) => void new WebSocket(...upgrade, [], { extensions: [answering(text)] })),
  'a headers listener of sanswire/ws': (text) =>
    upgrades({}, (server) => server.on('headers', (lines) => lines.push(`X-A: ${text}`))),
  'the status line in a headers listener': (text) =>
    upgrades({}, (server) =>
      server.on('headers', (lines) => {
        lines[0] = `HTTP/1.1 101 ${text}`;
      }),
    ),
  'a line that is another string each time': (text) =>
    upgrades({}, (server) =>
      server.on('headers', (lines) => {
        let count = 0;
        const line = { toString: () => (count++ === 0 ? 'X-A: a' : `X-A: ${text}`) };
        lines.push(line as unknown as string);
      }),
    ),
  'the headers of verifyClient': (text) =>
    upgrades({ verifyClient: (_info, answer) => answer(false, 401, 'no', { 'X-A': text }) }),
  'handleProtocols of sanswire/ws': (text) => upgrades({ handleProtocols: () => text }),
  'setHeader of a Response of walve': (text) =>
    accept((request, socket) => {
      const response = new walve.Response(request);
      response.setHeader('X-A', text);
      response.assignSocket(socket as never);
      response.end();
    }),
  'statusMessage of a Response of walve': (text) =>
    accept((request, socket) => {
      const response = new walve.Response(request);
      response.statusMessage = text;
      response.assignSocket(socket as never);
      response.end();
    }),
  'headers of decide': (text) => decide(() => ({ headers: ['X-A', text] })),
  'the reason of decide': (text) => decide(() => ({ status: 403, reason: text })),
  'headers of a refusal by decide': (text) =>
    decide(() => ({ status: 403, headers: ['X-A', text] })),
  'headers of EventSource': async (text) => {
    let thrown: unknown;
    const server = createHttpServer((request, response) => {
      try {
        new EventSource(request, response, { headers: { 'X-A': text } }).close();
      } catch (error) {
        thrown = error;
        response.end();
      }
    });
    const raw = await connectRaw(await listen(server));
    raw.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const [head] = await readHead(raw);
    if (thrown !== undefined) throw thrown;
    return head;
  },
  'headers of Client': (text) =>
    dial((port) => new Client(`ws://127.0.0.1:${port}`, [], { headers: { 'X-A': text } })),
  'origin of Client': (text) =>
    dial((port) => new Client(`ws://127.0.0.1:${port}`, [], { origin: text })),
  'protocols of Client': (text) => dial((port) => new Client(`ws://127.0.0.1:${port}`, [text])),
  'the path of Client': (text) => dial((port) => new Client(`ws://127.0.0.1:${port}/${text}`)),
  'auth of Client': (text) =>
    dial((port) => new Client(`ws://127.0.0.1:${port}`, [], { auth: `a:${text}` })),
  'headers for the proxy': (text) =>
    dial((port) => {
      const proxy = { origin: `http://127.0.0.1:${port}`, headers: { 'X-A': text } };
      return new Client('ws://a.example', [], { proxy });
    }),
  'headers of WebSocketStream': (text) =>
    dial((port) => new WebSocketStream(`ws://127.0.0.1:${port}`, { headers: { 'X-A': text } })),
  'headers of sanswire/ws': (text) =>
    dial((port) =>
      ignoring(new ws.WebSocket(`ws://127.0.0.1:${port}`, { headers: { 'X-A': text } })),
    ),
  'origin of sanswire/ws': (text) =>
    dial((port) => ignoring(new ws.WebSocket(`ws://127.0.0.1:${port}`, { origin: text }))),
  'the Host of sanswire/ws': (text) =>
    dial((port) =>
      ignoring(new ws.WebSocket(`ws://127.0.0.1:${port}`, { headers: { Host: text } })),
    ),
  'protocols of sanswire/ws': (text) =>
    dial((port) => ignoring(new ws.WebSocket(`ws://127.0.0.1:${port}`, [text]))),
  'finishRequest of sanswire/ws': (text) =>
    dial((port) =>
      ignoring(
        new ws.WebSocket(`ws://127.0.0.1:${port}`, {
          finishRequest: (request) => request.setHeader('X-A', text).end(),
        }),
      ),
    ),
  'extraHeaders of nodejs-websocket': (text) =>
    dial((port) => connectNodejs(`ws://127.0.0.1:${port}`, { extraHeaders: { 'X-A': text } })),
  'protocols of nodejs-websocket': (text) =>
    dial((port) => connectNodejs(`ws://127.0.0.1:${port}`, { protocols: [text] })),
  'the headers of the engine’s client': (text) => {
    const endpoint = new ClientEndpoint({
      platform: nodePlatform,
      handler: HANDLER,
      authority: 'a',
      target: '/',
      headers: ['X-A', text],
    });
    endpoint.start();
    return Buffer.concat(endpoint.takeOutput()).toString('latin1');
  },
  'the target of the engine’s client': (text) => {
    const endpoint = new ClientEndpoint({
      platform: nodePlatform,
      handler: HANDLER,
      authority: 'a',
      target: `/${text}`,
    });
    endpoint.start();
    return Buffer.concat(endpoint.takeOutput()).toString('latin1');
  },
};

describe.each(Object.entries(PLACES))('In %s', (place, put) => {
  it.each(EVIL)('%j makes no line of its own', async (text) => {
    let sent = '';
    let thrown: unknown;
    try {
      sent = await put(text);
    } catch (error) {
      thrown = error;
    }
    expect(sent).not.toMatch(/\nX-Admin/i);
    expect(sent).not.toContain('\0');
    // A part of a URL is escaped, credentials are in Base64, the first string of a line is sent,
    // and a refusal says no more than 500.
    const isHarmless = /path|auth|each time/.test(place) || sent === '' || / 500 /.test(sent);
    expect(thrown instanceof Error || isHarmless, sent).toBe(true);
  });
});
