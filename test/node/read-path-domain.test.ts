/**
 * A socket in a domain. In a file of its own: loading node:domain replaces the `emit` of all
 * emitters of a process.
 */

import { create as createDomain } from 'node:domain';
import { describe, expect, it } from 'vitest';
import { until } from '../api/sockets.ts';
import { openReading, READ_KINDS } from '../support/read-sockets.ts';

describe.each(READ_KINDS)('Over $path, a $role that shares its reads: $isShared', (kind) => {
  it('has the errors of message listeners reach the domain of its socket', async () => {
    const { socket, transport, peer } = await openReading(kind);
    const bug = new Error('of the application');
    const errors: unknown[] = [];
    createDomain()
      .on('error', (error) => errors.push(error))
      .add(transport);
    socket.on('message', () => {
      throw bug;
    });
    peer.send({ opcode: 'text', payload: 'a' });
    await until(() => errors.length > 0);
    expect(errors).toEqual([bug]);
  });
});
