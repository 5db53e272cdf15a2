import { describe, expect, it } from 'vitest';
import { CloseCode, isSendableCloseCode } from '../src/close-code.ts';
import {
  FAULTS,
  type FaultCode,
  HandshakeError,
  InvalidStateError,
  LimitExceededError,
  ProtocolError,
  WebSocketError,
} from '../src/errors.ts';
import { REASON_MAX_LENGTH } from '../src/frame/close-payload.ts';

const codes = Object.keys(FAULTS) as FaultCode[];

describe('The table of faults', () => {
  it.each(codes)('%s has a stable name, a message and a section', (code) => {
    expect(code).toMatch(/^WS_[A-Z]+(?:_[A-Z]+)*$/);
    const { message, section } = FAULTS[code];
    expect(message).toMatch(/^[A-Z].*[^.]$/);
    expect(section).toMatch(/^(?:RFC \d+|draft-[a-z0-9-]+) §\d+(?:\.\d+)*$/);
  });

  it.each(codes)('%s can be told in a Close frame (RFC 6455 §5.5.1, §7.4)', (code) => {
    const { closeCode, message } = FAULTS[code];
    if (closeCode !== undefined) expect(isSendableCloseCode(CloseCode[closeCode])).toBe(true);
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(REASON_MAX_LENGTH);
  });

  it.each(codes)('%s is answered by an error of HTTP, where it is answered by HTTP', (code) => {
    const { status = 400 } = FAULTS[code];
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
  });

  it('says each thing once', () => {
    const messages = codes.map((code) => FAULTS[code].message);
    expect(new Set(messages).size).toBe(codes.length);
  });

  it('answers broken framing with 1002, broken text with 1007 and limits with 1009 or 1008', () => {
    const codesOf = (name: keyof typeof CloseCode) =>
      codes.filter((code) => FAULTS[code].closeCode === name);
    expect(codesOf('INVALID_PAYLOAD_DATA')).toEqual([
      'WS_INVALID_TEXT',
      'WS_INVALID_CLOSE_REASON',
      'WS_INVALID_DEFLATE',
    ]);
    expect(codesOf('MESSAGE_TOO_BIG')).toEqual(['WS_MESSAGE_TOO_LONG']);
    expect(codesOf('POLICY_VIOLATION')).toEqual([
      'WS_TOO_MANY_FRAGMENTS',
      'WS_BUFFERED_AMOUNT_EXCEEDED',
    ]);
    expect(codesOf('INTERNAL_ERROR')).toEqual(['WS_INTERNAL']);
    expect(codesOf('PROTOCOL_ERROR')).toContain('WS_RESERVED_BIT');
  });
});

describe('WebSocketError', () => {
  it('carries the row of its code', () => {
    const error = new WebSocketError('WS_INVALID_TEXT');
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'WebSocketError',
      code: 'WS_INVALID_TEXT',
      closeCode: CloseCode.INVALID_PAYLOAD_DATA,
      section: 'RFC 6455 §8.1',
      message: FAULTS.WS_INVALID_TEXT.message,
    });
    expect('cause' in error).toBe(false);
  });

  it('has no close code where no Close frame can be sent', () => {
    expect(new WebSocketError('WS_TRANSPORT_ERROR').closeCode).toBeUndefined();
  });

  it('adds what exactly was wrong, and what led to it', () => {
    const cause = new Error('read ECONNRESET');
    const error = new WebSocketError('WS_TRANSPORT_ERROR', { detail: cause.message, cause });
    expect(error.message).toBe(`${FAULTS.WS_TRANSPORT_ERROR.message}: read ECONNRESET`);
    expect(error.cause).toBe(cause);
  });

  it('is the base of the errors that tell what kind of thing was wrong', () => {
    const protocolError = new ProtocolError('WS_MASK_MISSING');
    const limitError = new LimitExceededError('WS_MESSAGE_TOO_LONG', 10, 11);
    const handshakeError = new HandshakeError('WS_HANDSHAKE_KEY');
    for (const error of [protocolError, limitError, handshakeError]) {
      expect(error).toBeInstanceOf(WebSocketError);
      expect(error.name).toBe(error.constructor.name);
      expect(String(error)).toBe(`${error.name}: ${error.message}`);
    }
  });
});

describe('LimitExceededError', () => {
  it('carries the numbers', () => {
    const error = new LimitExceededError('WS_MESSAGE_TOO_LONG', 10, 11);
    expect(error).toMatchObject({ limit: 10, actual: 11, closeCode: CloseCode.MESSAGE_TOO_BIG });
    expect(error.message).toMatch(/11.*10/);
  });
});

describe('HandshakeError', () => {
  it('has the status of its row, or the one that was got, or none', () => {
    expect(new HandshakeError('WS_HANDSHAKE_METHOD').status).toBe(405);
    expect(new HandshakeError('WS_RESPONSE_STATUS', { status: 302 }).status).toBe(302);
    expect(new HandshakeError('WS_RESPONSE_ACCEPT').status).toBe(0);
  });
});

describe('InvalidStateError', () => {
  it('is local misuse, and so no fault of the peer', () => {
    const error = new InvalidStateError('The connection is closed');
    expect(error).not.toBeInstanceOf(WebSocketError);
    expect(error).toMatchObject({ name: 'InvalidStateError', code: 'WS_INVALID_STATE' });
    expect(codes).not.toContain(error.code);
  });
});
