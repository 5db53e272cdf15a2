/**
 * Basic authentication, at the client: the credentials of a URL or of an `auth` option as the value of an Authorization
 * or Proxy-Authorization header (RFC 7617 §2).
 *
 * The userinfo of a URL is percent-encoded; its bytes are decoded one by one and never as UTF-8, so whatever bytes were
 * meant are the bytes that are sent. Base64 keeps every control character out of the head.
 */

const ESCAPED_BYTE = /%([0-9A-Fa-f]{2})/g;

/**
 * Makes a header value of the userinfo of a URL.
 *
 * @param url - a URL with or without a user name and a password
 * @returns the value, or undefined when the URL has neither
 */
export function basicAuthOfUrl(url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined;
  return encodeCredentials(`${decodeBytes(url.username)}:${decodeBytes(url.password)}`, 'latin1');
}

/**
 * Makes a header value of an `auth` option, as node:http takes it.
 *
 * @param userAndPassword - `user:password`, not encoded; sent as UTF-8
 */
export function basicAuth(userAndPassword: string): string {
  return encodeCredentials(userAndPassword, 'utf8');
}

/** URL serializes userinfo as ASCII, so each character of the result stands for one byte. */
function decodeBytes(percentEncoded: string): string {
  return percentEncoded.replace(ESCAPED_BYTE, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function encodeCredentials(credentials: string, encoding: 'latin1' | 'utf8'): string {
  return `Basic ${Buffer.from(credentials, encoding).toString('base64')}`;
}
