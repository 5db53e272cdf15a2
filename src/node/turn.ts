/**
 * Turns: what the process runs until the next tick, and what was put off to the end of it.
 *
 * A process that exits has no next tick. What waits then is written in the 'exit' event, as far as
 * the system takes it at once.
 */

import { Queue } from '../queue.ts';

/** Has something left to do at the end of the turn. */
export interface TurnMember {
  endTurn(): void;
  /** The process exits: writes what waits, and calls nobody. */
  flushAhead(): void;
}

/** Turns are numbered from 1 to this, over and over: V8 keeps small integers in place. */
const LAST_NUMBER = 0x3fff_ffff;

const members: Queue<TurnMember> = new Queue();
/** Those that gather within a read, the innermost last. */
const readers: TurnMember[] = [];
let number = 1;
let isScheduled = false;
let isWatching = false;
let isInExit = false;

/** Returns the number of the present turn, which ends with the next tick. */
export function enterTurn(): number {
  if (!isScheduled) {
    isScheduled = true;
    process.nextTick(endTurn);
  }
  return number;
}

/** Whether a turn is still the present one. */
export function isPresentTurn(turn: number): boolean {
  return turn === number;
}

/** Puts a member's work off to the end of the turn. */
export function joinTurn(member: TurnMember): void {
  enterTurn();
  members.push(member);
}

/** Notes who has work left within a read; {@link leaveRead} follows when the read ends. */
export function joinRead(member: TurnMember): void {
  readers.push(member);
}

export function leaveRead(member: TurnMember): void {
  // Nearly always the last: reads of two streams in one process may overlap.
  readers.splice(readers.lastIndexOf(member), 1);
}

/** Whether the process exits: nothing may gather any more. */
export function isExiting(): boolean {
  return isInExit;
}

/** Has what gathered written when the process exits. */
export function watchExit(): void {
  if (isWatching) return;
  isWatching = true;
  // First: a listener of the application's may throw, and so keep the others from being called.
  process.prependListener('exit', () => {
    isInExit = true;
    for (const member of [...readers, ...members.takeAll()]) member.flushAhead();
  });
}

function endTurn(): void {
  isScheduled = false;
  number = number === LAST_NUMBER ? 1 : number + 1;
  let thrown: { readonly error: unknown } | undefined;
  // Who joins meanwhile has a turn of its own. One at a time: a callback may exit the process.
  for (let count = members.length; count > 0; count--) {
    try {
      members.take()?.endTurn();
    } catch (error) {
      thrown ??= { error };
    }
  }
  if (thrown !== undefined) throw thrown.error;
}
