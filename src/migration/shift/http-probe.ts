import { request as httpRequest } from 'node:http';

export interface ProbeRequest {
  readonly method?: 'GET' | 'POST' | 'PUT';
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: string | Buffer;
  /** From the begin to the end of the answer. */
  readonly timeoutMs: number;
}

/** `status` is null without an answer in time. */
export interface ProbeAnswer {
  readonly status: number | null;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
  readonly ms: number;
}

/** `/metrics` has about 150 kB. */
const MAX_ANSWER_BYTES = 4_000_000;

/** One request on a connection of its own. Never rejects. */
export function probe(
  url: string,
  { method = 'GET', headers = {}, body, timeoutMs }: ProbeRequest,
): Promise<ProbeAnswer> {
  const startMs = performance.now();
  return new Promise((settle) => {
    const end = (answer: Omit<ProbeAnswer, 'ms'>): void => {
      clearTimeout(timer);
      settle({ ...answer, ms: performance.now() - startMs });
      outgoing.destroy();
    };
    const silence = (): void => end({ status: null, headers: {}, body: '' });
    const outgoing = httpRequest(url, { method, headers, agent: false });
    // Also a server that sends one byte a second ends here.
    const timer = setTimeout(silence, timeoutMs);
    outgoing.once('error', silence);
    outgoing.once('response', (response) => {
      const chunks: Buffer[] = [];
      let sizeBytes = 0;
      response.on('data', (chunk: Buffer) => {
        sizeBytes += chunk.length;
        if (sizeBytes > MAX_ANSWER_BYTES) silence();
        else chunks.push(chunk);
      });
      response.once('error', silence);
      response.once('end', () =>
        end({
          status: response.statusCode ?? null,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    outgoing.end(body);
  });
}
