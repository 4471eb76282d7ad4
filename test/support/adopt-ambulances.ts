import { runCommandLine } from '../../src/core/commands/index.js';
import { adoptCommand } from '../../src/migration/index.js';
import { JWT_SECRET } from './test-service.js';

/** `samserver adopt` in this process. @throws its output when it fails or finds conflicts */
export async function adoptAmbulances(url: string): Promise<void> {
  let output = '';
  const write = (text: string): void => void (output += text);
  const exitCode = await runCommandLine(
    ['adopt'],
    {
      env: { MONGODB_URL: url, JWT_SECRET },
      stdout: { write },
      stderr: { write },
      signal: AbortSignal.timeout(30_000),
    },
    [{ name: 'adopt', summary: '', load: () => Promise.resolve(adoptCommand) }],
  );
  if (exitCode !== 0) throw new Error(output);
}
