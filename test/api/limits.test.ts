/**
 * Every construction path carries every limit (THREATS.md 19): server and client, over TCP, TLS,
 * any Duplex and an HTTP/2 stream.
 */

import { describe, expect, it } from 'vitest';
import type { SocketOptions } from '../../src/api/socket-options.ts';
import type { WebSocketError } from '../../src/errors.ts';
import { type FrameSpec, frameTo } from '../support/frames.ts';
import { type AnySocket, closed, logEvents, ROLES, type Role, settle, until } from './sockets.ts';
import { type Connected, connectVia, PATHS } from './transports.ts';

/** The socket of a role, its peer, and a way to send what the peer itself would not. */
function facing(connected: Connected, role: Role) {
  const { client, server, clientTransport, serverTransport } = connected;
  const [socket, peer]: AnySocket[] = role === 'client' ? [client, server] : [server, client];
  const below = role === 'client' ? serverTransport : clientTransport;
  const beneath = role === 'client' ? clientTransport : serverTransport;
  if (socket === undefined || peer === undefined) throw new Error('Nobody there');
  const send = (spec: FrameSpec): boolean => below.write(frameTo(role, spec));
  return { socket, peer, below, beneath, send };
}

/** Waits for an error, and for the close that follows: in memory both come in one turn. */
async function failureOf(socket: AnySocket): Promise<WebSocketError> {
  let failure: Error | undefined;
  socket.once('error', ({ error }) => {
    failure = error;
  });
  const { code } = await closed(socket);
  expect(code).toBe(1006);
  return failure as WebSocketError;
}

describe.each(PATHS)('Over %s', (path) => {
  describe.each(ROLES)('the %s', (role) => {
    const open = async (options: SocketOptions) => facing(await connectVia(path, options), role);

    it('talks, and closes cleanly', async () => {
      const { socket, peer } = await open({});
      const log = logEvents(peer);
      socket.send('text');
      socket.send(Buffer.alloc(100_000, 1));
      await until(() => log.length === 2);
      const ended = Promise.all([closed(socket), closed(peer)]);
      socket.close(4000, 'done');
      await ended;
      expect(log[0]).toBe('message "text"');
      expect(log[1]).toHaveLength('message hex '.length + 200_000);
      expect(log.slice(2)).toEqual(['end', 'close 4000 "done" clean']);
    });

    it('has maxLength', async () => {
      const { socket, peer } = await open({ maxLength: 10 });
      const [failed, theirs] = [failureOf(socket), closed(peer)];
      peer.send('0123456789');
      peer.send('0123456789+');
      expect(await failed).toMatchObject({ code: 'WS_MESSAGE_TOO_LONG', limit: 10, actual: 11 });
      expect(await theirs).toMatchObject({ code: 1009 });
    });

    it('has maxFragments', async () => {
      const { socket, send } = await open({ maxFragments: 2 });
      const failed = failureOf(socket);
      send({ opcode: 'text', fin: false });
      send({ opcode: 'continuation', fin: false });
      send({ opcode: 'continuation' });
      expect(await failed).toMatchObject({ code: 'WS_TOO_MANY_FRAGMENTS', limit: 2 });
    });

    it('has highWaterMark', async () => {
      const { socket } = await open({ highWaterMark: 10 });
      const log = logEvents(socket);
      expect(socket.send('0123456789')).toBe(false);
      await until(() => log.length === 1);
      expect(log).toEqual(['drain']);
    });

    it('has maxBufferedAmount', async () => {
      const { socket } = await open({ maxBufferedAmount: 10 });
      const failed = failureOf(socket);
      expect(socket.send('0123456789')).toBe(false);
      expect(await failed).toMatchObject({ code: 'WS_BUFFERED_AMOUNT_EXCEEDED', limit: 10 });
    });

    it('has closeTimeout', async () => {
      const { socket, peer } = await open({ closeTimeout: 10 });
      peer.pause();
      const ended = closed(socket);
      socket.close();
      expect(await ended).toMatchObject({ code: 1006 });
    });

    it('has ping and pongTimeout', async () => {
      const { socket, peer } = await open({ ping: 0.02, pongTimeout: 0.5 });
      peer.pause();
      const failed = failureOf(socket);
      expect(await failed).toMatchObject({ code: 'WS_PONG_TIMEOUT' });
    });

    it('has signal', async () => {
      const controller = new AbortController();
      const { socket } = await open({ signal: controller.signal });
      const failed = failureOf(socket);
      controller.abort();
      expect(await failed).toMatchObject({ code: 'WS_ABORTED' });
    });

    it('pauses its transport, and pushes back', async () => {
      const { socket, peer } = await open({ highWaterMark: 1000 });
      socket.pause();
      const chunk = Buffer.alloc(1 << 20);
      for (let count = 0; count < 16; count++) peer.send(chunk);
      await settle();
      expect(peer.bufferedAmount).toBeGreaterThan(0);
      let received = 0;
      socket.on('message', ({ data }) => {
        received += (data as Buffer).length;
      });
      socket.resume();
      await until(() => received === 16 << 20);
      expect(received).toBe(16 << 20);
    });

    it('ends with one close, and at most one error, when its transport dies', async () => {
      const first = await open({});
      const log = logEvents(first.socket);
      const ended = closed(first.socket);
      first.beneath.destroy();
      await ended;
      await settle();
      expect(log).toEqual(['end', 'close 1006 ""']);
      const second = await open({});
      const other = logEvents(second.socket);
      const cut = closed(second.socket);
      second.beneath.destroy(new Error('cut'));
      await cut;
      await settle();
      expect(other).toEqual(['error WS_TRANSPORT_ERROR', 'end', 'close 1006 ""']);
    });

    it('ends with 1006 when the transport of its peer is destroyed', async () => {
      const { socket, below } = await open({});
      const log = logEvents(socket);
      const ended = closed(socket);
      below.destroy();
      await ended;
      await settle();
      expect(log.filter((line) => line.startsWith('close'))).toEqual(['close 1006 ""']);
    });
  });
});
