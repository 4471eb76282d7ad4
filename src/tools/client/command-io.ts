/** Where a command writes: `process.stdout` fits. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Characters in a line of the terminal. */
  readonly columns?: number;
  /** Lines of the terminal. */
  readonly rows?: number;
}

/** What a command gets from its caller. */
export interface CommandIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Aborted at SIGINT: the command comes to an orderly end. */
  readonly signal: AbortSignal;
}
