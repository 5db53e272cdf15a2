/**
 * Options that do not exist: a misspelt limit that is ignored would be no limit at all. The error
 * suggests the name that is nearest, whatever its case.
 */

/** One edit for so many characters may be a slip; with more it is another name. */
const CHARACTERS_PER_EDIT = 3;

/** Makes the error for a name that is not among the valid ones. */
export function unrecognizedOption(name: string, validNames: readonly string[]): Error {
  const nearest = nearestName(name, validNames);
  const hint = nearest === undefined ? '' : ` (did you mean ${nearest}?)`;
  return new Error(`Unrecognized option: ${name}${hint}`);
}

function nearestName(name: string, validNames: readonly string[]): string | undefined {
  let best: string | undefined;
  let fewest = Math.max(1, Math.floor(name.length / CHARACTERS_PER_EDIT)) + 1;
  for (const valid of validNames) {
    const edits = countEdits(name.toLowerCase(), valid.toLowerCase());
    if (edits >= fewest) continue;
    fewest = edits;
    best = valid;
  }
  return best;
}

/** Counts the characters to insert, delete or replace (the Levenshtein distance). */
function countEdits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [count, character] of [...from].entries()) {
    const next = [count + 1];
    for (let index = 0; index < to.length; index++) {
      const replaced = row[index]! + (character === to[index] ? 0 : 1);
      next.push(Math.min(replaced, row[index + 1]! + 1, next[index]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}
