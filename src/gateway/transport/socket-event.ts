/** The acknowledgement function, when the client requested one. */
export function acknowledgementOf(sent: readonly unknown[]): ((answer: unknown) => void) | undefined {
  const last = sent.at(-1);
  return typeof last === 'function' ? (last as (answer: unknown) => void) : undefined;
}

/** What the client sent with an event: its value, an array of several. */
export function payloadOf(sent: readonly unknown[]): unknown {
  const count = acknowledgementOf(sent) ? sent.length - 1 : sent.length;
  return count > 1 ? sent.slice(0, count) : count === 1 ? sent[0] : undefined;
}
