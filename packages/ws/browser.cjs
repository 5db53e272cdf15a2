// For bundles that are made for browsers, which have a WebSocket of their own. Loading it is fine,
// so that code for both can be bundled; a call says what is wrong.
module.exports = function WebSocket() {
  throw new Error(
    'sanswire-ws does not work in browsers: use the WebSocket that the browser has (globalThis.WebSocket)',
  );
};
