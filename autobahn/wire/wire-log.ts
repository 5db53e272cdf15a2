// Keeps what went over the wire in a case, for its report: who sent what and when.
//
// Bounded: only the first and the last entries stay, so that a flood costs no memory.

/** Holds one line of a wire log. */
export interface WireLogEntry {
  /** Milliseconds since the start of the case. */
  readonly atMs: number;
  readonly by: 'suite' | 'peer' | 'note';
  readonly text: string;
}

const FIRST_KEPT = 60;
const LAST_KEPT = 20;
const PREVIEW_LENGTH = 32;

const CLOSE = 8;

const OPCODE_NAMES: Readonly<Record<number, string>> = {
  0: 'continuation',
  1: 'text',
  2: 'binary',
  8: 'close',
  9: 'ping',
  10: 'pong',
};

/** Collects the entries of one case. */
export class WireLog {
  readonly #start = performance.now();
  readonly #first: WireLogEntry[] = [];
  #last: WireLogEntry[] = [];
  #skipped = 0;

  /** Adds an entry; the text is made only when the entry may be kept. */
  add(by: WireLogEntry['by'], text: () => string): void {
    if (this.#first.length < FIRST_KEPT) {
      this.#first.push(this.#entry(by, text()));
      return;
    }
    this.#last.push(this.#entry(by, text()));
    if (this.#last.length < 2 * LAST_KEPT) return;
    this.#skipped += LAST_KEPT;
    this.#last = this.#last.slice(LAST_KEPT);
  }

  /** The entries that stay, with a note in place of those that do not. */
  entries(): readonly WireLogEntry[] {
    const surplus = Math.max(0, this.#last.length - LAST_KEPT);
    const last = this.#last.slice(surplus);
    const skipped = this.#skipped + surplus;
    if (skipped === 0) return [...this.#first, ...last];
    const text = `… ${skipped} more …`;
    const gap: WireLogEntry = { atMs: last[0]?.atMs ?? 0, by: 'note', text };
    return [...this.#first, gap, ...last];
  }

  #entry(by: WireLogEntry['by'], text: string): WireLogEntry {
    return { atMs: Math.round((performance.now() - this.#start) * 10) / 10, by, text };
  }
}

/** Describes a frame in one line. */
export function describeFrame(frame: {
  readonly opcode: number;
  readonly fin?: boolean;
  readonly rsv?: number;
  readonly payload: Uint8Array;
}): string {
  const { opcode, fin = true, rsv = 0, payload } = frame;
  const name = OPCODE_NAMES[opcode] ?? `opcode ${opcode}`;
  if (opcode === CLOSE && payload.length >= 2) return describeClose(payload, fin, rsv);
  const flags = `FIN=${fin ? 1 : 0} RSV=${rsv}`;
  return `${name} ${flags} ${payload.length} octets ${previewOctets(payload)}`.trimEnd();
}

function describeClose(payload: Uint8Array, fin: boolean, rsv: number): string {
  const code = ((payload[0] ?? 0) << 8) | (payload[1] ?? 0);
  const reason = previewOctets(payload.subarray(2));
  const flags = fin && rsv === 0 ? '' : ` FIN=${fin ? 1 : 0} RSV=${rsv}`;
  return `close${flags} with code ${code} ${reason}`.trimEnd();
}

/** Shows the first octets of a payload: as text if printable ASCII, else in hexadecimal. */
export function previewOctets(payload: Uint8Array): string {
  if (payload.length === 0) return '';
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  const start = bytes.subarray(0, PREVIEW_LENGTH);
  const isPrintable = start.every((octet) => octet >= 0x20 && octet < 0x7f);
  const shown = isPrintable ? JSON.stringify(start.toString('latin1')) : start.toString('hex');
  return payload.length > PREVIEW_LENGTH ? `${shown} …` : shown;
}
