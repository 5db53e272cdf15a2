/**
 * Our ends talking to those of makers nobody here is: text, bytes, sizes, fragments, Pings, closes,
 * negotiation, TLS.
 */

import { describe, expect, it } from 'vitest';
import { until } from '../api/sockets.ts';
import { others, sanswire } from './makers.ts';
import type { End, Maker, Settings } from './peers.ts';

/**
 * A test for those who have the feature; for the others there is nothing to test, and so nothing
 * skipped.
 */
function itWhen(hasFeature: boolean): (name: string, test: () => Promise<void>) => void {
  return (name, test) => {
    if (hasFeature) it(name, test);
  };
}

/** Who is the client and who the server; one of them is ours. */
interface Constellation {
  readonly name: string;
  readonly client: Maker;
  readonly server: Maker;
  readonly ourRole: 'client' | 'server';
}

const CONSTELLATIONS: Constellation[] = others.flatMap((other) => {
  const both: Constellation[] = [];
  if (other.connect !== undefined) {
    both.push({
      name: `${other.name} as client`,
      client: other,
      server: sanswire,
      ourRole: 'server',
    });
  }
  if (other.listen !== undefined) {
    both.push({
      name: `${other.name} as server`,
      client: sanswire,
      server: other,
      ourRole: 'client',
    });
  }
  return both;
});

/** Connects the two, and gives our end and theirs. */
async function meet(
  { client, server, ourRole }: Constellation,
  settings: Settings = {},
): Promise<{ ours: End; theirs: End; atServer: End }> {
  const { connect } = client;
  const { listen } = server;
  if (connect === undefined || listen === undefined) throw new Error('They cannot meet');
  const { url, ends } = await listen(settings);
  const atClient = await connect(url, settings);
  await until(() => ends.length > 0);
  const [atServer] = ends;
  if (atServer === undefined) throw new Error('Nobody came');
  return ourRole === 'client'
    ? { ours: atClient, theirs: atServer, atServer }
    : { ours: atServer, theirs: atClient, atServer };
}

const SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 20];

/** Bytes that differ from place to place. */
function pattern(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) % 256));
}

/** Text of so many bytes in UTF-8, with characters of every length. */
function textOf(length: number): string {
  const unit = 'aé☃😀';
  const filler = unit.repeat(Math.floor(length / 10));
  return filler + 'x'.repeat(length - Buffer.byteLength(filler));
}

describe.each(CONSTELLATIONS)('$name', (constellation) => {
  describe.each(['to them', 'to us'] as const)('%s', (direction) => {
    const ends = async (): Promise<[from: End, to: End]> => {
      const { ours, theirs } = await meet(constellation);
      return direction === 'to them' ? [ours, theirs] : [theirs, ours];
    };

    const other = constellation.ourRole === 'client' ? constellation.server : constellation.client;
    const sender = direction === 'to them' ? sanswire : other;

    it('sends text of every length', async () => {
      const [from, to] = await ends();
      const sent = SIZES.map(textOf);
      for (const text of sent) from.send(text);
      await until(() => to.messages.length === SIZES.length);
      expect(to.messages.every((message, index) => message === sent[index])).toBe(true);
    });

    it('sends bytes of every length', async () => {
      const [from, to] = await ends();
      const sent = SIZES.map(pattern);
      for (const bytes of sent) from.send(bytes);
      await until(() => to.messages.length === SIZES.length);
      for (const [index, bytes] of sent.entries()) {
        expect(bytes.equals(to.messages[index] as Buffer)).toBe(true);
      }
    });

    it('sends a thousand messages in order', async () => {
      const [from, to] = await ends();
      for (let count = 0; count < 1000; count++) {
        from.send(count % 3 === 0 ? Buffer.from(`${count}`) : `${count}`);
      }
      await until(() => to.messages.length === 1000);
      expect(to.messages.map(String)).toEqual(Array.from({ length: 1000 }, (_, at) => `${at}`));
      expect(Buffer.isBuffer(to.messages[3])).toBe(true);
      expect(to.messages[4]).toBe('4');
    });

    it('closes with a code and a reason', async () => {
      const [from, to] = await ends();
      from.close(4321, 'servus ☃');
      expect(await to.closed).toEqual({ code: 4321, reason: 'servus ☃' });
      expect(await from.closed).toMatchObject({ code: 4321 });
    });

    it('closes with 1000 and no reason', async () => {
      const [from, to] = await ends();
      from.close(1000);
      expect(await to.closed).toEqual({ code: 1000, reason: '' });
      expect(await from.closed).toMatchObject({ code: 1000 });
    });

    it('closes without a code', async () => {
      const [from, to] = await ends();
      from.close();
      const { code } = await to.closed;
      // faye-websocket says 1000 where it was given nothing.
      expect([1000, 1005]).toContain(code);
      expect(await from.closed).toMatchObject({ code });
    });

    it('loses nothing that was sent before a close', async () => {
      const [from, to] = await ends();
      const chunk = pattern(1 << 16);
      for (let count = 0; count < 64; count++) from.send(chunk);
      from.close(1000, 'all of it');
      expect(await to.closed).toEqual({ code: 1000, reason: 'all of it' });
      expect(to.messages).toHaveLength(64);
    });

    itWhen(sender.sendsPings)('sends Pings, and gets their Pongs', async () => {
      const [from, to] = await ends();
      await from.ping?.('one');
      await from.ping?.('two');
      from.send('and on');
      await until(() => to.messages.length === 1);
    });

    itWhen(sender.sendsFragments)('sends messages in fragments', async () => {
      const [from, to] = await ends();
      from.sendFragments?.(['a', 'é'.repeat(100), '', '☃']);
      from.sendFragments?.([pattern(70_000), pattern(0), pattern(1)]);
      await until(() => to.messages.length === 2);
      expect(to.messages[0]).toBe(`a${'é'.repeat(100)}☃`);
      expect(Buffer.concat([pattern(70_000), pattern(1)]).equals(to.messages[1] as Buffer)).toBe(
        true,
      );
    });
  });

  it('agree on a subprotocol', async () => {
    const { ours, theirs } = await meet(constellation, { protocols: ['irc', 'amqp'] });
    expect(ours.protocol).toBe('irc');
    expect(theirs.protocol).toBe('irc');
  });

  it('agree on no subprotocol', async () => {
    const { ours, theirs } = await meet(constellation);
    expect(ours.protocol).toBe('');
    expect(theirs.protocol || '').toBe('');
  });

  const { sendsHeaders, trustsFixture } = constellation.client;

  itWhen(sendsHeaders)('exchange the headers of the application', async () => {
    const headers = { Authorization: 'Bearer abc', Cookie: 'a=b' };
    const { atServer } = await meet(constellation, { headers });
    expect(atServer.requestHeaders).toMatchObject({ authorization: 'Bearer abc', cookie: 'a=b' });
  });

  itWhen(trustsFixture)('talk over the TLS of Node, in both directions', async () => {
    const { ours, theirs } = await meet(constellation, { isSecure: true });
    const bytes = pattern(1 << 20);
    ours.send(bytes);
    theirs.send(bytes);
    await until(() => ours.messages.length + theirs.messages.length === 2);
    expect(bytes.equals(ours.messages[0] as Buffer)).toBe(true);
    expect(bytes.equals(theirs.messages[0] as Buffer)).toBe(true);
    theirs.close(4000, 'bye');
    expect(await ours.closed).toEqual({ code: 4000, reason: 'bye' });
  });

  it('both talk at once', async () => {
    const { ours, theirs } = await meet(constellation);
    for (let count = 0; count < 300; count++) {
      ours.send(`from us ${count}`);
      theirs.send(pattern(1000));
    }
    await until(() => ours.messages.length === 300 && theirs.messages.length === 300);
    expect(theirs.messages.at(-1)).toBe('from us 299');
    expect(ours.messages.at(-1)).toEqual(pattern(1000));
  });
});
