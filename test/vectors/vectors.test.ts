import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/connection/options.ts';
import { wholeBytes } from '../../src/connection/sink.ts';
import { describeString, frameTo } from '../support/frames.ts';
import { concat } from '../support/hex.ts';
import type { RunOptions } from '../support/recorded-connection.ts';
import { logOfEveryCut } from '../support/run-connection.ts';
import { parseVectorDocument, type TextVector, type Vector } from './vector-document.ts';

const folder = new URL('.', import.meta.url);
const documents = readdirSync(folder)
  .filter((name) => name.endsWith('.md') && name !== 'README.md')
  .map((name) => parseVectorDocument(readFileSync(new URL(name, folder), 'utf8')));

const ROLES: readonly Role[] = ['client', 'server'];
/** The ways to take messages: none of them may change what happens. */
const WAYS = [{}, { isStreaming: true }, { sink: wholeBytes(true) }];

function checkVector(vector: Vector, role: Role): void {
  for (const way of WAYS) {
    const log = logOfEveryCut({ ...vector.limits, ...way, role }, vector.inputTo(role));
    expect(log).toEqual({ events: vector.events, sent: vector.sent });
  }
}

/** The payload in one frame, and in fragments of one octet. */
function textInputs(role: Role, payload: Uint8Array): Uint8Array[] {
  const fragments = Array.from(payload, (octet, index) =>
    frameTo(role, {
      opcode: index === 0 ? 'text' : 'continuation',
      fin: index === payload.length - 1,
      payload: Uint8Array.of(octet),
    }),
  );
  return [frameTo(role, { opcode: 'text', payload }), concat(fragments)];
}

function checkTexts({ texts }: TextVector, role: Role): void {
  for (const { isValid, payload } of texts) {
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(payload);
    const wanted = isValid
      ? { events: [`text ${describeString(text)}`, 'close 1006 unclean'], sent: [] }
      : { events: ['error WS_INVALID_TEXT', 'close 1006 unclean'], sent: ['close 1007'] };
    for (const input of textInputs(role, payload)) {
      for (const way of WAYS) {
        const options: RunOptions = { ...way, role };
        expect(logOfEveryCut(options, input), text).toEqual(wanted);
      }
    }
  }
}

describe.each(documents)('$title', ({ vectors, textVectors }) => {
  for (const role of ROLES) {
    const mine = vectors.filter((vector) => vector.roles.includes(role));
    it.each(mine)(`at a ${role}: $title`, (vector) => checkVector(vector, role));
    it.each(textVectors)(`at a ${role}: $title`, (vector) => checkTexts(vector, role));
  }
});

describe('The vector documents', () => {
  const titles = documents.flatMap((document) => [
    ...document.vectors.map((vector) => `${document.title}: ${vector.title}`),
    ...document.textVectors.map((vector) => `${document.title}: ${vector.title}`),
  ]);

  it('name each vector once', () => {
    expect(new Set(titles).size).toBe(titles.length);
  });

  it('refuse what they do not understand', () => {
    const broken = (body: string) => () => parseVectorDocument(`# Title\n\n## A\n\n${body}`);
    const events = '```events\nclose 1006 unclean\n```\n';
    expect(broken(`\`\`\`input\npong\n\`\`\`\n\n${events}`)).not.toThrow();
    expect(broken(events)).toThrow('In the vector "A"');
    expect(broken('```input\npong\n```\n')).toThrow('In the vector "A"');
    expect(broken('```texts\nmaybe FF\n```\n')).toThrow('In the vector "A"');
    expect(broken(`\`\`\`imput\npong\n\`\`\`\n\n${events}`)).toThrow('In the vector "A"');
    expect(broken(`At: proxy\n\n\`\`\`input\npong\n\`\`\`\n\n${events}`)).toThrow(
      'In the vector "A"',
    );
  });
});
