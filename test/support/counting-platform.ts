/**
 * The platform of Node with a counter in front of each service: what the engine costs, told without
 * a clock, and what it keeps, told without the process's memory.
 */

import { nodePlatform } from '../../src/node/node-platform.ts';
import type { Platform } from '../../src/platform.ts';
import { BufferWatch } from './garbage.ts';

export class CountingPlatform implements Platform {
  /** All calls of the services below. */
  callCount = 0;
  /** The memory ever asked for. */
  allocatedLength = 0;
  allocationCount = 0;
  /** The most that was asked for at once. */
  largestAllocation = 0;
  maskedLength = 0;
  /** The bytes that were validated or decoded. */
  readLength = 0;
  readonly #memory = new BufferWatch();

  /** Returns the bytes of all memory that was asked for and that something still refers to. */
  retainedLength(): Promise<number> {
    return this.#memory.retainedLength();
  }

  allocate(length: number): Uint8Array {
    return this.#count(nodePlatform.allocate(length));
  }

  copy(bytes: Uint8Array): Uint8Array {
    return this.#count(nodePlatform.copy(bytes));
  }

  view(bytes: Uint8Array, start: number, end: number): Uint8Array {
    this.callCount++;
    return nodePlatform.view(bytes, start, end);
  }

  decodeText(bytes: Uint8Array, start: number, end: number): string | undefined {
    this.callCount++;
    this.readLength += end - start;
    return nodePlatform.decodeText(bytes, start, end);
  }

  readonly maxTextLength = nodePlatform.maxTextLength;

  isText(bytes: Uint8Array, start: number, end: number): boolean {
    this.callCount++;
    this.readLength += end - start;
    return nodePlatform.isText(bytes, start, end);
  }

  textLength(text: string): number {
    this.callCount++;
    return nodePlatform.textLength(text);
  }

  encodeText(text: string, target: Uint8Array, offset: number): number {
    this.callCount++;
    return nodePlatform.encodeText(text, target, offset);
  }

  mask(
    source: Uint8Array,
    start: number,
    end: number,
    target: Uint8Array,
    targetStart: number,
    key: number,
    keyPosition: number,
  ): void {
    this.callCount++;
    this.maskedLength += end - start;
    nodePlatform.mask(source, start, end, target, targetStart, key, keyPosition);
  }

  maskingKey(): number {
    this.callCount++;
    return nodePlatform.maskingKey();
  }

  randomBase64(byteLength: number): string {
    return nodePlatform.randomBase64(byteLength);
  }

  sha1Base64(text: string): string {
    return nodePlatform.sha1Base64(text);
  }

  #count(allocated: Uint8Array): Uint8Array {
    this.callCount++;
    this.allocationCount++;
    this.allocatedLength += allocated.length;
    this.largestAllocation = Math.max(this.largestAllocation, allocated.length);
    this.#memory.watch(allocated);
    return allocated;
  }
}
