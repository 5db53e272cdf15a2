// Section 2, pings and pongs (RFC 6455 §5.5.2, §5.5.3).
//
// 2.10 and 2.11 want ten pongs for ten pings. RFC 6455 §5.5.3 allows one for the newest; Autobahn
// does not.
import { Opcode } from '../wire/frame.ts';
import {
  Code,
  type ConformanceCase,
  type Cut,
  echoCase,
  failCase,
  frame,
  hex,
  octets,
  type Patience,
  type Payload,
  repeat,
  type WantedEvent,
} from './case.ts';

const NON_UTF8 = hex('00 ff fe fd fc fb 00 ff');
const LONGEST = repeat(hex('fe'), 125);
const TEN = Array.from({ length: 10 }, (_, index) => octets(`payload-${index}`));

const pong = (payload: Payload): WantedEvent => ({ type: 'pong', payload });

function pingCase(
  id: string,
  title: string,
  payload: Payload,
  more: { readonly cut?: Cut; readonly patience?: Patience } = {},
): ConformanceCase {
  const { cut = 'in one go', ...rest } = more;
  const frames = [frame(Opcode.ping, payload)];
  return echoCase({ id, title, steps: [{ step: 'send', frames, cut }], ...rest }, [pong(payload)]);
}

function tenPings(id: string, cut: Cut): ConformanceCase {
  return echoCase(
    {
      id,
      title: `Ten pings with payloads, ${cut}.`,
      expectation: 'Ten pongs in the order of the pings; then the suite closes with 1000.',
      steps: [{ step: 'send', frames: TEN.map((payload) => frame(Opcode.ping, payload)), cut }],
      patience: { ms: 3_000, end: 'close' },
    },
    TEN.map(pong),
  );
}

function unsolicitedPong(id: string, payload: string): ConformanceCase {
  return echoCase(
    {
      id,
      title: `A pong that answers nothing, ${payload === '' ? 'empty' : 'with payload'}.`,
      expectation: 'Nothing comes back; the suite closes with 1000.',
      steps: [{ step: 'send', frames: [frame(Opcode.pong, payload)], cut: 'in one go' }],
    },
    [],
  );
}

/** The cases of section 2. */
export const section2: readonly ConformanceCase[] = [
  pingCase('2.1', 'A ping without payload.', octets('')),
  pingCase('2.2', 'A ping with text.', octets('Hello, world!')),
  pingCase('2.3', 'A ping with eight octets that are not UTF-8.', NON_UTF8),
  pingCase('2.4', 'A ping with 125 octets FE.', LONGEST),
  failCase(
    {
      id: '2.5',
      title: 'A ping with 126 octets, one more than a control frame may have.',
      steps: [
        { step: 'send', frames: [frame(Opcode.ping, repeat(hex('fe'), 126))], cut: 'in one go' },
      ],
    },
    Code.protocolError,
  ),
  pingCase('2.6', 'A ping with 125 octets FE, sent octet-wise.', LONGEST, {
    cut: 'octet-wise',
    patience: { ms: 2_000, end: 'close' },
  }),
  unsolicitedPong('2.7', ''),
  unsolicitedPong('2.8', 'unsolicited pong payload'),
  echoCase(
    {
      id: '2.9',
      title: 'A pong that answers nothing, then a ping.',
      expectation: 'One pong, for the ping; then the suite closes with 1000.',
      steps: [
        {
          step: 'send',
          frames: [
            frame(Opcode.pong, 'unsolicited pong payload'),
            frame(Opcode.ping, 'ping payload'),
          ],
          cut: 'in one go',
        },
      ],
    },
    [pong(octets('ping payload'))],
  ),
  tenPings('2.10', 'in one go'),
  tenPings('2.11', 'octet-wise'),
];
