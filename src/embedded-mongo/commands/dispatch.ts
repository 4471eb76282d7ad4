import type { Document } from 'bson';
import { MAX_DOCUMENT_BYTES } from '../bson-values.js';
import { CommandError } from '../errors.js';
import { MAX_MESSAGE_BYTES } from '../wire.js';
import { assertFields, type Command, type CommandContext, stringField } from './command.js';
import { READ_COMMANDS } from './reads.js';
import { SCHEMA_COMMANDS } from './schema.js';
import { WRITE_COMMANDS } from './writes.js';

/** MongoDB 7.0. The driver needs 9 or more; from 25 on it sends the `bulkWrite` command. */
const MAX_WIRE_VERSION = 21;
const SESSION_TIMEOUT_MINUTES = 30;

/** No `topologyVersion`, so the driver polls; no `setName`, so the driver assumes a standalone server. */
function helloReply({ connectionId }: CommandContext): Document {
  return {
    helloOk: true,
    ismaster: true,
    isWritablePrimary: true,
    maxBsonObjectSize: MAX_DOCUMENT_BYTES,
    maxMessageSizeBytes: MAX_MESSAGE_BYTES,
    maxWriteBatchSize: 100_000,
    localTime: new Date(),
    logicalSessionTimeoutMinutes: SESSION_TIMEOUT_MINUTES,
    connectionId,
    minWireVersion: 0,
    maxWireVersion: MAX_WIRE_VERSION,
    readOnly: false,
    ok: 1,
  };
}

const hello: Command = {
  isOnServer: true,
  fields: ['helloOk', 'client', 'compression', 'backpressure'],
  run: helloReply,
};
const okCommand: Command = { isOnServer: true, fields: [], run: () => ({ ok: 1 }) };

/** All supported commands; the server refuses every other one. */
const COMMANDS = new Map<string, Command>(
  // The first command of a driver is `ismaster`; it uses `hello` only after the reply announces support.
  Object.entries({
    hello,
    ismaster: hello,
    ping: okCommand,
    endSessions: okCommand,
    ...SCHEMA_COMMANDS,
    ...READ_COMMANDS,
    ...WRITE_COMMANDS,
  }),
);

/** @returns the reply, also for an error: `{ ok: 0, errmsg, code, codeName }` */
export async function dispatch(
  context: Omit<CommandContext, 'namespace'>,
  onFault: (error: Error) => void,
): Promise<Document> {
  try {
    const { body, database } = context.request;
    const name = Object.keys(body)[0] ?? '';
    const command = COMMANDS.get(name);
    if (!command) throw new CommandError(59, `no such command: '${name}'`);
    assertFields(name, command, body);
    const target = command.isOnServer ? '' : stringField(name, body, name);
    return await command.run({ ...context, namespace: `${database}.${target}` }, body);
  } catch (error) {
    const { code, codeName, message, detail } =
      error instanceof CommandError ? error : new CommandError(1, (error as Error).message);
    if (code === 1) onFault(error as Error);
    return { ok: 0, errmsg: message, code, codeName, ...detail };
  }
}
