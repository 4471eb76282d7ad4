/** Two changes to a short name make another word of it: `NPM_TOKEN` is not meant as `OPS_TOKEN`. */
const LONG_NAME = 10;

/**
 * The known name that a misspelt name is probably meant as: one character added, left out, changed or swapped with its
 * neighbour, two in a long name.
 * @returns null when no known name is that similar
 */
export function similarName(name: string, known: Iterable<string>): string | null {
  const wanted = simplified(name);
  let best: string | null = null;
  let bestDistance = Infinity;
  for (const candidate of known) {
    const limit = candidate.length < LONG_NAME ? 1 : 2;
    if (Math.abs(candidate.length - wanted.length) > limit) continue;
    const distance = editDistance(wanted, candidate);
    if (distance > limit || distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/** Case and separators are no difference; names of the table are in capitals. */
function simplified(name: string): string {
  return name.toUpperCase().replace(/[^A-Z0-9]/g, '_');
}

/** Damerau–Levenshtein distance with adjacent swaps ("optimal string alignment"). */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity;
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    rows.push(current);
    for (let column = 1; column <= b.length; column += 1) {
      const isSame = a[row - 1] === b[column - 1];
      const isSwapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current.push(
        Math.min(
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          at(row - 1, column - 1) + (isSame ? 0 : 1),
          isSwapped ? at(row - 2, column - 2) + 1 : Infinity,
        ),
      );
    }
  }
  return at(a.length, b.length);
}
