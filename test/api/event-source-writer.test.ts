import { OutgoingMessage, type ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { chunkSocket } from '../../src/api/event-source-writer.ts';

describe('chunkSocket', () => {
  const socket = { writableLength: 0 };
  const ready = {
    write: OutgoingMessage.prototype.write,
    req: { method: 'GET' },
    socket,
    chunkedEncoding: true,
    strictContentLength: false,
    writableCorked: 0,
    writableLength: 0,
  };
  const socketOf = (change: object): unknown =>
    chunkSocket({ ...ready, ...change } as unknown as ServerResponse);

  it('returns the socket of a response that would pass each chunk on', () => {
    expect(socketOf({})).toBe(socket);
    expect(socketOf({ req: undefined })).toBe(socket);
  });

  it.each([
    ['is wrapped', { write: () => true }],
    ['has no chunks', { chunkedEncoding: false }],
    ['answers a HEAD', { req: { method: 'HEAD' } }],
    ['waits in a pipeline', { socket: null }],
    ['is corked', { writableCorked: 1 }],
    ['was uncorked once too often, and holds all back', { writableCorked: -1 }],
    ['counts its bytes', { strictContentLength: true }],
    ['keeps something back', { writableLength: 1 }],
  ])('returns undefined for one that %s', (_what, change) => {
    expect(socketOf(change)).toBeUndefined();
  });
});
