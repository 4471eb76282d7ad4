/** The request cannot be read: broken, of a kind that no box sends, or too large. Answered with a page, as it always was. */
export class UnreadableBodyError extends Error {
  constructor(
    readonly status: 400 | 413 | 415,
    message: string,
  ) {
    super(message);
  }
}

export const brokenBody = (why: string): UnreadableBodyError => new UnreadableBodyError(400, why);
export const bodyTooLarge = (maxBytes: number): UnreadableBodyError =>
  new UnreadableBodyError(413, `over ${maxBytes} bytes`);
