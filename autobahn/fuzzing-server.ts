// The suite playing server: a client under test asks how many cases there are, runs them, and asks
// for the report.
//
// The paths are those of the Autobahn fuzzing server: /getCaseCount, /runCase?case=N&agent=A,
// /getCaseStatus?case=N&agent=A, /getCaseInfo?case=N, /updateReports?agent=A. N counts from 1
// through the chosen cases. Connections may run side by side.
import { createServer, type Server, type Socket } from 'node:net';
import type { ConformanceCase } from './cases/case.ts';
import { OPENING_LIMIT_MS, type PlaySettings, playCase, scaleTime } from './play/play-case.ts';
import { type CaseResult, failedBeforeStart } from './play/verdict.ts';
import { Connection } from './wire/connection.ts';
import { chooseOffer } from './wire/deflate-negotiation.ts';
import { Opcode } from './wire/frame.ts';
import { buildResponse, checkRequest } from './wire/handshake.ts';
import { type HttpHead, HttpHeadReader } from './wire/http-head.ts';
import { WireLog } from './wire/wire-log.ts';

/** Says what a fuzzing server plays and whom it tells. */
export interface FuzzingServerOptions {
  readonly cases: readonly ConformanceCase[];
  readonly settings: PlaySettings;
  readonly onResult: (agent: string, result: CaseResult) => void;
  /** Called when an agent asks for its report; the connection closes when the promise settles. */
  readonly onUpdateReports: (agent: string) => void | Promise<void>;
}

/** What the paths of requests are resolved against. */
const BASE_URL = 'ws://localhost';

/** How long a client may be without a connection before `stalled` settles, in milliseconds. */
const STALL_LIMIT_MS = 30_000;

/** The longest message that a client may send where it should send none, in octets. */
const MAX_ANSWER_LENGTH = 1024;

/** Serves the cases to clients under test. */
export class FuzzingServer {
  readonly #options: FuzzingServerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #results = new Map<string, Map<string, CaseResult>>();
  readonly #running = new Set<Promise<void>>();
  /** Settles when no connection has been up for {@link STALL_LIMIT_MS}. */
  readonly stalled: Promise<void>;
  readonly #stallTimer: NodeJS.Timeout;

  constructor(options: FuzzingServerOptions) {
    this.#options = options;
    let settle: () => void = () => {};
    this.stalled = new Promise((resolve) => {
      settle = resolve;
    });
    // Counts from the last connection that came; while one is up, the limits of its case hold.
    this.#stallTimer = setTimeout(() => {
      if (this.#sockets.size === 0) settle();
      else this.#stallTimer.refresh();
    }, STALL_LIMIT_MS).unref();
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  /** Starts to listen and gives the port; 0 lets the system choose one. */
  async listen(port: number, host = '127.0.0.1'): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  /** Ends all connections and stops. */
  async close(): Promise<void> {
    clearTimeout(this.#stallTimer);
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /**
   * The results of an agent, in the order of the cases; a case that it never ran is FAILED.
   *
   * Waits for the cases that are still running: their clients may be through a moment earlier.
   */
  async resultsOf(agent: string): Promise<CaseResult[]> {
    await Promise.all(this.#running);
    const results = this.#results.get(agent);
    return this.#options.cases.map(
      (conformanceCase) =>
        results?.get(conformanceCase.id) ??
        failedBeforeStart(conformanceCase, 'the client did not run this case', 0),
    );
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    this.#stallTimer.refresh();
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    const startedAt = performance.now();
    const limitMs = scaleTime(OPENING_LIMIT_MS, this.#options.settings);
    const timer = setTimeout(() => socket.destroy(), limitMs);
    const reader = new HttpHeadReader();
    const onData = (chunk: Buffer): void => {
      const reading = reader.push(chunk);
      if (reading.kind === 'incomplete') return;
      clearTimeout(timer);
      socket.off('data', onData);
      socket.pause();
      if (reading.kind === 'fault') refuse(socket, '400 Bad Request');
      else void this.#answer(socket, reading.head, reading.rest, startedAt);
    };
    socket.on('data', onData);
    socket.on('close', () => clearTimeout(timer));
  }

  async #answer(socket: Socket, head: HttpHead, rest: Buffer, startedAt: number): Promise<void> {
    const target = head.startLine.split(' ')[1] ?? '';
    if (!URL.canParse(target, BASE_URL)) {
      refuse(socket, '400 Bad Request');
      return;
    }
    const url = new URL(target, BASE_URL);
    const number = Number(url.searchParams.get('case') ?? 0);
    const conformanceCase = this.#options.cases[number - 1];
    const agent = url.searchParams.get('agent') ?? 'unnamed client';
    if (url.pathname === '/getCaseCount') {
      this.#tell(socket, head, rest, String(this.#options.cases.length));
    } else if (url.pathname === '/updateReports') {
      await this.#options.onUpdateReports(agent);
      this.#tell(socket, head, rest, null);
    } else if (conformanceCase === undefined) {
      refuse(socket, '404 Not Found');
    } else if (url.pathname === '/runCase') {
      const running = this.#runCase(conformanceCase, agent, socket, head, rest, startedAt);
      this.#running.add(running);
      await running;
      this.#running.delete(running);
    } else if (url.pathname === '/getCaseInfo') {
      const { id, title } = conformanceCase;
      this.#tell(socket, head, rest, JSON.stringify({ id, description: title }));
    } else if (url.pathname === '/getCaseStatus') {
      await Promise.all(this.#running);
      const result = this.#results.get(agent)?.get(conformanceCase.id);
      this.#tell(socket, head, rest, JSON.stringify({ behavior: result?.behavior ?? 'FAILED' }));
    } else {
      refuse(socket, '404 Not Found');
    }
  }

  async #runCase(
    conformanceCase: ConformanceCase,
    agent: string,
    socket: Socket,
    head: HttpHead,
    rest: Buffer,
    startedAt: number,
  ): Promise<void> {
    const { settings } = this.#options;
    const header = head.fields.get('sec-websocket-extensions');
    const { deflate } = conformanceCase;
    const negotiation = deflate === undefined ? null : chooseOffer(header, deflate);
    const fault = checkRequest(head) ?? (negotiation?.kind === 'fault' ? negotiation.reason : null);
    if (fault !== null) {
      refuse(socket, '400 Bad Request');
      const durationMs = performance.now() - startedAt;
      this.#record(agent, failedBeforeStart(conformanceCase, fault, durationMs));
      return;
    }
    const chosen = negotiation?.kind === 'agreed' ? negotiation.header : null;
    const log = new WireLog();
    log.add(
      'note',
      () => `the client offers: ${header ?? 'nothing'}; chosen: ${chosen ?? 'nothing'}`,
    );
    socket.write(buildResponse(head, chosen));
    const target = { role: 'server', socket, rest, log, negotiation, startedAt } as const;
    this.#record(agent, await playCase(conformanceCase, target, settings));
  }

  #record(agent: string, result: CaseResult): void {
    const results = this.#results.get(agent) ?? new Map<string, CaseResult>();
    this.#results.set(agent, results.set(result.id, result));
    this.#options.onResult(agent, result);
  }

  /** Opens the connection, sends one text at most, and closes. */
  #tell(socket: Socket, head: HttpHead, rest: Buffer, text: string | null): void {
    if (checkRequest(head) !== null) {
      refuse(socket, '400 Bad Request');
      return;
    }
    socket.write(buildResponse(head, null));
    const connection = new Connection({
      socket,
      role: 'server',
      log: new WireLog(),
      allowsCompression: false,
      maxMessageLength: MAX_ANSWER_LENGTH,
      timeScale: this.#options.settings.timeScale,
      onEvent: () => {},
      onDone: () => {},
    });
    connection.receive(rest);
    if (text !== null) connection.sendNow([{ opcode: Opcode.text, payload: Buffer.from(text) }]);
    connection.close(1000);
  }
}

function refuse(socket: Socket, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  socket.resume();
}
