/** Each example runs with one command, prints what its head promises, and ends by itself. */

import { get, type IncomingMessage } from 'node:http';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Client } from '../../src/api/client.ts';
import { ensureBuilt, RunningExample, runExample } from './running.ts';

/** Ample for a machine that is busy with other tests. */
const TIMEOUT_MS = 60_000;

const running: RunningExample[] = [];

function serve(path: string): RunningExample {
  const example = new RunningExample(path, ['--serve'], { PORT: '0' });
  running.push(example);
  return example;
}

beforeAll(ensureBuilt, 120_000);

afterEach(async () => {
  await Promise.all(running.splice(0).map((example) => example.stop()));
});

/** Runs an example and returns the lines that it printed, ports left out. */
async function linesOf(path: string): Promise<string[]> {
  const { code, stdout, stderr } = await runExample(path);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout
    .trimEnd()
    .replaceAll(/127\.0\.0\.1:\d+/g, 'HOST')
    .split('\n');
}

describe('the examples run and end', { timeout: TIMEOUT_MS }, () => {
  it('echo.mjs', async () => {
    const lines = await linesOf('echo.mjs');
    expect(lines.slice(0, 4)).toEqual([
      'server: listening on ws://HOST/',
      'client: open, hybi-13',
      'client: received Hello, world!',
      'client: received <Buffer ca fe ba be>',
    ]);
    // Which end sees the end first is the network's business.
    expect(lines.slice(4).sort()).toEqual([
      'client: closed 1000 "that was all", clean: true',
      'server: closed 1000 "that was all"',
    ]);
  });

  it('pipe.mjs', async () => {
    const lines = await linesOf('pipe.mjs');
    expect(lines.slice(0, 2)).toEqual(['echo: sans', 'echo: wire']);
    expect(lines[2]).toMatch(/^file: 8388608 bytes in \d+ messages$/);
    expect(lines[3]).toBe('file: sha-256 matches');
  });

  it('chat.mjs', async () => {
    const lines = await linesOf('chat.mjs');
    expect(lines[0]).toBe('the room: ws://HOST/?name=YOU');
    const heardBy = (name: string) =>
      lines.filter((line) => line.startsWith(name)).map((line) => line.split(' | ')[1]);
    const talk = [
      'Ada: Hello, both of you!',
      'Grace: Hello Ada. Is this thing masked?',
      'Radia: Only in one direction.',
    ];
    const joined = ['Ada', 'Grace', 'Radia'].map(
      (name, index) => `* ${name} joined, ${index + 1} in the room`,
    );
    expect(heardBy('Ada')).toEqual([...joined, ...talk]);
    expect(heardBy('Grace')).toEqual([...joined.slice(1), ...talk, '* Ada left']);
    expect(heardBy('Radia')).toEqual([...joined.slice(2), ...talk, '* Ada left', '* Grace left']);
  });

  it('proxy.mjs', async () => {
    expect(await linesOf('proxy.mjs')).toEqual([
      'proxy: CONNECT HOST for sanswire-example',
      'server: sees the password: false',
      'client: received "through the tunnel"',
      'client: closed 1000',
      'proxy: CONNECT HOST for sanswire-example',
      'client: WS_PROXY_REFUSED: The proxy refused to open a tunnel: 407',
      'client: closed 1006',
    ]);
  });

  it('event-source.mjs', async () => {
    expect(await linesOf('event-source.mjs')).toEqual([
      'server: listening on http://HOST/',
      'client: event 1: one',
      'client: event 2: two',
      'client: event 3: three',
      'client: away',
      'server: replays 2 events after 3',
      'client: event 4: four',
      'client: event 5: five',
      'client: event 6: six',
    ]);
  });

  it('engine.mjs', async () => {
    const lines = await linesOf('engine.mjs');
    // A client's frames are masked with random keys: only their length is known.
    expect(lines[4]).toMatch(/^client -> 8186[0-9a-f]{20}$/);
    expect(lines[8]).toMatch(/^client -> 888e[0-9a-f]{36}$/);
    expect(lines.filter((_line, index) => index !== 4 && index !== 8)).toEqual([
      expect.stringMatching(/^client -> GET \/ HTTP\/1\.1 \(\d+ bytes\)$/),
      'server: open',
      expect.stringMatching(/^server -> HTTP\/1\.1 101 Switching Protocols \(\d+ bytes\)$/),
      'client: open',
      'server: message "Hello?"',
      `server -> 8110${Buffer.from('You said: Hello?').toString('hex')}`,
      'client: message "You said: Hello?"',
      `server -> 880e03e8${Buffer.from('heard enough').toString('hex')}`,
      'server wants the transport ended: true',
      'client: closed 1000 "heard enough", clean: true',
      'server: closed 1000 "heard enough", clean: true',
    ]);
  });

  it('walve-cluster.mjs', async () => {
    expect(await linesOf('walve-cluster.mjs')).toEqual([
      'workers: 2, ports: 1',
      ...Array.from({ length: 6 }, () => 'client: sha-256 matches: true, closed 1000'),
      'workers that served: 2',
    ]);
  });

  it('prometheus.mjs', async () => {
    const metrics = parseMetrics((await linesOf('prometheus.mjs')).slice(1));
    expect(metrics.get('sanswire_connections')).toMatchObject({ type: 'gauge' });
    const counts = {
      messages_received_total: 2,
      messages_sent_total: 3,
      payload_sent_bytes_total: 2 * 45 + 1001,
      'limits_total{error="WS_MESSAGE_TOO_LONG"}': 1,
      'closes_total{code="1009"}': 1,
    };
    for (const [name, value] of Object.entries(counts)) {
      const [family = ''] = name.split('{');
      expect(metrics.get(`sanswire_${family}`)).toMatchObject({ type: 'counter' });
      expect(metrics.get(`sanswire_${family}`)?.samples.get(`sanswire_${name}`)).toBe(value);
    }
  });

  it('iterate.mjs', async () => {
    const lines = await linesOf('iterate.mjs');
    const [sent, buffered] = lines.filter((line) => line.startsWith('sender'));
    expect(sent).toMatch(/^sender: sent 62\.5 MiB, waited [1-9]\d* times for a drain$/);
    const [, kibibytes] = /^sender: never more than ([\d.]+) KiB in memory$/.exec(buffered!)!;
    // The high-water mark, and the one message that went over it.
    expect(Number(kibibytes)).toBeLessThanOrEqual(256 + 32);
    expect(lines.filter((line) => line.startsWith('reader'))).toEqual([
      'reader: received 2000 messages, 65536000 bytes',
      'reader: was held back by the loop',
    ]);
  });

  it('pull-ws.mjs', async () => {
    // Which end sees the end first is the network's business.
    expect((await linesOf('pull-ws.mjs')).sort()).toEqual([
      'client: ahead by less than 64 MiB: true',
      'client: read 100 messages',
      'server: GET /count',
      'server: aborted',
      'server: closed',
    ]);
  });
});

describe('the examples stay up with --serve', { timeout: TIMEOUT_MS }, () => {
  it('echo.mjs answers a client, and other requests with 426', async () => {
    const [, url] = await serve('echo.mjs').printed(/listening on (\S+)/);
    expect(await conversation(url!, ['one', 'two'], 2)).toEqual(['one', 'two']);
    const response = await request(url!.replace('ws:', 'http:'));
    expect(response.status).toBe(426);
  });

  it('chat.mjs lets clients in under their names', async () => {
    const [, url] = await serve('chat.mjs').printed(/room: (\S+)YOU/);
    expect(await conversation(`${url}Barbara`, ['hi'], 2)).toEqual([
      '* Barbara joined, 1 in the room',
      'Barbara: hi',
    ]);
  });

  it('prometheus.mjs is scraped, and counts the connection that it answers', async () => {
    const [, url] = await serve('prometheus.mjs').printed(/listening on (\S+)/);
    const client = new Client(url!.replace('http:', 'ws:').replace('/metrics', '/'));
    await client.opened;
    const response = await fetch(url!);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const metrics = parseMetrics((await response.text()).trimEnd().split('\n'));
    const { samples } = metrics.get('sanswire_connections')!;
    expect([...samples]).toEqual([['sanswire_connections', 1]]);
    client.terminate();
  });

  it('event-source.mjs pushes the time, and answers other requests with 406', async () => {
    const [, url] = await serve('event-source.mjs').printed(/listening on (\S+)/);
    const { status, headers, text } = await request(url!, 'text/event-stream', 'data: ');
    expect(status).toBe(200);
    expect(headers['content-type']).toMatch(/^text\/event-stream/);
    expect(text).toContain('retry: 1000');
    expect((await request(url!)).status).toBe(406);
  });
});

interface Family {
  readonly type: string;
  readonly samples: Map<string, number>;
}

/** Parses the text format 0.0.4 of Prometheus; throws for a line that it does not allow. */
function parseMetrics(lines: readonly string[]): Map<string, Family> {
  const families = new Map<string, Family>();
  let helped = '';
  for (const line of lines) {
    const help = /^# HELP ([a-z_]+) \S.*$/.exec(line);
    const type = /^# TYPE ([a-z_]+) (counter|gauge)$/.exec(line);
    const sample = /^([a-z_]+)(?:\{[a-z_]+="[^"\\]*"\})? (\d+(?:\.\d+)?)$/.exec(line);
    if (help !== null) helped = help[1]!;
    else if (type !== null && type[1] === helped && !families.has(helped)) {
      families.set(helped, { type: type[2]!, samples: new Map() });
    } else if (sample !== null && sample[1] === helped) {
      families.get(helped)!.samples.set(line.slice(0, line.lastIndexOf(' ')), Number(sample[2]));
    } else throw new Error(`Not a line of the text format: ${line}`);
  }
  return families;
}

/** Sends messages and returns the first answers. */
function conversation(url: string, messages: string[], count: number): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const client = new Client(url);
    const answers: unknown[] = [];
    for (const message of messages) client.send(message);
    client.on('error', (event) => reject(event.error));
    client.on('message', (event) => {
      answers.push(event.data);
      if (answers.length === count) client.close(1000);
    });
    client.on('close', () => resolve(answers));
  });
}

/** Requests a page; `until` ends a response that does not end, once it has come. */
function request(
  url: string,
  accept = '*/*',
  until?: string,
): Promise<{ status: number | undefined; headers: IncomingMessage['headers']; text: string }> {
  return new Promise((resolve, reject) => {
    const client = get(url, { agent: false, headers: { Accept: accept } }, (response) => {
      let text = '';
      const finish = () => {
        resolve({ status: response.statusCode, headers: response.headers, text });
        client.destroy();
      };
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        if (until !== undefined && text.includes(until)) finish();
      });
      response.on('end', finish);
    });
    client.on('error', reject);
  });
}
