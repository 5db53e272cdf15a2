/**
 * Event stream text: what is written is what a parser after the specification's algorithm reads,
 * and nothing else.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type StreamEvent,
  serializeComment,
  serializeEvent,
  serializeRetry,
} from '../../src/event-stream/serialize-event.ts';

interface Received {
  readonly type: string;
  readonly data: string;
  readonly lastEventId: string;
}

/**
 * Reads a stream as WHATWG HTML §9.2.6 says; independent of the code under test, fed in any pieces.
 */
class Parser {
  readonly events: Received[] = [];
  readonly comments: string[] = [];
  retry: number | undefined;
  #rest = '';
  #data = '';
  #type = '';
  #id = '';

  feed(chunk: string): void {
    this.#rest += chunk;
    for (;;) {
      const end = this.#rest.search(/[\r\n]/);
      // A CR at the end may be the first half of CRLF.
      if (end < 0 || (this.#rest[end] === '\r' && end === this.#rest.length - 1)) return;
      const length = this.#rest.startsWith('\r\n', end) ? 2 : 1;
      const line = this.#rest.slice(0, end);
      this.#rest = this.#rest.slice(end + length);
      this.#line(line);
    }
  }

  get isBetweenBlocks(): boolean {
    return this.#rest === '' && this.#data === '' && this.#type === '';
  }

  #line(line: string): void {
    const colon = line.indexOf(':');
    if (line === '') this.#dispatch();
    else if (colon === 0) this.comments.push(line.slice(1));
    else if (colon < 0) this.#field(line, '');
    else this.#field(line.slice(0, colon), line.slice(colon + 1).replace(/^ /, ''));
  }

  #field(name: string, value: string): void {
    if (name === 'event') this.#type = value;
    else if (name === 'data') this.#data += `${value}\n`;
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
    else if (name === 'retry' && /^[0-9]+$/.test(value)) this.retry = Number(value);
    else throw new Error(`A field that is none or would be ignored: ${JSON.stringify(name)}`);
  }

  #dispatch(): void {
    if (this.#data !== '') {
      const data = this.#data.slice(0, -1);
      this.events.push({ type: this.#type || 'message', data, lastEventId: this.#id });
    }
    this.#data = '';
    this.#type = '';
  }
}

function parse(text: string): Parser {
  const parser = new Parser();
  parser.feed(text);
  return parser;
}

/** Tells whether the bytes of an id are the value of a header field (RFC 9110 §5.5). */
function canComeBack(id: string): boolean {
  const bytes = Buffer.from(id).toString('latin1');
  // Not \S: beyond ASCII there is white space that a field may begin with.
  const isFieldValue = /^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?$/.test(bytes);
  return isFieldValue && id === Buffer.from(id).toString();
}

const withLineFeeds = (text: string): string => text.replace(/\r\n|\r|\n/g, '\n');

describe('serializeEvent (WHATWG HTML §9.2.5)', () => {
  it('writes the fields and an empty line', () => {
    expect(serializeEvent({ event: 'news', id: '99', retry: 500, data: 'Hello' })).toBe(
      'event: news\nid: 99\nretry: 500\ndata: Hello\n\n',
    );
  });

  it.each(['a\nb', 'a\rb', 'a\r\nb'])('begins a data line at each line end of %j', (data) => {
    expect(serializeEvent({ data })).toBe('data: a\ndata: b\n\n');
  });

  it('splits every line end, also at the ends and in rows', () => {
    expect(serializeEvent({ data: '\r\r\n\n\r' })).toBe(
      'data: \ndata: \ndata: \ndata: \ndata: \n\n',
    );
  });

  it('fires an event for empty data, and none without data', () => {
    expect(parse(serializeEvent({ data: '' })).events).toEqual([
      { type: 'message', data: '', lastEventId: '' },
    ]);
    expect(parse(serializeEvent({ id: '7', event: 'x' })).events).toEqual([]);
  });

  it('resets the last event id with an empty one', () => {
    const parser = parse(serializeEvent({ id: '7', data: 'a' }));
    parser.feed(serializeEvent({ id: '', data: 'b' }));
    expect(parser.events.map((event) => event.lastEventId)).toEqual(['7', '']);
  });

  it('leaves out an empty event name, which means "message"', () => {
    expect(serializeEvent({ event: '', data: 'x' })).toBe('data: x\n\n');
  });

  it('keeps leading spaces, colons and byte order marks', () => {
    const data = '  : \uFEFF:x';
    expect(parse(serializeEvent({ data, event: ' x:', id: '\uFEFF ::' })).events).toEqual([
      { type: ' x:', data, lastEventId: '\uFEFF ::' },
    ]);
  });

  describe.each(['event', 'id'] as const)('%s', (field) => {
    it.each(['a\n\nevent: admin', 'a\rb', 'a\r\nb', '\n', 'a\0b'])(
      'is refused when it is %j',
      (value) => {
        expect(() => serializeEvent({ [field]: value, data: 'x' })).toThrow(
          new TypeError(`${field} must not contain a line end or NUL`),
        );
      },
    );

    it.each(['\u2028', '\u0085'])('may contain %j, which ends no line', (value) => {
      const [event] = parse(serializeEvent({ [field]: value, data: 'x' })).events;
      expect(field === 'id' ? event?.lastEventId : event?.type).toBe(value);
    });
  });

  it.each(['\u000B', '\u000C', ' x'])('takes the name %j, which is in no header', (event) => {
    expect(parse(serializeEvent({ event, data: 'x' })).events[0]?.type).toBe(event);
  });

  it.each(['a\u0001', '\u000B', '\u007F', ' a', 'a ', '\ta', 'a\t', ' ', '\uD800', '\uDC00a'])(
    'refuses the id %j, which Last-Event-ID would not bring back (WHATWG HTML §9.2.3)',
    (id) => {
      expect(() => serializeEvent({ id, data: 'x' })).toThrow(TypeError);
      expect(() => serializeEvent({ id, data: 'x' })).toThrow('Last-Event-ID');
    },
  );

  it('reads back as it was, for any text, in any pieces', () => {
    const line = fc.string({ unit: 'binary' }).filter((text) => !/[\r\n\0]/.test(text));
    const id = line.filter(canComeBack);
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .array(fc.constantFrom('\r', '\n', '\r\n', 'data:', ':', ' ', 'id: 1', '\0', '\uD800'))
        .map((parts) => parts.join('')),
    );
    const block = fc.oneof(
      fc.record({ kind: fc.constant('event' as const), event: line, id, data: text }),
      fc.record({ kind: fc.constant('comment' as const), text }),
    );
    fc.assert(
      fc.property(fc.array(block), fc.array(fc.nat()), (blocks, cuts) => {
        const stream = blocks
          .map((item) =>
            item.kind === 'event' ? serializeEvent(item) : serializeComment(item.text),
          )
          .join('');
        const parser = new Parser();
        const positions = cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b);
        let from = 0;
        for (const to of [...positions, stream.length]) {
          parser.feed(stream.slice(from, to));
          from = to;
        }
        const events = blocks.filter((item) => item.kind === 'event');
        const comments = blocks.filter((item) => item.kind === 'comment');
        expect(parser.events).toEqual(
          events.map((item) => ({
            type: item.event || 'message',
            data: withLineFeeds(item.data),
            lastEventId: item.id,
          })),
        );
        expect(parser.comments).toEqual(
          comments.flatMap((item) => withLineFeeds(item.text).split('\n')),
        );
        expect(parser.retry).toBe(undefined);
        expect(parser.isBetweenBlocks).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('writes one block or refuses, whatever the fields are', () => {
    const field = fc.option(fc.string({ unit: fc.constantFrom('\r', '\n', '\0', ':', ' ', 'a') }), {
      nil: undefined,
    });
    fc.assert(
      fc.property(fc.record({ event: field, id: field, data: field }), (event: StreamEvent) => {
        let block: string;
        try {
          block = serializeEvent(event);
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
          const isFieldValue = event.id === undefined || canComeBack(event.id);
          if (isFieldValue) expect(`${event.event}`).toMatch(/[\r\n\0]/);
          return;
        }
        expect(parse(block).events.length).toBe(event.data === undefined ? 0 : 1);
        expect(block.indexOf('\n\n')).toBe(block === '\n' ? -1 : block.length - 2);
      }),
    );
  });

  it('costs time in proportion to the data', () => {
    const block = serializeEvent({ data: '\r\n'.repeat(1_000_000) });
    expect(block.length).toBe('data: \n'.length * 1_000_001 + 1);
  });
});

describe('retry (WHATWG HTML §9.2.6)', () => {
  it('is written in digits', () => {
    expect(serializeRetry(0)).toBe('retry: 0\n\n');
    expect(serializeRetry(Number.MAX_SAFE_INTEGER)).toBe('retry: 9007199254740991\n\n');
    expect(parse(serializeRetry(5000)).retry).toBe(5000);
  });

  it.each([-1, 1.5, 1e21, Infinity, Number.NaN, '5\nevent: x' as never])('refuses %j', (retry) => {
    expect(() => serializeRetry(retry)).toThrow(RangeError);
    expect(() => serializeEvent({ retry })).toThrow(RangeError);
  });
});

describe('serializeComment (WHATWG HTML §9.2.7)', () => {
  it('is one colon without text', () => {
    expect(serializeComment()).toBe(':\n\n');
  });

  it('makes a comment of each line', () => {
    expect(serializeComment('a\r\ndata: b\rid: 1\n')).toBe(':a\n:data: b\n:id: 1\n:\n\n');
  });
});
