import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HandshakeError } from '../../src/errors.ts';
import type { Extension, ExtensionParameters } from '../../src/extensions/extension.ts';
import { ClientNegotiation, negotiateAsServer } from '../../src/extensions/negotiation.ts';
import { parseExtensions } from '../../src/handshake/extension-header.ts';
import { permessageDeflate } from '../../src/index.ts';
import { agree, negotiate, offersOf } from './extended-connections.ts';
import { type PlugInSpec, plugIn } from './plug-ins.ts';

const faye = createRequire(import.meta.url)('permessage-deflate') as Extension;

function serverHeader(extensions: readonly Extension[], offer: string): string {
  return negotiate(extensions, offersOf(offer)).header;
}

/** What an answer leads to: the names of its extensions, or the error of the handshake. */
function clientVerdict(
  extensions: readonly Extension[],
  answer: string,
): readonly string[] | string {
  const activated = new ClientNegotiation(extensions).activate(offersOf(answer));
  if (activated instanceof HandshakeError) return `${activated.code}: ${activated.message}`;
  return activated.map(({ extension }) => extension.name);
}

describe('A server’s choice of extensions (RFC 6455 §9.1)', () => {
  const a = plugIn({ name: 'x-a', rsv1: true });
  const b = plugIn({ name: 'x-b', rsv2: true });
  const rival = plugIn({ name: 'x-rival', rsv1: true });

  it('takes what it supports of what is offered, in its own order', () => {
    expect(serverHeader([a, b], 'x-b, x-unknown, x-a')).toBe('x-a, x-b');
    expect(serverHeader([b, a], 'x-a, x-b')).toBe('x-b, x-a');
    expect(serverHeader([a, b], 'x-b')).toBe('x-b');
    expect(serverHeader([a, b], 'x-unknown')).toBe('');
    expect(serverHeader([], 'x-a')).toBe('');
    expect(negotiate([a], []).sessions).toEqual([]);
  });

  it('passes an extension over whose reserved bit another has claimed', () => {
    expect(serverHeader([a, rival, b], 'x-rival, x-a, x-b')).toBe('x-a, x-b');
    expect(serverHeader([rival, a], 'x-a, x-rival')).toBe('x-rival');
  });

  it('leaves the bit to the next when the first declines', () => {
    const declining = plugIn({ rsv1: true, extension: { createServerSession: () => null } });
    expect(serverHeader([{ ...declining, name: 'x-a' }, rival], 'x-a, x-rival')).toBe('x-rival');
  });

  it('gives an extension all offers of its name, in their order, with their parameters', () => {
    const seen: (readonly ExtensionParameters[])[] = [];
    const curious = plugIn({
      name: 'x-c',
      extension: {
        createServerSession: (offers) => {
          seen.push(offers);
          return null;
        },
      },
    });
    serverHeader([curious], 'x-c; flag; number=7; text=08; twice=1; twice=b, x-d, x-c');
    expect(seen).toEqual([[{ flag: true, number: 7, text: '08', twice: [1, 'b'] }, {}]]);
  });

  it('writes the answer’s parameters into the header', () => {
    const answering = plugIn({
      name: 'x-c',
      session: { generateResponse: () => ({ flag: true, bits: 9, mode: 'fast', list: [1, 2] }) },
    });
    expect(serverHeader([answering], 'x-c')).toBe('x-c; flag; bits=9; mode=fast; list=1; list=2');
  });

  it.each<[string, PlugInSpec]>([
    [
      'throws in createServerSession',
      {
        extension: {
          createServerSession: () => {
            throw new Error('broken');
          },
        },
      },
    ],
    [
      'throws a string',
      {
        extension: {
          createServerSession: () => {
            throw 'broken';
          },
        },
      },
    ],
    [
      'makes a session without methods',
      { extension: { createServerSession: () => ({}) as never } },
    ],
    ['makes a session of a number', { extension: { createServerSession: () => 42 as never } }],
    [
      'throws in generateResponse',
      {
        session: {
          generateResponse: () => {
            throw new Error('broken');
          },
        },
      },
    ],
    ['answers nothing', { session: { generateResponse: () => null as never } }],
    ['answers a value that is no token', { session: { generateResponse: () => ({ a: 'b c' }) } }],
    [
      'answers a parameter that is no token',
      { session: { generateResponse: () => ({ 'a b': 1 }) } },
    ],
    [
      'tries to add a header',
      { session: { generateResponse: () => ({ 'a\r\nSet-Cookie: b': true }) } },
    ],
    ['answers NaN', { session: { generateResponse: () => ({ a: Number.NaN }) } }],
    ['answers an object', { session: { generateResponse: () => ({ a: {} }) } }],
  ])('fails the handshake with 500 and the cause when a plug-in %s', (_, spec) => {
    try {
      serverHeader([plugIn(spec)], 'x-plain');
      expect.unreachable('It was accepted');
    } catch (error) {
      expect(error).toBeInstanceOf(HandshakeError);
      expect(error).toMatchObject({ code: 'WS_INTERNAL', status: 500 });
      expect((error as Error).cause).toBeDefined();
      expect((error as Error).message).toMatch(/x-plain/);
    }
  });
});

describe('A client’s offer (RFC 6455 §9.1)', () => {
  it('lists its extensions in its order, an extension with alternatives once for each', () => {
    const list = plugIn({ name: 'x-l', session: { generateOffer: () => [{ a: 1 }, { b: true }] } });
    const { header } = new ClientNegotiation([plugIn(), list, permessageDeflate]);
    expect(header).toBe('x-plain, x-l; a=1, x-l; b, permessage-deflate; client_max_window_bits');
  });

  it('leaves out an extension that makes no session or no offer', () => {
    const extensions = [
      plugIn({ name: 'x-1', extension: { createClientSession: () => null } }),
      plugIn({ name: 'x-2', session: { generateOffer: () => null } }),
      plugIn({ name: 'x-3', session: { generateOffer: () => undefined } }),
      plugIn({ name: 'x-4', session: { generateOffer: () => false } }),
      plugIn({ name: 'x-5', session: { generateOffer: () => [] } }),
      plugIn({ name: 'x-6' }),
    ];
    expect(new ClientNegotiation(extensions).header).toBe('x-6');
    expect(new ClientNegotiation([]).header).toBe('');
  });

  it.each<[string, PlugInSpec]>([
    [
      'throws in createClientSession',
      {
        extension: {
          createClientSession: () => {
            throw new Error('broken');
          },
        },
      },
    ],
    [
      'makes a session without methods',
      { extension: { createClientSession: () => ({}) as never } },
    ],
    [
      'throws in generateOffer',
      {
        session: {
          generateOffer: () => {
            throw new Error('broken');
          },
        },
      },
    ],
    ['offers what cannot be a header', { session: { generateOffer: () => ({ 'a\r\nb': 1 }) } }],
    ['offers a list with nothing in it', { session: { generateOffer: () => [null] as never } }],
  ])('cannot be made when a plug-in %s', (_, spec) => {
    expect(() => new ClientNegotiation([plugIn(spec)])).toThrow(HandshakeError);
  });
});

describe('A server’s answer at a client (RFC 6455 §4.1)', () => {
  const a = plugIn({ name: 'x-a', rsv1: true });
  const b = plugIn({ name: 'x-b', rsv2: true });

  it('activates the extensions that it names, in its order', () => {
    expect(clientVerdict([a, b], 'x-b, x-a')).toEqual(['x-b', 'x-a']);
    expect(clientVerdict([a, b], 'x-b')).toEqual(['x-b']);
    expect(clientVerdict([a, b], '')).toEqual([]);
  });

  it.each([
    ['was not offered', [a], 'x-b'],
    ['was not offered, because nothing was', [], 'x-a'],
    ['is answered twice', [a], 'x-a, x-a'],
    [
      'uses a reserved bit that another extension has',
      [a, plugIn({ name: 'x-r', rsv1: true })],
      'x-a, x-r',
    ],
  ])('fails the connection when an extension %s', (_, extensions, answer) => {
    expect(clientVerdict(extensions, answer)).toMatch(/^WS_RESPONSE_EXTENSIONS: /);
  });

  it('fails the connection when the plug-in does not take the parameters', () => {
    const picky = plugIn({ session: { activate: (parameters) => parameters['ok'] === true } });
    expect(clientVerdict([picky], 'x-plain; ok')).toEqual(['x-plain']);
    expect(clientVerdict([picky], 'x-plain; ok=1')).toMatch(/do not fit the offer/);
  });

  it('returns the plug-in’s exception as the cause of an internal error', () => {
    const broken = plugIn({
      session: {
        activate: () => {
          throw new Error('broken');
        },
      },
    });
    const activated = new ClientNegotiation([broken]).activate(offersOf('x-plain'));
    expect(activated).toMatchObject({ code: 'WS_INTERNAL', cause: new Error('broken') });
  });
});

describe('Names that objects have of their own (CVE class of GHSA-5v72-xg48-5rpm)', () => {
  const NAMES = ['constructor', '__proto__', 'hasOwnProperty', 'toString', '__defineGetter__'];
  const supported = [permessageDeflate, plugIn()];

  it.each(NAMES)('are extensions like any other: %s', (name) => {
    for (const header of [name, `${name}; x`, `${name}; x=1; x=2`, `x-plain, ${name}`]) {
      expect(() => serverHeader(supported, header)).not.toThrow();
      expect(clientVerdict(supported, header)).toMatch(/WS_RESPONSE_EXTENSIONS/);
    }
    expect(serverHeader([plugIn({ name })], `${name}; x`)).toBe(name);
  });

  it.each(NAMES)('are parameters like any other: %s', (name) => {
    for (const value of ['', '=1', '=a', `; ${name}; ${name}=2`]) {
      const header = `permessage-deflate; ${name}${value}`;
      expect(serverHeader([permessageDeflate], header)).toBe('');
      expect(clientVerdict([permessageDeflate], header)).toMatch(/WS_RESPONSE_EXTENSIONS/);
    }
    expect(Object.prototype).not.toHaveProperty('x');
  });

  it.each(NAMES)('reach a plug-in as its own property: %s', (name) => {
    const seen: ExtensionParameters[] = [];
    const curious = plugIn({
      extension: {
        createServerSession: (offers) => {
          seen.push(...offers);
          return null;
        },
      },
    });
    serverHeader([curious], `x-plain; ${name}=7`);
    expect(Object.entries(seen[0]!)).toEqual([[name, 7]]);
    expect(Object.getPrototypeOf(seen[0])).toBe(Object.prototype);
  });

  it.each(NAMES)(
    'do no more to a plug-in that trips over one than fail the handshake: %s',
    (name) => {
      const offers = offersOf(`permessage-deflate; ${name}`);
      expect(() => negotiateAsServer([faye], offers)).not.toThrow();
    },
  );
});

describe('Whatever a peer offers or answers', () => {
  const word = fc.constantFrom(
    'permessage-deflate',
    'client_max_window_bits',
    'server_max_window_bits=10',
    'server_max_window_bits',
    'client_no_context_takeover',
    '=8',
    '"15"',
    '; ',
    ', ',
    '__proto__',
    'x-plain',
  );

  it('ends in a verdict and never in an exception', () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (words) => {
        const offers = parseExtensions(words.join(' '));
        if (typeof offers === 'string') return;
        const supported = [permessageDeflate, plugIn()];
        const { sessions, header } = negotiate(supported, offers);
        expect(header === '').toBe(sessions.length === 0);
        const activated = new ClientNegotiation(supported).activate(offers);
        expect(Array.isArray(activated) || activated instanceof HandshakeError).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe('Two ends with several extensions', () => {
  it('come to the same list in the same order', () => {
    const extensions = [plugIn({ name: 'x-1', rsv2: true }), permessageDeflate, plugIn()];
    const { client, server, answer } = agree(extensions, extensions.toReversed());
    const names = (list: typeof client): string[] => list.map(({ extension }) => extension.name);
    expect(names(client)).toEqual(['x-plain', 'permessage-deflate', 'x-1']);
    expect(names(server)).toEqual(names(client));
    expect(answer).toBe('x-plain, permessage-deflate, x-1');
  });

  it('use faye’s permessage-deflate with ours, in both directions of the handshake', () => {
    expect(agree([faye], [permessageDeflate]).answer).toBe('permessage-deflate');
    expect(agree([permessageDeflate], [faye]).answer).toBe('permessage-deflate');
    expect(agree([faye], [faye]).answer).toBe('permessage-deflate');
  });
});
