import { setTimeout as sleep } from 'node:timers/promises';
import { BOX_ROUTES } from '../../src/tools/boxes/index.js';
import { jpeg } from '../support/pictures.js';
import type { Conversation, Dispatch, Fields, Step } from './conversation.js';
import { RecordingPanel } from './recording-panel.js';

/** Long enough for a server that is ending to end, and for frames to reach the panels. */
const SETTLE_MS = 400;

export interface Target {
  readonly url: string;
  readonly socketUrl: string;
  /** @returns waits until the server has ended after this call, as an `endsOld` step makes it, and runs again */
  nextRestart(): () => Promise<void>;
  /** Writes what the operators' API writes. Resolves when the server uses it. */
  dispatch(step: Dispatch): Promise<void>;
  /** Resolves when all writes to the collections are done. */
  whenSettled(): Promise<void>;
}

export interface StepAnswer {
  readonly step: Step;
  readonly status: number;
  readonly contentType: string | null;
  readonly body: string;
}

export interface Played {
  readonly answers: readonly StepAnswer[];
  /** Frames of each panel, in the order of arrival. */
  readonly frames: Readonly<Record<string, readonly string[]>>;
}

/** Plays a conversation step by step as fast as the answers come, so that two runs are equal. */
export async function play({ steps }: Conversation, target: Target): Promise<Played> {
  const panels = new Map<string, RecordingPanel>();
  const answers: StepAnswer[] = [];
  try {
    for (const step of steps) {
      // Writes under way would be lost with a server that ends.
      if (step.endsOld || step.afterWrites) await sleep(SETTLE_MS);
      const whenRestarted = target.nextRestart();
      const answer = await take(step, target, panels);
      if (answer) answers.push({ step, ...answer });
      if (step.endsOld) {
        await whenRestarted();
        // Until a panel notices that its connection has ended.
        await sleep(SETTLE_MS);
        for (const panel of panels.values()) await panel.whenConnected();
        for (const panel of panels.values()) await panel.rejoin();
        await sleep(SETTLE_MS);
      }
    }
    await sleep(SETTLE_MS);
    await target.whenSettled();
    return { answers, frames: Object.fromEntries([...panels].map(([name, { frames }]) => [name, frames])) };
  } finally {
    panels.forEach((panel) => panel.close());
  }
}

async function take(
  step: Step,
  target: Target,
  panels: Map<string, RecordingPanel>,
): Promise<Omit<StepAnswer, 'step'> | null> {
  switch (step.kind) {
    case 'position':
    case 'crash':
      return ask(`${target.url}${BOX_ROUTES[step.kind]}`, bodyOf(step.form, step.fields));
    case 'pictures': {
      const form = formData(step.fields);
      for (const { field, name, seed } of step.files) {
        const picture = await jpeg(seed, 64, 48);
        form.append(field, new Blob([new Uint8Array(picture)], { type: 'image/jpeg' }), name);
      }
      return ask(`${target.url}${BOX_ROUTES.pictures}`, { body: form });
    }
    case 'raw':
      return ask(`${target.url}${step.path}`, { body: step.body, type: 'application/json' });
    case 'get':
      return ask(`${step.port === 'http' ? target.url : target.socketUrl}${step.path}`, null);
    case 'dispatch':
      // Positions under way belong to the time before.
      await sleep(SETTLE_MS);
      await target.dispatch(step);
      return null;
    case 'panel': {
      const panel = new RecordingPanel(target.socketUrl, step.transport);
      panels.set(step.panel, panel);
      await panel.whenConnected();
      return null;
    }
    case 'join':
      await panels.get(step.panel)?.join(step.room);
      return null;
    case 'leave':
      // Earlier frames must have arrived.
      await sleep(SETTLE_MS);
      panels.get(step.panel)?.leave(step.room);
      await sleep(SETTLE_MS);
      return null;
  }
}

interface Body {
  readonly body: string | URLSearchParams | FormData;
  readonly type?: string;
}

async function ask(url: string, body: Body | null): Promise<Omit<StepAnswer, 'step'>> {
  const response = await fetch(url, {
    ...(body && { method: 'POST', body: body.body }),
    headers: { connection: 'close', ...(body?.type !== undefined && { 'content-type': body.type }) },
  });
  return {
    status: response.status,
    contentType: response.headers.get('content-type'),
    body: await response.text(),
  };
}

function bodyOf(form: 'json' | 'form' | 'multipart', fields: Fields): Body {
  if (form === 'json') return { body: JSON.stringify(fields), type: 'application/json' };
  if (form === 'multipart') return { body: formData(fields) };
  return {
    body: new URLSearchParams(
      Object.entries(fields).map(([key, value]): [string, string] => [key, String(value)]),
    ),
  };
}

function formData(fields: Fields): FormData {
  const form = new FormData();
  for (const [key, value] of Object.entries(fields)) form.append(key, String(value));
  return form;
}
