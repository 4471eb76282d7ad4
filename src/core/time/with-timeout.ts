/**
 * The result of `work`, or a rejection after `timeoutMs`. The work itself is not cancelled; a result or an error that
 * comes later is ignored.
 * @param timeoutMs milliseconds
 * @param timeoutError makes the error of the rejection; called only on a timeout
 * @throws what `work` rejects with, or `timeoutError()`
 */
export async function withTimeout<T>(
  work: PromiseLike<T>,
  timeoutMs: number,
  timeoutError: () => Error,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(timeoutError()), timeoutMs);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
