/**
 * The shape of the public classes (Web IDL §3.7): attributes are accessors on the prototype, and
 * enumerable, as methods are; constants are read-only. Undici's classes and Node's own are the
 * yardstick where they have the same members; for `sanswire/ws` it is ws.
 */

import undici from 'undici';
import { describe, expect, it } from 'vitest';
import ws from 'ws';
import { Client } from '../../src/api/client.ts';
import { EventSource } from '../../src/api/event-source.ts';
import * as events from '../../src/api/events.ts';
import { WebSocket } from '../../src/api/websocket.ts';
import { WebSocketStream } from '../../src/streams/websocket-stream.ts';
import { WebSocketStreamError } from '../../src/streams/websocket-stream-error.ts';
import { WebSocket as WsWebSocket } from '../../src/ws.ts';

type Class = { readonly name: string; readonly prototype: object };

/** What a property is, in letters: enumerable, configurable, writable, get, set. */
function shapeOf(holder: object, key: PropertyKey): string | undefined {
  for (let object = holder; object !== null; object = Object.getPrototypeOf(object)) {
    const found = Object.getOwnPropertyDescriptor(object, key);
    if (found === undefined) continue;
    const { enumerable, configurable, writable, get, set } = found;
    const letters = { e: enumerable, c: configurable, w: writable, g: get, s: set };
    return Object.entries(letters)
      .map(([letter, has]) => (has ? letter : ''))
      .join('');
  }
  return undefined;
}

/** Properties that the class has itself, and the first of its prototypes. */
function ownShape(of: Class, name: string): unknown[] {
  return [of, of.prototype].map((holder) => Object.hasOwn(holder, name) && shapeOf(holder, name));
}

/** The members and constants of a class that another has, too. */
function sharedKeys(of: Class, other: Class): { members: PropertyKey[]; constants: string[] } {
  const isShared = (key: PropertyKey): boolean => key in other.prototype && key !== 'constructor';
  const constants = Object.keys(of).filter((name) => /^[A-Z_]+$/.test(name));
  return { members: Reflect.ownKeys(of.prototype).filter(isShared), constants };
}

function shapesOf(of: Class, { members, constants }: ReturnType<typeof sharedKeys>): unknown[] {
  return [
    ...members.map((key) => [key, shapeOf(of.prototype, key)]),
    ...constants.map((name) => [name, ...ownShape(of, name)]),
  ];
}

const YARDSTICKS: readonly (readonly [string, Class, Class])[] = [
  ['WebSocket', WebSocket, undici.WebSocket],
  ['Client', Client, undici.WebSocket],
  ['EventSource', EventSource, undici.EventSource],
  ['WebSocketStream', WebSocketStream, undici.WebSocketStream],
  ['WebSocketError of streams', WebSocketStreamError, undici.WebSocketError],
  ['MessageEvent', events.MessageEvent, undici.MessageEvent],
  ['CloseEvent', events.CloseEvent, undici.CloseEvent],
  ['ErrorEvent', events.ErrorEvent, undici.ErrorEvent],
  ['WebSocket of sanswire/ws', WsWebSocket, ws],
];

describe('The members and constants of', () => {
  it.each(YARDSTICKS)('%s are those of the yardstick', (_, ours, theirs) => {
    const keys = sharedKeys(theirs, ours);
    expect(shapesOf(ours, keys)).toEqual(shapesOf(theirs, keys));
  });

  it.each([
    ['WebSocket', WebSocket],
    ['Client', Client],
  ])('%s are its own, as the yardstick has them', (_, { prototype }) => {
    const { members: keys } = sharedKeys(undici.WebSocket, WebSocket);
    const members = keys.filter((key) => typeof key === 'string');
    expect(members).toContain('readyState');
    expect(members.filter((key) => !Object.hasOwn(prototype, key))).toEqual([]);
  });

  it('WebSocketEvent are those of a DOM Event', () => {
    const { members, constants } = sharedKeys(Event, events.WebSocketEvent);
    // An own property of each event in browsers.
    const keys = { members: members.filter((name) => name !== 'isTrusted'), constants: [] };
    expect(shapesOf(events.WebSocketEvent, keys)).toEqual(shapesOf(Event, keys));
    expect(keys.members.length).toBeGreaterThan(12);
    // Node 20 does not have them on instances.
    const { WebSocketEvent } = events;
    for (const holder of [WebSocketEvent, WebSocketEvent.prototype]) {
      expect(constants.map((name) => shapeOf(holder, name))).toEqual(['e', 'e', 'e', 'e']);
    }
  });
});

/** Members that programs are not to find. */
const INTERNAL = [
  ...['constructor', 'emit', 'dispatch', 'abandonConnecting', 'describeConnection', 'attach'],
  ...['connected', 'connectionFailed', 'abortOn', 'takesAnyCloseCode', 'isSendable'],
  'noteAddress',
];

describe('Every public member', () => {
  const classes = YARDSTICKS.slice(0, -1).map(([name, ours]) => [name, ours] as const);

  it.each([...classes, ['WebSocketEvent', events.WebSocketEvent] as const])(
    'of %s is enumerable',
    (_, { prototype }) => {
      let object = prototype;
      const hidden: string[] = [];
      while (!Object.hasOwn(object, 'addListener') || Object.hasOwn(object, 'send')) {
        for (const key of Object.getOwnPropertyNames(object)) {
          if (shapeOf(object, key)?.startsWith('e') !== true) hidden.push(key);
        }
        object = Object.getPrototypeOf(object);
        if (object === null || object === Object.prototype) break;
        if (object === DOMException.prototype || object === Error.prototype) break;
      }
      expect(hidden.filter((key) => !INTERNAL.includes(key))).toEqual([]);
    },
  );

  it.each([
    [WebSocket, 'WebSocket'],
    [Client, 'WebSocket'],
    [EventSource, 'EventSource'],
    [WebSocketStream, 'WebSocketStream'],
    [WebSocketStreamError, 'WebSocketError'],
    [events.WebSocketEvent, 'Event'],
    [events.MessageEvent, 'MessageEvent'],
    [events.CloseEvent, 'CloseEvent'],
    [events.ErrorEvent, 'ErrorEvent'],
  ])('%o names its interface', ({ prototype }, name) => {
    expect(Object.prototype.toString.call(prototype)).toBe(`[object ${name}]`);
  });
});
