/** `Receiver`, `Sender`, `PerMessageDeflate`, `extension` and `subprotocol`, as in `ws`. */

import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type Library, type Log, once, same, sanswireWs, show, showError } from './libraries.ts';
import { frame, maskedFrame } from './raw-peer.ts';

type Parts = Pick<
  Library,
  'Receiver' | 'Sender' | 'PerMessageDeflate' | 'extension' | 'subprotocol'
>;

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));

describe('Receiver', () => {
  const streams: { readonly [name: string]: [options: object, ...chunks: Buffer[]] } = {
    'messages and control frames': [
      {},
      frame(0x81, 'text'),
      frame(0x82, 'bytes'),
      frame(0x89, 'ping'),
      frame(0x8a, 'pong'),
      frame(0x88, '\x03\xe8bye'),
    ],
    'a cut frame': [{}, frame(0x81, 'text').subarray(0, 3), frame(0x81, 'text').subarray(3)],
    'masked frames, at a server': [{ isServer: true }, maskedFrame(0x81, 'text')],
    'an arraybuffer': [{ binaryType: 'arraybuffer' }, frame(0x82, 'bytes')],
    fragments: [{ binaryType: 'fragments' }, frame(0x82, 'bytes')],
    'a Close without a code': [{}, frame(0x88)],
    'a violation': [{}, frame(0xa1, 'x')],
    'a masked frame, at a client': [{}, maskedFrame(0x81, 'text')],
    'too long a message': [{ maxPayload: 3 }, frame(0x81, 'text')],
    'a maxPayload that is no integer': [{ maxPayload: 3.9 }, frame(0x81, 'text')],
    'a maxPayload of NaN, which is none': [{ maxPayload: Number.NaN }, frame(0x81, 'text')],
    'a negative maxPayload, which is none': [{ maxPayload: -1 }, frame(0x81, 'text')],
    'a maxFragments that is no integer': [
      { maxFragments: 1.5 },
      frame(0x01, 'a'),
      frame(0x80, 'b'),
    ],
    'too many fragments': [{ maxFragments: 1 }, frame(0x01, 'a'), frame(0x80, 'b')],
    'invalid text that is not validated': [{ skipUTF8Validation: true }, frame(0x81, '\xc3\x28')],
    'events in turns of their own': [
      { allowSynchronousEvents: false },
      Buffer.concat([frame(0x81, '1'), frame(0x81, '2'), frame(0x89, '3')]),
    ],
  };
  for (const [name, [options, ...chunks]] of Object.entries(streams)) {
    same(name, async (library, log) => {
      const receiver = new (library as Parts).Receiver(options);
      for (const event of ['message', 'ping', 'pong', 'conclude', 'error', 'finish']) {
        receiver.on(event, (...values: unknown[]) => {
          log.push(`${event} ${values.map(show).join(' ')}`);
        });
      }
      for (const chunk of chunks) receiver.write(Buffer.from(chunk));
      await turn();
    });
  }

  same('decompresses with a PerMessageDeflate', async (library, log) => {
    const { Receiver, PerMessageDeflate } = library as Parts;
    const deflate = new PerMessageDeflate({ isServer: true });
    deflate.accept([{}]);
    const receiver = new Receiver({ extensions: { 'permessage-deflate': deflate } });
    const heard = once(receiver, 'message');
    receiver.write(frame(0xc1, Buffer.from('f248cdc9c90700', 'hex')));
    const [data, isBinary] = await heard;
    log.push(`${show(data)} ${isBinary}`);
    deflate.cleanup();
  });
});

/** A stream that keeps what is written. */
function sink(): { stream: Duplex; written: Buffer[] } {
  const written: Buffer[] = [];
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, callback) {
      written.push(chunk);
      callback();
    },
  });
  return { stream, written };
}

async function play(
  library: Parts,
  log: Log,
  act: (sender: InstanceType<Parts['Sender']>) => void,
): Promise<void> {
  const { stream, written } = sink();
  act(new library.Sender(stream));
  await turn();
  log.push(Buffer.concat(written).toString('hex'));
}

describe('Sender', () => {
  same('writes messages, pieces and control frames', (library, log) =>
    play(library as Parts, log, (sender) => {
      sender.send('text', { fin: true }, (error) => log.push(`sent ${showError(error)}`));
      sender.send(Buffer.from('bytes'), { fin: true, binary: true });
      sender.send('one', { fin: false });
      sender.ping('ping', false, () => log.push('pinged'));
      sender.send('two', { fin: true });
      sender.pong(Buffer.from('pong'), false);
      sender.close(1000, 'bye', false, () => log.push('closed'));
      sender.close();
    }),
  );

  same('keeps the order behind a Blob', (library, log) =>
    play(library as Parts, log, (sender) => {
      sender.send(new Blob(['blob']), { fin: true, binary: true });
      sender.ping('behind', false);
      sender.send('text', { fin: true });
    }),
  );

  same('throws for what cannot be sent', (library, log) => {
    const sender = new (library as Parts).Sender(sink().stream);
    for (const act of [
      () => sender.close(5),
      () => sender.close(1000, 'x'.repeat(124)),
      () => sender.ping('x'.repeat(126)),
    ]) {
      try {
        act();
        log.push('sent');
      } catch (error) {
        log.push(showError(error as Error));
      }
    }
  });

  same('frame() makes a list of header and payload', (library, log) => {
    const { Sender } = library as Parts;
    for (const length of [0, 1, 125, 126, 65_535, 65_536]) {
      const list = Sender.frame(Buffer.alloc(length, 'x'), { opcode: 2, fin: true, mask: false });
      log.push(`${list.length} ${list[0]?.toString('hex')} ${list[1]?.length}`);
    }
    const generateMask = (mask: Buffer): void => void mask.fill(1);
    const options = { opcode: 1, fin: false, rsv1: true, readOnly: true };
    const list = Sender.frame(Buffer.from('abc'), { ...options, mask: true, generateMask });
    log.push(Buffer.concat(list).toString('hex'));
  });
});

describe('PerMessageDeflate', () => {
  same('offers', (library, log) => {
    const { PerMessageDeflate } = library as Parts;
    log.push(PerMessageDeflate.extensionName);
    for (const options of [
      {},
      { serverNoContextTakeover: true, clientNoContextTakeover: true },
      { serverMaxWindowBits: 10, clientMaxWindowBits: 11 },
      { clientMaxWindowBits: false },
    ]) {
      const offer = new PerMessageDeflate(options).offer();
      log.push(JSON.stringify(offer, Object.keys(offer).sort()));
    }
  });

  const negotiations: readonly [options: object, header: string][] = [
    [{ isServer: true }, 'permessage-deflate; client_max_window_bits'],
    [{ isServer: true, clientMaxWindowBits: 10 }, 'permessage-deflate'],
    [{ isServer: true, serverMaxWindowBits: 10 }, 'permessage-deflate; server_max_window_bits=12'],
    [{ isServer: true, serverMaxWindowBits: 10 }, 'permessage-deflate; server_max_window_bits=9'],
    [{ isServer: true }, 'permessage-deflate; foo'],
    [{}, 'permessage-deflate; client_max_window_bits=10'],
    [{}, 'permessage-deflate; client_max_window_bits'],
    [{}, 'permessage-deflate; server_no_context_takeover; server_max_window_bits=9'],
    [{ clientMaxWindowBits: 9 }, 'permessage-deflate; client_max_window_bits=10'],
  ];
  for (const [options, header] of negotiations) {
    same(`accepts or not: ${JSON.stringify(options)} ${header}`, (library, log) => {
      const { PerMessageDeflate, extension } = library as Parts;
      const deflate = new PerMessageDeflate(options);
      deflate.offer();
      const offers = extension.parse(header)['permessage-deflate'] ?? [];
      try {
        const accepted = deflate.accept(offers);
        log.push(JSON.stringify(accepted, Object.keys(accepted).sort()));
      } catch {
        log.push('refused');
      }
    });
  }

  same('compresses what it decompresses', async (library, log) => {
    const { PerMessageDeflate } = library as Parts;
    const server = new PerMessageDeflate({ isServer: true });
    const client = new PerMessageDeflate({ maxPayload: 50 });
    server.accept([{}]);
    client.accept([{}]);
    const texts = ['hello hello hello', 'hello again', 'x'.repeat(51)];
    for (const text of texts) {
      await new Promise<void>((resolve) => {
        server.compress(Buffer.from(text), true, (error, data) => {
          log.push(showError(error));
          client.decompress(data as Buffer, true, (failure, plain) => {
            log.push(`${showError(failure)} ${plain}`);
            resolve();
          });
        });
      });
    }
    server.cleanup();
    client.cleanup();
  });

  same('tells data that is not DEFLATE', async (library, log) => {
    const deflate = new (library as Parts).PerMessageDeflate({});
    deflate.accept([{}]);
    await new Promise<void>((resolve) => {
      deflate.decompress(Buffer.from([0xff, 0xff]), true, (error) => {
        log.push(showError(error));
        resolve();
      });
    });
  });
});

describe('extension', () => {
  const headers = ['a', 'a; b', 'a; b=1; b=2, a; c="x"', 'a, b; c=d', '__proto__; x, constructor'];
  for (const header of headers) {
    same(`parses and prints ${header}`, (library, log) => {
      const { extension } = library as Parts;
      const parsed = extension.parse(header);
      log.push(JSON.stringify(Object.entries(parsed)), extension.format(parsed));
      log.push(String(Object.getPrototypeOf(parsed)));
    });
  }

  for (const header of ['', ';', 'a;', 'a b', 'a; =', 'a; b="', 'é', 'a; b="c d"']) {
    same(`throws for ${JSON.stringify(header)}`, (library, log) => {
      try {
        log.push(JSON.stringify((library as Parts).extension.parse(header)));
      } catch (error) {
        log.push(showError(error as Error));
      }
    });
  }

  same('prints single values and lists', (library, log) => {
    const { extension } = library as Parts;
    log.push(extension.format({ a: { b: true, c: ['1', '2'] }, d: [{}, { e: 3 }] }));
  });
});

describe('subprotocol', () => {
  for (const header of ['a', 'a, b', 'a,b , c', '', 'a b', 'a, a', 'a;b']) {
    same(`parses or refuses ${JSON.stringify(header)}`, (library, log) => {
      try {
        log.push([...(library as Parts).subprotocol.parse(header)].join('|'));
      } catch (error) {
        log.push(showError(error as Error));
      }
    });
  }
});

it('a hostile header costs its length and no more (CVE-2021-32640)', () => {
  const header = `b${' '.repeat(32_000)}x`;
  const start = performance.now();
  expect(() => (sanswireWs as Parts).subprotocol.parse(header)).toThrow(SyntaxError);
  expect(performance.now() - start).toBeLessThan(100);
});
