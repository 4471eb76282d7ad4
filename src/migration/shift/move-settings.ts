import type { Detail } from './move-events.js';
import type { MoveState } from './move-state.js';

/** What `shift start` is given and every later command of the move uses. It is in the journal and contains no secret. */
export interface MoveSettings {
  /** Directory of `samserver images backup`. */
  readonly imageBackup: string | null;
  /** A file, or a directory as `mongodump` writes it. */
  readonly databaseDump: string | null;
  readonly maxBackupAgeH: number;
  readonly maxVerificationAgeH: number;
  readonly certificate: string | null;
  readonly hostNames: readonly string[];
  readonly oldPictures: string | null;
  readonly oldTimeZone: string | null;
  /** How long a phase is observed before the next one can be entered. */
  readonly observeS: number;
  /** How long nothing may be missing on green before a phase can be entered. */
  readonly withoutGapS: number;
  /** Length of the window of the analysis. */
  readonly windowS: number;
  /** Test panels count the frames of both colors. */
  readonly hasPanels: boolean;
}

export const settingsOf = ({ settings }: MoveState): MoveSettings => settings as unknown as MoveSettings;
export const settingsDetail = (settings: MoveSettings): Detail => ({ ...settings });
