import { describe, expect, it } from 'vitest';
import { Brake, CLOSING } from '../../src/connection/brake.ts';
import { ControlLine } from '../../src/connection/control-line.ts';
import type { ConnectionOptions, Role } from '../../src/connection/options.ts';
import type { FrameSink } from '../../src/connection/sink.ts';
import type { Decoder } from '../../src/extensions/decoder.ts';
import { FrameParser } from '../../src/frame/frame-parser.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { BareOrder } from '../support/bare-order.ts';
import { type EventLog, feedEveryCut } from '../support/every-cut.ts';
import { closePayload, frameTo, type OpcodeName } from '../support/frames.ts';
import { hex } from '../support/hex.ts';

const ROLES: readonly Role[] = ['client', 'server'];

const ignore = (): void => {};

/** A control line behind a parser, with the life that it moves on and nothing else. */
class Line extends BareOrder {
  readonly role: Role;
  readonly brake = new Brake();
  readonly controls: ControlLine;
  readonly #parser: FrameParser;

  constructor(role: Role, options: Partial<ConnectionOptions> = {}) {
    super(role, options);
    this.role = role;
    this.controls = new ControlLine(this.options, this.life, this.brake, this.order);
    const parser = new FrameParser(
      nodePlatform,
      {
        onFrameHeader: () => true,
        onFramePayload: (bytes, start, end, isLast) => {
          this.controls.receive(parser, bytes, start, end, isLast);
          return true;
        },
        onFrameFault: (code) => expect.unreachable(code),
      },
      role,
    );
    this.#parser = parser;
  }

  /** Takes bytes that the transport overwrites afterwards. */
  receive(bytes: Uint8Array): void {
    const chunk = bytes.slice();
    this.#parser.parse(chunk);
    chunk.fill(0x21);
  }

  receiveFrame(opcode: OpcodeName, payload: Uint8Array | string = ''): void {
    this.receive(frameTo(this.role, { opcode, payload }));
  }
}

/** A decoder, of which the line wants to know one thing. */
function decoder(): { isBusy: boolean } & Decoder {
  return {
    rsv: 0,
    givesWhole: true,
    isBusy: false,
    isValidRsv: () => true,
    isCoded: () => true,
    push: ignore,
    proceed: () => true,
    drop: ignore,
  };
}

/** Runs one frame in every cut, each time with a new line. */
function logOfEveryCut(role: Role, opcode: OpcodeName, payload: Uint8Array): EventLog {
  return feedEveryCut(frameTo(role, { opcode, payload }), (chunks) => {
    const line = new Line(role);
    for (const chunk of chunks) line.receive(chunk);
    const { code, reason } = line.life.closeReceived ?? { code: 0, reason: '' };
    const end = `${line.life.state} ${line.life.failure?.code ?? `${code} ${reason}`}`;
    return { events: [...line.handler.log, end], sent: line.takeFrames() };
  });
}

describe.each(ROLES)('The control line of a %s', (role) => {
  it('answers a Ping with the same payload, in every cut (RFC 6455 §5.5.2, §5.5.3)', () => {
    for (const length of [0, 1, 125]) {
      const payload = new Uint8Array(length).fill(0x70);
      const { events, sent } = logOfEveryCut(role, 'ping', payload);
      const described = length === 125 ? '"p" x 125' : `"${'p'.repeat(length)}"`;
      expect(events).toEqual([`ping ${described}`, 'OPEN 0 ']);
      expect(sent).toEqual([`pong ${described}`]);
    }
  });

  it('answers before it tells: what the handler sends comes after the Pong', () => {
    const line = new Line(role);
    line.handler.react = (event) => {
      if (event.startsWith('ping')) line.order.sendText('within', undefined, true);
    };
    line.receiveFrame('ping', 'a');
    expect(line.takeFrames()).toEqual(['pong "a"', 'text "within"']);
  });

  it('leaves the answer to the handler where it wants that', () => {
    const line = new Line(role, { answersPings: false });
    line.receiveFrame('ping', 'a');
    expect([line.handler.log, line.takeFrames()]).toEqual([['ping "a"'], []]);
  });

  it('tells a Pong and answers nothing, in every cut (RFC 6455 §5.5.3)', () => {
    const { events, sent } = logOfEveryCut(role, 'pong', hex('61 62'));
    expect(events).toEqual(['pong "ab"', 'OPEN 0 ']);
    expect(sent).toEqual([]);
  });

  it('takes the code and the reason of a Close, in every cut (RFC 6455 §5.5.1)', () => {
    const { events, sent } = logOfEveryCut(role, 'close', closePayload(4000, 'bye'));
    expect(events).toEqual(['CLOSE_RECEIVED 4000 bye']);
    // Its answer is the life cycle's.
    expect(sent).toEqual([]);
  });

  it('takes a Close without a code as 1005 (RFC 6455 §7.1.5)', () => {
    expect(logOfEveryCut(role, 'close', hex('')).events).toEqual(['CLOSE_RECEIVED 1005 ']);
  });

  it.each([
    ['one byte', '03', 'WS_INVALID_CLOSE_LENGTH'],
    ['a code that must not be sent', '03 EE', 'WS_INVALID_CLOSE_CODE'],
    ['a reason that is not UTF-8', '03 E8 C3 28', 'WS_INVALID_CLOSE_REASON'],
  ])('fails on a Close with %s, in every cut (RFC 6455 §5.5.1, §7.4)', (_, payload, code) => {
    expect(logOfEveryCut(role, 'close', hex(payload)).events).toEqual([`FAILED ${code}`]);
  });

  it('keeps control frames apart: each has memory of its own', () => {
    const line = new Line(role);
    const kept: Uint8Array[] = [];
    line.handler.onPing = (payload) => void kept.push(payload);
    for (const payload of ['one', 'other']) {
      const ping = frameTo(role, { opcode: 'ping', payload });
      line.receive(ping.subarray(0, -1));
      line.receive(ping.subarray(-1));
    }
    expect(kept.map((payload) => new TextDecoder().decode(payload))).toEqual(['one', 'other']);
    expect(line.takeFrames()).toEqual(['pong "one"', 'pong "other"']);
  });
});

describe.each(ROLES)('A Close of the peer at a %s', (role) => {
  function waiting(): { readonly line: Line; readonly messages: ReturnType<typeof decoder> } {
    const line = new Line(role);
    const messages = decoder();
    line.controls.use(messages);
    messages.isBusy = true;
    line.receiveFrame('close', closePayload(4000, 'bye'));
    return { line, messages };
  }

  it('waits for the messages in the extensions, and holds the brake meanwhile', () => {
    const { line, messages } = waiting();
    expect([line.life.state, line.brake.isHeldBy(CLOSING)]).toEqual(['OPEN', true]);
    expect(line.effects).toEqual(['startCloseTimer', 'finishIfDone']);
    line.controls.proceed();
    expect(line.life.state).toBe('OPEN');
    messages.isBusy = false;
    line.controls.proceed();
    expect([line.life.state, line.brake.isHeld]).toEqual(['CLOSE_RECEIVED', false]);
    expect(line.life.closeReceived).toEqual({ code: 4000, reason: 'bye' });
  });

  it('is taken once', () => {
    const { line, messages } = waiting();
    messages.isBusy = false;
    line.controls.proceed();
    line.life.closeReceived = undefined;
    line.controls.proceed();
    expect(line.life.closeReceived).toBeUndefined();
  });

  it('does not wait when nothing is on its way', () => {
    const line = new Line(role);
    line.controls.use(decoder());
    line.receiveFrame('close', closePayload(1000));
    expect([line.life.state, line.brake.isHeld]).toEqual(['CLOSE_RECEIVED', false]);
  });

  it('is forgotten with everything else', () => {
    const { line, messages } = waiting();
    line.controls.drop();
    messages.isBusy = false;
    line.controls.proceed();
    expect(line.life.state).toBe('OPEN');
  });

  it('lets Pings and Pongs pass that came before it', () => {
    const line = new Line(role);
    const messages = decoder();
    messages.isBusy = true;
    line.controls.use(messages);
    line.receiveFrame('ping', 'a');
    line.receiveFrame('pong', 'b');
    expect(line.handler.log).toEqual(['ping "a"', 'pong "b"']);
    expect(line.takeFrames()).toEqual(['pong "a"']);
  });
});

describe.each(ROLES)('A control frame of a %s that takes frames', (role) => {
  /** Writes down the payloads and the ends, among the events of the handler. */
  function framed(within?: (event: 'data' | 'end', line: Line) => void): Line {
    const sink: FrameSink = {
      onFrameStart: () => expect.unreachable('the receive line tells the start'),
      onFrameData(bytes) {
        line.handler.log.push(`data ${new TextDecoder().decode(bytes)}`);
        within?.('data', line);
      },
      onFrameEnd() {
        line.handler.log.push('end');
        within?.('end', line);
      },
    };
    const line = new Line(role, { sink: { frames: sink } });
    return line;
  }

  it('is told whole before it has its effect', () => {
    const line = framed();
    const ping = frameTo(role, { opcode: 'ping', payload: 'ab' });
    line.receive(ping.subarray(0, -1));
    expect(line.handler.log).toEqual([]);
    line.receive(ping.subarray(-1));
    expect(line.handler.log).toEqual(['data ab', 'end', 'ping "ab"']);
    line.receiveFrame('pong');
    expect(line.handler.log.slice(3)).toEqual(['end', 'pong ""']);
  });

  it.each(['data', 'end'] as const)('has none when the connection is dropped at its %s', (at) => {
    const line = framed((event, { life }) => {
      if (event === at) life.apply('drop');
    });
    line.receiveFrame('ping', 'a');
    expect(line.handler.log).toEqual(at === 'data' ? ['data a'] : ['data a', 'end']);
    line.receiveFrame('close', closePayload(1000));
    expect([line.takeFrames(), line.life.closeReceived]).toEqual([[], undefined]);
  });
});
