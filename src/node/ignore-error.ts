/**
 * A listener for 'error' that does nothing: a peer that goes away in the middle of a message must
 * not end the process, as an error that nobody listens for would. node:http does the same for its
 * messages.
 *
 * Asking whether somebody listens would not do. A stream that is piped into has the listener of the
 * pipe, which throws the error again when it finds itself alone.
 */
export function ignoreError(): void {}
