/** `<folder>/<m>_<s>_<4 digits>.<extension>` of the old server, with anything before it. */
const NUMBERED = /_\d{4}\.[^./]*$/;

/**
 * The names of the pictures of one request, in their places: `image0` stays the first camera of a box when its picture
 * cannot be stored. A missing place gets a name that leads to no file, because a reader can fail without `image0`: the number
 * in it is below 1000, and those of pictures are not.
 * @param names null: the picture could not be stored
 * @returns empty without any picture; places after the last picture are left out
 */
export function namesInPlaces(names: readonly (string | null)[]): readonly string[] {
  const model = names.find((name) => name !== null) ?? null;
  const last = names.findLastIndex((name) => name !== null);
  return names
    .slice(0, last + 1)
    .map((name, place) => name ?? String(model).replace(NUMBERED, `_${String(place).padStart(4, '0')}.jpg`));
}

/** A name of `namesInPlaces` without a picture. */
const MISSING = /_0\d{3}\.[^./]*$/;

/** Two parts of one request: each place has the name of a picture when one part has it. */
export function mergedNames(one: readonly string[], other: readonly string[]): readonly string[] {
  return Array.from({ length: Math.max(one.length, other.length) }, (_, place) => {
    const [name = '', second = ''] = [one[place], other[place]];
    return name === '' || (MISSING.test(name) && second !== '') ? second : name;
  });
}
