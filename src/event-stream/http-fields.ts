/**
 * The HTTP fields around an event stream: which request asks for one, and what the response says (WHATWG HTML §9.2.3,
 * §9.2.4 and §9.2.7).
 *
 * It reads one field value and knows no request; the Connection field is HTTP/1's and is set by the class that knows
 * the version.
 */

const EVENT_STREAM_TYPE = 'text/event-stream';

/**
 * The response fields of an event stream:
 * - nothing on the way may keep it (`no-store`, `no-cache`) or recode it, which would hold it back (`no-transform`);
 * - nginx buffers responses unless it is told not to by `X-Accel-Buffering`; others ignore the field.
 */
export const EVENT_STREAM_HEADERS: { readonly [name: string]: string } = {
  'Content-Type': EVENT_STREAM_TYPE,
  'Cache-Control': 'no-cache, no-store, no-transform',
  'X-Accel-Buffering': 'no',
};

/**
 * Tells whether an Accept field asks for an event stream by name (RFC 9110 §12.5.1).
 *
 * A wildcard does not: every client sends one, and only those that can read an event stream name it. Names are compared
 * without case, parameters are skipped, and a weight of 0 is a refusal.
 *
 * @param accept - the value of the field; undefined when there is none
 */
export function acceptsEventStream(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  return accept.split(',').some((range) => {
    const [type, ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    return type === EVENT_STREAM_TYPE && !parameters.some(isZeroWeight);
  });
}

function isZeroWeight(parameter: string): boolean {
  return /^q=0(\.0{0,3})?$/.test(parameter);
}
