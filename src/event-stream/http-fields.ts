/** The HTTP fields around an event stream (WHATWG HTML §9.2.3, §9.2.4, §9.2.7). */

export const EVENT_STREAM_TYPE = 'text/event-stream';

/**
 * The fields of an event stream besides its type. No cache or proxy may keep it, or recode it,
 * which would delay it (`no-transform`); nginx buffers responses unless `X-Accel-Buffering` is no.
 */
export const EVENT_STREAM_HEADERS: { readonly [name: string]: string } = {
  'Cache-Control': 'no-cache, no-store, no-transform',
  'X-Accel-Buffering': 'no',
};

/** Tells whether the value of a Content-Type field is that of an event stream. */
export function isEventStreamType(value: unknown): boolean {
  return typeof value === 'string' && /^text\/event-stream\s*(;|$)/i.test(value);
}

/**
 * Tells whether an Accept field asks for an event stream by name (RFC 9110 §12.5.1). A wildcard is
 * not enough, as every client sends one; a weight of 0 is a refusal.
 */
export function acceptsEventStream(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  return accept.split(',').some((range) => {
    const [type, ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    return type === EVENT_STREAM_TYPE && !parameters.some((part) => /^q=0(\.0{0,3})?$/.test(part));
  });
}
