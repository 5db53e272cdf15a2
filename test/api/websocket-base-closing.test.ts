/** close(), the closing handshake and everything that ends a connection otherwise, at both ends. */

import { describe, expect, it } from 'vitest';
import { Client } from '../../src/api/client.ts';
import { permessageDeflate } from '../../src/api/permessage-deflate.ts';
import { CloseCode, isSendableCloseCode } from '../../src/close-code.ts';
import { closePayload, readFrames } from '../support/frames.ts';
import { hex } from '../support/hex.ts';
import {
  closed,
  describeClose,
  endsOf,
  face,
  faceOpen,
  logEvents,
  openPair,
  ROLES,
  serve,
  settle,
  until,
} from './sockets.ts';

describe.each(ROLES)('close() at the %s (RFC 6455 §7.1.2)', (role) => {
  it.each<[[(number | undefined)?, string?], string]>([
    [[], 'close 1005 "" clean'],
    [[1000], 'close 1000 "" clean'],
    [[3000, 'library'], 'close 3000 "library" clean'],
    [[4999, '☃'.repeat(41)], `close 4999 "${'☃'.repeat(41)}" clean`],
    [[undefined, 'bye'], 'close 1000 "bye" clean'],
  ])('with %j gives the peer its code and reason, and ours its echo', async (arguments_, line) => {
    const [socket, peer] = endsOf(await openPair(), role);
    const [ours, theirs] = [closed(socket), closed(peer)];
    socket.close(...arguments_);
    expect(describeClose(await theirs)).toBe(line);
    expect(await ours).toMatchObject({ code: Number(line.slice(6, 10)), wasClean: true });
  });

  it('sends of odd reasons what they mean, and no byte of ours (CVE-2026-45736)', async () => {
    for (const [reason, payload] of [
      ['\ud800', '03e8efbfbd'],
      [123, '03e8313233'],
      [new Float32Array(2), '03e8302c30'],
      [{ length: 100 }, '03e85b6f626a656374204f626a6563745d'],
      [null, '03e86e756c6c'],
    ]) {
      const { socket, peer } = await faceOpen(role);
      socket.close(1000, reason as string);
      await peer.untilFrame('close 1000');
      const [frame] = readFrames(peer.received);
      expect(Buffer.from(frame?.payload ?? []).toString('hex')).toBe(payload);
      peer.socket.destroy();
    }
  });

  it('refuses other codes and long reasons, and changes nothing', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const log = logEvents(socket);
    const unsendable = [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 1001.5, Number.NaN];
    for (const code of role === 'client' ? [1001, 1011, ...unsendable] : unsendable) {
      expect(() => socket.close(code)).toThrow(
        expect.objectContaining({ name: 'InvalidAccessError' }),
      );
    }
    expect(() => socket.close(1000, 'a'.repeat(124))).toThrow(
      expect.objectContaining({ name: 'SyntaxError' }),
    );
    expect(socket.readyState).toBe(1);
    peer.send('still here');
    await until(() => log.length > 0);
    expect(log).toEqual(['message "still here"']);
  });

  it('refuses bad arguments in every state (WHATWG WebSockets §3.1)', async () => {
    const { socket, peer } = await faceOpen(role, {
      onSocket: (fresh) => expect(() => fresh.close(1)).toThrow(DOMException),
    });
    socket.close();
    expect(() => socket.close(1)).toThrow(DOMException);
    peer.send({ opcode: 'close' });
    peer.socket.end();
    await closed(socket);
    expect(() => socket.close(1)).toThrow(DOMException);
  });

  it('does nothing the second time, and after the end', async () => {
    const { socket, peer, log } = await faceOpen(role);
    socket.close(4000);
    socket.close(4001);
    await peer.untilFrame('close 4000');
    socket.close(4002);
    peer.send({ opcode: 'close', payload: closePayload(4000) });
    peer.socket.end();
    await closed(socket);
    socket.close(4003);
    await settle();
    expect(peer.frames).toEqual(['close 4000']);
    expect(log.filter((line) => line.startsWith('close'))).toEqual(['close 4000 "" clean']);
  });

  it('delivers no message that comes after it (WHATWG WebSockets §4)', async () => {
    const { socket, peer, log } = await faceOpen(role);
    socket.close();
    await peer.untilFrame('close');
    peer.send({ opcode: 'text', payload: 'too late' });
    peer.send({ opcode: 'close' });
    peer.socket.end();
    await closed(socket);
    expect(log).toEqual(['open', 'end', 'close 1005 "" clean']);
  });

  it('sends everything before it, however much that is', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    let received = 0;
    peer.on('message', ({ data }) => {
      received += (data as Buffer).length;
    });
    const chunk = Buffer.alloc(1 << 20, 7);
    for (let count = 0; count < 16; count++) socket.send(chunk);
    socket.close(1000, 'all of it');
    const event = await closed(peer);
    expect(received).toBe(16 << 20);
    expect(describeClose(event)).toBe('close 1000 "all of it" clean');
  });

  it('resumes a paused socket, so that the Close of the peer is seen', async () => {
    const [socket] = endsOf(await openPair(), role);
    socket.pause();
    socket.close();
    expect(await closed(socket)).toMatchObject({ code: 1005, wasClean: true });
  });

  it('can be called in any event', async () => {
    for (const type of ['open', 'message', 'error', 'close', 'end'] as const) {
      const { socket, peer } = await face(role, {
        onSocket: (fresh) => fresh.on(type, () => fresh.close()),
      });
      peer.send({ opcode: 'text', payload: 'a' });
      peer.send({ opcode: 'close', payload: hex('00') });
      peer.socket.end();
      if (socket.readyState < 3) await closed(socket);
      expect(socket.readyState).toBe(3);
    }
  });

  it('with end() sends a last message first', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const log = logEvents(peer);
    socket.end('last');
    await closed(peer);
    expect(log).toEqual(['message "last"', 'end', 'close 1005 "" clean']);
    expect(socket.end()).toBe(undefined);
  });
});

describe('The codes that close() takes', () => {
  const SENDABLE = Object.values(CloseCode).filter(isSendableCloseCode);

  it.each(SENDABLE)('a server sends %d (RFC 6455 §7.4)', async (code) => {
    const { client, server } = await openPair();
    server.close(code, 'bye');
    expect(describeClose(await closed(client))).toBe(`close ${code} "bye" clean`);
  });

  it.each(SENDABLE)('a client with allowAnyCloseCode sends %d', async (code) => {
    const { client, server } = await openPair({ clientOptions: { allowAnyCloseCode: true } });
    expect(() => client.close(CloseCode.ABNORMAL_CLOSURE)).toThrow(DOMException);
    client.close(code);
    expect(describeClose(await closed(server))).toBe(`close ${code} "" clean`);
  });

  it('a server sends any before the open event', async () => {
    const { peer } = await face('server', {
      onSocket: (socket) => socket.close(CloseCode.TRY_AGAIN_LATER, 'full'),
    });
    await peer.untilFrame('close 1013');
  });

  it.each(ROLES)('the %s leaves a block of `await using` without a code', async (role) => {
    const [socket, peer] = endsOf(await openPair(), role);
    const ending = closed(peer);
    await socket[Symbol.asyncDispose]();
    expect(describeClose(await ending)).toBe('close 1005 "" clean');
  });
});

describe('close() at the server before the open event', () => {
  it('means that there is none, and still a closing handshake', async () => {
    const { socket, peer, log } = await face('server', {
      onSocket: (fresh) => fresh.close(4000, 'never'),
    });
    await peer.untilFrame('close 4000');
    peer.send({ opcode: 'close', payload: closePayload(4000) });
    await closed(socket);
    expect(log).toEqual(['end', 'close 4000 "" clean']);
  });

  it('goes behind what was sent before it', async () => {
    const { socket, peer } = await face('server', {
      onSocket: (fresh) => {
        fresh.send('first');
        fresh.send(new Blob(['second']));
        fresh.close(4000);
        expect(fresh.readyState).toBe(2);
      },
    });
    expect(await peer.untilFrame('close 4000')).toEqual([
      'text "first"',
      'binary "second"',
      'close 4000',
    ]);
    peer.socket.end();
    await closed(socket);
  });
});

describe.each(ROLES)('The end of a connection at the %s (RFC 6455 §7.1.5)', (role) => {
  it('is 1006 and unclean when the transport ends without a Close', async () => {
    const { socket, peer, log } = await faceOpen(role);
    peer.socket.end();
    await closed(socket);
    expect(log).toEqual(['open', 'end', 'close 1006 ""']);
  });

  it('is one error and 1006 when the transport is reset', async () => {
    const { socket, peer, log } = await faceOpen(role);
    (peer.socket as import('node:net').Socket).resetAndDestroy();
    await closed(socket);
    await settle();
    expect(log).toEqual(['open', 'error WS_TRANSPORT_ERROR', 'end', 'close 1006 ""']);
  });

  it('is 1006 when the peer ends within a frame', async () => {
    const { socket, peer, log } = await faceOpen(role);
    peer.write(hex(role === 'server' ? '81 85 01 02' : '81 05 01 02'));
    peer.socket.end();
    await closed(socket);
    expect(log).toEqual(['open', 'end', 'close 1006 ""']);
  });

  it('has the code of the peer, 1005 when its Close had none', async () => {
    for (const [payload, line] of [
      [undefined, 'close 1005 "" clean'],
      [closePayload(1001), 'close 1001 "" clean'],
      [closePayload(4321, '☃'), 'close 4321 "☃" clean'],
    ] as const) {
      const { socket, peer, log } = await faceOpen(role);
      peer.send({ opcode: 'close', ...(payload === undefined ? {} : { payload }) });
      peer.socket.end();
      await closed(socket);
      expect(log).toEqual(['open', 'end', line]);
    }
  });

  it.each([
    ['03 E8 FF', 'WS_INVALID_CLOSE_REASON', 'close 1007'],
    ['03', 'WS_INVALID_CLOSE_LENGTH', 'close 1002'],
    ['03 EE', 'WS_INVALID_CLOSE_CODE', 'close 1002'],
  ])(
    'is an error when the Close of the peer has the payload %s (RFC 6455 §5.5.1)',
    async (bytes, code, answer) => {
      const { socket, peer, log } = await faceOpen(role);
      peer.send({ opcode: 'close', payload: hex(bytes) });
      await peer.untilFrame(answer);
      peer.socket.end();
      await closed(socket);
      expect(log).toEqual(['open', `error ${code}`, 'end', 'close 1006 ""']);
    },
  );

  it('comes after closeTimeout when the peer does not answer', async () => {
    const options = { closeTimeout: 1 };
    const { socket, peer, log } = await faceOpen(role, {
      serverOptions: options,
      clientOptions: options,
      holdsOpen: true,
    });
    socket.close();
    await peer.untilFrame('close');
    await closed(socket);
    expect(log).toEqual(['open', 'end', 'close 1006 ""']);
  });

  it('is clean after closeTimeout when both Close frames have gone', async () => {
    const options = { closeTimeout: 1 };
    const { socket, peer, log } = await faceOpen(role, {
      serverOptions: options,
      clientOptions: options,
      holdsOpen: true,
    });
    peer.send({ opcode: 'close', payload: closePayload(1000) });
    await closed(socket);
    expect(log).toEqual(['open', 'end', 'close 1000 "" clean']);
  });

  it('is 1006 with terminate(), at once and without a Close frame', async () => {
    const { socket, peer, log } = await faceOpen(role);
    socket.terminate();
    expect(socket.readyState).toBe(2);
    socket.terminate();
    await closed(socket);
    socket.terminate();
    await peer.untilEnd();
    expect(peer.frames).toEqual([]);
    expect(log).toEqual(['open', 'end', 'close 1006 ""']);
  });

  it('is 1006 with terminate() while closing, and before the open event', async () => {
    const { socket, peer, log } = await faceOpen(role);
    socket.close();
    await peer.untilFrame('close');
    socket.terminate();
    await closed(socket);
    expect(log).toEqual(['open', 'end', 'close 1006 ""']);
    if (role === 'client') return;
    const early = await face(role, { onSocket: (fresh) => fresh.terminate() });
    await until(() => early.log.length === 2);
    expect(early.log).toEqual(['end', 'close 1006 ""']);
  });

  it('with terminate() while paused is not held back by what waits', async () => {
    const { socket, peer, log } = await faceOpen(role);
    socket.pause();
    peer.send({ opcode: 'text', payload: 'unread' });
    await settle();
    socket.terminate();
    await closed(socket);
    expect(log).toEqual(['open', 'end', 'close 1006 ""']);
  });
});

describe('A server that closes in the tick of the upgrade', () => {
  it('understands what was compressed before the Close came (RFC 7692 §7.2.2)', async () => {
    const extensions = [permessageDeflate];
    let log: string[] = [];
    const { url } = await serve({
      options: { extensions },
      onSocket: (socket) => {
        log = logEvents(socket);
        socket.close(1000);
      },
    });
    const client = new Client(url, [], { extensions });
    client.on('open', () => client.send('x'.repeat(5000)));
    expect(await closed(client)).toMatchObject({ code: 1000, wasClean: true });
    await until(() => log.length > 1);
    expect(log).toEqual(['end', 'close 1000 "" clean']);
  });
});
