const WebSocket = require('ws');
const { WebSocketServer } = require('ws');
const { echoAsWs, run } = require('./echo.cjs');

exports.done = run('require-override', () => echoAsWs(WebSocket, WebSocketServer));
