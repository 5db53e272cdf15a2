import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../scripts/check-layers.mjs', import.meta.url));
const roots: string[] = [];

/** Runs the script on a folder with the files of an object, by path. */
function check(files: Readonly<Record<string, string>>): {
  status: number | null;
  lines: string[];
} {
  const root = mkdtempSync(join(tmpdir(), 'sanswire-layers-'));
  roots.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, root], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  const lines = stdout.trimEnd().split('\n');
  return { status, lines: lines.slice(0, -1) };
}

afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
});

const clean = { status: 0, lines: [] };
const failure = (line: string) => ({ status: 1, lines: [`error: ${line}`] });

describe('check-layers.mjs accepts', () => {
  it('imports of the same layer, of lower ones, of Node in node/, and lookalikes', () => {
    const files = {
      'src/errors.ts': `import { CloseCode } from './close-code.ts';\n`,
      'src/close-code.ts': '',
      'src/frame/a.ts': [
        '/**',
        ` * import { x } from '../api/a.ts'; queue.shift(), Buffer.from(), process.exit()`,
        ' */',
        `import { b } from './b.ts';`,
        '// process.exit(), held.shift()',
        `const text = 'a Buffer, and process.exit()'; // Buffer.alloc`,
        'this.process.next(this.#process(shifted)); new ArrayBuffer(1); view.buffer.slice();',
      ].join('\n'),
      'src/frame/b.ts': '',
      'src/node/a.ts': `import 'node:buffer';\nimport 'bufferutil';\nprocess.exit();\n`,
      'src/drafts/a.ts': `import type { A } from '../node/a.ts';\n`,
      'src/pull-ws/source.ts': `export { a } from '../compat/a.ts';\n`,
      'src/compat/a.ts': `export * from '../api/a.ts';\n`,
      'src/api/a.ts': `const a = import('../drafts/a.ts');\n`,
      'src/ws.ts': `export { a } from './compat/a.ts';\nexport { b } from './index.ts';\n`,
      'src/index.ts': '',
    };
    expect(check(files)).toEqual(clean);
  });

  it('100 columns, counted in characters', () => {
    expect(check({ 'src/a.ts': `// ${'§'.repeat(97)}\n` })).toEqual(clean);
  });
});

describe('check-layers.mjs finds', () => {
  const higher = 'imports node/a.ts, which is in no lower layer';

  it.each([
    [`import { a } from '../node/a.ts';`],
    [`import type { A } from '../node/a.ts';`],
    [`import {\n  type A,\n  b,\n} from '../node/a.ts';`],
    [`import * as all from '../node/a.ts';`],
    [`import '../node/a.ts';`],
    [`export { a } from '../node/a.ts';`],
    [`export type { A } from '../node/a.ts';`],
    [`export * from '../node/a.ts';`],
    [`let a: typeof import('../node/a.ts').a;`],
    [`const a = await import(\n  '../node/a.ts'\n);`],
  ])('the import of a higher layer, in whatever form: %j', (code) => {
    expect(check({ 'src/frame/a.ts': `\n${code}\n` })).toEqual(
      failure(`src/frame/a.ts:2 ${higher}`),
    );
  });

  it.each([
    ['src/errors.ts', './frame/a.ts'],
    ['src/node/a.ts', '../drafts/a.ts'],
    ['src/drafts/a.ts', '../api/a.ts'],
    ['src/api/a.ts', '../streams/a.ts'],
    ['src/streams/a.ts', '../compat/a.ts'],
    ['src/compat/a.ts', '../ws.ts'],
    ['src/compat/ws/a.ts', '../../pull-ws/a.ts'],
  ])('that %s imports %s', (path, specifier) => {
    const { status, lines } = check({ [path]: `import '${specifier}';\n` });
    expect(status).toBe(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`${path}:1 imports`);
  });

  it.each(['node:net', 'node:buffer', 'ws'])('%s in the core', (name) => {
    expect(check({ 'src/connection/a.ts': `import type { A } from '${name}';\n` })).toEqual(
      failure(`src/connection/a.ts:1 imports ${name} into the core: use Platform`),
    );
  });

  it.each([
    ['Buffer', 'const bytes: Buffer = allocate();'],
    ['Buffer', 'const bytes = isLong ? Buffer.alloc(1) : none;'],
    ['process', 'process.nextTick(done);'],
    ['process', `const variable = process['env'];`],
  ])('%s in the core: %s', (name, code) => {
    expect(check({ 'src/event-stream/a.ts': `\n${code}\n` })).toEqual(
      failure(`src/event-stream/a.ts:2 uses ${name} in the core: use Platform`),
    );
  });

  it.each(['held.shift();', 'this.#held.shift()!.start();', 'held?.shift();', 'a\n  .shift();'])(
    'shift() in src/: %j',
    (code) => {
      const { status, lines } = check({ 'src/compat/a.ts': code });
      expect(status).toBe(1);
      expect(lines[0]).toMatch(/^error: src\/compat\/a\.ts:\d uses shift\(\)/);
    },
  );

  it('a folder that is in no layer', () => {
    expect(check({ 'src/utils/a.ts': '' })).toEqual(failure('src/utils/a.ts:1 is in no layer'));
  });

  it('lines over 100 columns: errors in src/ and test/, warnings elsewhere', () => {
    const wide = `\n// ${'a'.repeat(98)}\n`;
    for (const path of ['src/a.ts', 'test/a.test.ts']) {
      expect(check({ [path]: wide })).toEqual(failure(`${path} has lines over 100 columns: 2`));
    }
    expect(check({ 'bench/a.mjs': wide })).toEqual({
      status: 0,
      lines: ['warning: bench/a.mjs has lines over 100 columns: 2'],
    });
  });

  it('a CONTRIBUTING.md or a tsconfig.core.json that names other layers', () => {
    const { status, lines } = check({
      'CONTRIBUTING.md': 'errors < frame < node\n',
      'tsconfig.core.json': '{ "include": ["src/errors.ts", "src/frame"] }',
    });
    expect(status).toBe(1);
    expect(lines[0]).toContain('error: CONTRIBUTING.md does not list the layers: errors/');
    expect(lines[1]).toContain('error: tsconfig.core.json does not include exactly the layers');
  });
});
