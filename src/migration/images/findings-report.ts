import { closeSync, openSync, writeSync } from 'node:fs';
import type { FileIssue } from './images-job.js';

const FLUSH_AT_CHARACTERS = 65_536;

/**
 * The file of `--report`, one finding a line as JSON. It writes synchronously: the memory stays small when every file
 * has a finding, and a full disk ends the command.
 */
export class FindingsReport {
  private pending = '';
  private readonly file: number;

  /** @throws the error of the file system: a report that cannot be written must not look like one without findings */
  constructor(path: string) {
    this.file = openSync(path, 'w');
  }

  add(issue: FileIssue): void {
    this.pending += `${JSON.stringify(issue)}\n`;
    if (this.pending.length >= FLUSH_AT_CHARACTERS) this.flush();
  }

  close(): void {
    try {
      this.flush();
    } finally {
      closeSync(this.file);
    }
  }

  private flush(): void {
    const bytes = Buffer.from(this.pending);
    this.pending = '';
    for (let at = 0; at < bytes.length;) at += writeSync(this.file, bytes, at);
  }
}
