import WebSocket, { Client, isWebSocket, OPEN, WebSocket as same } from 'sanswire';
import { echo, run } from './echo.cjs';

export const done = run('import-sanswire', async () => {
  if (WebSocket !== same) throw new Error('Two classes');
  if (typeof isWebSocket !== 'function' || OPEN !== 1) throw new Error('No names');
  await echo(WebSocket, Client);
});
