/** The WebSocketError of the WebSocketStream proposal, under its own name to applications. */

import { describe, expect, it } from 'vitest';
import { WebSocketError } from '../../src/streams.ts';

describe('WebSocketError', () => {
  it('is a DOMException with no code and no reason by default', () => {
    const error = new WebSocketError();
    expect(error).toBeInstanceOf(DOMException);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ code: 0, name: 'WebSocketError', message: '' });
    expect(error.constructor).toBe(WebSocketError);
    expect(WebSocketError.name).toBe('WebSocketError');
    expect(error).toMatchObject({ closeCode: null, reason: '' });
  });

  it('carries a code and a reason', () => {
    const error = new WebSocketError('message', { closeCode: 3456, reason: 'reason' });
    expect(error).toMatchObject({ message: 'message', closeCode: 3456, reason: 'reason' });
    expect(new WebSocketError('', { reason: 'x' })).toMatchObject({ closeCode: 1000 });
    expect(new WebSocketError('', { closeCode: 3333 }).reason).toBe('');
  });

  it.each([999, 1001, 2999, 5000])('refuses code %i', (closeCode) => {
    expect(() => new WebSocketError('', { closeCode })).toThrow(
      expect.objectContaining({ name: 'InvalidAccessError' }),
    );
  });

  it('refuses a reason that is longer than 123 bytes in UTF-8', () => {
    expect(() => new WebSocketError('', { reason: 'é'.repeat(62) })).toThrow(
      expect.objectContaining({ name: 'SyntaxError' }),
    );
  });
});
