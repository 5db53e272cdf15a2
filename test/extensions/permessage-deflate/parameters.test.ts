import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Extension } from '../../../src/extensions/extension.ts';
import type { DeflateOptions } from '../../../src/extensions/permessage-deflate/options.ts';
import {
  answerOffers,
  buildOffers,
  type DeflateWishes,
  readAnswer,
} from '../../../src/extensions/permessage-deflate/parameters.ts';
import { parseExtensions } from '../../../src/handshake/extension-header.ts';
import { permessageDeflate } from '../../../src/index.ts';
import { agree, negotiate, offersOf } from '../extended-connections.ts';

const NO_WISHES: DeflateWishes = {
  noContextTakeover: false,
  maxWindowBits: 15,
  offerMaxWindowBits: true,
  requestNoContextTakeover: false,
  requestMaxWindowBits: 15,
};

/** The parameters of an answer to the offers of a header; undefined when all are declined. */
function answerTo(parameters: string, wishes: Partial<DeflateWishes> = {}) {
  const header = parameters
    .split(',')
    .map((each) => `permessage-deflate; ${each}`.replace(/; *$/, ''))
    .join(', ');
  const offers = offersOf(header).map(({ params }) => Object.fromEntries(params));
  return answerOffers(offers, { ...NO_WISHES, ...wishes })?.parameters;
}

/** What a client makes of an answer. */
function agreementOf(parameters: string, wishes: Partial<DeflateWishes> = {}) {
  const [answer] = offersOf(`permessage-deflate; ${parameters}`.replace(/; *$/, ''));
  return readAnswer(Object.fromEntries(answer!.params), { ...NO_WISHES, ...wishes });
}

const INVALID_IN_BOTH = [
  'server_max_window_bits=7',
  'server_max_window_bits=16',
  'server_max_window_bits=1000',
  'server_max_window_bits=0',
  'server_max_window_bits=-9',
  'server_max_window_bits=08',
  'server_max_window_bits=9.5',
  'server_max_window_bits=1e1',
  'server_max_window_bits=0x9',
  'server_max_window_bits=ten',
  'server_max_window_bits',
  'server_max_window_bits=10; server_max_window_bits=10',
  'client_max_window_bits=7',
  'client_max_window_bits=16',
  'client_max_window_bits=1000',
  'client_max_window_bits=08',
  'client_max_window_bits=9.5',
  'client_max_window_bits=true',
  'client_max_window_bits=10; client_max_window_bits=10',
  'client_max_window_bits; client_max_window_bits',
  'server_no_context_takeover=1',
  'server_no_context_takeover=true',
  'server_no_context_takeover; server_no_context_takeover',
  'client_no_context_takeover=0',
  'client_no_context_takeover=false',
  'client_no_context_takeover; client_no_context_takeover',
  'unknown',
  'unknown=1',
  'SERVER_NO_CONTEXT_TAKEOVER',
  'server_no_context_takeover; unknown',
];

describe('The offers that a server takes (RFC 7692 §7.1)', () => {
  it.each(INVALID_IN_BOTH)('are not those that break a rule: %s', (parameters) => {
    expect(answerTo(parameters)).toBeUndefined();
  });

  it.each(['server_max_window_bits=', 'client_max_window_bits=""', 'client_max_window_bits="8'])(
    'are not those that are no header: %s',
    (parameters) => {
      expect(parseExtensions(`permessage-deflate; ${parameters}`)).toBe('malformed');
    },
  );

  it('are the first valid one of several (RFC 7692 §5.1)', () => {
    expect(answerTo('server_max_window_bits=7, server_max_window_bits=10')).toEqual({
      server_max_window_bits: 10,
    });
    expect(answerTo('unknown, server_max_window_bits=16,')).toEqual({});
    expect(answerTo('server_max_window_bits=9, server_max_window_bits=10')).toEqual({
      server_max_window_bits: 9,
    });
    expect(answerTo('unknown, server_max_window_bits=7')).toBeUndefined();
  });

  it.each<[string, Partial<DeflateWishes>, object]>([
    ['', {}, {}],
    ['client_max_window_bits', {}, {}],
    ['client_max_window_bits=15', {}, {}],
    ['client_max_window_bits=8', {}, { client_max_window_bits: 8 }],
    ['client_max_window_bits="10"', {}, { client_max_window_bits: 10 }],
    ['server_max_window_bits=8', {}, { server_max_window_bits: 8 }],
    ['server_max_window_bits="15"', {}, { server_max_window_bits: 15 }],
    ['server_no_context_takeover', {}, { server_no_context_takeover: true }],
    ['client_no_context_takeover', {}, { client_no_context_takeover: true }],
    ['', { noContextTakeover: true }, { server_no_context_takeover: true }],
    ['', { requestNoContextTakeover: true }, { client_no_context_takeover: true }],
    ['', { maxWindowBits: 11 }, { server_max_window_bits: 11 }],
    ['server_max_window_bits=9', { maxWindowBits: 11 }, { server_max_window_bits: 9 }],
    ['server_max_window_bits=13', { maxWindowBits: 11 }, { server_max_window_bits: 11 }],
    ['client_max_window_bits', { requestMaxWindowBits: 11 }, { client_max_window_bits: 11 }],
    ['client_max_window_bits=9', { requestMaxWindowBits: 11 }, { client_max_window_bits: 9 }],
    ['client_max_window_bits=13', { requestMaxWindowBits: 11 }, { client_max_window_bits: 11 }],
  ])('are answered as they should be: "%s" with %j', (parameters, wishes, answer) => {
    expect(answerTo(parameters, wishes)).toEqual(answer);
  });

  it('get no client_max_window_bits unless they have it (RFC 7692 §7.1.2.2)', () => {
    expect(answerTo('', { requestMaxWindowBits: 9 })).toEqual({});
    const wishes = { ...NO_WISHES, requestMaxWindowBits: 9 };
    expect(answerOffers([{}], wishes)?.agreement.peerWindowBits).toBe(15);
  });
});

describe('The answers that a client takes (RFC 7692 §7.1)', () => {
  it.each(INVALID_IN_BOTH)('are not those that break a rule: %s', (parameters) => {
    expect(agreementOf(parameters)).toBeUndefined();
  });

  it('are not those with client_max_window_bits without a value (RFC 7692 §7.1.2.2)', () => {
    expect(agreementOf('client_max_window_bits')).toBeUndefined();
  });

  it('are not those with a larger window than was offered (RFC 7692 §7.1.2.2)', () => {
    expect(agreementOf('client_max_window_bits=11', { maxWindowBits: 10 })).toBeUndefined();
    expect(agreementOf('client_max_window_bits=10', { maxWindowBits: 10 })).toMatchObject({
      ownWindowBits: 10,
    });
  });

  it('are not those with client_max_window_bits, if not offered (RFC 7692 §7.1.2.2)', () => {
    const wishes = { offerMaxWindowBits: false, maxWindowBits: 9 };
    expect(agreementOf('client_max_window_bits=8', wishes)).toBeUndefined();
    expect(agreementOf('', wishes)).toMatchObject({ ownWindowBits: 9 });
  });

  it.each<[string, Partial<DeflateWishes>, object]>([
    ['', {}, { ownWindowBits: 15, peerWindowBits: 15 }],
    ['client_max_window_bits=8', {}, { ownWindowBits: 8, peerWindowBits: 15 }],
    ['server_max_window_bits=8', {}, { ownWindowBits: 15, peerWindowBits: 8 }],
    ['', { maxWindowBits: 9 }, { ownWindowBits: 9 }],
    ['server_no_context_takeover', {}, { peerNoContextTakeover: true }],
    ['client_no_context_takeover', {}, { ownNoContextTakeover: true }],
    ['', { noContextTakeover: true }, { ownNoContextTakeover: true }],
    // The wish was an alternative: the server has taken the offer without it.
    ['', { requestNoContextTakeover: true }, { peerNoContextTakeover: false }],
    ['server_max_window_bits=12', { requestMaxWindowBits: 10 }, { peerWindowBits: 12 }],
  ])('mean what they should: "%s" with %j', (parameters, wishes, agreement) => {
    expect(agreementOf(parameters, wishes)).toMatchObject(agreement);
  });
});

describe('The offers that a client makes (RFC 7692 §5.2)', () => {
  it.each<[Partial<DeflateWishes>, object[]]>([
    [{}, [{ client_max_window_bits: true }]],
    [{ maxWindowBits: 8 }, [{ client_max_window_bits: 8 }]],
    [{ maxWindowBits: 8, offerMaxWindowBits: false }, [{}]],
    [
      { noContextTakeover: true },
      [{ client_max_window_bits: true, client_no_context_takeover: true }],
    ],
    [
      { requestNoContextTakeover: true },
      [
        { client_max_window_bits: true, server_no_context_takeover: true },
        { client_max_window_bits: true },
      ],
    ],
    [
      { requestMaxWindowBits: 10, maxWindowBits: 9 },
      [{ client_max_window_bits: 9, server_max_window_bits: 10 }, { client_max_window_bits: 9 }],
    ],
  ])('with %j are the wish first, then the same without it', (wishes, offers) => {
    expect(buildOffers({ ...NO_WISHES, ...wishes })).toEqual(offers);
  });
});

const anyOptions: fc.Arbitrary<DeflateOptions> = fc.record(
  {
    noContextTakeover: fc.boolean(),
    requestNoContextTakeover: fc.boolean(),
    maxWindowBits: fc.integer({ min: 8, max: 15 }),
    requestMaxWindowBits: fc.integer({ min: 8, max: 15 }),
  },
  { requiredKeys: [] },
);

describe('Two ends with any wishes', () => {
  it('agree, and see each other’s parameters as the other sees its own', () => {
    fc.assert(
      fc.property(anyOptions, anyOptions, (client, server) => {
        const { offer, answer } = agree(
          [permessageDeflate.configure(client)],
          [permessageDeflate.configure(server)],
        );
        expect(answer).toMatch(/^permessage-deflate/);
        const wishesOf = (options: DeflateOptions): DeflateWishes =>
          ({ ...NO_WISHES, ...options }) as DeflateWishes;
        const offers = offersOf(offer).map(({ params }) => Object.fromEntries(params));
        const atServer = answerOffers(offers, wishesOf(server))!.agreement;
        const [parameters] = offersOf(answer).map(({ params }) => Object.fromEntries(params));
        const atClient = readAnswer(parameters!, wishesOf(client))!;
        expect(atClient).toEqual({
          ownNoContextTakeover: atServer.peerNoContextTakeover,
          ownWindowBits: atServer.peerWindowBits,
          peerNoContextTakeover: atServer.ownNoContextTakeover,
          peerWindowBits: atServer.ownWindowBits,
        });
        expect(atClient.ownWindowBits).toBeLessThanOrEqual(client.maxWindowBits ?? 15);
        expect(atServer.ownWindowBits).toBeLessThanOrEqual(server.maxWindowBits ?? 15);
      }),
      { numRuns: 300 },
    );
  });

  it('agree where one of them is faye’s permessage-deflate', () => {
    const faye = createRequire(import.meta.url)('permessage-deflate') as Extension & {
      configure(options: DeflateOptions): Extension;
    };
    fc.assert(
      fc.property(anyOptions, anyOptions, (ours, theirs) => {
        const own = permessageDeflate.configure(ours);
        expect(agree([own], [faye.configure({ ...theirs })]).server.length).toBe(1);
        // faye insists on what it requests of a server; we always grant it.
        expect(agree([faye.configure({ ...theirs })], [own]).client.length).toBe(1);
      }),
      { numRuns: 200 },
    );
  });

  it('do without compression when a server declines every offer', () => {
    const { sessions, header } = negotiate(
      [permessageDeflate],
      offersOf('permessage-deflate; unknown, permessage-deflate; server_max_window_bits=99'),
    );
    expect([sessions, header]).toEqual([[], '']);
  });
});
