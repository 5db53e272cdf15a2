import { describe, expect, it } from 'vitest';
import { poolsOf, SparePool } from '../../src/connection/spare-pool.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { frameTo } from '../support/frames.ts';
import { recordedConnection } from '../support/recorded-connection.ts';

describe('A pool of spares', () => {
  it('lends what was given back, and to one borrower at a time', () => {
    const pool = new SparePool(() => ({}));
    const first = pool.take();
    const second = pool.take();
    expect(second).not.toBe(first);
    pool.giveBack(first);
    expect([pool.take() === first, pool.take() === first]).toEqual([true, false]);
  });

  it('is one for each platform and role', () => {
    const poolOf = poolsOf((_platform, role) => ({ role }));
    expect(poolOf(nodePlatform, 'server')).toBe(poolOf(nodePlatform, 'server'));
    expect(poolOf(nodePlatform, 'client').take()).toEqual({ role: 'client' });
    expect(poolOf({ ...nodePlatform }, 'server')).not.toBe(poolOf(nodePlatform, 'server'));
  });
});

describe('Connections that share spares', () => {
  it('keep apart what is cut within a frame, and what is not written', () => {
    const one = recordedConnection({ role: 'server' });
    const other = recordedConnection({ role: 'server' });
    const [a, b] = ['first', 'other'].map((payload) =>
      frameTo('server', { opcode: 'text', payload }),
    ) as [Uint8Array, Uint8Array];
    one.connection.receive(a.slice(0, 8));
    other.connection.receive(b.slice(0, 1));
    one.connection.sendText('to one');
    other.connection.sendText('to other');
    one.connection.receive(a.slice(8));
    other.connection.receive(b.slice(1));
    expect(one.handler.log).toEqual(['text "first"']);
    expect(other.handler.log).toEqual(['text "other"']);
    const sent = [other, one].map(({ connection }) =>
      Buffer.concat(connection.takeOutput()).toString('latin1'),
    );
    expect(sent).toEqual(['\x81\x08to other', '\x81\x06to one']);
  });
});
