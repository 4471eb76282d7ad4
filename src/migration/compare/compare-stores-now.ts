import { Command } from 'commander';
import type { CommandIo } from '../../core/commands/index.js';
import { findAdminLogin } from '../../tools/index.js';
import { ApiClient, ApiSession } from '../../tools/client/index.js';
import { addCompareOptions, type CompareOptions, planComparison } from './compare-options.js';
import type { CompareReport } from './compare-report.js';
import { runComparison } from './compare-run.js';

/**
 * `samserver compare` of the stores for another command, with the login and the address of the old database from the environment.
 * @param args options of `samserver compare`
 * @throws UsageError without an old database or a login; UnreachableError
 */
export async function compareStores(io: CommandIo, args: readonly string[]): Promise<CompareReport> {
  const command = addCompareOptions(new Command().exitOverride());
  const options = command.parse([...args], { from: 'user' }).opts<CompareOptions>();
  const plan = planComparison(options, io.env, Date.now());
  const { email, password } = await findAdminLogin(options, io.env);
  const session = new ApiSession(options.url, email, password);
  await session.accessToken();
  const api = new ApiClient(options.url, { accessToken: session.accessToken });
  return runComparison(plan, options, api, io);
}
