/** Where a command writes; `process.stdout` fits. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Characters in a line of the terminal. */
  readonly columns?: number;
  /** Lines of the terminal. */
  readonly rows?: number;
}

/** The surroundings of a command: the process in production, captured text in a test. */
export interface CommandIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The result, and nothing else. */
  readonly stdout: Output;
  /** Everything that is no result: progress, warnings, errors. */
  readonly stderr: Output;
  /** Aborted at SIGINT and SIGTERM: the command ends in order. */
  readonly signal: AbortSignal;
}
