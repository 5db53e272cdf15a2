import { runJest } from '../jest.mjs';

runJest('jest-29');
