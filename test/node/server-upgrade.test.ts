import { describe, expect, it } from 'vitest';
import { HandshakeError } from '../../src/errors.ts';
import { refuseUpgrade } from '../../src/node/server-upgrade.ts';
import { MemoryDuplex } from '../support/memory-duplex.ts';
import { settle } from '../support/recording-driver.ts';

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

describe('A refused upgrade', () => {
  it('is answered with the status and the faults, and the socket is destroyed', async () => {
    const socket = new MemoryDuplex();
    const error = new HandshakeError('WS_HANDSHAKE_KEY');
    refuseUpgrade(socket, { status: 400, errors: [error] });
    await settle();
    const [head = '', body = ''] = latin1(socket.written).split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nConnection: close\r\n/);
    expect(body).toContain('WS_HANDSHAKE_KEY');
    expect(socket.destroyed).toBe(true);
  });

  it('has no body as the answer to HEAD (RFC 9110 §9.3.2)', async () => {
    const socket = new MemoryDuplex();
    refuseUpgrade(socket, { status: 405, method: 'HEAD' });
    await settle();
    expect(latin1(socket.written)).toMatch(/^HTTP\/1\.1 405 [\s\S]*\r\n\r\n$/);
  });

  it('does not mind a peer that is gone', async () => {
    const socket = new MemoryDuplex();
    socket.isStuck = true;
    refuseUpgrade(socket, { status: 403 });
    socket.release(new Error('ECONNRESET'));
    await settle();
    expect(socket.destroyed).toBe(true);
  });
});
