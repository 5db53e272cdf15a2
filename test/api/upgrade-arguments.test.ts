/** Arguments that are those of another class: the error says which class they are for. */

import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { EventSource } from '../../src/api/event-source.ts';
import { WebSocket } from '../../src/api/websocket.ts';

const request = { method: 'GET', url: '/', headers: {}, rawHeaders: [] };
const socket = new Duplex({ read() {} });
const NO_BYTES = Buffer.alloc(0);

const construct = (Class: unknown, ...values: unknown[]): void =>
  void Reflect.construct(Class as new () => object, values);

describe('new WebSocket(…)', () => {
  it.each<[string, unknown[], RegExp]>([
    ['a URL', ['ws://localhost/'], /WebSocket\.Client\(url\) connects/],
    ['a URL object', [new URL('ws://localhost/')], /WebSocket\.Client\(url\) connects/],
    ['nothing', [], /request must be that of an 'upgrade' event, not undefined/],
    ['null', [null, socket], /request .* not null/],
    [
      'the options of ws',
      [{ port: 8080 }],
      /not a plain object; sanswire\/ws has a class that listens/,
    ],
    ['a request alone', [request], /socket must be that of an 'upgrade' event, not undefined/],
    ['options as the head', [request, socket, { ping: 30 }], /head .* order is request, socket, /],
    ['options as protocols', [request, socket, NO_BYTES, { ping: 30 }], /options come after them/],
    ['a number as protocols', [request, socket, NO_BYTES, 5], /must be a string or a list/],
  ])('with %s', (_, values, message) => {
    expect(() => construct(WebSocket, ...values)).toThrow(TypeError);
    expect(() => construct(WebSocket, ...values)).toThrow(message);
  });

  it.each(['Server', 'WebSocketServer'])('new WebSocket.%s() names what to use', (name) => {
    const Server = Reflect.get(WebSocket, name);
    expect(() => construct(Server, { port: 8080 })).toThrow(TypeError);
    expect(() => construct(Server)).toThrow(/'upgrade' event of an http server.*sanswire\/ws/);
    expect(Object.keys(WebSocket)).not.toContain(name);
  });
});

describe('new EventSource(…)', () => {
  it.each<[string, unknown[], RegExp]>([
    ['a URL', ['http://localhost/'], /is a server's, and answers a request/],
    ['nothing', [], /those of a 'request' event, not undefined and undefined/],
    ['a request alone', [request], /not a plain object and undefined/],
    ['the two in the wrong order', [{ writeHead() {} }, request], /those of a 'request' event/],
  ])('with %s', (_, values, message) => {
    expect(() => construct(EventSource, ...values)).toThrow(TypeError);
    expect(() => construct(EventSource, ...values)).toThrow(message);
  });
});
