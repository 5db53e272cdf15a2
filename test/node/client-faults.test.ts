import { describe, expect, it } from 'vitest';
import {
  HandshakeError,
  LimitExceededError,
  transportError,
  WebSocketError,
} from '../../src/errors.ts';
import { joinFaults, requestError } from '../../src/node/client-faults.ts';

const systemError = (code: string, message = ''): Error =>
  Object.assign(new Error(message), { code });

describe('The error of a transport', () => {
  it('keeps its cause and its message', () => {
    const cause = systemError('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1');
    const error = transportError(cause);
    expect(error).toMatchObject({ code: 'WS_TRANSPORT_ERROR', cause });
    expect(error.message).toContain('127.0.0.1:1');
  });

  it('names the code of an error without a message', () => {
    expect(transportError(systemError('ECONNREFUSED')).message).toContain('ECONNREFUSED');
  });

  it('says what failed', () => {
    expect(transportError(systemError('X', 'oh'), 'the proxy').message).toContain('the proxy: oh');
  });
});

describe('The error of a request', () => {
  it('is over the limit when the parser says so', () => {
    const error = requestError(systemError('HPE_HEADER_OVERFLOW'), 100, false);
    expect(error).toBeInstanceOf(LimitExceededError);
    expect(error).toMatchObject({ code: 'WS_HEAD_TOO_LONG', limit: 100 });
  });

  it('is a malformed head for every other fault of the parser', () => {
    const cause = systemError('HPE_INVALID_CONSTANT', 'Expected HTTP/');
    expect(requestError(cause, 100, true)).toMatchObject({
      code: 'WS_HEAD_MALFORMED',
      status: 0,
      cause,
    });
  });

  it('is that of the transport for all else, and our own as it is', () => {
    expect(requestError(systemError('ECONNRESET'), 100, true).code).toBe('WS_TRANSPORT_ERROR');
    const own = new WebSocketError('WS_ABORTED');
    expect(requestError(own, 100, false)).toBe(own);
  });

  const alert = Buffer.from('15030100020246', 'hex');
  const parser = Object.assign(systemError('HPE_INVALID_CONSTANT', 'x'), { rawPacket: alert });

  it.each<[string, Error, boolean, string | undefined]>([
    ['wss, EPROTO', systemError('EPROTO', 'wrong version number'), true, 'try ws'],
    ['wss, a code', systemError('ERR_SSL_WRONG_VERSION_NUMBER'), true, 'try ws'],
    ['wss, another code', systemError('ERR_SSL_PACKET_LENGTH_TOO_LONG'), true, 'try ws'],
    ['wss, a reset', systemError('ECONNRESET', 'read ECONNRESET'), true, undefined],
    ['ws, an alert', parser, false, 'try wss'],
    ['ws, a hang-up', systemError('ECONNRESET', 'socket hang up'), false, 'try wss'],
    ['ws, refused', systemError('ECONNREFUSED', 'refused'), false, undefined],
  ])('says when the scheme may be wrong: %s', (_, thrown, isSecure, hint) => {
    const error = requestError(thrown, 100, isSecure);
    expect(error.cause).toBe(thrown);
    expect(error.message.includes('try ws')).toBe(hint !== undefined);
    if (hint === undefined) expect(thrown.cause).toBeUndefined();
    else expect(error.message).toContain(`${(thrown.cause as Error).message}`);
    if (hint !== undefined) expect(error.message).toContain(`${hint} instead`);
  });
});

describe('Several faults of one response', () => {
  const upgrade = new HandshakeError('WS_RESPONSE_UPGRADE', { status: 101 });
  const protocol = new HandshakeError('WS_RESPONSE_SUBPROTOCOL', { status: 101, detail: 'irc' });

  it('are one error with the code of the first and the messages of all', () => {
    const error = joinFaults([protocol, upgrade], 101);
    expect(error).toBeInstanceOf(HandshakeError);
    expect(error).toMatchObject({ code: 'WS_RESPONSE_SUBPROTOCOL', status: 101 });
    expect(error.message).toBe(`${protocol.message}; ${upgrade.message}`);
    expect(error.cause).toMatchObject({ errors: [protocol, upgrade] });
  });

  it('join also when the first has no detail', () => {
    const error = joinFaults([upgrade, protocol], 101);
    expect(error.message).toBe(`${upgrade.message}: ${protocol.message}`);
  });

  it('stay as they are when there is one', () => {
    expect(joinFaults([upgrade], 101)).toBe(upgrade);
  });
});
