import { runJest } from '../jest.mjs';

runJest('jest');
