/**
 * Reads the vector documents of this folder; README.md describes their notation. A document that
 * does not follow it throws, with the vector's title, so that no vector is skipped for a typing
 * error.
 */

import type { ConnectionLimits, Role } from '../../src/connection/options.ts';
import {
  buildFrame,
  closePayload,
  EXAMPLE_KEY,
  type FrameSpec,
  OPCODES,
} from '../support/frames.ts';
import { concat, hex, utf8 } from '../support/hex.ts';

/** What a peer sends to a connection of some role, and what is wanted of it. */
export interface Vector {
  readonly title: string;
  readonly roles: readonly Role[];
  readonly limits: ConnectionLimits;
  readonly events: readonly string[];
  readonly sent: readonly string[];
  inputTo(role: Role): Uint8Array;
}

/** A list of text payloads, each valid UTF-8 or not. */
export interface TextVector {
  readonly title: string;
  readonly texts: readonly { readonly isValid: boolean; readonly payload: Uint8Array }[];
}

export interface VectorDocument {
  readonly title: string;
  readonly vectors: readonly Vector[];
  readonly textVectors: readonly TextVector[];
}

/** Reads a document. */
export function parseVectorDocument(markdown: string): VectorDocument {
  const [head, ...sections] = markdown.split(/^## /m);
  const title = /^# (.+)/.exec(head ?? '')?.[1];
  if (title === undefined) throw new Error('A vector document begins with a # heading');
  const vectors: Vector[] = [];
  const textVectors: TextVector[] = [];
  for (const section of sections) {
    const vectorTitle = section.slice(0, section.indexOf('\n')).trim();
    try {
      const blocks = readBlocks(section);
      if (blocks.has('texts')) textVectors.push(readTextVector(vectorTitle, blocks));
      else vectors.push(readVector(vectorTitle, section, blocks));
    } catch (error) {
      throw new Error(`In the vector "${vectorTitle}"`, { cause: error });
    }
  }
  return { title, vectors, textVectors };
}

const BLOCK_NAMES = ['input', 'events', 'sent', 'texts'];

function readBlocks(section: string): Map<string, string[]> {
  const blocks = new Map<string, string[]>();
  for (const [, name = '', body = ''] of section.matchAll(/^```(\S*)\n(.*?)^```$/gms)) {
    if (!BLOCK_NAMES.includes(name) || blocks.has(name)) throw new Error(`Block "${name}"`);
    blocks.set(name, body.split('\n').filter(Boolean));
  }
  return blocks;
}

function readTextVector(title: string, blocks: Map<string, string[]>): TextVector {
  const texts = (blocks.get('texts') ?? []).map((line) => {
    const [, word, digits] = /^(valid|invalid) (.+)$/.exec(line) ?? [];
    if (digits === undefined) throw new Error(`Neither valid nor invalid: ${line}`);
    return { isValid: word === 'valid', payload: hex(digits) };
  });
  return { title, texts };
}

function readVector(title: string, section: string, blocks: Map<string, string[]>): Vector {
  const input = blocks.get('input');
  const events = blocks.get('events');
  if (input === undefined || events?.at(-1)?.startsWith('close') !== true) {
    throw new Error('A vector has an input, and events that end with close');
  }
  const role = /^At: (.*)$/m.exec(section)?.[1];
  if (role !== undefined && role !== 'client' && role !== 'server') throw new Error(`At ${role}`);
  return {
    title,
    roles: role === undefined ? ['client', 'server'] : [role],
    limits: readLimits(/^Limits: (.*)$/m.exec(section)?.[1]),
    events,
    sent: blocks.get('sent') ?? [],
    inputTo: (receiver) => concat(input.map((line) => readInputLine(line, receiver))),
  };
}

function readLimits(line: string | undefined): ConnectionLimits {
  const entries = (line ?? '').split(', ').filter(Boolean);
  return Object.fromEntries(
    entries.map((entry) => {
      const [, name = '', value] = /^(maxLength|maxFragments) (\d+)$/.exec(entry) ?? [];
      if (value === undefined) throw new Error(`Limit "${entry}"`);
      return [name, Number(value)];
    }),
  );
}

function readInputLine(line: string, receiver: Role): Uint8Array {
  const [word = '', ...rest] = line.split(' ');
  if (word === 'bytes') return readRepeated(rest.join(' '), hex);
  const flags: string[] = [];
  while (rest[0] !== undefined && FLAG.test(rest[0])) flags.push(rest.shift()!);
  const opcode = readOpcode(word);
  const payload = readPayload(opcode, rest.join(' '));
  return buildFrame({ opcode, payload, ...readFlags(flags, receiver) });
}

const FLAG = /^(?:-fin|rsv[123]|masked|unmasked|length-in-[28]|declares=\d+)$/;

function readFlags(flags: readonly string[], receiver: Role): Omit<FrameSpec, 'opcode'> {
  const has = (flag: string): boolean => flags.includes(flag);
  const declared = flags.find((flag) => flag.startsWith('declares='))?.slice('declares='.length);
  const isMasked = has('masked') || (receiver === 'server' && !has('unmasked'));
  return {
    fin: !has('-fin'),
    rsv: (has('rsv1') ? 4 : 0) + (has('rsv2') ? 2 : 0) + (has('rsv3') ? 1 : 0),
    maskingKey: isMasked ? EXAMPLE_KEY : undefined,
    ...(has('length-in-2') ? { lengthBytes: 2 } : {}),
    ...(has('length-in-8') ? { lengthBytes: 8 } : {}),
    ...(declared === undefined ? {} : { declaredLength: BigInt(declared) }),
  };
}

function readOpcode(word: string): number {
  const numbered = /^opcode-(\d+)$/.exec(word)?.[1];
  if (numbered !== undefined) return Number(numbered);
  const opcode = Object.entries(OPCODES).find(([name]) => name === word)?.[1];
  if (opcode === undefined) throw new Error(`Opcode "${word}"`);
  return opcode;
}

function readPayload(opcode: number, notation: string): Uint8Array {
  const [, code, reason] = /^(\d+)(?: (".*"))?$/.exec(notation) ?? [];
  if (opcode === OPCODES.close && code !== undefined) {
    return closePayload(Number(code), readJson(reason ?? '""'));
  }
  if (notation === '') return new Uint8Array(0);
  if (notation.startsWith('hex ')) return readRepeated(notation.slice('hex '.length), hex);
  return readRepeated(notation, readJson);
}

function readRepeated(notation: string, read: (part: string) => Uint8Array): Uint8Array {
  const [, part = notation, count = '1'] = /^(.*) x (\d+)$/.exec(notation) ?? [];
  return concat(new Array<Uint8Array>(Number(count)).fill(read(part)));
}

function readJson(notation: string): Uint8Array {
  const value: unknown = JSON.parse(notation);
  if (typeof value !== 'string') throw new Error(`Not a string: ${notation}`);
  return utf8(value);
}
