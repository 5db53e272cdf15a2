/**
 * A self-signed certificate for the TLS workloads, made at each run: no key in the repository, no
 * openssl needed.
 *
 * Just enough of X.509 (RFC 5280 §4.1) in DER for a loopback server whose client does not verify
 * it. ECDSA P-256, which is what most servers on the web use today; it matters to handshakes, not
 * to echoes.
 */

import { generateKeyPairSync, sign } from 'node:crypto';

const Tag = /** @type {const} */ ({
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OBJECT_IDENTIFIER: 0x06,
  UTF8_STRING: 0x0c,
  UTC_TIME: 0x17,
  SEQUENCE: 0x30,
  SET: 0x31,
  VERSION: 0xa0,
});

const ECDSA_WITH_SHA256 = Buffer.from('2a8648ce3d040302', 'hex');
const COMMON_NAME = Buffer.from('550403', 'hex');
const DAY_MS = 86_400_000;

/**
 * @param {number} tag
 * @param {Buffer[]} contents
 */
function der(tag, ...contents) {
  const body = Buffer.concat(contents);
  // The shortest form of the length, which DER demands and Bun's TLS enforces.
  const length =
    body.length < 0x80
      ? [body.length]
      : body.length < 0x100
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

/** @param {number} time */
function utcTime(time) {
  const digits = new Date(time).toISOString().replace(/\D/g, '').slice(2, 14);
  return der(Tag.UTC_TIME, Buffer.from(`${digits}Z`));
}

export function createCertificate() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const algorithm = der(Tag.SEQUENCE, der(Tag.OBJECT_IDENTIFIER, ECDSA_WITH_SHA256));
  const commonName = der(
    Tag.SEQUENCE,
    der(Tag.OBJECT_IDENTIFIER, COMMON_NAME),
    der(Tag.UTF8_STRING, Buffer.from('127.0.0.1')),
  );
  const name = der(Tag.SEQUENCE, der(Tag.SET, commonName));
  const now = Date.now();
  const body = der(
    Tag.SEQUENCE,
    der(Tag.VERSION, der(Tag.INTEGER, Buffer.from([2]))),
    der(Tag.INTEGER, Buffer.from([1])),
    algorithm,
    name,
    der(Tag.SEQUENCE, utcTime(now - DAY_MS), utcTime(now + DAY_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = der(Tag.BIT_STRING, Buffer.from([0]), sign('sha256', body, privateKey));
  const certificate = der(Tag.SEQUENCE, body, algorithm, signature).toString('base64');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
  };
}
