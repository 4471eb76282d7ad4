import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Box {
  readonly code: string;
  readonly ambulanceId: string;
}

export type Fields = Readonly<Record<string, string | number>>;

interface Timed {
  readonly atS: number;
  /** The request ends the old server's process. */
  readonly endsOld?: true;
  /** The old server answers before it writes, and this step depends on what the one before has written. */
  readonly afterWrites?: true;
}

interface Place {
  readonly lat: number;
  readonly lon: number;
}

/** What the operators' API writes: a new request with its places, or with COMPLETED the end of the open one. */
export interface Dispatch {
  readonly kind: 'dispatch';
  readonly ambulanceId: string;
  readonly status: string;
  readonly requestType?: string;
  readonly source?: Place;
  readonly destination?: Place;
}

export type Step = Timed &
  (
    | {
        readonly kind: 'position' | 'crash';
        readonly form: 'json' | 'form' | 'multipart';
        readonly fields: Fields;
      }
    | {
        readonly kind: 'pictures';
        readonly fields: Fields;
        readonly files: readonly { readonly field: string; readonly name: string; readonly seed: number }[];
      }
    | Dispatch
    | { readonly kind: 'raw'; readonly path: string; readonly body: string }
    | { readonly kind: 'get'; readonly port: 'http' | 'socket'; readonly path: string }
    | { readonly kind: 'panel'; readonly panel: string; readonly transport: 'websocket' | 'polling' }
    | { readonly kind: 'join' | 'leave'; readonly panel: string; readonly room: string }
  );

export interface Conversation {
  readonly boxes: readonly Box[];
  readonly steps: readonly Step[];
}

/** Reads the file that `make-conversation.mjs` writes. */
export function readConversation(): Conversation {
  const text = readFileSync(join(import.meta.dirname, 'conversation.jsonl'), 'utf8');
  const [header = '{}', ...lines] = text.trim().split('\n');
  const { boxes } = JSON.parse(header) as { boxes: Box[] };
  return { boxes, steps: lines.map((line) => JSON.parse(line) as Step) };
}
