import { CommandError, EXIT_CODES } from '../../core/commands/index.js';
import { blueOnly, type FrontDoorPlan } from './front-door-plan.js';
import type { FrontDoorFiles } from './front-door-files.js';
import { mirrorSecretLine, nginxInclude } from './nginx-include.js';
import type { NginxControl } from './nginx-control.js';

/**
 * @param secret the mirror secret when it is new; null keeps the one of the last `apply`
 * @returns false when the plan is in force already
 * @throws CommandError; what was in force before is in force then
 */
export async function applyInclude(
  plan: FrontDoorPlan,
  secret: string | null,
  files: FrontDoorFiles,
  nginx: NginxControl,
  signal: AbortSignal,
): Promise<boolean> {
  const { text, version } = nginxInclude(plan);
  const isSecretNew = secret !== null && (await files.read('secret')) !== mirrorSecretLine(secret);
  if (plan.isMirrorOn && secret === null && (await files.read('secret')) === null)
    throw new CommandError(
      `mirror-secret-file: is needed once; ${files.path('secret')} does not exist`,
      EXIT_CODES.USAGE,
    );
  if (plan.blue !== null) await files.write('blueOnly', nginxInclude(blueOnly(plan)).text);
  if (!isSecretNew && (await files.read('include')) === text && (await nginx.status())?.version === version)
    return false;
  if (isSecretNew) await files.write('secret', mirrorSecretLine(secret));
  await swapInclude(text, version, files, nginx, signal);
  return true;
}

/**
 * Puts the include for an emergency in force. It exists since the last `apply`, so this needs no space on the disk. It stays
 * also when nginx cannot be reloaded: the next start or reload must not bring back a share.
 * @throws CommandError with what nginx says
 */
export async function applyBlueOnly(
  plan: FrontDoorPlan,
  files: FrontDoorFiles,
  nginx: NginxControl,
  signal: AbortSignal,
): Promise<boolean> {
  const { text, version } = nginxInclude(blueOnly(plan));
  const isWritten = (await files.read('include')) === text;
  if (isWritten && (await nginx.status())?.version === version) return false;
  if ((await files.read('blueOnly')) !== text) await files.write('blueOnly', text);
  if (!isWritten) {
    await files.copy('include', 'previous');
    await files.copy('blueOnly', 'include');
  }
  await reloadInto(version, files, nginx, signal);
  return true;
}

/** Replaces the include, tests, reloads and verifies. @throws CommandError after the former include is in force again */
async function swapInclude(
  text: string,
  version: string,
  files: FrontDoorFiles,
  nginx: NginxControl,
  signal: AbortSignal,
): Promise<void> {
  const hadInclude = (await files.read('include')) !== null;
  if (hadInclude) await files.copy('include', 'previous');
  await files.write('include', text);
  try {
    await reloadInto(version, files, nginx, signal);
  } catch (error) {
    if (hadInclude) await files.copy('previous', 'include');
    else await files.remove('include');
    // Without effect when nginx has not accepted the new configuration.
    await nginx.reload().catch(() => undefined);
    throw error;
  }
}

async function reloadInto(
  version: string,
  files: FrontDoorFiles,
  nginx: NginxControl,
  signal: AbortSignal,
): Promise<void> {
  await nginx.test(files.path('include'));
  await nginx.reload();
  if (!(await nginx.isInForce(version, signal)))
    throw new CommandError(
      'nginx was reloaded and does not use the new configuration; its error log says why (a port that is in use?)',
      EXIT_CODES.FAILURE,
    );
}
