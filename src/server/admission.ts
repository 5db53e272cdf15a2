/**
 * The way of one upgrade, from the request to a member or a refusal: the protocol, origins and
 * hosts; limits; `authorize`; the subprotocol; then the constructor of WebSocket.
 *
 * Each upgrade has one outcome, which the owner hears. What it held until then (its claim on the
 * socket, its place, its listeners) it has given up by then, whatever the application's functions
 * do.
 */

import type { Duplex } from 'node:stream';
import { AdmittedUpgrade, refusalError, refusalOf } from '../api/server-options.ts';
import { WebSocket, type WebSocketRequest } from '../api/websocket.ts';
import { FAULTS, HandshakeError, type WebSocketError } from '../errors.ts';
import { negotiateAsServer } from '../extensions/negotiation.ts';
import type {
  AcceptedRequest,
  RequestVerdict,
  UpgradeRequest,
} from '../handshake/server-handshake.ts';
import type { Refusal } from '../handshake/server-response.ts';
import { checkChosenSubprotocol, chooseSubprotocol } from '../handshake/subprotocol.ts';
import { publishLimit } from '../node/diagnostics.ts';
import { judgeUpgrade, refuseUpgrade, streamOf, toUpgradeRequest } from '../node/server-upgrade.ts';
import { claimSocket, isClaimed, releaseSocket } from '../node/socket-claim.ts';
import { AuthorizeContext, AuthorizeWait, clientLeft, hookFailed } from './authorize-wait.ts';
import { clientAddress, countedAs, hasLeft } from './client-address.ts';
import type { Members } from './members.ts';
import type { Answer, AttachSettings } from './options.ts';
import { isResponse, ResponseRefusal, readRefusal } from './response-refusal.ts';
import type { Path, Route, Thrown } from './upgrade-router.ts';

/** Hears the outcome of each upgrade. */
export interface AdmissionOwner {
  connected(socket: WebSocket, request: WebSocketRequest): void;
  rejected(error: WebSocketError, request: WebSocketRequest): void;
  /** The seconds after which a client may come again, while the server is going away. */
  retryAfter(): number | undefined;
}

/** A valid upgrade that has a place. */
interface Candidate {
  readonly request: WebSocketRequest;
  readonly stream: Duplex;
  readonly head: Uint8Array;
  readonly upgrade: UpgradeRequest;
  readonly verdict: AcceptedRequest;
  readonly address: string | undefined;
}

export class Admission implements Route {
  readonly path: Path | undefined;
  readonly #settings: AttachSettings;
  readonly #members: Members;
  readonly #owner: AdmissionOwner;

  constructor(settings: AttachSettings, members: Members, owner: AdmissionOwner) {
    this.path = settings.path;
    this.#settings = settings;
    this.#members = members;
    this.#owner = owner;
  }

  /** Takes an upgrade, unless another listener has answered it. */
  offer(request: WebSocketRequest, socket: Duplex, head: Uint8Array, thrown?: Thrown): void {
    const stream = streamOf(request, socket);
    if (isClaimed(stream) || !stream.writable) return;
    claimSocket(stream);
    if (thrown !== undefined) {
      this.#refuse(request, stream, hookFailed(thrown.cause));
      return;
    }
    if (this.#owner.retryAfter() !== undefined) {
      this.#refuse(request, stream, new HandshakeError('WS_DRAINING'));
      return;
    }
    const { server } = this.#settings;
    const upgrade = toUpgradeRequest(request);
    let verdict: RequestVerdict;
    try {
      verdict = judgeUpgrade(request, stream, upgrade, server);
    } catch (cause) {
      // `origins` and `hosts` may be functions of the application's.
      this.#refuse(request, stream, hookFailed(cause));
      return;
    }
    if (!verdict.accepted) {
      this.#refuse(request, stream, refusalError(verdict), verdict);
      return;
    }
    if (this.#members.countsAddresses && hasLeft(request)) {
      stream.destroy();
      this.#refuse(request, stream, clientLeft());
      return;
    }
    const address = this.#addressOf(request);
    const exceeded = this.#members.takePlace(address);
    if (exceeded !== undefined) this.#refuse(request, stream, exceeded);
    else this.#authorize({ request, stream, head, upgrade, verdict, address });
  }

  #addressOf(request: WebSocketRequest): string | undefined {
    if (!this.#members.countsAddresses) return undefined;
    const address = clientAddress(request, this.#settings.proxies);
    return address === undefined ? undefined : countedAs(address);
  }

  #authorize(candidate: Candidate): void {
    const { authorize } = this.#settings;
    if (authorize === undefined) {
      this.#accept(candidate, undefined);
      return;
    }
    const context = new AuthorizeContext();
    let answer: Answer<unknown> | PromiseLike<Answer<unknown>>;
    let isDecided: boolean;
    try {
      answer = authorize(candidate.request, context);
      // May call the application, too: an answer may have getters, or be a proxy.
      isDecided = !(isPromise(answer) || isResponse(answer));
    } catch (cause) {
      this.#refusePlaced(candidate, hookFailed(cause));
      return;
    }
    if (isDecided) this.#decide(candidate, answer);
    else this.#wait(candidate, answer as Response | PromiseLike<Answer<unknown>>, context);
  }

  #wait(
    candidate: Candidate,
    answer: Response | PromiseLike<Answer<unknown>>,
    context: AuthorizeContext,
  ): void {
    const { stream, head } = candidate;
    const { timeoutMs } = this.#settings.server;
    const read = async (): Promise<unknown> => {
      const value = await answer;
      return isResponse(value) ? readRefusal(value, context.signal) : value;
    };
    const { waiting } = this.#members;
    const wait = new AuthorizeWait<unknown>(stream, head, read(), timeoutMs, context, {
      decided: (value, received) => {
        waiting.delete(wait);
        this.#decide({ ...candidate, head: received }, value);
      },
      failed: (error) => {
        waiting.delete(wait);
        this.#refusePlaced(candidate, error);
      },
    });
    waiting.add(wait);
  }

  #decide(candidate: Candidate, answer: unknown): void {
    if (answer instanceof ResponseRefusal) {
      this.#refusePlaced(candidate, answer.error, answer);
    } else if (answer === false || answer === null || answer === undefined) {
      this.#refusePlaced(candidate, new HandshakeError('WS_HANDSHAKE_REFUSED'));
    } else {
      this.#accept(candidate, answer);
    }
  }

  #accept(candidate: Candidate, data: unknown): void {
    const { request, stream, head, upgrade, verdict, address } = candidate;
    const { server } = this.#settings;
    let socket: WebSocket;
    try {
      const protocol = this.#chooseProtocol(request, verdict.protocols);
      const negotiated = negotiateAsServer(server.extensions, verdict.extensions);
      if (negotiated instanceof HandshakeError) {
        this.#refusePlaced(candidate, negotiated, refusalOf(negotiated));
        return;
      }
      // The application's functions have the socket in their hands.
      if (!stream.writable) {
        this.#refusePlaced(candidate, clientLeft());
        return;
      }
      releaseSocket(stream);
      const admitted = new AdmittedUpgrade(server, upgrade, verdict, negotiated);
      socket = new WebSocket(request, stream, head, protocol, admitted as object);
    } catch (cause) {
      this.#refusePlaced(candidate, hookFailed(cause));
      return;
    }
    socket.data = data;
    this.#members.add(socket, address);
    this.#owner.connected(socket, request);
  }

  /** @throws TypeError for one that was not offered; what the function throws */
  #chooseProtocol(request: WebSocketRequest, offered: readonly string[]): string | undefined {
    const { protocols, chooseProtocol } = this.#settings;
    if (chooseProtocol === undefined) return chooseSubprotocol(offered, protocols);
    // A client that offers none cannot be given one.
    const chosen = offered.length === 0 ? undefined : chooseProtocol([...offered], request);
    if (chosen === undefined || chosen === null || chosen === false) return undefined;
    checkChosenSubprotocol(chosen, offered);
    return chosen;
  }

  #refusePlaced({ request, stream, address }: Candidate, error: WebSocketError, refusal?: Refusal) {
    this.#members.givePlaceBack(address);
    this.#refuse(request, stream, error, refusal);
  }

  #refuse(
    request: WebSocketRequest,
    stream: Duplex,
    error: WebSocketError,
    refusal: Refusal = this.#refusalFor(error),
  ): void {
    let reported = error;
    if (!stream.destroyed) {
      try {
        refuseUpgrade(request, stream, refusal);
      } catch (cause) {
        // The application's Response has a status or field that no refusal can have.
        reported = hookFailed(cause);
        refuseUpgrade(request, stream, this.#refusalFor(reported));
      }
    }
    publishLimit(undefined, reported);
    this.#owner.rejected(reported, request);
  }

  #refusalFor(error: WebSocketError): Refusal {
    const status =
      (error instanceof HandshakeError ? error.status : FAULTS[error.code].status) ?? 500;
    const retryAfter = this.#owner.retryAfter();
    const headers = retryAfter === undefined ? [] : ['Retry-After', String(retryAfter)];
    return { status, errors: [error], headers };
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}
