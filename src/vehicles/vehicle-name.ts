/** The form in which names are compared: case and outer spaces do not matter, so `RTW 1` equals `rtw 1`. */
export function nameKey(name: string): string {
  return name.trim().normalize('NFKC').toLowerCase();
}

/**
 * The first key after all keys that begin with `prefix`, in the database's order (UTF-8 bytes, which is the order of
 * code points); null when there is none. Appending U+FFFF to the prefix would be wrong: it sorts before every emoji and
 * every rare Chinese character.
 */
export function prefixUpperBound(prefix: string): string | null {
  const codePoints = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  for (let last = codePoints.pop(); last !== undefined; last = codePoints.pop()) {
    if (last === 0x10ffff) continue;
    // The surrogates between U+D7FF and U+E000 are no characters and have no UTF-8 form.
    return String.fromCodePoint(...codePoints, last === 0xd7ff ? 0xe000 : last + 1);
  }
  return null;
}
