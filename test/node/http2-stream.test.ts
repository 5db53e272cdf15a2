import { connect, constants, createServer, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cutChunks, dropTransport, isHttp2Stream } from '../../src/node/http2-stream.ts';
import { listenHttp2 } from '../api/http2-sockets.ts';
import { concat, sameBytes } from '../support/hex.ts';
import { MemoryDuplex } from '../support/memory-duplex.ts';

/** The two ends of a stream. */
async function openEnds() {
  const server = createServer();
  const accepted = new Promise<ServerHttp2Stream>((resolve) => server.on('stream', resolve));
  const { port } = await listenHttp2(server);
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  const client = session.request({ ':method': 'POST' }, { endStream: false });
  const ours = await accepted;
  ours.respond();
  for (const stream of [client, ours]) stream.on('error', () => {});
  return { client, ours };
}

describe('A stream of HTTP/2', () => {
  it('is told from other transports, at either end', async () => {
    const { client, ours } = await openEnds();
    expect(
      [client, ours, new MemoryDuplex()].map((stream: Duplex) => isHttp2Stream(stream)),
    ).toEqual([true, true, false]);
  });

  it('is reset with CANCEL when it is dropped, and is not ended before', async () => {
    const { client, ours } = await openEnds();
    let hasEnded = false;
    ours.on('end', () => {
      hasEnded = !ours.destroyed;
    });
    ours.resume();
    const closed = new Promise((resolve) => ours.on('close', resolve));
    dropTransport(client);
    dropTransport(client);
    dropTransport(undefined);
    await closed;
    expect([ours.rstCode, hasEnded]).toEqual([constants.NGHTTP2_CANCEL, false]);
    expect(client.destroyed).toBe(true);
  });

  it('takes long chunks in pieces, as other transports do not', async () => {
    const { client } = await openEnds();
    const chunks = [Uint8Array.of(1, 2), new Uint8Array(150_000).fill(3), Uint8Array.of(4)];
    const cut = cutChunks(client, chunks);
    expect(cut.map(({ length }) => length)).toEqual([2, 65_536, 65_536, 18_928, 1]);
    expect(sameBytes(concat(cut), concat(chunks))).toBe(true);
    expect(cutChunks(new MemoryDuplex(), chunks)).toBe(chunks);
    const short = chunks.slice(0, 1);
    expect(cutChunks(client, short)).toBe(short);
  });
});

describe('Another transport', () => {
  it('is destroyed when it is dropped', () => {
    const duplex = new MemoryDuplex();
    dropTransport(duplex);
    expect(duplex.destroyed).toBe(true);
  });
});
