/**
 * Basic authentication at the client: the credentials of a URL or of an `auth` option as the value
 * of an Authorization or Proxy-Authorization header (RFC 7617 §2).
 *
 * The percent-encoded bytes of a URL's userinfo are sent as they are, even if not UTF-8. Base64
 * keeps control characters out of the head.
 */

/** Makes a header value of the userinfo of a URL; undefined when it has none. */
export function basicAuthOfUrl({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  // A URL's userinfo is ASCII, so each character of the result is one byte.
  const decoded = `${username}:${password}`.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return `Basic ${Buffer.from(decoded, 'latin1').toString('base64')}`;
}

/** Makes a header value of an `auth` option: `user:password`, which is sent as UTF-8. */
export function basicAuth(userAndPassword: string): string {
  return `Basic ${Buffer.from(userAndPassword).toString('base64')}`;
}
