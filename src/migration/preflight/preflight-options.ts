/** Options of `samserver preflight`, with their defaults. */
export interface PreflightOptions {
  /** PM2_HOME. */
  readonly home: string;
  /** The program `pm2`. */
  readonly program: string;
  readonly recorded?: string;
  readonly process: string;
  readonly envFiles?: readonly string[];
  readonly accessLog: readonly string[];
  /** Milliseconds. */
  readonly sample: number;
  readonly oldHttpPort: number;
  readonly oldSocketPort?: number;
  readonly pictures?: string;
  readonly timeZone?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly httpPort: number;
  readonly socketPort: number;
  readonly onHost: boolean;
  readonly adminEmail?: string;
  readonly certificate?: string;
  readonly hostName: readonly string[];
  readonly url?: string;
  readonly probeWrites: boolean;
  readonly write?: string;
  readonly force: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}
