/**
 * A listener for 'error' that does nothing: with it, an error that nobody else listens for ends no process.
 *
 * Asking whether somebody listens would not do. A stream that is piped into has the listener of the pipe, which throws the
 * error again when it finds itself alone.
 */
export function ignoreError(): void {}
