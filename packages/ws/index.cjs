// CommonJS: the class WebSocket itself, with everything else as its static members.
module.exports = require('sanswire/ws');
