export { CloseCode } from './close-code.ts';
export { WebSocket, WebSocket as default, WebSocket as 'module.exports' } from './api/websocket.ts';
