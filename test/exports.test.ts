/**
 * What each entry of the package exports, name by name: to add or lose one is a change of the
 * public API.
 */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as engine from '../src/engine.ts';
import * as sanswire from '../src/index.ts';
import * as nestjs from '../src/nestjs.ts';
import * as nodejsWebSocket from '../src/nodejs-websocket.ts';
import * as pullWs from '../src/pull-ws.ts';
import * as server from '../src/server.ts';
import * as streams from '../src/streams.ts';
import * as walve from '../src/walve.ts';
import * as ws from '../src/ws.ts';

const NAMES: Readonly<Record<string, readonly string[]>> = {
  '.': [
    'CLOSED',
    'CLOSING',
    'CONNECTING',
    'Client',
    'CloseCode',
    'CloseEvent',
    'ErrorEvent',
    'EventSource',
    'HandshakeError',
    'InvalidStateError',
    'LimitExceededError',
    'MessageEvent',
    'OPEN',
    'PreparedMessage',
    'ProtocolError',
    'WebSocket',
    'WebSocketError',
    'WebSocketEvent',
    'default',
    'isWebSocket',
    'permessageDeflate',
    'prepare',
    'validateOptions',
  ],
  './engine': [
    'ClientEndpoint',
    'ClientHandshake',
    'CloseCode',
    'Connection',
    'DEFAULT_MAX_HEADER_BYTES',
    'Endpoint',
    'FAULTS',
    'FrameParser',
    'FrameSerializer',
    'HandshakeError',
    'InvalidStateError',
    'LimitExceededError',
    'Opcode',
    'PreparedMessage',
    'ProtocolError',
    'ProxyHandshake',
    'STREAMED',
    'ServerEndpoint',
    'ServerHandshake',
    'WHOLE',
    'WebSocketError',
    'isApplicationCloseCode',
    'isSendableCloseCode',
    'nodePlatform',
    'permessageDeflate',
    'wholeBytes',
  ],
  './nestjs': ['SanswireAdapter'],
  './nodejs-websocket': [
    'connect',
    'createServer',
    'default',
    'setBinaryFragmentation',
    'setMaxBufferLength',
  ],
  './ws': [
    'PerMessageDeflate',
    'Receiver',
    'Sender',
    'Server',
    'WebSocket',
    'WebSocketServer',
    'createWebSocketStream',
    'default',
    'extension',
    'subprotocol',
  ],
  './streams': [
    'IncomingMessageStream',
    'OutgoingMessageStream',
    'WebSocketError',
    'WebSocketStream',
    'toDuplex',
  ],
  './server': ['attach', 'refuse'],
  './pull-ws': ['connect', 'createServer', 'default', 'duplex', 'sink', 'source'],
  './walve': ['Incoming', 'Outgoing', 'Response', 'Server', 'Socket', 'createServer', 'default'],
};

interface Conditions {
  readonly [condition: string]: Readonly<Record<string, string>>;
}

interface Manifest {
  readonly main: string;
  readonly exports: Readonly<Record<string, string | Conditions>>;
}

const manifest = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as Manifest;
const entries = Object.entries(manifest.exports).filter(([entry]) => entry !== './package.json');

describe('The entries of package.json', () => {
  it.each(entries)('%s is files of one name, types first', (entry, conditions) => {
    const path = `./dist/${entry === '.' ? 'index' : entry.slice('./'.length)}`;
    expect(JSON.stringify(conditions)).toBe(
      JSON.stringify({
        import: { types: `${path}.d.ts`, default: `${path}.js` },
        require: { types: `${path}.d.cts`, default: `${path}.cjs` },
      }),
    );
  });

  it('are what tools get that do not know exports', () => {
    expect(manifest.main).toBe('./dist/index.cjs');
  });
});

describe('The exports', () => {
  it('of sanswire are these', () => {
    expect(Object.keys(sanswire).sort()).toEqual([...(NAMES['.'] ?? [])].sort());
  });

  it('of sanswire/engine are these', () => {
    expect(Object.keys(engine).sort()).toEqual([...(NAMES['./engine'] ?? [])].sort());
  });

  it('of sanswire/ws are these, and all but the default are members of its class', () => {
    expect(Object.keys(ws).sort()).toEqual([...(NAMES['./ws'] ?? [])].sort());
    const { default: all, ...exported } = ws;
    expect(all).toBe(ws.WebSocket);
    for (const [name, value] of Object.entries(exported)) {
      expect(Reflect.get(ws.WebSocket, name), name).toBe(value);
    }
  });

  it('of sanswire/server are these', () => {
    expect(Object.keys(server).sort()).toEqual([...(NAMES['./server'] ?? [])].sort());
  });

  it('of sanswire/nestjs are these', () => {
    expect(Object.keys(nestjs).sort()).toEqual([...(NAMES['./nestjs'] ?? [])].sort());
  });

  it('of sanswire/streams are these', () => {
    expect(Object.keys(streams).sort()).toEqual([...(NAMES['./streams'] ?? [])].sort());
  });

  it('of sanswire/nodejs-websocket are these, and one object has them all', () => {
    const { default: all, ...functions } = nodejsWebSocket;
    expect(Object.keys(nodejsWebSocket).sort()).toEqual(NAMES['./nodejs-websocket']);
    expect(all).toEqual(functions);
  });

  it('of sanswire/pull-ws are these, and its parts are entries of their own', async () => {
    const exported: Readonly<Record<string, unknown>> = { ...pullWs };
    expect(Object.keys(exported).sort()).toEqual([...(NAMES['./pull-ws'] ?? [])].sort());
    const parts = { client: 'connect', server: 'createServer', duplex: 'duplex' } as const;
    for (const [part, name] of Object.entries({ ...parts, source: 'source', sink: 'sink' })) {
      const entry = (await import(`../src/pull-ws/${part}.ts`)) as Record<string, unknown>;
      expect(Object.keys(entry).sort()).toEqual(['default', name].sort());
      expect(entry[name], part).toBe(exported[name]);
      expect(entry['default']).toBe(entry[name]);
      expect(Reflect.get(Object(entry[name]), name), part).toBe(entry[name]);
    }
  });

  it('of sanswire/walve are these, and one object with all of them', () => {
    expect(Object.keys(walve).sort()).toEqual([...(NAMES['./walve'] ?? [])].sort());
    const { default: all, ...named } = walve;
    expect(all).toEqual(named);
  });

  it('of sanswire are one class and its statics', () => {
    const { default: all, ...exported } = sanswire;
    expect(all).toBe(sanswire.WebSocket);
    // As Babel copies them, for a default import and named ones together.
    expect({ ...sanswire.WebSocket }).toMatchObject(exported);
  });
});
