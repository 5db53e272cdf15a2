// Sections 9 and 10: large messages, many fragments, many TCP chops, many round trips; and
// automatic fragmentation.
import { Opcode } from '../wire/frame.ts';
import {
  type ConformanceCase,
  echoCase,
  hex,
  type Patience,
  type Payload,
  repeat,
} from './case.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

const MESSAGE_LENGTHS = [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB];
const FRAGMENT_LENGTHS = [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB];
const CHOP_LENGTHS = [64, 128, 256, 512, 1024, 2048];
const ROUND_TRIP_LENGTHS = [0, 16, 64, 256, 1024, 4096];
const ROUND_TRIP_SECONDS = [60, 60, 60, 120, 240, 480];
const ROUND_TRIPS = 1000;

const closeAfter = (seconds: number): Patience => ({ ms: seconds * 1000, end: 'close' });

interface Kind {
  readonly type: 'text' | 'binary';
  readonly pattern: Uint8Array;
  /** The last digit of the subsection is this for text and one more for binary. */
  readonly offset: 0 | 1;
}

const KINDS: readonly Kind[] = [
  { type: 'text', pattern: Buffer.from('BAsd7&jh23'), offset: 0 },
  { type: 'binary', pattern: hex('00 fe 23 fa f0'), offset: 1 },
];

function largeMessages({ type, pattern, offset }: Kind): ConformanceCase[] {
  return MESSAGE_LENGTHS.map((length, index) => {
    const payload = repeat(pattern, length);
    return echoCase(
      {
        id: `9.${1 + offset}.${index + 1}`,
        title: `A ${type} message of ${length / KIB} KiB.`,
        steps: [{ step: 'send', frames: [{ opcode: Opcode[type], payload }], cut: 'in one go' }],
        patience: closeAfter(length < MIB ? 10 : 100),
      },
      [{ type, payload }],
    );
  });
}

function fragmentedMessages({ type, pattern, offset }: Kind): ConformanceCase[] {
  const payload = repeat(pattern, 4 * MIB);
  return FRAGMENT_LENGTHS.map((fragmentLength, index) => {
    const fragments = `${(4 * MIB) / fragmentLength} fragments of ${fragmentLength} octets`;
    return echoCase(
      {
        id: `9.${3 + offset}.${index + 1}`,
        title: `A ${type} message of 4 MiB in ${fragments}.`,
        steps: [{ step: 'fragments', opcode: Opcode[type], payload, fragmentLength }],
        patience: closeAfter(100),
      },
      [{ type, payload }],
    );
  });
}

function choppedMessages({ type, pattern, offset }: Kind): ConformanceCase[] {
  const payload = repeat(pattern, MIB);
  return CHOP_LENGTHS.map((chop, index) =>
    echoCase(
      {
        id: `9.${5 + offset}.${index + 1}`,
        title: `A ${type} message of 1 MiB in TCP chops of ${chop} octets.`,
        steps: [{ step: 'send', frames: [{ opcode: Opcode[type], payload }], cut: chop }],
        patience: closeAfter(1000),
      },
      [{ type, payload }],
    ),
  );
}

function roundTrips({ type, pattern, offset }: Kind): ConformanceCase[] {
  return ROUND_TRIP_LENGTHS.map((length, index) => {
    const payload: Payload = repeat(pattern, length);
    const messages = `${ROUND_TRIPS} ${type} messages of ${length} octets`;
    return echoCase(
      {
        id: `9.${7 + offset}.${index + 1}`,
        title: `${messages}, each sent when the one before is back.`,
        steps: [{ step: 'echoes', opcode: Opcode[type], payload, count: ROUND_TRIPS }],
        patience: closeAfter(ROUND_TRIP_SECONDS[index] ?? 480),
      },
      [{ type: 'echoes', count: ROUND_TRIPS }],
    );
  });
}

/** The cases of section 9. */
export const section9: readonly ConformanceCase[] = [
  largeMessages,
  fragmentedMessages,
  choppedMessages,
  roundTrips,
].flatMap((family) => KINDS.flatMap(family));

const autoFragmented = repeat('*', 65_536);

/** The case of section 10. */
export const section10: readonly ConformanceCase[] = [
  echoCase(
    {
      id: '10.1.1',
      title: 'A text of 65536 octets, automatically fragmented at 1300.',
      steps: [
        { step: 'fragments', opcode: Opcode.text, payload: autoFragmented, fragmentLength: 1300 },
      ],
      patience: { ms: 10_000, end: 'drop' },
    },
    [{ type: 'text', payload: autoFragmented }],
  ),
];
