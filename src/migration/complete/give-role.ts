import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, EXIT_CODES } from '../../core/commands/index.js';
import type { Detail } from '../shift/move-events.js';
import type { CompleteContext, CompleteStep } from './complete-context.js';
import { MoveStore } from './move-store.js';

/** Every instance has a change within a second. */
const ADOPTED_MS = 1_100;
const OWED_LIMIT_MS = 30_000;
const PAUSE_MS = 200;

export const giveRole: CompleteStep = {
  name: 'give-role',
  text: 'give the role to Samserver, which writes the shared collections and notifies the panel from now on',
  undoText: 'give the role back to the old server, and wait until every instance of Samserver has it',
  isDone: async ({ green }) => (await green.role()).role === 'samserver',
  run: async ({ green, by, assertOwner, io: { signal } }) => {
    await assertOwner();
    const { epoch } = await green.role();
    await green.changeRole('samserver', epoch, by, 'the old server has ended');
    await sleep(ADOPTED_MS);
    const endMs = performance.now() + OWED_LIMIT_MS;
    // Posts that waited for the old server are Samserver's to write now.
    while ((await green.tee()).waiting > 0) {
      if (performance.now() > endMs || signal.aborted)
        throw new CommandError(
          'posts for the old server still wait, and they are not written (/api/v1/ops/legacy-tee)',
          EXIT_CODES.FAILURE,
        );
      await sleep(PAUSE_MS);
    }
    return { epoch: (await green.role()).epoch };
  },
  undo: (context) => giveBack(context),
};

/** Samserver gives the role back; when it does not answer, or answers an error, the record in storage is changed. */
async function giveBack({ green, by, io, say }: CompleteContext): Promise<Detail> {
  const why = 'rollback after complete';
  try {
    const { role, epoch } = await green.role();
    if (role === 'old') return { wasOld: true };
    for (const line of await green.notWritten().catch(() => UNKNOWN_LOSS)) say(line);
    await green.changeRole('old', epoch, by, why);
    await sleep(ADOPTED_MS);
    return { epoch: (await green.role()).epoch };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    say(`${error.message}: the role is changed in the database`);
    const isChanged = await MoveStore.with(io, (store) => store.giveBackRole(by, why));
    // An instance that hangs and wakes up has it within a second.
    await sleep(ADOPTED_MS);
    for (const line of UNKNOWN_LOSS) say(line);
    return { isChanged, isGreenUnreachable: true };
  }
}

const UNKNOWN_LOSS = [
  'What Samserver has accepted and not written into the old collections stays in its database and in its spool, and the old ' +
    'server does not get it. Samserver writes it when it has the role again.',
  'Notifications of the panel that wait there are not sent before that.',
];
