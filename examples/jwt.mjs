/**
 * Who may connect: a JSON Web Token (RFC 7519) in a cookie, checked before the connection is
 * accepted. A service would take a library for the token, such as jose.
 *
 *     node examples/jwt.mjs
 */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Client } from 'sanswire';
import { attach } from 'sanswire/server';

const secret = randomBytes(32);
const server = createServer();

const sockets = attach(server, {
  authorize({ headers }) {
    const token = /(?:^|; )token=([^;]+)/.exec(headers.cookie ?? '')?.[1];
    const claims = token && verify(token);
    return claims || new Response('Sign in first', { status: 401 });
  },
});
sockets.on('connection', (socket) => socket.send(`Hello ${socket.data.sub}`));
sockets.on('rejected', (error) => console.log(`server: ${error.code}, ${error.status}`));

/** Returns the claims of a token that is ours (HS256) and has not expired. */
function verify(token) {
  const [head, body = '', signature = ''] = token.split('.');
  const [given, wanted] = [Buffer.from(signature, 'base64url'), sign(`${head}.${body}`)];
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined;
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
  return claims.exp * 1000 > Date.now() ? claims : undefined;
}

function sign(text) {
  return createHmac('sha256', secret).update(text).digest();
}

function tokenFor(sub, lifetimeSeconds) {
  const exp = Math.floor(Date.now() / 1000) + lifetimeSeconds;
  const parts = [
    { alg: 'HS256', typ: 'JWT' },
    { sub, exp },
  ];
  const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  return `${text.join('.')}.${sign(text.join('.')).toString('base64url')}`;
}

await once(server.listen(0, '127.0.0.1'), 'listening');
const url = `ws://127.0.0.1:${server.address().port}/`;

for (const token of [tokenFor('Ada', 60), tokenFor('Ada', -60), 'nonsense']) {
  const client = new Client(url, [], { headers: { Cookie: `token=${token}` } });
  client.on('message', ({ data }) => {
    console.log(`client: ${data}`);
    client.close();
  });
  client.on('error', ({ error }) => console.log(`client: ${error.code}`));
  await new Promise((resolve) => client.on('close', resolve));
}
server.close();
