/** The HTTP fields around an event stream: which Accept asks for it. */

import { describe, expect, it } from 'vitest';
import { acceptsEventStream } from '../../src/event-stream/http-fields.ts';

describe('acceptsEventStream (RFC 9110 §12.5.1)', () => {
  it.each([
    'text/event-stream',
    'TEXT/Event-Stream',
    'text/html, text/event-stream',
    'text/html,text/event-stream;q=0.5,*/*',
    '\ttext/event-stream ; q=1',
    'text/event-stream;q=0.001',
  ])('takes %j', (accept) => {
    expect(acceptsEventStream(accept)).toBe(true);
  });

  it.each([
    undefined,
    '',
    ',',
    '*/*',
    'text/*',
    'text/html',
    'text/event-streams',
    'xtext/event-stream',
    'text/event-stream;q=0',
    'text/event-stream; Q=0.000',
    'text/html;x=text/event-stream',
  ])('does not take %j', (accept) => {
    expect(acceptsEventStream(accept)).toBe(false);
  });

  it('is linear in a field of any length', () => {
    expect(acceptsEventStream(' ,;'.repeat(1_000_000))).toBe(false);
  });
});
