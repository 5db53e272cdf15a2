import WebSocket = require('sanswire/ws');

export = WebSocket;
