// The suite playing client: connects to a server under test, once a case, and plays the case.
//
// Whatever the server does (no answer, no TCP, an HTTP page, a flood) becomes a FAILED case with
// the reason.
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { ConformanceCase } from './cases/case.ts';
import { OPENING_LIMIT_MS, type PlaySettings, playCase, scaleTime } from './play/play-case.ts';
import { type CaseResult, failedBeforeStart } from './play/verdict.ts';
import {
  buildOffers,
  type NegotiationResult,
  readServerResponse,
} from './wire/deflate-negotiation.ts';
import { buildRequest, checkResponse } from './wire/handshake.ts';
import { type HttpHead, HttpHeadReader } from './wire/http-head.ts';
import { startTimer } from './wire/timer.ts';
import { WireLog } from './wire/wire-log.ts';

type OpenedHandshake =
  | { readonly head: HttpHead; readonly rest: Buffer; readonly key: string }
  | { readonly fault: string };

/**
 * Plays one case against a server.
 *
 * @param url - a `ws://` URL
 */
export async function playAgainstServer(
  url: URL,
  conformanceCase: ConformanceCase,
  settings: PlaySettings,
): Promise<CaseResult> {
  const startedAt = performance.now();
  const log = new WireLog();
  const wishes = conformanceCase.deflate ?? [];
  const offers = wishes.length === 0 ? null : buildOffers(wishes);
  const socket = openSocket(url);
  const limitMs = scaleTime(OPENING_LIMIT_MS, settings);
  const opened = await openHandshake(socket, url, offers, limitMs, log);
  const negotiation = 'fault' in opened ? null : negotiate(opened.head, conformanceCase);
  const fault = faultOf(opened, negotiation);
  if (fault !== null || 'fault' in opened) {
    socket.destroy();
    const durationMs = performance.now() - startedAt;
    return failedBeforeStart(conformanceCase, fault ?? '', durationMs, log.entries());
  }
  const target = {
    role: 'client',
    socket,
    rest: opened.rest,
    log,
    negotiation,
    startedAt,
  } as const;
  return playCase(conformanceCase, target, settings);
}

function openSocket(url: URL): Socket {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const socket = connect({ host, port: Number(url.port || 80), allowHalfOpen: true });
  socket.setNoDelay(true);
  return socket;
}

function negotiate(head: HttpHead, { deflate = [] }: ConformanceCase): NegotiationResult | null {
  const header = head.fields.get('sec-websocket-extensions');
  return deflate.length === 0 && header === undefined ? null : readServerResponse(header, deflate);
}

function faultOf(opened: OpenedHandshake, negotiation: NegotiationResult | null): string | null {
  if ('fault' in opened) return opened.fault;
  const fault = checkResponse(opened.head, opened.key);
  if (fault !== null) return fault;
  return negotiation?.kind === 'fault' ? negotiation.reason : null;
}

/** Sends the request and reads the response; settles in any case, within the limit. */
async function openHandshake(
  socket: Socket,
  url: URL,
  offers: string | null,
  limitMs: number,
  log: WireLog,
): Promise<OpenedHandshake> {
  const key = randomBytes(16).toString('base64');
  const reader = new HttpHeadReader();
  log.add('note', () => `opening handshake with ${url.href}, extensions: ${offers ?? 'none'}`);
  return new Promise((resolve) => {
    let failure = 'TCP ended before the opening handshake was answered';
    const stopTimer = startTimer(limitMs, () =>
      settle({ fault: `no answer to the opening handshake within ${limitMs} ms` }),
    );
    const settle = (result: OpenedHandshake): void => {
      stopTimer();
      socket.off('data', onData).off('error', onError).off('end', onEnd).off('close', onEnd);
      socket.on('error', () => {});
      resolve(result);
    };
    const onData = (chunk: Buffer): void => {
      const reading = reader.push(chunk);
      if (reading.kind === 'fault') settle({ fault: reading.reason });
      if (reading.kind !== 'head') return;
      log.add('note', () => `answered: ${reading.head.startLine}`);
      socket.pause();
      settle({ head: reading.head, rest: reading.rest, key });
    };
    const onError = (error: Error): void => {
      failure = error.message || String((error as NodeJS.ErrnoException).code);
    };
    const onEnd = (): void => settle({ fault: failure });
    socket.on('data', onData).on('error', onError).on('end', onEnd).on('close', onEnd);
    socket.on('connect', () => socket.write(buildRequest(url, key, offers)));
  });
}

/**
 * Plays cases against a server, several at a time.
 *
 * @param parallel - how many connections at once, from 1
 * @param onResult - called with each result as it comes, in any order
 * @returns the results in the order of the cases
 */
export async function playAllAgainstServer(
  url: URL,
  cases: readonly ConformanceCase[],
  settings: PlaySettings,
  parallel: number,
  onResult: (result: CaseResult) => void,
): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next; index < cases.length; index = next) {
      next += 1;
      const conformanceCase = cases[index];
      if (conformanceCase === undefined) return;
      const result = await playAgainstServer(url, conformanceCase, settings);
      results[index] = result;
      onResult(result);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, parallel) }, work));
  return results;
}
