import WebSocket, { WebSocketServer } from 'sanswire/ws';
import { echoAsWs, run } from './echo.cjs';

export const done = run('import-ws', () => echoAsWs(WebSocket, WebSocketServer));
