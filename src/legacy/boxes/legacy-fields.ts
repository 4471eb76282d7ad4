/** What a box sent, whatever it is; numbers often as text. */
export type LegacyFields = Readonly<Record<string, unknown>>;

/** One name more than once is a list, as multer made it; an own property, whatever the name. */
export function addField(fields: Record<string, unknown>, name: string, value: string): void {
  const before = Object.hasOwn(fields, name) ? fields[name] : undefined;
  const both =
    before === undefined ? value : [...(Array.isArray(before) ? (before as unknown[]) : [before]), value];
  Object.defineProperty(fields, name, { value: both, enumerable: true, writable: true, configurable: true });
}
