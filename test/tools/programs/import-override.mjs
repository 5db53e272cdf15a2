import WebSocket, { WebSocketServer } from 'ws';
import { echoAsWs, run } from './echo.cjs';

export const done = run('import-override', () => echoAsWs(WebSocket, WebSocketServer));
