/**
 * NestJS's WebSocketAdapter on `attach`: each path of its gateways is an attachment, and what a
 * handler returns is sent as JSON. The types of Nest and RxJS are described here by what is used of
 * them: the package depends on neither. There are no rooms and no namespaces.
 */

import { createServer, type Server, STATUS_CODES } from 'node:http';
import type { MessageData } from '../api/message-data.ts';
import type { WebSocket, WebSocketRequest } from '../api/websocket.ts';
import { CloseCode } from '../close-code.ts';
import { presentOf } from '../option-bag.ts';
import { attach } from './attach.ts';
import { type DrainOptions, readDrainOptions } from './drain.ts';
import { type AttachOptions, readAttachOptions } from './options.ts';
import type { SocketSet } from './socket-set.ts';

/** What is used of Nest's INestApplication. */
export interface NestApplication {
  getHttpServer(): unknown;
}

/** What is used of Nest's WsMessageHandler. */
export interface NestMessageHandler {
  readonly message: unknown;
  readonly callback: (data: unknown, event: string) => unknown;
}

/** What is used of RxJS's Observable. */
export interface NestAnswers {
  subscribe(observer: { next(answer: unknown): void; complete(): void }): NestSubscription;
}

export interface NestSubscription {
  unsubscribe(): void;
}

/** The options of all gateways; what `@WebSocketGateway` gets goes before them. */
export interface SanswireAdapterOptions<Data = unknown> extends Omit<AttachOptions<Data>, 'path'> {
  /** How the connections end when the application does. @defaultValue those of `drain` */
  readonly drain?: DrainOptions | undefined;
}

/** A gateway's message. */
interface Message {
  readonly event: string;
  readonly data?: unknown;
}

/** The status of ordinary requests to a port that only has WebSockets (RFC 9110 §15.5.22). */
const UPGRADE_REQUIRED = 426;
/** The event under which Nest's exception filters tell a client what went wrong. */
const EXCEPTION = 'exception';

/**
 * The adapter of a Nest application. A message is `{"event": …, "data": …}` in JSON; others are
 * ignored, as are events that no gateway subscribes to.
 *
 * @example
 * app.useWebSocketAdapter(new SanswireAdapter(app, { origins: ['https://example.com'] }));
 */
export class SanswireAdapter<Data = unknown> {
  readonly #app: NestApplication;
  readonly #options: AttachOptions<Data>;
  readonly #drain: DrainOptions | undefined;
  /** The servers of gateways that have a port of their own, by it. */
  readonly #servers: Map<number, Server> = new Map();

  /**
   * @param app - what `NestFactory.create` returns
   * @throws TypeError when it is not an application
   * @throws as `attach` and `drain` do for options
   */
  constructor(app: NestApplication, options?: SanswireAdapterOptions<Data> | null) {
    if (typeof app?.getHttpServer !== 'function') {
      throw new TypeError('SanswireAdapter takes the application that NestFactory.create returns');
    }
    const { drain, ...rest } = presentOf(options);
    readDrainOptions(drain);
    readAttachOptions(rest as AttachOptions<never>);
    this.#app = app;
    this.#options = rest;
    this.#drain = drain;
  }

  /**
   * Attaches a gateway: to the server of the application, or for a port other than 0 to one of its
   * own. Returns what `@WebSocketServer()` gives.
   */
  create(port: number, options?: AttachOptions<Data>): SocketSet<Data> {
    const server = port === 0 ? (this.#app.getHttpServer() as Server) : this.#serverOf(port);
    const sockets = attach<Data>(server, { ...this.#options, ...options });
    sockets.on('connection', (socket) => {
      socket.on(EXCEPTION as 'message', (data: unknown) =>
        send(socket, { event: EXCEPTION, data }),
      );
    });
    return sockets;
  }

  bindClientConnect(
    sockets: SocketSet<Data>,
    callback: (client: WebSocket<Data>, request: WebSocketRequest) => void,
  ): void {
    sockets.on('connection', callback);
  }

  bindClientDisconnect(client: WebSocket<Data>, callback: () => void): void {
    client.on('close', () => callback());
  }

  /** Turns away a client that has come before the application is ready. */
  closeClient(client: WebSocket<Data>): void {
    client.close(CloseCode.TRY_AGAIN_LATER);
  }

  /** Answers the messages of a client. What still gives answers at its `close` is unsubscribed. */
  bindMessageHandlers(
    client: WebSocket<Data>,
    handlers: readonly NestMessageHandler[],
    transform: (result: unknown) => NestAnswers,
  ): void {
    const running = new Set<NestSubscription>();
    client.on('message', ({ data }) => {
      const message = parseMessage(data);
      const handler = handlers.find((one) => one.message === message?.event);
      if (message === undefined || handler === undefined) return;
      const subscription = transform(handler.callback(message.data, message.event)).subscribe({
        next: (answer) => send(client, answer),
        // Never within `subscribe`: Nest awaits the result first.
        complete: () => running.delete(subscription),
      });
      running.add(subscription);
    });
    client.on('close', () => {
      for (const subscription of running) subscription.unsubscribe();
    });
  }

  /** Ends the connections of a gateway. */
  async close(sockets: SocketSet<Data>): Promise<void> {
    await sockets.drain(this.#drain);
  }

  /** Ends the servers that are ours, once their gateways are closed. */
  async dispose(): Promise<void> {
    const servers = [...this.#servers.values()];
    this.#servers.clear();
    await Promise.all(
      servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    );
  }

  #serverOf(port: number): Server {
    const known = this.#servers.get(port);
    if (known !== undefined) return known;
    const server = createServer((_request, response) => {
      response.writeHead(UPGRADE_REQUIRED, { Upgrade: 'websocket', Connection: 'Upgrade' });
      response.end(STATUS_CODES[UPGRADE_REQUIRED]);
    });
    this.#servers.set(port, server.listen(port));
    return server;
  }
}

/** Sends what a handler has returned; nothing, if it has returned nothing. */
function send(client: WebSocket, answer: unknown): void {
  if (answer !== undefined && answer !== null) client.send(JSON.stringify(answer));
}

function parseMessage(data: MessageData): Message | undefined {
  if (typeof data !== 'string') return undefined;
  try {
    const message = JSON.parse(data) as Partial<Message> | null;
    return typeof message?.event === 'string' ? (message as Message) : undefined;
  } catch {
    return undefined;
  }
}
