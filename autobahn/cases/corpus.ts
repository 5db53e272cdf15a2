// The data of sections 12 and 13: five kinds, 1 MiB each, generated from a fixed seed.
//
// JSON and HTML are ASCII, because they are sent as text and a message may start at any octet. The
// length is a multiple of every message length, so that a series goes round it in whole turns.

/** Names the kinds of data. */
export type CorpusName = 'json' | 'bitmap' | 'prose' | 'html' | 'pdf';

/** Holds one corpus. */
export interface Corpus {
  readonly title: string;
  /** The type of message that the data is sent as. */
  readonly type: 'text' | 'binary';
  /** Gives the octets; made at the first call. */
  readonly bytes: () => Buffer;
}

/** The length of each corpus in octets. */
export const CORPUS_LENGTH = 1_048_576;

const SUBJECTS = [
  'Der Wanderer',
  'Die alte Uhr',
  'Ein stilles Haus',
  'Der Fährmann',
  'Die Müllerin',
  'Das Mädchen am Brunnen',
  'Mein Großvater',
  'Der Nachtwächter',
  'Die Königin',
  'Ein junger Schreiber',
];
const VERBS = [
  'erzählte',
  'sah',
  'hörte',
  'vergaß',
  'suchte',
  'fand',
  'grüßte',
  'verließ',
  'träumte von',
  'schrieb über',
];
const OBJECTS = [
  'den langen Weg',
  'die grünen Wälder',
  'das ferne Läuten',
  'eine Stadt am Fluss',
  'den verlorenen Schlüssel',
  'die Sterne über dem Hügel',
  'ein Lied aus früher Zeit',
  'den Schnee vom vorigen Jahr',
];
const CLOSINGS = [
  'als der Abend kam',
  'und niemand wunderte sich',
  'bevor der Regen begann',
  'ohne ein Wort zu sagen',
  'während die Kinder schliefen',
  'bis der Morgen graute',
  'denn die Zeit war kurz',
];
const ONSETS = [
  'b',
  'd',
  'f',
  'fl',
  'gr',
  'h',
  'k',
  'l',
  'm',
  'n',
  'r',
  's',
  'sch',
  'st',
  't',
  'w',
  'z',
];
const NUCLEI = ['a', 'au', 'e', 'ei', 'i', 'ie', 'o', 'u', 'ä', 'ö', 'ü'];
const CODAS = ['', '', 'ch', 'ld', 'll', 'm', 'n', 'ng', 'r', 'rn', 's', 'tt'];
const NOUNS = [
  'harbour',
  'lantern',
  'orchard',
  'engine',
  'ledger',
  'compass',
  'meadow',
  'signal',
  'archive',
  'workshop',
];
const ADJECTIVES = [
  'quiet',
  'northern',
  'brass',
  'hollow',
  'late',
  'patient',
  'narrow',
  'bright',
  'second',
  'common',
];

/** Generates pseudo-random numbers (xorshift, 32 bits): `next(limit)` is below the limit. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  next(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  pick(words: readonly string[]): string {
    return words[this.next(words.length)] ?? '';
  }
}

/** A noun made of random syllables, so that the prose compresses no better than prose does. */
function madeUpNoun(dice: Dice): string {
  const syllables = Array.from({ length: 2 + dice.next(2) }, () =>
    [ONSETS, NUCLEI, CODAS].map((parts) => dice.pick(parts)).join(''),
  );
  const word = syllables.join('');
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function sentence(dice: Dice): string {
  const subject = `${dice.pick(SUBJECTS)} aus ${madeUpNoun(dice)}`;
  const place = `bei ${madeUpNoun(dice)} an der ${madeUpNoun(dice)}`;
  return `${subject} ${dice.pick(VERBS)} ${place} ${dice.pick(OBJECTS)}, ${dice.pick(CLOSINGS)}.`;
}

function fill(head: string | Buffer, piece: () => string | Buffer): Buffer {
  const corpus = Buffer.alloc(CORPUS_LENGTH);
  let position = Buffer.from(head as string).copy(corpus);
  while (position < CORPUS_LENGTH)
    position += Buffer.from(piece() as string).copy(corpus, position);
  return corpus;
}

function makeJson(dice: Dice): Buffer {
  let id = 0;
  return fill('[', () => {
    id += 1;
    const record = {
      id,
      name: `${dice.pick(ADJECTIVES)} ${dice.pick(NOUNS)}`,
      active: dice.next(2) === 1,
      position: {
        latitude: dice.next(180_000) / 1000 - 90,
        longitude: dice.next(360_000) / 1000 - 180,
      },
      tags: [dice.pick(NOUNS), dice.pick(NOUNS)],
      checksum: dice.next(2 ** 31).toString(16),
    };
    return `${JSON.stringify(record)},\n`;
  });
}

function makeBitmap(dice: Dice): Buffer {
  const width = 1024;
  const header = Buffer.alloc(54);
  header.write('BM', 0, 'latin1');
  header.writeUInt32LE(CORPUS_LENGTH, 2);
  header.writeUInt32LE(header.length, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(width, 18);
  header.writeInt32LE(width, 22);
  header.writeUInt16LE(1, 26);
  header.writeUInt16LE(8, 28);
  let y = 0;
  return fill(header, () => {
    const row = Buffer.alloc(width);
    for (let x = 0; x < width; x += 1) {
      // Soft shapes with a little grain: what a grey photograph is to a compressor.
      const shape = Math.sin(x / 61) + Math.cos(y / 47) + Math.sin((x + y) / 113);
      row[x] = 128 + Math.round(shape * 36) + dice.next(6);
    }
    y += 1;
    return row;
  });
}

function makeProse(dice: Dice): Buffer {
  return fill('', () => `${sentence(dice)}${dice.next(6) === 0 ? '\r\n\r\n' : ' '}`);
}

function makeHtml(dice: Dice): Buffer {
  let row = 0;
  return fill('<!DOCTYPE html>\n<html lang="en"><head><title>Index</title></head><body>\n', () => {
    row += 1;
    const item = `${dice.pick(ADJECTIVES)}-${dice.pick(NOUNS)}`;
    const image = `<img src="/images/${dice.next(10_000)}.png" width="64" height="64" alt="">`;
    const price = `<span class="price">${dice.next(100_000) / 100}</span>`;
    const link = `<a href="/items/${item}?page=${dice.next(90)}">${image}<b>${item}</b></a>`;
    return `<div class="row" id="row-${row}">${link}${price}</div>\n`;
  });
}

function makePdf(dice: Dice): Buffer {
  let object = 0;
  return fill('%PDF-1.4\n', () => {
    object += 1;
    const isCompressed = dice.next(3) > 0;
    // A compressed stream looks like noise; the others are drawing operators with text.
    const stream = isCompressed
      ? Buffer.from(Uint8Array.from({ length: 512 + dice.next(2048) }, () => dice.next(256)))
      : Buffer.from(
          Array.from(
            { length: 20 },
            () => `BT /F1 11 Tf 72 ${dice.next(700)} Td (${sentence(dice)}) Tj ET\n`,
          ).join(''),
          'latin1',
        );
    const filter = isCompressed ? ' /Filter /FlateDecode' : '';
    return Buffer.concat([
      Buffer.from(`${object} 0 obj\n<< /Length ${stream.length}${filter} >>\nstream\n`),
      stream,
      Buffer.from('\nendstream\nendobj\n'),
    ]);
  });
}

function corpus(title: string, type: 'text' | 'binary', make: (dice: Dice) => Buffer): Corpus {
  let made: Buffer | null = null;
  return {
    title,
    type,
    bytes: () => {
      made ??= make(new Dice(0x5eed));
      return made;
    },
  };
}

/** The corpora by name. */
export const corpora: Readonly<Record<CorpusName, Corpus>> = {
  json: corpus('JSON', 'text', makeJson),
  bitmap: corpus('a bitmap', 'binary', makeBitmap),
  prose: corpus('German prose', 'binary', makeProse),
  html: corpus('HTML', 'text', makeHtml),
  pdf: corpus('a PDF', 'binary', makePdf),
};
