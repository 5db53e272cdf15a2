/** Which name an error suggests for an option that does not exist. */

import { describe, expect, it } from 'vitest';
import { unrecognizedOption } from '../src/option-names.ts';

const NAMES = ['maxLength', 'maxFragments', 'ping', 'pongTimeout', 'headers', 'ca', 'tls'];

describe('unrecognizedOption', () => {
  it.each([
    ['maxlength', 'maxLength'],
    ['maxLenght', 'maxLength'],
    ['pingTimeout', 'pongTimeout'],
    ['header', 'headers'],
    ['pong', 'ping'],
    ['pings', 'ping'],
    ['CA', 'ca'],
  ])('of %s suggests %s', (name, nearest) => {
    const { message } = unrecognizedOption(name, NAMES);
    expect(message).toBe(`Unrecognized option: ${name} (did you mean ${nearest}?)`);
  });

  it.each(['perMessageDeflate', 'constructor', 'host', 'x', '', 'timeout'])(
    'of %j, which is near none, suggests nothing',
    (name) => {
      expect(unrecognizedOption(name, NAMES).message).toBe(`Unrecognized option: ${name}`);
    },
  );

  it('suggests nothing where there are no options', () => {
    expect(unrecognizedOption('ping', []).message).toBe('Unrecognized option: ping');
  });
});
