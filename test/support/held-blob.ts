/**
 * A Blob whose bytes cannot be read before the test says so: what is sent behind it has to wait.
 */

export interface HeldBlob {
  readonly blob: Blob;
  readonly release: () => void;
}

export function heldBlob(text: string): HeldBlob {
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const blob = new Blob([text]);
  const read = blob.arrayBuffer.bind(blob);
  blob.arrayBuffer = () => released.then(read);
  return { blob, release };
}
