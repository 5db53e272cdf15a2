import { describe, expect, it } from 'vitest';
import { ClientEndpoint } from '../../src/endpoint/client-endpoint.ts';
import type { Endpoint } from '../../src/endpoint/endpoint.ts';
import { ServerEndpoint, type ServerEndpointOptions } from '../../src/endpoint/server-endpoint.ts';
import { HandshakeError } from '../../src/errors.ts';
import type { Extension } from '../../src/extensions/extension.ts';
import { permessageDeflate } from '../../src/index.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { plugIn } from '../extensions/plug-ins.ts';
import { describeString, frameTo } from '../support/frames.ts';
import { concat, utf8 } from '../support/hex.ts';
import { RecordingHandler } from '../support/recording-handler.ts';

class EndpointRecorder extends RecordingHandler {
  isOpen = false;

  onOpen(): void {
    this.isOpen = true;
  }
}

/** Two endpoints in memory, and all bytes that the client wrote. */
class EndpointPair {
  readonly serverEvents: EndpointRecorder = new EndpointRecorder();
  readonly clientEvents: EndpointRecorder = new EndpointRecorder();
  readonly server: ServerEndpoint;
  readonly client: ClientEndpoint;
  clientByteLength = 0;
  serverHead = '';

  constructor(
    clientExtensions: readonly Extension[] | undefined,
    server: Partial<ServerEndpointOptions>,
  ) {
    this.server = new ServerEndpoint({
      platform: nodePlatform,
      handler: this.serverEvents,
      ...server,
    });
    this.client = new ClientEndpoint({
      platform: nodePlatform,
      handler: this.clientEvents,
      authority: 'example.com',
      target: '/',
      extensions: clientExtensions,
    });
    this.client.start();
    this.settle();
  }

  /** Carries bytes until neither end has any. */
  settle(): void {
    while (this.client.hasOutput || this.server.hasOutput) {
      this.clientByteLength += carry(this.client, this.server, () => {});
      carry(this.server, this.client, (bytes) => {
        this.serverHead ||= Buffer.from(bytes).toString('latin1');
      });
    }
  }
}

function carry(from: Endpoint, to: Endpoint, look: (bytes: Uint8Array) => void): number {
  let length = 0;
  for (const bytes of from.takeOutput()) {
    // Bytes are unmasked where they lie: each end gets memory of its own.
    const copy = Uint8Array.from(bytes);
    look(copy);
    to.receive(copy);
    length += bytes.length;
  }
  from.outputWritten();
  return length;
}

function fail(): never {
  throw new Error('a fault of the plug-in');
}

describe('Two endpoints', () => {
  it('agree on extensions and use them in both directions (RFC 6455 §9.1, RFC 7692 §7)', () => {
    const pair = new EndpointPair([permessageDeflate], { extensions: [permessageDeflate] });
    expect(pair.server.extensions).toBe('permessage-deflate');
    expect(pair.client.extensions).toBe('permessage-deflate');
    expect(pair.serverHead).toContain('Sec-WebSocket-Extensions: permessage-deflate');

    const before = pair.clientByteLength;
    pair.client.connection?.sendText('x'.repeat(10_000));
    pair.settle();
    expect(pair.clientByteLength - before).toBeLessThan(100);
    expect(pair.serverEvents.log).toContain(`text ${describeString('x'.repeat(10_000))}`);

    pair.server.connection?.sendText('y'.repeat(10_000));
    pair.settle();
    expect(pair.clientEvents.log).toContain(`text ${describeString('y'.repeat(10_000))}`);
  });

  it.each([
    ['neither has any', undefined, undefined],
    ['only the client has some', [permessageDeflate], undefined],
    ['only the server has some', undefined, [permessageDeflate]],
  ])('go on without extensions when %s', (_, client, server) => {
    const pair = new EndpointPair(client, { extensions: server });
    expect([pair.client.extensions, pair.server.extensions]).toEqual(['', '']);
    expect([pair.clientEvents.isOpen, pair.serverEvents.isOpen]).toEqual([true, true]);
  });

  it('refuse with 500 a request on which a plug-in of the server fails', () => {
    const broken = plugIn({ extension: { createServerSession: fail } });
    const pair = new EndpointPair([plugIn()], { extensions: [broken] });
    expect(pair.serverHead).toMatch(/^HTTP\/1\.1 500 /);
    expect(pair.serverEvents.log).toEqual(['error WS_INTERNAL']);
    expect(pair.server.shouldEnd).toBe(true);
    expect(pair.client.connection).toBeUndefined();
    expect(pair.clientEvents.errors[0]).toBeInstanceOf(HandshakeError);
  });

  it('fail at the client when its plug-in does not take the answer (RFC 6455 §4.1)', () => {
    const picky = plugIn({ session: { activate: () => false } });
    const pair = new EndpointPair([picky], { extensions: [plugIn()] });
    expect(pair.clientEvents.log).toEqual(['error WS_RESPONSE_EXTENSIONS']);
    expect(pair.client.shouldEnd).toBe(true);
    expect(pair.client.connection).toBeUndefined();
  });

  it('throw where the endpoint is made when a plug-in of the client cannot make its offer', () => {
    const broken = plugIn({ session: { generateOffer: fail } });
    expect(() => new EndpointPair([broken], {})).toThrow(HandshakeError);
  });
});

describe('What the application throws during the opening handshake', () => {
  const REQUEST = [
    'GET / HTTP/1.1',
    'Host: x',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    '\r\n',
  ].join('\r\n');

  type Method = 'onOutput' | 'onOpen' | 'onError' | 'onClosing' | 'onClose';

  /** A server whose handler writes down its calls, and throws in one of them. */
  function throwing(method: Method | undefined, decide?: ServerEndpointOptions['decide']) {
    const calls: string[] = [];
    const call = (name: Method): void => {
      calls.push(name);
      if (name === method) throw new Error(name);
    };
    const handler = Object.assign(new EndpointRecorder(), {
      onOutput: () => call('onOutput'),
      onOpen: () => call('onOpen'),
      onError: () => call('onError'),
      onClosing: () => call('onClosing'),
      onClose: () => call('onClose'),
    });
    const settings = { platform: nodePlatform, handler, ...(decide && { decide }) };
    return { endpoint: new ServerEndpoint(settings), handler, calls };
  }

  it.each<Method>(['onOutput', 'onOpen'])(
    'in %s loses neither the connection nor bytes',
    (name) => {
      const { endpoint, handler, calls } = throwing(name);
      const message = frameTo('server', { opcode: 'text', payload: 'behind the head' });
      const input = concat([utf8(REQUEST), message]);
      expect(() => endpoint.receive(input.slice())).toThrow(name);
      expect(calls.slice(0, 2)).toEqual(['onOutput', 'onOpen']);
      expect(handler.log).toEqual(['text "behind the head"']);
    },
  );

  it.each<Method>(['onOutput', 'onError', 'onClosing'])(
    'in %s loses no call of a refusal',
    (name) => {
      const { endpoint, calls } = throwing(name);
      expect(() => endpoint.receive(utf8('nonsense\r\n\r\n'))).toThrow(name);
      expect(calls).toEqual(['onOutput', 'onError', 'onClosing']);
      expect(endpoint.shouldEnd).toBe(true);
    },
  );

  it.each<Method>(['onError', 'onClosing', 'onClose'])('in %s does not lose onClose', (name) => {
    const { endpoint, calls } = throwing(name);
    expect(() => endpoint.transportClosed(new Error('reset'))).toThrow(name);
    expect(calls).toEqual(['onError', 'onClosing', 'onClose']);
    endpoint.transportClosed();
    expect(calls).toHaveLength(3);
  });

  it.each<[string, () => object]>([
    ['throws', fail],
    ['adds a header that cannot be sent', () => ({ headers: { 'a\r\n': 'x' } })],
    ['refuses with a status that does not exist', () => ({ status: 99_999 })],
  ])('is answered with 500 when `decide` %s', (_, decide) => {
    const { endpoint, calls } = throwing(undefined, decide as ServerEndpointOptions['decide']);
    expect(() => endpoint.receive(utf8(REQUEST))).toThrow();
    expect(Buffer.concat(endpoint.takeOutput()).toString()).toMatch(/^HTTP\/1\.1 500 /);
    expect([endpoint.shouldEnd, endpoint.connection]).toEqual([true, undefined]);
    expect(calls).toEqual(['onOutput', 'onError', 'onClosing']);
  });
});
