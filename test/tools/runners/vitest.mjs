import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startVitest } from 'vitest/node';
import { out, programs } from '../project.mjs';

mkdirSync(out, { recursive: true });
const test = ([name, path]) => `test('${name}', async () => (await import('${path}')).done);`;
writeFileSync(join(out, 'all.test.mjs'), Object.entries(programs).map(test).join('\n'));
const options = { root: out, globals: true, watch: false, disableConsoleIntercept: true };
const vitest = await startVitest('test', [], options);
await vitest.close();
