/**
 * THREATS 10: frames glued to the request, before any listener exists, valid or not
 * (CVE-2022-21676).
 */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from '../../src/api/websocket.ts';
import type { Role } from '../../src/connection/options.ts';
import { WebSocketError } from '../../src/errors.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { describeFrames, frameTo } from '../support/frames.ts';
import { concat, hex, utf8 } from '../support/hex.ts';
import { MemoryDuplex } from '../support/memory-duplex.ts';
import { RecordingDriver, settle } from '../support/recording-driver.ts';
import { describeCloseEvent } from '../support/recording-handler.ts';

const ROLES: readonly Role[] = ['client', 'server'];
/** Fragmented, RSV of 7, opcode 1, masked: the bytes of the advisory. */
const BROKEN = hex('F1 80 00 00 00 00');

describe.each(ROLES)('A head with frames, given to the driver of a %s', (role) => {
  const start = async (head: Uint8Array) => {
    const socket = new MemoryDuplex();
    const driver = new RecordingDriver(socket, { role, platform: nodePlatform });
    driver.attach(utf8('101'));
    driver.start(head);
    await settle();
    const frames = socket.written.subarray(3);
    socket.destroy();
    await driver.closed;
    return { log: driver.log, sent: describeFrames(role, frames) };
  };

  it('is read first, and answered behind the prelude', async () => {
    const head = concat([
      frameTo(role, { opcode: 'ping', payload: 'early' }),
      frameTo(role, { opcode: 'text', payload: 'bird' }),
    ]);
    expect(await start(head)).toEqual({
      log: ['ping "early"', 'text "bird"', 'close 1006 unclean'],
      sent: ['pong "early"'],
    });
  });

  it('fails the connection when it is broken', async () => {
    expect(await start(BROKEN.slice())).toEqual({
      log: ['error WS_RESERVED_BIT', 'close 1006 unclean'],
      sent: ['close 1002'],
    });
  });
});

describe('Frames in the packet of the request', () => {
  const servers: Server[] = [];
  const clients: Socket[] = [];

  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy();
    for (const server of servers.splice(0)) server.close();
  });

  const REQUEST = utf8(
    [
      'GET / HTTP/1.1',
      'Host: localhost',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version: 13',
      '\r\n',
    ].join('\r\n'),
  );

  /**
   * Sends the request and frames in one write, and returns what the application's socket was told.
   */
  async function upgradeWith(frames: Uint8Array, listens: boolean): Promise<string[]> {
    const log: string[] = [];
    const server = createServer();
    servers.push(server);
    const upgraded = new Promise<void>((resolve) => {
      server.on('upgrade', (request, socket, head) => {
        const webSocket = new WebSocket(request, socket, head);
        if (listens) {
          webSocket.on('message', (event) => log.push(`message ${String(event.data)}`));
          webSocket.on('error', ({ error }) => {
            log.push(`error ${error instanceof WebSocketError ? error.code : ''}`);
          });
          webSocket.on('close', ({ code, reason, wasClean }) => {
            log.push(describeCloseEvent(code, reason, wasClean));
          });
        }
        socket.on('close', () => resolve());
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    clients.push(client);
    client.on('error', () => {});
    client.resume().write(concat([REQUEST, frames]));
    client.on('end', () => client.end());
    await upgraded;
    return log;
  }

  const closing = frameTo('server', { opcode: 'close', payload: hex('03 E8') });

  it('reach listeners that are added in the upgrade handler', async () => {
    const early = frameTo('server', { opcode: 'text', payload: 'early' });
    expect(await upgradeWith(concat([early, closing]), true)).toEqual([
      'message early',
      'close 1000 clean',
    ]);
  });

  it('are one error and one close when they are broken', async () => {
    expect(await upgradeWith(BROKEN, true)).toEqual([
      'error WS_RESERVED_BIT',
      'close 1006 unclean',
    ]);
  });

  it('do no harm when nobody listens', async () => {
    expect(await upgradeWith(BROKEN, false)).toEqual([]);
  });
});
