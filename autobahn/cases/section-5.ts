// Section 5, fragmentation (RFC 6455 §5.4): what may and may not stand between the fragments of a
// message.
//
// 5.19 and 5.20 want the first pong before the pause is over: a ping within a message is answered
// at once.
import { Opcode } from '../wire/frame.ts';
import {
  Code,
  type ConformanceCase,
  type Cut,
  echoCase,
  type FrameSpec,
  failCase,
  frame,
  octets,
  text,
  type WantedEvent,
} from './case.ts';

const CUTS: readonly Cut[] = ['in one go', 'frame-wise', 'octet-wise'];

const textEvent = (payload: string): WantedEvent => ({ type: 'text', payload: octets(payload) });
const pongEvent = (payload: string): WantedEvent => ({ type: 'pong', payload: octets(payload) });
const first = (payload: string): FrameSpec => text(payload, { fin: false });
const middle = (payload: string): FrameSpec => frame(Opcode.continuation, payload, { fin: false });
const last = (payload: string): FrameSpec => frame(Opcode.continuation, payload);

function failing(
  id: string,
  title: string,
  frames: readonly FrameSpec[],
  cut: Cut,
  events: readonly WantedEvent[] = [],
): ConformanceCase {
  return failCase(
    { id, title: `${title}, ${cut}.`, steps: [{ step: 'send', frames, cut }] },
    Code.protocolError,
    events,
  );
}

function fragmentedControl(id: string, opcode: number, name: string): ConformanceCase {
  const frames = [frame(opcode, 'fragment1', { fin: false }), last('fragment2')];
  return failing(id, `A ${name} in two fragments`, frames, 'in one go');
}

function fragmentedText(id: string, cut: Cut): ConformanceCase {
  const frames = [first('fragment1'), last('fragment2')];
  return echoCase(
    { id, title: `A text in two fragments, ${cut}.`, steps: [{ step: 'send', frames, cut }] },
    [textEvent('fragment1fragment2')],
  );
}

function pingBetween(id: string, cut: Cut): ConformanceCase {
  const frames = [first('fragment1'), frame(Opcode.ping, 'ping payload'), last('fragment2')];
  return echoCase(
    {
      id,
      title: `A text in two fragments with a ping between them, ${cut}.`,
      expectation: 'The pong comes first, then the echo; then the suite closes with 1000.',
      steps: [{ step: 'send', frames, cut }],
    },
    [pongEvent('ping payload'), textEvent('fragment1fragment2')],
  );
}

function strayContinuation(id: string, fin: boolean, cut: Cut): ConformanceCase {
  const stray = frame(Opcode.continuation, 'non-continuation payload', { fin });
  const title = `A continuation with FIN = ${fin ? 1 : 0} that continues nothing, then a text`;
  return failing(id, title, [stray, text('Hello, world!')], cut);
}

function strayTwice(id: string, fin: boolean): ConformanceCase {
  const stray = frame(Opcode.continuation, 'fragment1', { fin });
  const round = [stray, first('fragment2'), last('fragment3')];
  const continuation = `a stray continuation with FIN = ${fin ? 1 : 0}`;
  const title = `Twice: ${continuation}, then a text in two fragments`;
  return failing(id, title, [...round, ...round], 'in one go');
}

function pingsInsideAndPause(id: string, cut: Cut): ConformanceCase {
  const before = [first('fragment1'), middle('fragment2'), frame(Opcode.ping, 'pongme 1!')];
  const after = [
    middle('fragment3'),
    middle('fragment4'),
    frame(Opcode.ping, 'pongme 2!'),
    last('fragment5'),
  ];
  const [pong1, pong2] = [pongEvent('pongme 1!'), pongEvent('pongme 2!')];
  const echo = textEvent('fragment1fragment2fragment3fragment4fragment5');
  const base = echoCase(
    {
      id,
      title: `A text in five fragments, pings after the 2nd and 4th, a pause between, ${cut}.`,
      expectation:
        'Each ping is answered at once, the first before the pause is over; then the echo.',
      steps: [
        { step: 'send', frames: before, cut },
        { step: 'pause' },
        { step: 'send', frames: after, cut },
      ],
    },
    [pong1, { type: 'pause' }, pong2, echo],
  );
  return {
    ...base,
    wanted: { ...base.wanted, nonStrict: [{ type: 'pause' }, pong1, pong2, echo] },
  };
}

/** The cases of section 5. */
export const section5: readonly ConformanceCase[] = [
  fragmentedControl('5.1', Opcode.ping, 'ping'),
  fragmentedControl('5.2', Opcode.pong, 'pong'),
  ...CUTS.map((cut, index) => fragmentedText(`5.${3 + index}`, cut)),
  ...CUTS.map((cut, index) => pingBetween(`5.${6 + index}`, cut)),
  ...CUTS.map((cut, index) => strayContinuation(`5.${9 + index}`, true, cut)),
  ...CUTS.map((cut, index) => strayContinuation(`5.${12 + index}`, false, cut)),
  failing(
    '5.15',
    'A text in two fragments, then a stray continuation with FIN = 0, then a text',
    [first('fragment1'), last('fragment2'), middle('fragment3'), text('fragment4')],
    'in one go',
    [textEvent('fragment1fragment2')],
  ),
  strayTwice('5.16', false),
  strayTwice('5.17', true),
  failing(
    '5.18',
    'Two fragments that both have the opcode text',
    [first('fragment1'), text('fragment2')],
    'in one go',
  ),
  pingsInsideAndPause('5.19', 'in one go'),
  pingsInsideAndPause('5.20', 'frame-wise'),
];
