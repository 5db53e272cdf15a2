// Node before it could require modules, and where that is turned off.
import { spawnSync } from 'node:child_process';
import { project } from '../project.mjs';

const parameters = ['--no-experimental-require-module', 'run-all.mjs', project];
const { status } = spawnSync(process.execPath, parameters, { stdio: 'inherit' });
process.exitCode = status ?? 1;
