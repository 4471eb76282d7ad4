export type ImagesCommandName = 'scan' | 'manifest' | 'verify' | 'backup' | 'restore' | 'retention';

/** What an operator does about each kind of finding; where the command makes a difference, by command. */
const NEXT_STEPS: Readonly<Record<string, string | Partial<Record<ImagesCommandName, string>>>> = {
  missing: {
    verify: 'copy the files back with `samserver images restore <backup>`',
    backup: 'run the backup again: a copy was removed while it ran',
    restore: 'run the restore again; a file that the backup lacks needs an older backup',
  },
  changed: {
    scan: 'compare the files with a backup: their records describe the adopted bytes',
    verify: 'compare the files with a backup; when the change is intended, run `samserver images manifest`',
    backup: 'run the backup again: the copies were changed while it ran',
    restore: 'run the restore with --replace',
  },
  corrupt: {
    verify: 'check the disk, then copy the files back with `samserver images restore <backup> --replace`',
    backup: 'check the disk of the backup, remove these copies from it, and run the backup again',
    restore:
      'run the restore with --replace; a copy that is damaged in the backup needs another backup, and the disk a check',
  },
  extra: {
    verify: 'run `samserver images scan` for images, then `samserver images manifest`; move other files away',
    backup: 'nothing: the files were deleted from the volume, and the backup keeps its copies',
    restore: 'nothing, when the files are newer than the backup; otherwise move them away',
  },
  unreadable:
    'make the files readable for this user, or move away what is no plain file, and run the command again',
  gone: 'nothing: the files were deleted while the command ran',
  'not-copied': 'the target cannot hold these files: see the reason, or choose another file system',
  'in-the-way': 'compare the files, then run the restore with --replace, or with --to for another directory',
  'not-in-database': 'run `samserver images scan`',
  'file-missing': 'copy the files back with `samserver images restore <backup>`, or delete their records',
  'database-differs': 'copy the files back with `samserver images restore <backup> --replace`',
  new: 'run `samserver images manifest`, so that the next verification includes them',
  touched: 'run `samserver images manifest`, when the new times are intended',
  'not-a-picture': 'nothing: the files are served by their old addresses as downloads',
};

/** Kinds of findings that have a next step. */
export const FINDING_KINDS = Object.keys(NEXT_STEPS);

/** @returns one sentence without a full stop; empty for a kind that the command does not report */
export function nextStepOf(command: ImagesCommandName, kind: string): string {
  const step = NEXT_STEPS[kind] ?? '';
  return typeof step === 'string' ? step : (step[command] ?? '');
}
