import { type Check, failed, notChecked, ok, warning } from '../check.js';
import { modeText } from '../texts.js';
import type { DatedFolder, FolderRights, PictureVolume } from './pictures.js';

export interface ServiceUser {
  readonly uid: number;
  readonly gid: number;
}

const READ_WRITE_ENTER = 7;
const ENTER = 1;
const HOUR_MS = 3_600_000;
/** A picture is written within seconds of its name; a restored backup can be later. */
const MAX_DELAY_MS = 600_000;
/** The distance of the two outermost time zones. A larger one is a file that was copied. */
const MAX_ZONE_HOURS = 26;

/** Whether a process of this user and group, without further groups, has these rights (bits of `rwx`). */
export function hasRights({ uid, gid, mode }: FolderRights, user: ServiceUser, bits: number): boolean {
  if (user.uid === 0) return true;
  const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
  return ((mode >> shift) & bits) === bits;
}

/** From owners and modes, which no access list (ACL) changes here: the service runs as another user than this command. */
export function checkPictureRights(
  { directory, way, boxes, owner, isUsable }: PictureVolume,
  user: ServiceUser,
): Check {
  const who = `uid ${user.uid}, gid ${user.gid}`;
  const closed = way.slice(0, -1).find((each) => !hasRights(each, user, ENTER));
  const folder = way.at(-1);
  const seen = `${directory}: owner ${owner.uid}:${owner.gid}, mode ${modeText(folder?.mode ?? 0)}`;
  if (closed)
    return failed(
      'machine.pictures',
      `${seen}; ${closed.path} (owner ${closed.uid}:${closed.gid}, mode ${modeText(closed.mode)}) is closed for ${who}`,
      `run Samserver as the owner (PUID=${owner.uid}), or open the directory: chmod o+x ${closed.path}`,
    );
  const shut = [...(folder ? [folder] : []), ...boxes].filter(
    (each) => !hasRights(each, user, READ_WRITE_ENTER),
  );
  if (shut.length > 0)
    return failed(
      'machine.pictures',
      `${seen}; ${who} cannot read and write ${shut.length} of ${boxes.length + 1} folders, the first is ${shut[0]?.path ?? ''} (owner ${shut[0]?.uid ?? ''}, mode ${modeText(shut[0]?.mode ?? 0)})`,
      `run Samserver as uid ${owner.uid} (PUID, --uid), the owner of the pictures`,
    );
  const others = boxes.filter(({ uid }) => uid !== owner.uid).length;
  const rights = isUsable ? `${who} has all rights` : `${who} has all rights by owner and mode`;
  return others > 0
    ? warning(
        'machine.pictures',
        `${seen}; ${rights}; ${others} folders have another owner`,
        'give them one owner',
      )
    : ok('machine.pictures', `${seen}; ${rights}; ${boxes.length} boxes`);
}

/** Compares the names of the newest picture folders, in local time, with the times of their files. */
export function checkTimeZone(dated: readonly DatedFolder[], timeZone: string, source: string): Check {
  const seen = `${timeZone} (${source})`;
  const comparable = dated
    .map((folder) => ({ folder, hours: hoursOff(folder, timeZone) }))
    .filter(({ hours }) => Math.abs(hours) <= MAX_ZONE_HOURS);
  if (comparable.length === 0)
    return notChecked(
      'machine.time_zone',
      `${seen}; no picture to compare with`,
      'name the picture folder with --pictures, as a user that can read it; or compare the output of date with the newest picture folder',
    );
  const wrong = comparable.filter(({ hours }) => hours !== 0);
  const [first] = wrong;
  if (!first) return ok('machine.time_zone', `${seen}; the newest folders of ${comparable.length} boxes fit`);
  const { folder, hours } = first;
  if (wrong.length < comparable.length)
    return warning(
      'machine.time_zone',
      `${seen}; ${wrong.length} of ${comparable.length} folders do not fit: ${folder.path}`,
      'files that were copied have the time of the copy; look at one picture of today',
    );
  return failed(
    'machine.time_zone',
    `${seen}; the folder ${folder.path} is named ${Math.abs(hours)} h ${hours > 0 ? 'later' : 'earlier'} than its newest file in this zone`,
    'give the zone of the old server with --time-zone, as in Asia/Bangkok',
  );
}

/** How far the name is ahead of the file, in hours; a quarter of an hour is the smallest step of time zones. */
function hoursOff({ named, writtenMs }: DatedFolder, timeZone: string): number {
  const [year, month, day, hour, minute] = named;
  const namedMs = Date.UTC(year, month - 1, day, hour, minute);
  const offMs = namedMs - (writtenMs + offsetMs(writtenMs, timeZone));
  return Math.abs(offMs) <= MAX_DELAY_MS ? 0 : Math.round((offMs / HOUR_MS) * 4) / 4;
}

/** Local time minus UTC. */
function offsetMs(timeMs: number, timeZone: string): number {
  const wholeMs = Math.floor(timeMs / 1_000) * 1_000;
  const parts = new Intl.DateTimeFormat('en', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(wholeMs);
  const part = (type: Intl.DateTimeFormatPartTypes): number =>
    Number(parts.find((each) => each.type === type)?.value ?? 0);
  const localMs = Date.UTC(
    part('year'),
    part('month') - 1,
    part('day'),
    part('hour'),
    part('minute'),
    part('second'),
  );
  return localMs - wholeMs;
}
