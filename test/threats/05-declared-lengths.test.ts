/**
 * THREATS 5: declared lengths of 2^31, 2^53, 2^63, and sums that overflow (CVE-2020-27813,
 * CVE-2026-1528, CVE-2016-10542).
 */

import { describe, expect, it } from 'vitest';
import { type Role, resolveLimits } from '../../src/connection/options.ts';
import { CountingPlatform } from '../support/counting-platform.ts';
import { frameTo } from '../support/frames.ts';
import { concat, hex } from '../support/hex.ts';
import { recordedConnection } from '../support/recorded-connection.ts';
import { logOfEveryCut } from '../support/run-connection.ts';

const ROLES: readonly Role[] = ['client', 'server'];
const TOO_LONG = ['error WS_MESSAGE_TOO_LONG', 'close 1006 unclean'];
const OUT_OF_RANGE = ['error WS_LENGTH_OUT_OF_RANGE', 'close 1006 unclean'];

describe.each(ROLES)('A declared length at a %s', (role) => {
  it.each([
    ['2^26, one over the default maxLength', 2n ** 26n, TOO_LONG],
    ['2^31 - 1', 2n ** 31n - 1n, TOO_LONG],
    ['2^31', 2n ** 31n, TOO_LONG],
    ['2^32 - 1', 2n ** 32n - 1n, TOO_LONG],
    ['2^32', 2n ** 32n, TOO_LONG],
    ['2^53 - 1', 2n ** 53n - 1n, TOO_LONG],
    ['2^53', 2n ** 53n, TOO_LONG],
    ['2^53 + 1', 2n ** 53n + 1n, TOO_LONG],
    ['2^63 - 1', 2n ** 63n - 1n, TOO_LONG],
    ['2^63, the most significant bit', 2n ** 63n, OUT_OF_RANGE],
    ['2^64 - 1', 2n ** 64n - 1n, OUT_OF_RANGE],
  ])('of %s fails at the header', (_, declaredLength, events) => {
    for (const opcode of ['text', 'binary'] as const) {
      const input = frameTo(role, { opcode, declaredLength, payload: 'abc' });
      expect(logOfEveryCut({ role }, input).events).toEqual(events);
    }
  });

  it('allocates nothing, up to the limit itself (RFC 6455 §5.2)', () => {
    const platform = new CountingPlatform();
    const { connection, handler } = recordedConnection({ role, platform });
    const before = platform.allocatedLength;
    const declaredLength = BigInt(resolveLimits({}).maxLength);
    connection.receive(frameTo(role, { opcode: 'binary', declaredLength, payload: 'a' }));
    expect(platform.allocatedLength - before).toBeLessThanOrEqual(256);
    expect(handler.errors).toEqual([]);
  });

  it('counts with those of the fragments before, without an overflow', () => {
    const first = frameTo(role, { opcode: 'binary', fin: false, payload: 'abc' });
    for (const declaredLength of [2n ** 32n - 3n, 2n ** 53n - 3n, 2n ** 63n - 3n]) {
      const second = frameTo(role, { opcode: 'continuation', declaredLength });
      const { events } = logOfEveryCut({ role }, concat([first, second]));
      expect(events).toEqual(TOO_LONG);
    }
  });

  it('of a control frame fails before the length has come (RFC 6455 §5.5)', () => {
    for (const opcode of ['close', 'ping', 'pong'] as const) {
      const header = frameTo(role, { opcode, declaredLength: 2n ** 31n }).subarray(0, 2);
      const { events } = logOfEveryCut({ role }, header);
      expect(events).toEqual(['error WS_CONTROL_TOO_LONG', 'close 1006 unclean']);
    }
  });
});

describe('The bytes of the advisories', () => {
  it('CVE-2016-10542 and its kind: a header of ten bytes, no payload', () => {
    const headers = ['82 7F 00 00 00 00 80 00 00 00', '82 7F 00 1F FF FF FF FF FF FF'];
    for (const header of headers) {
      expect(logOfEveryCut({ role: 'client' }, hex(header)).events).toEqual(TOO_LONG);
    }
  });
});
