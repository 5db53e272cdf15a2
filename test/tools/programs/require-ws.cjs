const WebSocket = require('sanswire/ws');
const { WebSocketServer } = require('sanswire/ws');
const { echoAsWs, run } = require('./echo.cjs');

exports.done = run('require-ws', () => echoAsWs(WebSocket, WebSocketServer));
