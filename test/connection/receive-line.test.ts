import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Connection } from '../../src/connection/connection.ts';
import type { Role } from '../../src/connection/options.ts';
import { STREAMED, STREAMED_BINARY, wholeBytes } from '../../src/connection/sink.ts';
import { LimitExceededError } from '../../src/errors.ts';
import { sharedSlab } from '../../src/slab.ts';
import { CountingPlatform } from '../support/counting-platform.ts';
import { describePayload, type FrameSpec, frameTo } from '../support/frames.ts';
import { concat, hex, utf8 } from '../support/hex.ts';
import { recordedConnection } from '../support/recorded-connection.ts';
import { logOfEveryCut, receiveGuarded } from '../support/run-connection.ts';

const ROLES: readonly Role[] = ['client', 'server'];
const KIB = 1024;

/** A message in fragments, with control frames between them. */
const anyMessage = fc.record({
  isText: fc.boolean(),
  pieces: fc.array(fc.string({ unit: 'grapheme', maxLength: 8 }), { minLength: 1, maxLength: 4 }),
  pings: fc.array(fc.nat(3), { maxLength: 2 }),
});

function framesOf(role: Role, message: { isText: boolean; pieces: string[]; pings: number[] }) {
  const { isText, pieces, pings } = message;
  return pieces.flatMap((payload, index) => {
    const spec: FrameSpec = {
      opcode: index > 0 ? 'continuation' : isText ? 'text' : 'binary',
      fin: index === pieces.length - 1,
      payload,
    };
    const ping = frameTo(role, { opcode: 'ping', payload: 'p' });
    return pings.includes(index) ? [ping, frameTo(role, spec)] : [frameTo(role, spec)];
  });
}

describe.each(ROLES)('Messages at a %s', (role) => {
  it('are the joined payloads of their frames, however they are cut (RFC 6455 §5.4)', () => {
    fc.assert(
      fc.property(fc.array(anyMessage, { maxLength: 3 }), fc.boolean(), (messages, isStreaming) => {
        const input = concat(messages.flatMap((message) => framesOf(role, message)));
        const { events } = logOfEveryCut({ role, isStreaming }, input);
        const wanted = messages.map(({ isText, pieces }) => {
          const text = pieces.join('');
          return isText ? `text ${JSON.stringify(text)}` : `binary ${describePayload(utf8(text))}`;
        });
        const isMessage = (line: string): boolean => /^(text|binary)/.test(line);
        // The pieces are too short to be abridged by the descriptions.
        expect(events.filter(isMessage)).toEqual(wanted);
      }),
      { numRuns: 40 },
    );
  });

  it('are events or one failure, whatever the bytes, and nothing throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.boolean(), (bytes, isStreaming) => {
        const { events } = logOfEveryCut({ role, isStreaming, maxLength: 100 }, bytes);
        expect(events.filter((line) => line.startsWith('error')).length).toBeLessThanOrEqual(1);
        expect(events.filter((line) => line.startsWith('close')).length).toBe(1);
        expect(events.at(-1)).toMatch(/^close/);
      }),
      { numRuns: 200 },
    );
  });

  it('tell by how much a limit was exceeded', () => {
    const { connection, handler } = recordedConnection({ role, maxLength: 10, maxFragments: 2 });
    connection.receive(frameTo(role, { opcode: 'text', fin: false, payload: '12345678' }));
    connection.receive(frameTo(role, { opcode: 'continuation', payload: '901' }));
    expect(handler.errors).toEqual([new LimitExceededError('WS_MESSAGE_TOO_LONG', 10, 11)]);
    expect(handler.errors[0]).toMatchObject({ limit: 10, actual: 11 });
  });

  it('lie in the chunk that they came in, when they came in one', () => {
    const platform = new CountingPlatform();
    const { connection } = recordedConnection({ role, platform });
    const before = platform.allocationCount;
    for (const opcode of ['text', 'binary'] as const) {
      connection.receive(frameTo(role, { opcode, payload: 'a'.repeat(1000) }));
    }
    expect(platform.allocationCount).toBe(before);
  });

  it('are delivered as bytes where text is not decoded, and validated all the same', () => {
    const text = frameTo(role, { opcode: 'text', payload: '€' });
    const wrong = frameTo(role, { opcode: 'text', payload: hex('E2 82') });
    const { events } = logOfEveryCut({ role, sink: wholeBytes(true) }, concat([text, wrong]));
    expect(events).toEqual(['text "€"', 'error WS_INVALID_TEXT', 'close 1006 unclean']);
  });
});

describe.each(ROLES)('Streamed messages at a %s', (role) => {
  const fragments = concat([
    frameTo(role, { opcode: 'text', fin: false, payload: 'one ' }),
    frameTo(role, { opcode: 'continuation', fin: false }),
    frameTo(role, { opcode: 'continuation', payload: 'two' }),
  ]);

  it('are handed over as they arrive, without empty pieces', () => {
    const { connection, handler } = recordedConnection({ role, isStreaming: true });
    const seen: string[] = [];
    handler.react = (event) => seen.push(event);
    connection.receive(fragments.slice());
    expect(seen).toEqual(['start', 'data', 'data', 'text "one two"']);
  });

  it('begin and end also when they are empty', () => {
    const { connection, handler } = recordedConnection({ role, isStreaming: true });
    const seen: string[] = [];
    handler.react = (event) => seen.push(event);
    connection.receive(frameTo(role, { opcode: 'binary' }));
    expect(seen).toEqual(['start', 'binary ""']);
  });

  it('keep nothing of what was handed over', async () => {
    const platform = new CountingPlatform();
    const { connection } = recordedConnection({ role, platform, isStreaming: true });
    const before = await platform.retainedLength();
    connection.receive(frameTo(role, { opcode: 'binary', fin: false }));
    for (let count = 0; count < 100; count++) {
      const payload = new Uint8Array(KIB);
      receiveGuarded(connection, frameTo(role, { opcode: 'continuation', fin: false, payload }));
    }
    expect(await platform.retainedLength()).toBe(before);
  });

  it('are what they began as: a switch takes effect with the next message', () => {
    const { connection, handler } = recordedConnection({ role });
    const seen: string[] = [];
    handler.react = (event) => {
      seen.push(event);
    };
    const half = frameTo(role, { opcode: 'text', fin: false, payload: 'a' });
    connection.receive(half.slice());
    connection.sink = STREAMED;
    connection.receive(frameTo(role, { opcode: 'continuation', payload: 'b' }));
    connection.receive(frameTo(role, { opcode: 'text', payload: 'c' }));
    expect(seen).toEqual(['text "ab"', 'start', 'data', 'text "c"']);
  });

  it.each(['start', 'data'])(
    'end with nothing more when the connection is dropped at the %s',
    (when) => {
      const { connection, handler } = recordedConnection({ role, isStreaming: true });
      handler.react = (event) => {
        if (event === when) connection.abandon();
      };
      connection.receive(frameTo(role, { opcode: 'text', payload: 'whole' }));
      expect(handler.log).toEqual([]);
    },
  );
});

describe.each(ROLES)('The cost of a message at a %s', (role) => {
  /** Feeds a message of so many fragments or chunks, and returns the platform that counted. */
  function cost(
    count: number,
    feedPiece: (index: number) => readonly Uint8Array[],
  ): CountingPlatform {
    const platform = new CountingPlatform();
    const { connection, handler } = recordedConnection({ role, platform });
    for (let index = 0; index < count; index++) {
      for (const chunk of feedPiece(index)) connection.receive(chunk);
    }
    expect(handler.errors).toEqual([]);
    return platform;
  }

  const ways = {
    'fragments of one byte': (index: number) => [
      frameTo(role, { opcode: index === 0 ? 'text' : 'continuation', fin: false, payload: 'a' }),
    ],
    'empty fragments': (index: number) => [
      frameTo(role, { opcode: index === 0 ? 'text' : 'continuation', fin: false }),
    ],
    'segments of one byte': (index: number) =>
      Array.from(frameTo(role, { opcode: 'text', payload: `${index}`.padEnd(8) }), (byte) =>
        Uint8Array.of(byte),
      ),
    messages: (index: number) => [
      frameTo(role, { opcode: 'binary', payload: `${index}`.padEnd(8) }),
    ],
  };

  it.each(Object.entries(ways))('is linear in %s', (_, feedPiece) => {
    const once = cost(2000, feedPiece);
    const twice = cost(4000, feedPiece);
    expect(twice.callCount).toBeLessThanOrEqual(2 * once.callCount + 16);
    expect(twice.maskedLength).toBeLessThanOrEqual(2.2 * once.maskedLength);
    expect(twice.readLength).toBeLessThanOrEqual(2.2 * once.readLength);
  });

  it('is at most about two bytes for each of an unfinished message (RFC 6455 §10.4)', async () => {
    const pieceLength = fc.constantFrom(1, 10, 300, 5000, 16 * KIB, 20_000, 70_000);
    await fc.assert(
      fc.asyncProperty(fc.array(pieceLength, { minLength: 1, maxLength: 30 }), async (lengths) => {
        const maxLength = 256 * KIB;
        const platform = new CountingPlatform();
        const begin = (): Connection => {
          const { connection } = recordedConnection({ role, platform, maxLength });
          connection.receive(frameTo(role, { opcode: 'binary', fin: false }));
          for (const length of lengths) {
            const payload = new Uint8Array(length);
            const spec: FrameSpec = { opcode: 'continuation', fin: false, payload };
            receiveGuarded(connection, frameTo(role, spec));
          }
          return connection;
        };
        // The first leaves the spare blocks, which are the process's.
        const first = begin();
        const idle = await platform.retainedLength();
        const second = begin();
        const sent = lengths.reduce((sum, length) => sum + length, 0);
        const held = (await platform.retainedLength()) - idle;
        expect(held).toBeLessThanOrEqual(2 * Math.min(sent, maxLength) + 256);
        expect(first.isClosed).toBe(second.isClosed);
      }),
      { numRuns: 10 },
    );
  });

  it('is given back when the message fails', async () => {
    const platform = new CountingPlatform();
    const { connection, handler } = recordedConnection({ role, platform });
    // The slab, which the Close needs, is the process's.
    sharedSlab(platform);
    const idle = await platform.retainedLength();
    connection.receive(
      frameTo(role, { opcode: 'text', fin: false, payload: new Uint8Array(50_000) }),
    );
    connection.receive(frameTo(role, { opcode: 'continuation', payload: hex('FF') }));
    expect(handler.log).toEqual(['error WS_INVALID_TEXT']);
    expect(await platform.retainedLength()).toBe(idle);
  });
});

describe.each(ROLES)('With STREAMED_BINARY, a %s', (role) => {
  it('takes text whole, and binary messages in pieces', () => {
    const { connection, handler } = recordedConnection({
      role,
      sink: STREAMED_BINARY,
    });
    const seen: string[] = [];
    handler.react = (line) => seen.push(line);
    receiveGuarded(connection, frameTo(role, { opcode: 'text', payload: 'whole' }));
    receiveGuarded(connection, frameTo(role, { opcode: 'binary', payload: 'piece' }));
    expect(seen).toEqual(['text "whole"', 'start', 'data', 'binary "piece"']);
  });
});

describe.each(ROLES)('With a sink that bounds frames, a %s', (role) => {
  const options = { role, sink: STREAMED_BINARY, maxLength: 10 } as const;
  const frame = (opcode: FrameSpec['opcode'], length: number, fin: boolean): Uint8Array =>
    frameTo(role, { opcode, fin, payload: 'x'.repeat(length) });

  it('takes a message of any length whose frames are within maxLength', () => {
    const { connection, handler } = recordedConnection(options);
    receiveGuarded(connection, frame('binary', 10, false));
    for (let index = 0; index < 20; index++) {
      receiveGuarded(connection, frame('continuation', 10, false));
    }
    receiveGuarded(connection, frame('continuation', 10, true));
    expect(handler.log).toEqual(['binary "x" x 220']);
  });

  it('fails with WS_MESSAGE_TOO_LONG on one frame over it (RFC 6455 §10.4)', () => {
    const { connection, handler } = recordedConnection(options);
    receiveGuarded(connection, frame('binary', 10, false));
    receiveGuarded(connection, frame('continuation', 11, true));
    expect(handler.log).toEqual(['error WS_MESSAGE_TOO_LONG']);
    expect(handler.errors[0]).toMatchObject({ limit: 10, actual: 11, closeCode: 1009 });
  });

  it('bounds a message that is not streamed as a whole', () => {
    const { connection, handler } = recordedConnection(options);
    receiveGuarded(connection, frame('text', 10, false));
    receiveGuarded(connection, frame('continuation', 1, true));
    expect(handler.log).toEqual(['error WS_MESSAGE_TOO_LONG']);
  });

  it('is not what STREAMED does: there the message is bounded', () => {
    const { connection, handler } = recordedConnection({ ...options, sink: STREAMED });
    receiveGuarded(connection, frame('binary', 10, false));
    receiveGuarded(connection, frame('continuation', 1, true));
    expect(handler.log).toEqual(['error WS_MESSAGE_TOO_LONG']);
  });
});

describe('The error about a reserved bit', () => {
  it('says which bits were set (RFC 6455 §5.2)', () => {
    for (const [frame, names] of [
      ['C1 00', /: RSV1$/],
      ['F1 00', /: RSV1 RSV2 RSV3$/],
    ] as const) {
      const { connection } = recordedConnection({ role: 'client', sink: wholeBytes(true) });
      connection.receive(hex(frame));
      expect(connection.failure?.message).toMatch(names);
    }
  });
});
