// Stands in for the optional package bufferutil, and leaves a note that it was found.
function mask(source, key, output, offset, length) {
  for (let index = 0; index < length; index++) {
    output[offset + index] = source[index] ^ key[index % 4];
  }
}

module.exports = { mask, unmask: (bytes, key) => mask(bytes, key, bytes, 0, bytes.length) };
globalThis.hasBufferutil = true;
