/** Names are compared case-blind and without outer spaces: `RTW 1` and `rtw 1` are one vehicle to a dispatcher. */
export function nameKey(name: string): string {
  return name.trim().normalize('NFKC').toLowerCase();
}

/**
 * The first key after all that begin with `prefix`, in the database's order of UTF-8 bytes, which is the order of code
 * points; null when nothing lies behind them. A character "above all" put behind the prefix would not do: U+FFFF sorts
 * before every emoji and every rare Chinese character.
 */
export function prefixUpperBound(prefix: string): string | null {
  const codePoints = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  for (let last = codePoints.pop(); last !== undefined; last = codePoints.pop()) {
    if (last === 0x10ffff) continue;
    // Between U+D7FF and U+E000 lie the surrogates, which are no characters and have no UTF-8.
    return String.fromCodePoint(...codePoints, last === 0xd7ff ? 0xe000 : last + 1);
  }
  return null;
}
