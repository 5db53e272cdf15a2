// What `require` gives, for both.mjs.
exports.sanswire = require('sanswire');
exports.ws = require('sanswire/ws');
exports.override = require('ws');
exports.engine = require('sanswire/engine');
exports.server = require('sanswire/server');
exports.nestjs = require('sanswire/nestjs');
exports.streams = require('sanswire/streams');
exports.pullWs = require('sanswire/pull-ws');
exports.walve = require('sanswire/walve');
exports.nodejsWebSocket = require('sanswire/nodejs-websocket');
