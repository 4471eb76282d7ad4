import { CommandError, EXIT_CODES } from '../../core/commands/index.js';
import { blueOnly, type FrontDoorPlan } from './front-door-plan.js';
import type { FrontDoorFiles } from './front-door-files.js';
import { mirrorSecretLine, nginxInclude } from './nginx-include.js';
import type { NginxControl } from './nginx-control.js';

/** Of each run of nginx in an emergency: HTTP must be back within 5 s, by the bypass when nginx hangs. */
const EMERGENCY_LIMIT_MS = 2_500;

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
  const wasCut = (await files.read('unverified')) !== null;
  const isWritten = !isSecretNew && !wasCut && (await files.read('include')) === text;
  if (isWritten && (await nginx.status())?.version === version) return false;
  await keepPrevious(files);
  await files.write('unverified', '');
  if (isSecretNew) await files.write('secret', mirrorSecretLine(secret));
  try {
    await swapInclude(text, version, files, nginx, signal);
  } catch (error) {
    // The former include is in force. With a new secret, and after a kill, the workers may use another secret than the file has.
    if (!isSecretNew && !wasCut) await files.remove('unverified');
    throw error;
  }
  await files.remove('unverified');
  return true;
}

/** An include that a killed `apply` has left was never in force: the one before it stays the previous one. */
async function keepPrevious(files: FrontDoorFiles): Promise<void> {
  const isVerified = (await files.read('unverified')) === null;
  if (isVerified && (await files.read('include')) !== null) await files.copy('include', 'previous');
}

/**
 * Puts the include for an emergency in force. It exists since the last `apply`, so this needs no space on the disk. It stays
 * also when nginx cannot be reloaded: the next start or reload must not bring back a share.
 * @throws CommandError with the message of nginx
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
    await keepPrevious(files);
    await files.copy('blueOnly', 'include');
  }
  await reloadInto(version, files, nginx, signal, EMERGENCY_LIMIT_MS);
  await files.remove('unverified');
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
  await files.write('include', text);
  try {
    await reloadInto(version, files, nginx, signal);
  } catch (error) {
    if ((await files.read('previous')) !== null) await files.copy('previous', 'include');
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
  limitMs?: number,
): Promise<void> {
  await nginx.test(files.path('include'), limitMs);
  await nginx.reload(limitMs);
  if (!(await nginx.isInForce(version, signal, limitMs)))
    throw new CommandError(
      'nginx was reloaded and does not use the new configuration; its error log says why (a port that is in use?)',
      EXIT_CODES.FAILURE,
    );
}
