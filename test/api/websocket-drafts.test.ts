import type { Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { type ServerOptions, WebSocket } from '../../src/api/websocket.ts';
import { connectRaw, logEvents, type ServeOptions, serve, settle, until } from './sockets.ts';

/** The example of draft-ietf-hybi-thewebsocketprotocol-00 §1.2. */
const HEAD_76 =
  'GET /demo HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\nSec-WebSocket-Protocol: sample\r\n' +
  'Upgrade: WebSocket\r\nSec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n' +
  'Origin: http://example.com\r\n\r\n';
const BODY_76 = '^n:ds[4U';
const ANSWER_76 = "8jKS'y:G*Co,Wxa-";
const RESPONSE_76 =
  'HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Origin: http://example.com\r\n' +
  'Sec-WebSocket-Location: ws://example.com/demo\r\nSec-WebSocket-Protocol: sample\r\n\r\n';

const HEAD_75 =
  'GET /demo HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: example.com\r\n' +
  'Origin: http://example.com\r\nWebSocket-Protocol: sample\r\n\r\n';
const RESPONSE_75 =
  'HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n' +
  'WebSocket-Origin: http://example.com\r\nWebSocket-Location: ws://example.com/demo\r\n' +
  'WebSocket-Protocol: sample\r\n\r\n';

/** What each draft needs before its frames, and what it gets for it. */
const DRAFTS = [
  { version: 'hixie-75', request: HEAD_75, response: RESPONSE_75 },
  { version: 'hixie-76', request: HEAD_76 + BODY_76, response: RESPONSE_76 + ANSWER_76 },
] as const;

/** A client of a draft: bytes as Latin-1 characters. */
class DraftPeer {
  readonly #socket: Socket;
  received = '';
  hasEnded = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
    });
    socket.on('end', () => {
      this.hasEnded = true;
    });
    socket.on('close', () => {
      this.hasEnded = true;
    });
  }

  write(bytes: string): void {
    this.#socket.write(bytes, 'latin1');
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async until(received: string): Promise<void> {
    await until(() => this.received.length >= received.length || this.hasEnded);
    await settle();
    expect(this.received).toBe(received);
  }
}

/**
 * Sends a request to a server that allows drafts; gives the socket that it was given to, and what
 * that tells.
 */
async function request(
  bytes: string,
  options: ServerOptions = {},
  onSocket?: ServeOptions['onSocket'],
) {
  let log: string[] = [];
  const { port, accepted } = await serve({
    protocols: ['other', 'sample'],
    options: { allowDrafts: true, ...options },
    onSocket: (socket, incoming) => {
      log = logEvents(socket);
      log.push(`version ${socket.version}`);
      onSocket?.(socket, incoming);
    },
  });
  const peer = new DraftPeer(await connectRaw(port));
  peer.write(bytes);
  await until(() => accepted.length === 1 || peer.hasEnded);
  return { peer, log, socket: accepted[0] as WebSocket };
}

describe('the opening handshake of hixie-76 (hybi-00 §5.2)', () => {
  it('answers the example of the draft', async () => {
    const { peer, socket, log } = await request(HEAD_76 + BODY_76);
    await peer.until(RESPONSE_76 + ANSWER_76);
    expect(log).toEqual(['version hixie-76', 'open']);
    expect([socket.protocol, socket.extensions, socket.readyState]).toEqual(['sample', '', 1]);
    expect(socket.url).toBe('ws://example.com/demo');
  });

  it('sends its head before the 8 bytes have come, and opens with the last of them', async () => {
    const { peer, socket, log } = await request(HEAD_76);
    await peer.until(RESPONSE_76);
    for (const byte of BODY_76) {
      expect(socket.readyState).toBe(WebSocket.CONNECTING);
      peer.write(byte);
      await settle();
    }
    await peer.until(RESPONSE_76 + ANSWER_76);
    expect(log).toEqual(['version hixie-76', 'open']);
  });

  it('takes what follows the late 8 bytes in one chunk for frames', async () => {
    const { peer, log } = await request(`${HEAD_76}^n:`);
    await peer.until(RESPONSE_76);
    peer.write('ds[4U\x00one\xff\x00tw');
    peer.write('o\xff');
    await until(() => log.length === 4);
    expect(log).toEqual(['version hixie-76', 'open', 'message "one"', 'message "two"']);
  });

  it('delivers nothing while paused, whenever the 8 bytes come', async () => {
    const { peer, socket, log } = await request(HEAD_76, {}, (created) => created.pause());
    peer.write(`${BODY_76}\x00one\xff`);
    await peer.until(RESPONSE_76 + ANSWER_76);
    peer.write('\x00two\xff');
    await settle();
    expect(log).toEqual(['version hixie-76', 'open']);
    socket.resume();
    await until(() => log.length === 4);
    expect(log.slice(2)).toEqual(['message "one"', 'message "two"']);
  });

  it('queues what is sent meanwhile, and counts it as buffered', async () => {
    const { peer, socket } = await request(HEAD_76);
    const callback = vi.fn();
    expect(socket.send('é', callback)).toBe(true);
    expect(socket.bufferedAmount).toBe(2);
    expect(socket.ping()).toBe(false);
    await peer.until(RESPONSE_76);
    peer.write(BODY_76);
    await peer.until(`${RESPONSE_76}${ANSWER_76}\x00\xc3\xa9\xff`);
    expect(callback).toHaveBeenCalledOnce();
    expect(callback.mock.lastCall?.[0]).toBeUndefined();
    expect(socket.bufferedAmount).toBe(0);
  });

  it('ends with WS_HANDSHAKE_TIMEOUT when the bytes do not come', async () => {
    const { peer, log, socket } = await request(`${HEAD_76}short`, { handshakeTimeout: 20 });
    const callback = vi.fn();
    socket.send('lost', callback);
    await until(() => peer.hasEnded);
    expect(peer.received).toBe(RESPONSE_76);
    await until(() => log.includes('end'));
    expect(log).toEqual(['version hixie-76', 'error WS_HANDSHAKE_TIMEOUT', 'end', 'close 1006 ""']);
    expect(callback).toHaveBeenCalledOnce();
    expect(socket.readyState).toBe(WebSocket.CLOSED);
  });

  it('stops the timer when the handshake is done', async () => {
    const { peer, log } = await request(HEAD_76, { handshakeTimeout: 50 });
    peer.write(BODY_76);
    await peer.until(RESPONSE_76 + ANSWER_76);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(log).toEqual(['version hixie-76', 'open']);
  });

  it.each([
    ['end', (peer: DraftPeer) => peer.end()],
    ['destroy', (peer: DraftPeer) => peer.destroy()],
  ])('ends with WS_TRANSPORT_ERROR when the peer leaves before them (%s)', async (_name, leave) => {
    const { peer, log } = await request(HEAD_76);
    await peer.until(RESPONSE_76);
    leave(peer);
    await until(() => log.length === 4);
    expect(log).toEqual(['version hixie-76', 'error WS_TRANSPORT_ERROR', 'end', 'close 1006 ""']);
  });

  it.each([
    ['close', (socket: WebSocket) => socket.close()],
    ['terminate', (socket: WebSocket) => socket.terminate()],
  ])('can be given up by %s()', async (_name, giveUp) => {
    const { peer, log, socket } = await request(HEAD_76);
    giveUp(socket);
    expect(socket.readyState).toBe(WebSocket.CLOSING);
    await until(() => peer.hasEnded && log.length === 3);
    expect(log).toEqual(['version hixie-76', 'end', 'close 1006 ""']);
  });

  it('can be given up by a signal', async () => {
    const controller = new AbortController();
    const { peer, log } = await request(HEAD_76, { signal: controller.signal });
    controller.abort();
    await until(() => peer.hasEnded && log.length === 4);
    expect(log).toEqual(['version hixie-76', 'error WS_ABORTED', 'end', 'close 1006 ""']);
  });

  it('is given up when more than maxBufferedAmount waits for it', async () => {
    const { peer, log, socket } = await request(HEAD_76, { maxBufferedAmount: 3 });
    expect(socket.send('long')).toBe(false);
    await until(() => peer.hasEnded && log.length === 4);
    expect(log[1]).toBe('error WS_BUFFERED_AMOUNT_EXCEEDED');
  });

  it('refuses malformed keys with 400 and says why', async () => {
    const { peer, log } = await request(HEAD_76.replace('0l 1 5', '0l 1 6') + BODY_76);
    await until(() => peer.hasEnded);
    expect(peer.received).toMatch(/^HTTP\/1\.1 400 /);
    expect(peer.received).toContain('The keys of a hixie-76 request are malformed');
    expect(log).toEqual(['version ', 'error WS_HANDSHAKE_DRAFT', 'end', 'close 1006 ""']);
  });
});

describe('who speaks drafts', () => {
  it.each(DRAFTS)('refuses $version with 426 unless allowDrafts is true', async (draft) => {
    const { peer, log } = await request(draft.request, { allowDrafts: false });
    await until(() => peer.hasEnded);
    expect(peer.received).toMatch(/^HTTP\/1\.1 426 /);
    expect(log).toContain('close 1006 ""');
  });

  it.each(DRAFTS)('binds $version to allowedOrigins', async (draft) => {
    const allowedOrigins = ['http://example.org'];
    const { peer } = await request(draft.request, { allowedOrigins });
    await until(() => peer.hasEnded);
    expect(peer.received).toMatch(/^HTTP\/1\.1 403 /);
  });

  it.each(DRAFTS)('takes a request of $version for a WebSocket', async (draft) => {
    let isWebSocket = false;
    await request(draft.request, {}, (_socket, incoming) => {
      isWebSocket = WebSocket.isWebSocket(incoming);
    });
    expect(isWebSocket).toBe(true);
  });

  it('refuses options of a wrong type', async () => {
    const outcomes: unknown[] = [];
    await request(HEAD_75, {}, (_socket, incoming) => {
      for (const options of [{ allowDrafts: 'yes' }, { handshakeTimeout: '1' }]) {
        try {
          new WebSocket(incoming, incoming.socket, null, [], options as unknown as ServerOptions);
        } catch (error) {
          outcomes.push((error as Error).name);
        }
      }
    });
    expect(outcomes).toEqual(['TypeError', 'TypeError']);
  });
});

describe.each(DRAFTS)('a connection in $version', ({ version, request: opening, response }) => {
  it('answers at once, and delivers what is glued to the request', async () => {
    const { peer, log, socket } = await request(`${opening}\x00h\xc3\xa9\xff`);
    await until(() => log.length === 3);
    expect(log).toEqual([`version ${version}`, 'open', 'message "hé"']);
    expect([socket.protocol, socket.version]).toEqual(['sample', version]);
    await peer.until(response);
  });

  it('echoes, whatever the number of writes', async () => {
    const { peer } = await request(opening, {}, (socket) => {
      socket.on('message', ({ data }) => socket.send(data));
    });
    const frames = ['\x00one\xff', '\x00\xff', `\x00${'x'.repeat(100_000)}\xff`];
    await peer.until(response);
    for (const frame of frames) peer.write(frame);
    await peer.until(response + frames.join(''));
  });

  it('sends prepared text, and no binary message, which the callback is told', async () => {
    const { peer, socket, log } = await request(opening);
    await until(() => log.includes('open'));
    const callback = vi.fn();
    expect(socket.send(Buffer.from('binary'), callback)).toBe(false);
    expect(socket.send(WebSocket.prepare(Buffer.from('binary')), callback)).toBe(false);
    expect(callback).toHaveBeenCalledTimes(2);
    expect(callback.mock.lastCall?.[0]).toMatchObject({ code: 'WS_INVALID_STATE' });
    expect(socket.send(WebSocket.prepare('text'))).toBe(true);
    await peer.until(`${response}\x00text\xff`);
    expect(log).toEqual([`version ${version}`, 'open']);
  });

  it('sends no Pings, and takes a silent peer for nothing but silent', async () => {
    const { peer, socket, log } = await request(opening, { ping: 0.01, pongTimeout: 0.01 });
    await peer.until(response);
    expect(socket.ping('hello', () => {})).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 60));
    await peer.until(response);
    expect(log).toEqual([`version ${version}`, 'open']);
  });

  it('fails on text that is not UTF-8, and only ends the transport', async () => {
    const { peer, log } = await request(`${opening}\x00\xc3(\xff`);
    await until(() => peer.hasEnded);
    peer.end();
    await until(() => log.length === 5);
    expect(log.slice(2)).toEqual(['error WS_INVALID_TEXT', 'end', 'close 1006 ""']);
    expect(peer.received).toBe(response);
  });

  it('fails on a message longer than maxLength', async () => {
    const { peer, log } = await request(`${opening}\x00long\xff`, { maxLength: 3 });
    await until(() => peer.hasEnded);
    peer.end();
    await until(() => log.length === 5);
    expect(log.slice(2)).toEqual(['error WS_MESSAGE_TOO_LONG', 'end', 'close 1006 ""']);
  });

  it('delivers nothing while paused', async () => {
    const { peer, socket, log } = await request(opening, {}, (created) => created.pause());
    await peer.until(response);
    peer.write('\x00one\xff');
    await settle();
    expect(log).toEqual([`version ${version}`, 'open']);
    socket.resume();
    await until(() => log.includes('message "one"'));
  });

  it('is dropped by terminate()', async () => {
    const { peer, socket, log } = await request(opening);
    await until(() => log.includes('open'));
    socket.terminate();
    await until(() => peer.hasEnded && log.length === 4);
    expect(log.slice(2)).toEqual(['end', 'close 1006 ""']);
  });
});

describe('closing', () => {
  it('answers the closing frame of hixie-76, then ends the transport', async () => {
    const { peer, log } = await request(HEAD_76 + BODY_76);
    await peer.until(RESPONSE_76 + ANSWER_76);
    peer.write('\xff\x00');
    await until(() => peer.hasEnded);
    expect(peer.received).toBe(`${RESPONSE_76}${ANSWER_76}\xff\x00`);
    peer.end();
    await until(() => log.length === 4);
    expect(log.slice(2)).toEqual(['end', 'close 1005 "" clean']);
  });

  it('sends the closing frame of hixie-76 last, and waits for the answer', async () => {
    const { peer, socket, log } = await request(HEAD_76 + BODY_76);
    await peer.until(RESPONSE_76 + ANSWER_76);
    socket.send('last');
    socket.close(1000, 'a reason that the draft has no place for');
    expect(socket.readyState).toBe(WebSocket.CLOSING);
    await peer.until(`${RESPONSE_76}${ANSWER_76}\x00last\xff\xff\x00`);
    expect(peer.hasEnded).toBe(false);
    peer.write('\xff\x00');
    await until(() => peer.hasEnded);
    peer.end();
    await until(() => log.length === 4);
    expect(log.slice(2)).toEqual(['end', 'close 1005 "" clean']);
  });

  it('gives a peer that does not answer up after closeTimeout', async () => {
    const { peer, socket, log } = await request(HEAD_76 + BODY_76, { closeTimeout: 20 });
    await until(() => log.includes('open'));
    socket.close();
    await until(() => peer.hasEnded && log.length === 4);
    expect(log.slice(2)).toEqual(['end', 'close 1006 ""']);
  });

  it('ends the transport in hixie-75 last, and is clean when the peer does', async () => {
    const { peer, socket, log } = await request(HEAD_75);
    await peer.until(RESPONSE_75);
    socket.send('last');
    socket.close();
    await until(() => peer.hasEnded);
    expect(peer.received).toBe(`${RESPONSE_75}\x00last\xff`);
    peer.end();
    await until(() => log.length === 4);
    expect(log.slice(2)).toEqual(['end', 'close 1005 "" clean']);
  });

  it('takes the end of the transport in hixie-75 for the close', async () => {
    const { peer, log } = await request(HEAD_75);
    await peer.until(RESPONSE_75);
    peer.end();
    await until(() => peer.hasEnded && log.length === 4);
    expect(log.slice(2)).toEqual(['end', 'close 1005 "" clean']);
  });
});
