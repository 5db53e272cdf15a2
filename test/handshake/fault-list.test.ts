import { describe, expect, it } from 'vitest';
import { FAULTS } from '../../src/errors.ts';
import { FaultList } from '../../src/handshake/fault-list.ts';

describe('FaultList', () => {
  it('keeps faults in order, with the status of their row', () => {
    const faults = new FaultList();
    faults.add('WS_HANDSHAKE_METHOD');
    faults.add('WS_HANDSHAKE_EXTENSIONS', 'because');
    expect(faults.errors.map(({ code, status }) => [code, status])).toEqual([
      ['WS_HANDSHAKE_METHOD', 405],
      ['WS_HANDSHAKE_EXTENSIONS', 400],
    ]);
    expect(faults.errors[0]?.message).toBe(FAULTS.WS_HANDSHAKE_METHOD.message);
    expect(faults.errors[1]?.message).toMatch(/: because$/);
  });

  it('gives them the status of the response at a client', () => {
    const faults = new FaultList(101);
    faults.add('WS_RESPONSE_ACCEPT');
    expect(faults.errors[0]?.status).toBe(101);
  });
});
