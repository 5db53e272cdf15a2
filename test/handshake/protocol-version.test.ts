import { describe, expect, it } from 'vitest';
import {
  DEFAULT_VERSION,
  originHeaderOf,
  parseVersion,
  SUPPORTED_VERSIONS,
} from '../../src/handshake/protocol-version.ts';

describe('Sec-WebSocket-Version (RFC 6455 §4.1 item 9, §4.4)', () => {
  it('takes 13 and 8, and asks for 13', () => {
    expect(parseVersion('13')).toBe(13);
    expect(parseVersion('8')).toBe(8);
    expect(DEFAULT_VERSION).toBe(13);
    expect(SUPPORTED_VERSIONS.split(', ').map(parseVersion)).toEqual([13, 8]);
  });

  it.each([undefined, '', '7', '013', '13.0', '+13', '13, 13', '8, 13', 'constructor'])(
    'does not take %s',
    (value) => {
      expect(parseVersion(value)).toBeUndefined();
    },
  );

  it('calls the Origin Sec-WebSocket-Origin in version 8 (hybi-08 §5.2.2)', () => {
    expect(originHeaderOf(13)).toBe('Origin');
    expect(originHeaderOf(8)).toBe('Sec-WebSocket-Origin');
  });
});
