// Targets that are no WebSocket endpoints, or hostile ones: the case is FAILED with the reason,
// within its limit, and the runner goes on.
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { selectCases } from '../../autobahn/cases/index.ts';
import { playAgainstServer, playAllAgainstServer } from '../../autobahn/fuzzing-client.ts';
import { FuzzingServer } from '../../autobahn/fuzzing-server.ts';
import type { CaseResult } from '../../autobahn/play/verdict.ts';
import { acceptValue } from '../../autobahn/wire/handshake.ts';
import { runModelClient, startModelServer } from './model-peer.ts';

const settings = { timeScale: 0.3, pauseMs: 60, limitMs: 300 };
const [echoCase] = selectCases(['1.1.2']);
if (echoCase === undefined) throw new Error('1.1.2 is missing');

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server): Promise<URL> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new URL(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

async function judge(onSocket: (socket: Socket) => void): Promise<CaseResult> {
  const sockets: Socket[] = [];
  const url = await listen(
    createServer((socket) => {
      sockets.push(socket.on('error', () => {}));
      onSocket(socket);
    }),
  );
  const result = await playAgainstServer(url, echoCase!, settings);
  for (const socket of sockets) socket.destroy();
  return result;
}

/** Opens the handshake properly, then goes on as told. */
function afterHandshake(goOn: (socket: Socket) => void): (socket: Socket) => void {
  return (socket) => {
    socket.once('data', (chunk) => {
      const key = /sec-websocket-key: (\S+)/i.exec(String(chunk))?.[1] ?? '';
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
          `Sec-WebSocket-Accept: ${acceptValue(key)}\r\n\r\n`,
      );
      socket.resume();
      goOn(socket);
    });
  };
}

/** Writes the same octets for as long as they are taken. */
function flood(socket: Socket, octets: Buffer): void {
  const write = (): void => {
    if (socket.destroyed) return;
    if (socket.write(octets)) setImmediate(write);
    else socket.once('drain', write);
  };
  write();
}

interface BadServer {
  readonly name: string;
  readonly onSocket: (socket: Socket) => void;
  readonly reason: RegExp;
}

const badServers: readonly BadServer[] = [
  {
    name: 'takes the connection and says nothing',
    onSocket: (socket) => socket.resume(),
    reason: /No answer to the opening handshake within 300 ms/,
  },
  {
    name: 'ends TCP at once',
    onSocket: (socket) => socket.end(),
    reason: /TCP ended before the opening handshake was answered/,
  },
  {
    name: 'resets TCP at once',
    onSocket: (socket) => socket.resetAndDestroy(),
    reason: /ECONNRESET|EPIPE|TCP ended before/,
  },
  {
    name: 'floods in place of a response',
    onSocket: (socket) => flood(socket, Buffer.alloc(65_536, 'x')),
    reason: /No end of the HTTP head within 16384 octets/,
  },
  {
    name: 'speaks something else than HTTP',
    onSocket: (socket) => socket.end('220 mail.example ESMTP\r\n\r\n'),
    reason: /What came is no HTTP head/,
  },
  {
    name: 'says nothing after the handshake',
    onSocket: afterHandshake(() => {}),
    reason: /Not over within 300 ms, after: nothing/,
  },
  {
    name: 'ends TCP after the handshake',
    onSocket: afterHandshake((socket) => socket.end()),
    reason: /The connection ended after: nothing/,
  },
  {
    name: 'floods with messages',
    onSocket: afterHandshake((socket) => flood(socket, Buffer.from('8105aaaaaaaaaa', 'hex'))),
    reason: /A text message is not UTF-8|Unwanted event/,
  },
  {
    name: 'floods with one endless message',
    onSocket: afterHandshake((socket) => {
      socket.write(Buffer.from('0100', 'hex'));
      flood(socket, Buffer.concat([Buffer.from('007e4000', 'hex'), Buffer.alloc(0x4000, 'a')]));
    }),
    reason: /longer than anything that was sent/,
  },
  {
    name: 'floods with empty fragments',
    onSocket: afterHandshake((socket) => {
      socket.write(Buffer.from('0100', 'hex'));
      flood(socket, Buffer.alloc(65_536));
    }),
    reason: /Not over within 300 ms, after: nothing/,
  },
  {
    name: 'announces a frame of 2^62 octets',
    onSocket: afterHandshake((socket) => socket.write(Buffer.from('827f4000000000000000', 'hex'))),
    reason: /A frame of 4611686018427387904 octets is longer than anything that was sent/,
  },
];

describe('a server that is none', () => {
  for (const { name, onSocket, reason } of badServers) {
    it(`${name}: FAILED with the reason`, async () => {
      const startedAt = performance.now();
      const result = await judge(onSocket);
      expect(result.behavior).toBe('FAILED');
      expect(result.reason).toMatch(reason);
      // Ten times the limit: a hang is what this looks for, not a slow machine.
      expect(performance.now() - startedAt).toBeLessThan(10 * settings.limitMs);
    });
  }

  it('is a plain HTTP server: FAILED with its status line', async () => {
    const server = createHttpServer((_request, response) => response.writeHead(404).end());
    const url = await listen(server);
    const result = await playAgainstServer(url, echoCase, settings);
    expect(result.reason).toBe('The opening handshake was answered with "HTTP/1.1 404 Not Found".');
  });

  it('is not there: FAILED with the error of the socket', async () => {
    const server = createServer();
    const url = await listen(server);
    server.close();
    await once(server, 'close');
    const result = await playAgainstServer(url, echoCase, settings);
    expect(result.behavior).toBe('FAILED');
    expect(result.reason).toMatch(/ECONNREFUSED/);
  });

  it('does not keep the next case from being played', async () => {
    let count = 0;
    const model = await startModelServer(null);
    servers.push(model.server);
    const url = await listen(
      createServer((socket) => {
        count += 1;
        socket.on('error', () => {});
        if (count === 1) socket.destroy();
        else socket.pipe(connect(Number(model.url.port), '127.0.0.1')).pipe(socket);
      }),
    );
    const cases = selectCases(['1.1.2', '1.1.3']);
    const results = await playAllAgainstServer(url, cases, settings, 1, () => {});
    expect(results.map(({ behavior }) => behavior)).toEqual(['FAILED', 'OK']);
  });
});

describe('a client that is none', () => {
  async function startFuzzingServer(): Promise<{ server: FuzzingServer; port: number }> {
    const server = new FuzzingServer({
      cases: selectCases(['1.1.2', '12.1.1']),
      settings,
      onResult: () => {},
      onUpdateReports: () => {},
    });
    const port = await server.listen(0);
    servers.push({ close: () => void server.close() } as unknown as Server);
    return { server, port };
  }

  async function talk(port: number, request: string): Promise<string> {
    const socket = connect(port, '127.0.0.1');
    socket.end(request);
    let answer = '';
    for await (const chunk of socket) answer += chunk;
    return answer;
  }

  it('gets 400 for what is no HTTP head and 404 for an unknown path', async () => {
    const { port } = await startFuzzingServer();
    expect(await talk(port, 'EHLO example\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await talk(port, 'GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 404 /,
    );
    expect(await talk(port, 'GET //[ HTTP/1.1\r\nHost: a\r\n\r\n')).toMatch(/^HTTP\/1\.1 40[04] /);
  });

  it('makes its case FAILED when its request is no opening handshake', async () => {
    const { server, port } = await startFuzzingServer();
    const answer = await talk(port, 'GET /runCase?case=1&agent=x HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    const [result] = await server.resultsOf('x');
    expect(result?.reason).toBe('The request has no "Upgrade: websocket".');
  });

  it('makes the cases FAILED that it never ran', async () => {
    const { server } = await startFuzzingServer();
    const results = await server.resultsOf('nobody');
    expect(results.map(({ reason }) => reason)).toEqual([
      'The client did not run this case.',
      'The client did not run this case.',
    ]);
  });

  it('makes a compressed case UNIMPLEMENTED when it offers no extension', async () => {
    const { server, port } = await startFuzzingServer();
    await runModelClient(`ws://127.0.0.1:${port}/runCase?case=2&agent=plain`, null);
    const [, result] = await server.resultsOf('plain');
    expect(result?.behavior).toBe('UNIMPLEMENTED');
    expect(result?.behaviorClose).toBe('OK');
  });
});

describe('what a fuzzing server answers', () => {
  it('tells the number of cases, their names and how they went', async () => {
    const updated: string[] = [];
    const server = new FuzzingServer({
      cases: selectCases(['1.1.2', '6.4.*']),
      settings,
      onResult: () => {},
      onUpdateReports: (agent) => {
        updated.push(agent);
      },
    });
    const url = `ws://127.0.0.1:${await server.listen(0)}`;
    expect(await runModelClient(`${url}/getCaseCount`, null)).toBe('5');
    expect(await runModelClient(`${url}/getCaseInfo?case=1`, null)).toBe(
      JSON.stringify({ id: '1.1.2', description: 'A text message of 125 octets.' }),
    );
    await runModelClient(`${url}/runCase?case=1&agent=a%20b`, null);
    const status = await runModelClient(`${url}/getCaseStatus?case=1&agent=a%20b`, null);
    expect(status).toBe('{"behavior":"OK"}');
    await runModelClient(`${url}/updateReports?agent=a%20b`, null);
    expect(updated).toEqual(['a b']);
    await server.close();
  });
});
