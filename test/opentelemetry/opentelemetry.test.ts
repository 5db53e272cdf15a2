/**
 * The example for OpenTelemetry against its API and SDK, which install.mjs installs here: the
 * example is copied to where it finds them.
 */

import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../examples/running.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const isInstalled = existsSync(`${here}node_modules/@opentelemetry/api`);
const run = promisify(execFile);

beforeAll(ensureBuilt, 120_000);

describe.runIf(isInstalled)('examples/opentelemetry.mjs', { timeout: 60_000 }, () => {
  it('has a span for each end of each connection, and metrics of all', async () => {
    const folder = `${here}node_modules/.example`;
    mkdirSync(folder, { recursive: true });
    copyFileSync(`${here}../../examples/opentelemetry.mjs`, `${folder}/opentelemetry.mjs`);
    const { stdout, stderr } = await run(process.execPath, [`${folder}/opentelemetry.mjs`]);
    expect(stderr).toBe('');
    expect(stdout.trimEnd().split('\n').sort()).toEqual([
      'metric websocket.connections {"role":"client"} 0',
      'metric websocket.connections {"role":"server"} 0',
      'metric websocket.limits {"error.type":"WS_MESSAGE_TOO_LONG"} 1',
      'metric websocket.message.size {"way":"in"} 2 messages, 10 By',
      'metric websocket.message.size {"way":"out"} 3 messages, 1011 By',
      'span CLIENT closed 1000 UNSET',
      'span CLIENT closed 1009 UNSET',
      'span SERVER closed 1000 UNSET',
      'span SERVER closed 1006 ERROR',
    ]);
  });
});

if (!isInstalled) {
  it.skip('OpenTelemetry: not installed, run `node test/opentelemetry/install.mjs`', () => {});
}
