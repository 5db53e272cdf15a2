import { describe, expect, it } from 'vitest';
import { ClientEndpoint } from '../../src/connection/client-endpoint.ts';
import type { Endpoint } from '../../src/connection/endpoint.ts';
import {
  ServerEndpoint,
  type ServerEndpointOptions,
} from '../../src/connection/server-endpoint.ts';
import { HandshakeError } from '../../src/errors.ts';
import type { Extension } from '../../src/extensions/extension.ts';
import { permessageDeflate } from '../../src/index.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { plugIn } from '../extensions/plug-ins.ts';
import { describeString } from '../support/frames.ts';
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
