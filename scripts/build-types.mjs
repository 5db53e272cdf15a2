// Writes the declarations of dist/. types/*.d.cts declares everything, once, for classes have
// private members, and one that is declared twice is two types. Each entry passes its names on: as
// .d.ts for `import`, and as .d.cts for `require`, where the module is the default export.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { dts } from 'rolldown-plugin-dts';
import { listEntries } from './entries.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiled = mkdtempSync(join(tmpdir(), 'sanswire-types-'));

/** The files of dist/types, one for each face: most faces have a WebSocket or a Server. */
const FACES = ['nodejs-websocket', 'pull-ws', 'walve', 'ws'];
const isOf = (face) => (id) =>
  [`/${face}.d.ts`, `/${face}/`, `/compat/${face}/`].some((part) => id.startsWith(compiled + part));
const groups = [
  ...FACES.map((face) => ({ name: face, test: isOf(face) })),
  { name: 'sanswire', test: (id) => !id.startsWith(`${compiled}/entries/`) },
];

/** From TypeScript 6 on, no package of types is there unless something names it. */
const NODE = '/// <reference types="node" />\n';

function write(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function compile() {
  const options = ['-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', compiled];
  const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', ...options], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('The declarations cannot be compiled');
}

async function rollUp() {
  const input = {};
  for (const name of listEntries()) {
    // A file of its own, so that what the entry declares is in dist/types, too.
    const module = join(compiled, `${name}.d.ts`);
    const hasDefault = /\bdefault\b/.test(readFileSync(module, 'utf8'));
    input[name] = join(compiled, 'entries', `${name}.d.ts`);
    const rest = hasDefault ? `export { default } from '${module}';\n` : '';
    write(input[name], `export * from '${module}';\n${rest}`);
  }
  const build = await rolldown({
    input,
    external: /^node:/,
    plugins: [dts({ dtsInput: true })],
    preserveEntrySignatures: 'allow-extension',
    experimental: { attachDebugInfo: 'none' },
    checks: { pluginTimings: false },
  });
  const { output } = await build.generate({
    entryFileNames: '[name].ts',
    chunkFileNames: 'types/[name].d.ts',
    minifyInternalExports: false,
    codeSplitting: { groups, includeDependenciesRecursively: false },
  });
  await build.close();
  return output;
}

/** In a namespace, names the types of the module that have the same name as one of its members. */
function qualify(code, fileName) {
  return code.replace(/^declare namespace \w+ \{\n.+?^\}$/gms, (namespace) => {
    const members = new Set([...namespace.matchAll(/^ {2}type (\w+)/gm)].map(([, name]) => name));
    const own = namespace.replace(/(?<= = )[\w$]+/g, (name) =>
      members.has(name) ? `all.${name}` : name,
    );
    return `import type * as all from "./${basename(fileName, '.d.ts')}.cjs";\n${own}`;
  });
}

/** Returns [from, local, exported] of each name that an entry passes on. */
function readNames(code) {
  const list = (text) => text.split(', ').map((one) => one.split(' as '));
  const sources = new Map();
  for (const [, names, from] of code.matchAll(/^import \{ (.+) \} from "(.+)";$/gm)) {
    for (const [name, local = name] of list(names)) sources.set(local, { from, name });
  }
  const [, exported] = /^export \{ (.+) \};$/m.exec(code);
  return list(exported).map(([local, as = local]) => ({ ...sources.get(local), local, as }));
}

/**
 * What `require` returns is the default export where that has a name, too: a class or a function
 * with the other names as its members. Else it is an object of all names.
 */
function toCommonJs(code, isClass) {
  const names = readNames(code);
  const main = names.find(({ as }) => as === 'default');
  const value = names.find(({ as, local }) => as !== 'default' && local === main?.local);
  if (value === undefined) return code.replace(/,? \w+ as default/, '');
  const froms = [...new Set(names.map(({ from }) => from))];
  const target = ({ from, name }) => `${alias(from)}.${name}`;
  const members = names.filter(({ as }) => as !== 'default');
  const type = `typeof ${target(value)}`;
  return [
    ...froms.map((from) => `import * as ${alias(from)} from "${from}";`),
    isClass(value.name)
      ? `declare class ${value.as} extends ${target(value)} {}`
      : `declare function ${value.as}(...values: Parameters<${type}>): ReturnType<${type}>;`,
    `declare namespace ${value.as} {`,
    ...members.map((member) => `  export import ${member.as} = ${target(member)};`),
    '}',
    `export = ${value.as};\n`,
  ].join('\n');
}

const alias = (from) => `${basename(from, '.cjs').replaceAll('-', '_')}_types`;

try {
  compile();
  const files = await rollUp();
  const all = files.map(({ code }) => code).join('\n');
  const isClass = (name) => all.includes(`declare class ${name} `);
  for (const { fileName, code, isEntry } of files) {
    const text = code
      .replace(/(?<= from "\..+)\.js(?=";$)/gm, '.cjs')
      .replace(/^export \{.+\};$/m, (list) => list.replaceAll(' type ', ' '));
    const path = join(root, 'dist', fileName.replace(/(?:\.d)?\.ts$/, ''));
    if (isEntry) write(`${path}.d.ts`, text);
    write(`${path}.d.cts`, isEntry ? toCommonJs(text, isClass) : NODE + qualify(text, fileName));
  }
} finally {
  rmSync(compiled, { recursive: true });
}
