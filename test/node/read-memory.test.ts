import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { openReadMemory, readMemory } from '../../src/node/read-memory.ts';
import { ensureBuilt, ROOT } from '../seeds/built.ts';
import { naiveMask } from '../support/frames.ts';
import { sameBytes } from '../support/hex.ts';

const KEY = Uint8Array.of(0x9e, 0x01, 0xf0, 0x57);
const KEY_NUMBER = 0x9e01f057;
const AROUND = 0x21;

describe('The memory that is read into', () => {
  it('is one, of 68 KiB', () => {
    const memory = openReadMemory();
    expect(openReadMemory()).toBe(memory);
    expect([memory.length, memory.byteOffset]).toEqual([68 * 1024, 0]);
  });

  it('masks all lengths to 300 at all offsets to 20, from each byte of the key', () => {
    const memory = openReadMemory();
    const payload = Uint8Array.from({ length: 300 }, (_, index) => index * 7);
    const end = 20 + payload.length + 40;
    for (let keyPosition = 0; keyPosition < 4; keyPosition++) {
      const masked = naiveMask(payload, KEY, keyPosition);
      for (let offset = 0; offset <= 20; offset++) {
        for (let length = 0; length <= 300; length++) {
          memory.fill(AROUND, 0, end);
          memory.set(payload.subarray(0, length), offset);
          const stop = offset + length;
          nodePlatform.mask(memory, offset, stop, memory, offset, KEY_NUMBER, keyPosition);
          const isRight =
            sameBytes(memory.subarray(offset, stop), masked.subarray(0, length)) &&
            memory.subarray(0, offset).every((byte) => byte === AROUND) &&
            memory.subarray(stop, end).every((byte) => byte === AROUND);
          if (!isRight) expect.unreachable(`${length} bytes at ${offset}, key ${keyPosition}`);
        }
      }
    }
  });

  it('masks short ranges by itself as well, up to its end', () => {
    const memory = openReadMemory();
    const key = 0x57f0019e;
    for (let length = 0; length < 100; length++) {
      const start = memory.length - length;
      memory.fill(AROUND);
      readMemory.mask?.(start, memory.length, key);
      const wanted = naiveMask(new Uint8Array(length).fill(AROUND), KEY);
      expect(sameBytes(memory.subarray(start), wanted)).toBe(true);
      expect(memory[start - 1]).toBe(AROUND);
    }
  });
});

/** Prints what a server and a client take, and the memory that the server's socket reads into. */
const PROGRAM = `
const { createServer } = require('node:http');
const { Client, WebSocket } = require('sanswire');
const server = createServer().on('upgrade', (request, socket, head) => {
  const echo = new WebSocket(request, socket, head);
  echo.on('message', ({ data }) => echo.send(data));
  echo.once('message', () => {
    const symbols = Object.getOwnPropertySymbols(socket);
    const memory = socket[symbols.find(({ description }) => description === 'kBuffer')];
    console.log(typeof WebAssembly, memory?.length);
  });
});
server.listen(0, '127.0.0.1', () => {
  const client = new Client('ws://127.0.0.1:' + server.address().port);
  const sent = ['abc', 'd'.repeat(300), Buffer.alloc(100_000, 'e'), Buffer.alloc(1_000_000, 'f')];
  for (const one of sent) client.send(one);
  let count = 0;
  client.on('message', ({ data }) => {
    console.log(data.length, Buffer.from(data).equals(Buffer.from(sent[count])));
    if (++count === sent.length) client.close();
  });
  client.on('close', ({ wasClean }) => {
    console.log(wasClean);
    server.close();
  });
});
`;

/** What it prints after that. */
const ECHOES = ['3 true', '300 true', '100000 true', '1000000 true', 'true'];

/** What somebody has put in place of `WebAssembly`, by what its instances export. */
const REPLACEMENTS: Readonly<Record<string, string>> = {
  'has a mask and no memory': '{ mask: fail }',
  'has a memory and no mask': '{ memory }',
  'masks nothing': '{ memory, mask: () => {} }',
  'throws when it masks': '{ memory, mask: fail }',
  'masks a byte too many': `{
    memory,
    mask: (start, end) => {
      for (let index = 0; index <= end - start; index++) view[start + index] = (index & 3) + 1;
    },
  }`,
};

function runProgram(program: string, flags: readonly string[] = [], variables = {}): string[] {
  const env = { ...process.env, ...variables };
  const options = { cwd: ROOT, env, encoding: 'utf8', timeout: 20_000 } as const;
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, '-e', program], options);
  // Node may say which flags a flag turns off.
  expect(stderr.replace(/^Warning: disabling flag .*\n/, '')).toBe('');
  return stdout.trim().split('\n');
}

describe('A process', () => {
  beforeAll(ensureBuilt, 60_000);

  it.each([
    ['with WebAssembly', [], {}, 'object 69632'],
    ['without (--jitless)', ['--jitless'], {}, 'undefined 69632'],
    ['with SANSWIRE_NO_SHARED_READS', [], { SANSWIRE_NO_SHARED_READS: '1' }, 'object undefined'],
  ])('%s reads short and long messages', (_, flags, variables, memory) => {
    expect(runProgram(PROGRAM, flags, variables)).toEqual([memory, ...ECHOES]);
  });

  it.each([
    ['Node 20', { node: '20.0.0' }, 69632],
    ['Node 26', { node: '26.99.0' }, 69632],
    ['Node 27, which we do not know', { node: '27.0.0' }, undefined],
    ['Bun', { bun: '1.3.0' }, undefined],
    ['Deno', { deno: '2.5.0' }, undefined],
  ])('that says it is %s reads as it can there', (_, versions, memory) => {
    const value = `{ ...process.versions, ...${JSON.stringify(versions)} }`;
    const disguise = `Object.defineProperty(process, 'versions', { value: ${value} });`;
    expect(runProgram(disguise + PROGRAM)).toEqual([`object ${memory}`, ...ECHOES]);
  });

  it.each(Object.keys(REPLACEMENTS))('whose WebAssembly %s reads without it', (name) => {
    const replacement = `
      const view = new Uint8Array(128 * 1024);
      const memory = { buffer: view.buffer };
      const fail = () => { throw new Error('A stub was called'); };
      const exports = ${REPLACEMENTS[name]};
      globalThis.WebAssembly = { Module: class {}, Instance: class { exports = exports; } };
    `;
    expect(runProgram(replacement + PROGRAM)).toEqual(['object 69632', ...ECHOES]);
  });
});
