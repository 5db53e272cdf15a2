import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AcceptedDraft,
  DraftHandshake,
  judgeDraftRequest,
} from '../../src/drafts/draft-handshake.ts';
import { toRawHeaders } from '../../src/handshake/header-list.ts';
import { decodeLatin1 } from '../../src/handshake/latin1.ts';
import type { JudgeOptions, UpgradeRequest } from '../../src/handshake/server-handshake.ts';
import { feed, feedOnce } from '../handshake/feed.ts';

type Changes = Record<string, string | string[] | undefined>;

/** The request of hybi-00 §1.2, with changes. */
function request76(headers: Changes = {}, line: Partial<UpgradeRequest> = {}): UpgradeRequest {
  return request75(
    {
      'Sec-WebSocket-Key1': '4 @1  46546xW%0l 1 5',
      'Sec-WebSocket-Key2': '12998 5 Y3 1  .P00',
      'Sec-WebSocket-Protocol': 'sample',
      ...headers,
    },
    line,
  );
}

function request75(headers: Changes = {}, line: Partial<UpgradeRequest> = {}): UpgradeRequest {
  const all = {
    Host: 'example.com',
    Connection: 'Upgrade',
    Upgrade: 'WebSocket',
    Origin: 'http://example.com',
    ...headers,
  };
  return {
    method: 'GET',
    target: '/demo',
    httpVersionMajor: 1,
    httpVersionMinor: 1,
    rawHeaders: toRawHeaders(Object.entries(all)),
    ...line,
  };
}

function refusal(request: UpgradeRequest, options?: JudgeOptions) {
  const verdict = judgeDraftRequest(request, options);
  if (verdict === undefined || verdict.accepted) return verdict;
  return { codes: verdict.errors.map(({ code }) => code), status: verdict.status };
}

function accepted(request: UpgradeRequest): AcceptedDraft {
  const verdict = judgeDraftRequest(request);
  if (!verdict?.accepted) throw new Error('not accepted');
  return verdict;
}

describe('judgeDraftRequest', () => {
  it('accepts the request of hybi-00 §1.2 as hixie-76', () => {
    expect(judgeDraftRequest(request76())).toEqual({
      accepted: true,
      version: 'hixie-76',
      host: 'example.com',
      resourceName: '/demo',
      origin: 'http://example.com',
      protocols: ['sample'],
      keyNumbers: [829309203, 259970620],
    });
  });

  it('accepts a request without keys as hixie-75, with its WebSocket-Protocol', () => {
    expect(judgeDraftRequest(request75({ 'WebSocket-Protocol': 'a b' }))).toEqual({
      accepted: true,
      version: 'hixie-75',
      host: 'example.com',
      resourceName: '/demo',
      origin: 'http://example.com',
      protocols: ['a', 'b'],
      keyNumbers: undefined,
    });
  });

  it.each<[string, UpgradeRequest]>([
    ['names a version', request76({ 'Sec-WebSocket-Version': '13' })],
    ['has a key of RFC 6455', request75({ 'Sec-WebSocket-Key': 'x' })],
    ['is no GET', request76({}, { method: 'POST' })],
    ['asks for another protocol', request76({ Upgrade: 'h2c' })],
    ['asks for no upgrade', request76({ Connection: undefined })],
  ])('leaves to judgeRequest what %s', (_, request) => {
    expect(judgeDraftRequest(request)).toBeUndefined();
  });

  it.each([
    '',
    'no digits  at all',
    '123',
    '1 2 3 4',
    '42949672960 ',
    ` ${'9'.repeat(100_000)}`,
    '4 294967297',
  ])('refuses the key %j as malformed (hybi-00 §5.2)', (key) => {
    const malformed = { codes: ['WS_HANDSHAKE_DRAFT'], status: 400 };
    expect(refusal(request76({ 'Sec-WebSocket-Key1': key }))).toEqual(malformed);
    expect(refusal(request76({ 'Sec-WebSocket-Key2': key }))).toEqual(malformed);
  });

  it('refuses a request with one key only', () => {
    const malformed = { codes: ['WS_HANDSHAKE_DRAFT'], status: 400 };
    expect(refusal(request76({ 'Sec-WebSocket-Key1': undefined }))).toEqual(malformed);
    expect(refusal(request76({ 'Sec-WebSocket-Key2': undefined }))).toEqual(malformed);
  });

  it('takes the largest number of 32 bits, and 0', () => {
    const keys = { 'Sec-WebSocket-Key1': '4294967295 x', 'Sec-WebSocket-Key2': '0 x' };
    expect(accepted(request76(keys)).keyNumbers).toEqual([4294967295, 0]);
  });

  it('reports faults together: target, Host, Origin, keys', () => {
    const headers = { Host: undefined, Origin: 'http://evil.example', 'Sec-WebSocket-Key1': '' };
    const request = request76(headers, { target: '*' });
    expect(refusal(request, { allowedOrigins: ['http://a'] })).toEqual({
      codes: [
        'WS_HANDSHAKE_TARGET',
        'WS_HANDSHAKE_HOST',
        'WS_HANDSHAKE_ORIGIN',
        'WS_HANDSHAKE_DRAFT',
      ],
      status: 400,
    });
  });

  it('refuses a foreign Origin with 403 (RFC 6455 §10.2)', () => {
    const forbidden = { codes: ['WS_HANDSHAKE_ORIGIN'], status: 403 };
    expect(refusal(request75(), { allowedOrigins: ['http://a'] })).toEqual(forbidden);
    expect(refusal(request75(), { allowedOrigins: ['http://example.com'] })).toMatchObject({
      accepted: true,
    });
  });

  it('refuses an Origin that could not be sent back', () => {
    const request = request75();
    const rawHeaders = [...request.rawHeaders.slice(0, -1), 'http://a\r\nX: y'];
    expect(refusal({ ...request, rawHeaders })).toMatchObject({ codes: ['WS_HANDSHAKE_ORIGIN'] });
  });
});

describe('DraftHandshake', () => {
  const create76 = (): DraftHandshake =>
    new DraftHandshake(accepted(request76()), {
      isSecure: false,
      protocol: 'sample',
    });

  function outcome({ isComplete, answer }: DraftHandshake) {
    return isComplete ? decodeLatin1(answer, 0, answer.length) : undefined;
  }

  it('answers the request of hybi-00 §1.2 as it says, in any cut', () => {
    expect(feed(create76, '^n:ds[4U', outcome)).toBe("8jKS'y:G*Co,Wxa-");
    expect(create76().head).toBe(
      'HTTP/1.1 101 WebSocket Protocol Handshake\r\n' +
        'Upgrade: WebSocket\r\n' +
        'Connection: Upgrade\r\n' +
        'Sec-WebSocket-Origin: http://example.com\r\n' +
        'Sec-WebSocket-Location: ws://example.com/demo\r\n' +
        'Sec-WebSocket-Protocol: sample\r\n\r\n',
    );
  });

  it('answers the other example of hybi-00 (§5.2)', () => {
    const keys = {
      'Sec-WebSocket-Key1': '18x 6]8vM;54 *(5:  {   U1]8  z [  8',
      'Sec-WebSocket-Key2': '1_ tx7X d  <  nw  334J702) 7]o}` 0',
    };
    const draft = accepted(request76(keys));
    const create = () => new DraftHandshake(draft, { isSecure: false });
    expect(feed(create, 'Tm[K T2u', outcome)).toBe('fQJ,fN/4F4!~K~MH');
  });

  it('waits for the 8 bytes, with its head ready, and takes nothing after them', () => {
    const { reader, rest } = feedOnce(create76, '^n:ds[4');
    expect([reader.isComplete, reader.answer.length, rest]).toEqual([false, 0, '']);
    expect(reader.receive(new TextEncoder().encode('U\0hi\xff'))).toBe(1);
    expect(reader.isComplete).toBe(true);
    expect(reader.receive(new Uint8Array(9))).toBe(0);
  });

  it('is complete at once in hixie-75, with its own names and a wss location', () => {
    const draft = accepted(request75({ 'WebSocket-Protocol': 'a' }));
    const handshake = new DraftHandshake(draft, {
      isSecure: true,
      protocol: 'a',
      headers: ['Set-Cookie', 'b=c'],
    });
    expect([handshake.isComplete, handshake.answer.length]).toEqual([true, 0]);
    expect(handshake.receive(new Uint8Array(9))).toBe(0);
    expect(handshake.head).toBe(
      'HTTP/1.1 101 Web Socket Protocol Handshake\r\n' +
        'Upgrade: WebSocket\r\n' +
        'Connection: Upgrade\r\n' +
        'WebSocket-Origin: http://example.com\r\n' +
        'WebSocket-Location: wss://example.com/demo\r\n' +
        'WebSocket-Protocol: a\r\n' +
        'Set-Cookie: b=c\r\n\r\n',
    );
  });

  it('names no origin when the client named none', () => {
    const draft = accepted(request75({ Origin: undefined }));
    expect(new DraftHandshake(draft, { isSecure: false }).head).not.toContain('Origin');
  });

  it.each(['\r', '\n', '\0', 'a\r\nX: y', 'other', ''])(
    'throws TypeError for %j as subprotocol or in a header (CVE-2026-1527)',
    (text) => {
      const draft = accepted(request76());
      const make = (acceptance: object) => () =>
        new DraftHandshake(draft, { isSecure: false, ...acceptance });
      expect(make({ protocol: text })).toThrow(TypeError);
      expect(make({ headers: [`${text}\r`, 'a'] })).toThrow(TypeError);
      expect(make({ headers: ['a', `${text}\n`] })).toThrow(TypeError);
      expect(make({ headers: ['Sec-WebSocket-Location', 'a'] })).toThrow(TypeError);
    },
  );

  it('never throws on what a client sends (property)', () => {
    const value = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(value, value, value, value, (target, host, origin, key) => {
        const { rawHeaders } = request75({ Host: undefined, Origin: undefined });
        const own = ['Host', host, 'Origin', origin, 'Sec-WebSocket-Key1', key];
        for (const list of [own, own.slice(0, 4)]) {
          const request = request75({}, { target, rawHeaders: [...rawHeaders, ...list] });
          const verdict = judgeDraftRequest(request);
          if (verdict?.accepted) new DraftHandshake(verdict, { isSecure: false });
        }
      }),
    );
  });
});
