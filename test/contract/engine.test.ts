/**
 * What the engine promises those who embed it: a transport that is lost within the opening
 * handshake is told as what it is, a compressed message of nothing fails when it comes, and no byte
 * leaves that was not written.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { STREAMED } from '../../src/connection/sink.ts';
import {
  ClientEndpoint,
  Connection,
  type Endpoint,
  nodePlatform,
  type Platform,
  permessageDeflate,
  type Role,
  ServerEndpoint,
} from '../../src/engine.ts';
import { ROLES, upgradeRequest, upgradeResponse } from '../api/sockets.ts';
import { describeFrames, type FrameSpec, frameTo, readFrames } from '../support/frames.ts';
import { concat, toHex, utf8 } from '../support/hex.ts';
import { RecordingHandler } from '../support/recording-handler.ts';
import { sendFragment } from '../support/send-fragment.ts';

class EndpointHandler extends RecordingHandler {
  isOpen = false;

  onOpen(): void {
    this.isOpen = true;
  }
}

interface Opened {
  readonly endpoint: Endpoint;
  readonly handler: EndpointHandler;
}

const EXTENSIONS = { extensions: [permessageDeflate] };

/** Makes an endpoint whose handshake has not ended; a client has sent its request. */
function openEndpoint(role: Role): Opened & { readonly head: string } {
  const handler = new EndpointHandler();
  const shared = { platform: nodePlatform, handler, ...EXTENSIONS };
  if (role === 'server') return { endpoint: new ServerEndpoint(shared), handler, head: '' };
  const endpoint = new ClientEndpoint({ ...shared, authority: 'example.com', target: '/' });
  endpoint.start();
  return { endpoint, handler, head: takeText(endpoint) };
}

function takeText(endpoint: Endpoint): string {
  const text = Buffer.from(concat(endpoint.takeOutput())).toString('latin1');
  endpoint.outputWritten();
  return text;
}

/** The head that ends the handshake, at the other end. */
function headTo(role: Role, requestHead: string): Uint8Array {
  const extension = 'permessage-deflate';
  return utf8(
    role === 'server'
      ? upgradeRequest({ 'Sec-WebSocket-Extensions': extension })
      : upgradeResponse(requestHead, `Sec-WebSocket-Extensions: ${extension}\r\n`),
  );
}

describe.each(ROLES)('A %s whose transport is lost before the end of the handshake', (role) => {
  /** How much of the head has come. */
  const STATES: { readonly [name: string]: (head: Uint8Array) => Uint8Array } = {
    'before the first byte': () => new Uint8Array(0),
    'within the head': (head) => head.slice(0, head.length / 2),
    'before the last byte': (head) => head.slice(0, -1),
  };

  it.each(Object.keys(STATES))(
    'reports the error of the transport, and sends nothing: %s',
    (state) => {
      const { endpoint, handler, head } = openEndpoint(role);
      const begun = STATES[state]!(headTo(role, head));
      if (begun.length > 0) endpoint.receive(begun);
      const cause = new Error('reset');
      endpoint.transportClosed(cause);
      expect(handler.log).toEqual(['error WS_TRANSPORT_ERROR', 'close 1006 unclean']);
      expect(handler.errors[0]?.cause).toBe(cause);
      expect(handler.isOpen).toBe(false);
      expect(endpoint.hasOutput).toBe(false);
      expect(takeText(endpoint)).toBe('');
    },
  );

  it.each(Object.keys(STATES))('sends nothing when there is no error: %s', (state) => {
    const { endpoint, handler, head } = openEndpoint(role);
    const begun = STATES[state]!(headTo(role, head));
    if (begun.length > 0) endpoint.receive(begun);
    endpoint.transportClosed();
    expect(handler.log.at(-1)).toBe('close 1006 unclean');
    expect(handler.log.filter((line) => line.startsWith('close'))).toHaveLength(1);
    expect(endpoint.hasOutput).toBe(false);
    expect(takeText(endpoint)).toBe('');
  });

  it('tells it once', () => {
    const { endpoint, handler } = openEndpoint(role);
    endpoint.transportClosed(new Error('reset'));
    endpoint.transportClosed(new Error('again'));
    endpoint.receiveEnd();
    endpoint.receive(utf8('too late'));
    expect(handler.log).toEqual(['error WS_TRANSPORT_ERROR', 'close 1006 unclean']);
    expect(endpoint.hasOutput).toBe(false);
  });

  it('asks for the end of the transport', () => {
    const { endpoint } = openEndpoint(role);
    endpoint.transportClosed(new Error('reset'));
    expect(endpoint.shouldEnd).toBe(true);
  });
});

describe('A client that has not sent its request when the transport is lost', () => {
  it('does not send it any more', () => {
    const handler = new EndpointHandler();
    const endpoint = new ClientEndpoint({
      ...{ platform: nodePlatform, handler, authority: 'example.com', target: '/' },
    });
    endpoint.start();
    endpoint.transportClosed(new Error('reset'));
    expect(handler.log).toEqual(['error WS_TRANSPORT_ERROR', 'close 1006 unclean']);
    expect(endpoint.hasOutput).toBe(false);
    expect(takeText(endpoint)).toBe('');
  });
});

// ---- Compressed messages of nothing ------------------------------------------------------------

/** RSV1: the message is compressed (RFC 7692 §6). */
const COMPRESSED = 4;

/**
 * Messages whose compressed payload has no bytes. An empty message is compressed to one byte (RFC
 * 7692 §7.2.3.6).
 */
const NOTHING: { readonly [name: string]: readonly FrameSpec[] } = {
  text: [{ opcode: 'text', rsv: COMPRESSED }],
  binary: [{ opcode: 'binary', rsv: COMPRESSED }],
  'in two fragments': [
    { opcode: 'binary', rsv: COMPRESSED, fin: false },
    { opcode: 'continuation' },
  ],
  'in fragments with a Ping between them': [
    { opcode: 'text', rsv: COMPRESSED, fin: false },
    { opcode: 'continuation', fin: false },
    { opcode: 'ping' },
    { opcode: 'continuation' },
  ],
};

const WITHOUT_BYTES = Object.keys(NOTHING);

function openCompressed(role: Role): Opened & { readonly connection: Connection } {
  const { endpoint, handler, head } = openEndpoint(role);
  endpoint.receive(headTo(role, head));
  const { connection } = endpoint;
  if (connection === undefined) throw new Error('The handshake has failed');
  takeText(endpoint);
  return { endpoint, handler, connection };
}

describe.each(ROLES)('A compressed message without a byte, to a %s', (role) => {
  const receive = ({ endpoint }: Opened, specs: readonly FrameSpec[]): void => {
    for (const spec of specs) endpoint.receive(frameTo(role, spec));
  };
  const faults = (handler: EndpointHandler): string[] =>
    handler.log.filter((line) => !line.startsWith('ping'));

  it.each(WITHOUT_BYTES)('fails when it is complete: %s', (name) => {
    const opened = openCompressed(role);
    receive(opened, NOTHING[name]!);
    expect(faults(opened.handler)).toEqual(['error WS_INVALID_DEFLATE']);
    expect(describeFrames(role, concat(opened.connection.takeOutput())).at(-1)).toBe('close 1007');
  });

  it.each(WITHOUT_BYTES)('fails also when messages are streamed: %s', (name) => {
    const opened = openCompressed(role);
    opened.connection.sink = STREAMED;
    receive(opened, NOTHING[name]!);
    expect(faults(opened.handler)).toEqual(['error WS_INVALID_DEFLATE']);
  });

  it.each(WITHOUT_BYTES)('fails also behind others: %s', (name) => {
    const opened = openCompressed(role);
    const one = {
      opcode: 'text',
      rsv: COMPRESSED,
      payload: Uint8Array.of(0x4a, 0x04, 0x00),
    } as const;
    receive(opened, [one, { opcode: 'text', payload: 'plain' }]);
    receive(opened, NOTHING[name]!);
    expect(faults(opened.handler)).toEqual([
      'text "a"',
      'text "plain"',
      'error WS_INVALID_DEFLATE',
    ]);
  });

  it('is not the empty message, which is of one byte', () => {
    const opened = openCompressed(role);
    const empty = { opcode: 'text', rsv: COMPRESSED, payload: Uint8Array.of(0) } as const;
    receive(opened, [empty, empty]);
    expect(opened.handler.log).toEqual(['text ""', 'text ""']);
  });

  it('is not an empty message that is not compressed', () => {
    const opened = openCompressed(role);
    receive(opened, [{ opcode: 'text' }, { opcode: 'binary' }]);
    expect(opened.handler.log).toEqual(['text ""', 'binary ""']);
  });
});

// ---- What leaves -------------------------------------------------------------------------------

/** What memory holds before it is written to. No UTF-8 has this byte. */
const STALE = 0xff;

/** Node's platform, whose memory is dirty. */
const DIRTY: Platform = {
  ...nodePlatform,
  allocate(length) {
    return nodePlatform.allocate(length).fill(STALE);
  },
};

/**
 * Lengths around those where something changes: headers, slabs, and estimates of three bytes a
 * unit.
 */
const EDGES = [0, 41, 42, 125, 126, 2_730, 2_731, 8_191, 8_192, 8_193, 21_845, 65_535, 65_536];
const UNITS = ['a', '\0', 'é', '€', '😀', '\ud83d', '\ude00'];

/** Text of some length in units or in bytes: of one sort of character, or of several. */
const texts: fc.Arbitrary<string> = fc
  .record({
    edge: fc.constantFrom(...EDGES),
    off: fc.integer({ min: -2, max: 2 }),
    pattern: fc.array(fc.constantFrom(...UNITS), { minLength: 1, maxLength: 6 }),
    isInBytes: fc.boolean(),
  })
  .map(({ edge, off, pattern, isInBytes }) => {
    const unit = pattern.join('');
    const length = Math.max(0, edge + off);
    if (!isInBytes) return unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
    const count = Math.floor(length / Buffer.byteLength(unit));
    return unit.repeat(count) + 'a'.repeat(length - count * Buffer.byteLength(unit));
  });

/** The frame of a whole text message, byte by byte, as a server sends it. */
function textFrame(text: string): Uint8Array {
  return frameTo('client', { opcode: 'text', payload: Buffer.from(text) });
}

/** Sends texts in one turn, and returns what leaves. */
function sentBytes(role: Role, send: (connection: Connection) => void): Uint8Array {
  const connection = new Connection({
    ...{ platform: DIRTY, role, handler: new RecordingHandler() },
  });
  send(connection);
  return concat(connection.takeOutput());
}

/** Compares bytes by their hex, and says no more than where they differ first. */
function expectSame(actual: Uint8Array, expected: Uint8Array): void {
  if (Buffer.compare(actual, expected) === 0) return;
  const at = expected.findIndex((byte, index) => byte !== actual[index]);
  const start = Math.max(0, at);
  expect({
    at,
    length: actual.length,
    bytes: toHex(actual.subarray(start, start + 16)),
  }).toEqual({
    at,
    length: expected.length,
    bytes: toHex(expected.subarray(start, start + 16)),
  });
  expect.unreachable('The bytes differ');
}

describe('Outbound text never sends memory beyond what was written', () => {
  it('of a server: the frame is its header and the UTF-8', () => {
    fc.assert(
      fc.property(fc.array(texts, { minLength: 1, maxLength: 5 }), (messages) => {
        const bytes = sentBytes('server', (connection) => {
          for (const message of messages) connection.sendText(message);
        });
        expectSame(bytes, concat(messages.map(textFrame)));
      }),
      { numRuns: 300 },
    );
  });

  it('of a client: the frames are unmasked to the UTF-8, and nothing follows', () => {
    fc.assert(
      fc.property(fc.array(texts, { minLength: 1, maxLength: 5 }), (messages) => {
        const bytes = sentBytes('client', (connection) => {
          for (const message of messages) connection.sendText(message);
        });
        const payloads = readFrames(bytes).map(({ payload }) => payload);
        expect(payloads).toHaveLength(messages.length);
        for (const [index, message] of messages.entries()) {
          expectSame(payloads[index]!, Buffer.from(message));
        }
      }),
      { numRuns: 300 },
    );
  });

  it.each(ROLES)('of a %s, also in fragments and behind bytes', (role) => {
    fc.assert(
      fc.property(fc.array(texts, { minLength: 1, maxLength: 5 }), (pieces) => {
        const bytes = sentBytes(role, (connection) => {
          connection.sendBinary(new Uint8Array(3));
          for (const piece of pieces) sendFragment(connection, piece, false);
          connection.ping(new Uint8Array(2));
        });
        const payloads = readFrames(bytes).map(({ payload }) => payload);
        expectSame(
          concat(payloads.slice(1, -1)),
          concat(pieces.map((piece) => Buffer.from(piece))),
        );
        expect(payloads).toHaveLength(pieces.length + 2);
      }),
      { numRuns: 200 },
    );
  });

  it.each(ROLES)('of a %s, also while a write is in flight', (role) => {
    fc.assert(
      fc.property(fc.array(texts, { minLength: 1, maxLength: 5 }), (messages) => {
        const bytes = sentBytes(role, (connection) => {
          connection.sendText('in flight');
          connection.takeOutput();
          for (const message of messages) connection.sendText(message);
          connection.outputWritten();
        });
        const payloads = readFrames(bytes).map(({ payload }) => payload);
        expectSame(concat(payloads), concat(messages.map((message) => Buffer.from(message))));
      }),
      { numRuns: 200 },
    );
  });

  it.each(ROLES)('of a %s, at each length around an edge', (role) => {
    for (const edge of EDGES) {
      for (const unit of ['a', 'é', '€', '😀', '\ud83d']) {
        for (const length of [edge - 1, edge, edge + 1]) {
          if (length < 0) continue;
          const text = unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
          const [frame, ...more] = readFrames(
            sentBytes(role, (connection) => connection.sendText(text)),
          );
          expectSame(frame!.payload, Buffer.from(text));
          expect(more).toEqual([]);
        }
      }
    }
  });
});
