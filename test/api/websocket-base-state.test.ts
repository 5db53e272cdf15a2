/** readyState, the other attributes and the events of a socket in every phase, at both ends. */

import { describe, expect, it } from 'vitest';
import { Client } from '../../src/api/client.ts';
import { CloseEvent, ErrorEvent, MessageEvent, WebSocketEvent } from '../../src/api/events.ts';
import { WebSocket } from '../../src/api/websocket.ts';
import { closePayload } from '../support/frames.ts';
import {
  type AnySocket,
  closed,
  endsOf,
  face,
  faceOpen,
  logEvents,
  openPair,
  ROLES,
  serve,
  settle,
} from './sockets.ts';

describe('The constants (WHATWG WebSockets §3.1)', () => {
  it.each([
    ['WebSocket', WebSocket],
    ['Client', Client],
  ])('are on the class %s and on its instances, and cannot be changed', (_, Class) => {
    const expected = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };
    for (const [name, value] of Object.entries(expected)) {
      expect(Reflect.get(Class, name)).toBe(value);
      expect(Reflect.get(Class.prototype, name)).toBe(value);
      expect(Reflect.set(Class, name, 9)).toBe(false);
    }
  });
});

describe.each(ROLES)('readyState at the %s (WHATWG WebSockets §3.1)', (role) => {
  it('is CONNECTING after the constructor, OPEN in the open event', async () => {
    const states: number[] = [];
    await face(role, {
      onSocket: (socket) => {
        states.push(socket.readyState);
        socket.on('open', () => states.push(socket.readyState));
      },
    });
    await settle();
    expect(states).toEqual([0, 1]);
  });

  it('is CLOSING from close() on, CLOSED in the close event', async () => {
    const { socket, peer } = await faceOpen(role);
    const states: number[] = [];
    socket.on('end', () => states.push(socket.readyState));
    socket.on('close', () => states.push(socket.readyState));
    socket.close();
    states.push(socket.readyState);
    await peer.untilFrame('close');
    states.push(socket.readyState);
    peer.send({ opcode: 'close' });
    peer.socket.end();
    await closed(socket);
    expect(states).toEqual([2, 2, 3, 3]);
  });

  it('is CLOSING when the Close of the peer has come', async () => {
    const { socket, peer } = await faceOpen(role);
    peer.send({ opcode: 'close', payload: closePayload(4000, 'bye') });
    await peer.untilFrame('close 4000');
    expect(socket.readyState).toBe(role === 'server' ? socket.readyState : 2);
    peer.socket.end();
    const event = await closed(socket);
    expect(socket.readyState).toBe(3);
    expect(event).toMatchObject({ code: 4000, reason: 'bye', wasClean: true });
  });

  it('is CLOSING in the error event, and CLOSED in the close event that follows', async () => {
    const { socket, peer } = await faceOpen(role);
    const states: number[] = [];
    socket.on('error', () => states.push(socket.readyState));
    socket.on('close', () => states.push(socket.readyState));
    peer.send({ opcode: 'continuation' });
    await closed(socket);
    expect(states).toEqual([2, 3]);
  });

  it('decides readable and writable', async () => {
    const seen: boolean[][] = [];
    const look = (socket: AnySocket): number => seen.push([socket.readable, socket.writable]);
    const { socket, peer } = await face(role, { onSocket: look });
    await settle();
    look(socket);
    socket.close();
    look(socket);
    peer.send({ opcode: 'close' });
    peer.socket.end();
    await closed(socket);
    look(socket);
    expect(seen).toEqual([
      [true, true],
      [true, true],
      [true, false],
      [false, false],
    ]);
  });
});

describe('The attributes of a connection', () => {
  it('have their values once it is open', async () => {
    const { client, server } = await openPair({ protocols: ['irc', 'amqp'] });
    for (const socket of [client, server]) {
      expect(socket).toMatchObject({
        version: 'hybi-13',
        protocol: 'irc',
        extensions: '',
        binaryType: 'nodebuffer',
        bufferedAmount: 0,
        isPaused: false,
        roundTripTime: undefined,
      });
      expect(socket.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/$/);
    }
  });

  it('are empty while connecting', async () => {
    const { url } = await serve();
    const client = new Client(url, ['irc']);
    expect(client).toMatchObject({ version: '', protocol: '', extensions: '', bufferedAmount: 0 });
    await closed(client);
  });

  it('cannot be set', async () => {
    const { client } = await openPair();
    for (const name of ['readyState', 'protocol', 'bufferedAmount', 'version', 'isPaused']) {
      expect(Reflect.set(client, name, 9)).toBe(false);
    }
  });
});

describe.each(ROLES)('The events at the %s', (role) => {
  it('are event objects with type, target and their own attributes', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const events: WebSocketEvent[] = [];
    for (const type of ['message', 'error', 'close'] as const) {
      socket.on(type, (event) => events.push(event));
    }
    peer.send('hi');
    peer.close(1000, 'done');
    await closed(socket);
    expect(events[0]).toBeInstanceOf(MessageEvent);
    expect(events[0]).toMatchObject({ type: 'message', target: socket, data: 'hi' });
    expect(events[1]).toBeInstanceOf(CloseEvent);
    expect(events[1]).toMatchObject({ type: 'close', code: 1000, reason: 'done', wasClean: true });
    expect(events).toHaveLength(2);
  });

  it('reach on, once, addEventListener, handleEvent and the attribute', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const log: string[] = [];
    socket.on('message', (event) => log.push(`on ${event.data}`));
    socket.once('message', (event) => log.push(`once ${event.data}`));
    socket.addEventListener('message', { handleEvent: ({ data }) => log.push(`object ${data}`) });
    socket.addEventListener('message', (event) => log.push(`dom ${event.data}`), { once: true });
    socket.onmessage = (event) => log.push(`attribute ${event.data}`);
    socket.on('data', (data) => log.push(`data ${data}`));
    peer.send('1');
    peer.send('2');
    peer.close();
    await closed(socket);
    const every = (text: string) => [`on ${text}`, `object ${text}`, `attribute ${text}`];
    expect(log.filter((line) => line.endsWith('1'))).toEqual([
      'on 1',
      'once 1',
      'object 1',
      'dom 1',
      'attribute 1',
      'data 1',
    ]);
    expect(log.filter((line) => line.endsWith('2'))).toEqual([...every('2'), 'data 2']);
  });

  it('are one end and one close, in this order, and nothing after them', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const log = logEvents(socket);
    peer.send('last');
    peer.close();
    await closed(socket);
    await settle();
    expect(log).toEqual(['message "last"', 'end', 'close 1005 "" clean']);
  });

  it('open is an event object without attributes of its own', async () => {
    let event: WebSocketEvent | undefined;
    await face(role, {
      onSocket: (socket) => {
        socket.onopen = (given) => {
          event = given;
        };
      },
    });
    await settle();
    expect(event).toBeInstanceOf(WebSocketEvent);
    expect(event?.type).toBe('open');
  });

  it('error carries the error with a stable code and the message', async () => {
    const { socket, peer } = await faceOpen(role);
    const events: ErrorEvent[] = [];
    socket.onerror = (event) => events.push(event);
    peer.send({ opcode: 3 });
    await closed(socket);
    expect(events).toHaveLength(1);
    expect(events[0]).toBeInstanceOf(ErrorEvent);
    expect(events[0]?.error).toMatchObject({ code: 'WS_UNKNOWN_OPCODE', section: 'RFC 6455 §5.2' });
    expect(events[0]?.message).toBe(events[0]?.error.message);
  });

  it('can be dispatched by the application', async () => {
    const [socket] = endsOf(await openPair(), role);
    const log = logEvents(socket);
    socket.dispatchEvent(new MessageEvent('message', { data: 'made up' }));
    expect(socket.dispatchEvent({ type: 'nothing' })).toBe(true);
    expect(log).toEqual(['message "made up"']);
  });
});
