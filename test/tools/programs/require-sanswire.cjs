const WebSocket = require('sanswire');
const { Client, isWebSocket, OPEN, WebSocket: same } = require('sanswire');
const { echo, run } = require('./echo.cjs');

exports.done = run('require-sanswire', async () => {
  if (WebSocket !== same) throw new Error('Two classes');
  if (typeof isWebSocket !== 'function' || OPEN !== 1) throw new Error('No names');
  await echo(WebSocket, Client);
});
