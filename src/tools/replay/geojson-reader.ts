/**
 * GeoJSON recordings: lines with a time for each point (`coordinateProperties.times` in current files of togeojson and
 * others, `coordTimes` in older ones), and collections of points with their values in `properties`.
 */
import { type NamedValue, PointFault, readPoint } from './point-values.js';
import { trackNameOf, TrackFileError, type Track, type TrackFix } from './track.js';

type JsonObject = Readonly<Record<string, unknown>>;

/** Property names of common programs and of the service's export; every speed is in metres per second. */
const NAMES = {
  time: ['time', 'timestamp', 'fix_time', 'datetime'],
  speedMps: ['speedMps', 'speed_mps', 'speed'],
  headingDeg: ['headingDeg', 'course_deg', 'course', 'heading', 'bearing'],
  accuracyM: ['accuracyM', 'accuracy_m', 'accuracy', 'horizontal_accuracy'],
  altitudeM: ['altitudeM', 'altitude_m', 'altitude', 'ele'],
  batteryPct: ['batteryPct', 'battery_pct'],
  ignition: ['ignition'],
  attributes: ['attributes'],
} as const;

/** The values of one point: the properties of a Point, or one element of each list of a line. */
type PointValues = (names: readonly string[]) => NamedValue;

export function readGeoJson(text: string, file: string): Track {
  const reader = new GeoJsonReader();
  try {
    reader.object(parseJson(text, file), '');
  } catch (error) {
    // A fault of the whole file: `reader` catches those of a feature or of a point.
    if (!(error instanceof PointFault)) throw error;
    throw new TrackFileError(file, null, error.message);
  }
  const { fixes, refused, withoutTime, ignored } = reader;
  return { name: trackNameOf(file), file, fixes, refused, withoutTime, ignored };
}

class GeoJsonReader {
  readonly fixes: TrackFix[] = [];
  readonly refused: string[] = [];
  readonly withoutTime: string[] = [];
  readonly ignored: string[] = [];

  object(value: unknown, path: string): void {
    const object = this.objectAt(value, path);
    if (object.type === 'FeatureCollection') {
      this.listAt(object.features, join(path, 'features')).forEach((feature, index) =>
        this.refusing(() => this.object(feature, `${join(path, 'features')}[${index}]`)),
      );
    } else if (object.type === 'Feature') {
      if (object.geometry === null) this.ignored.push(`${path || 'the feature'} (no geometry)`);
      else this.geometry(this.objectAt(object.geometry, join(path, 'geometry')), object.properties, path);
    } else if (path === '' && typeof object.type !== 'string') {
      throw new PointFault('type: missing: not GeoJSON');
    } else this.geometry(object, undefined, path);
  }

  private geometry(geometry: JsonObject, properties: unknown, path: string): void {
    const own = isObject(properties) ? properties : {};
    const propertiesPath = join(path, 'properties');
    const coordinates = geometry.coordinates;
    const coordinatesPath = join(path, 'geometry.coordinates');
    if (geometry.type === 'Point') {
      const values: PointValues = (names) => {
        const name = names.find((candidate) => own[candidate] !== undefined) ?? names[0] ?? '';
        return { name: join(propertiesPath, name), value: own[name] };
      };
      this.point(coordinates, coordinatesPath, values, path);
    } else if (geometry.type === 'LineString' || geometry.type === 'MultiPoint') {
      this.line(coordinates, coordinatesPath, own, propertiesPath, null);
    } else if (geometry.type === 'MultiLineString') {
      this.listAt(coordinates, coordinatesPath).forEach((part, index) =>
        this.line(part, `${coordinatesPath}[${index}]`, own, propertiesPath, index),
      );
    } else this.ignored.push(`${path || 'the geometry'} (${String(geometry.type)})`);
  }

  private line(
    coordinates: unknown,
    path: string,
    own: JsonObject,
    ownPath: string,
    part: number | null,
  ): void {
    const points = this.listAt(coordinates, path);
    const lists = this.valueLists(own, ownPath, part, points.length);
    points.forEach((point, index) => {
      const values: PointValues = (names) => {
        const list = lists.find((candidate) => names.some((name) => candidate.name === name));
        return { name: `${list?.path ?? ownPath}[${index}]`, value: list?.values[index] };
      };
      this.refusing(() => this.point(point, `${path}[${index}]`, values, `${path}[${index}]`));
    });
  }

  /** `times` for `time`, `speeds` for `speed`: togeojson appends an s to the name of the extension. */
  private valueLists(
    own: JsonObject,
    ownPath: string,
    part: number | null,
    length: number,
  ): { name: string; path: string; values: readonly unknown[] }[] {
    const bundle = isObject(own.coordinateProperties) ? own.coordinateProperties : {};
    const bundlePath = join(ownPath, 'coordinateProperties');
    const found = Object.entries(bundle).map(([key, list]) => ({ key, list, path: join(bundlePath, key) }));
    if (own.coordTimes !== undefined)
      found.push({ key: 'times', list: own.coordTimes, path: join(ownPath, 'coordTimes') });
    return found.map(({ key, list, path }) => {
      const partPath = part === null ? path : `${path}[${part}]`;
      const values = this.listAt(part === null ? list : this.listAt(list, path)[part], partPath);
      if (values.length !== length)
        throw new PointFault(`${partPath}: ${values.length} values for ${length} points`);
      return { name: key.replace(/s$/, ''), path: partPath, values };
    });
  }

  private point(coordinates: unknown, path: string, values: PointValues, place: string): void {
    const [lon, lat, altitude] = this.listAt(coordinates, path);
    const fix = readPoint((field): NamedValue => {
      if (field === 'lon') return { name: `${path}[0]`, value: lon };
      if (field === 'lat') return { name: `${path}[1]`, value: lat };
      if (field === 'altitudeM' && altitude !== undefined) return { name: `${path}[2]`, value: altitude };
      return values(NAMES[field]);
    });
    if (fix) this.fixes.push(fix);
    else this.withoutTime.push(place);
  }

  /** A fault within the work refuses this point or this feature only. */
  private refusing(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof PointFault)) throw error;
      this.refused.push(error.message);
    }
  }

  private objectAt(value: unknown, path: string): JsonObject {
    if (!isObject(value))
      throw new PointFault(path === '' ? 'is not an object' : `${path}: is not an object`);
    return value;
  }

  private listAt(value: unknown, path: string): readonly unknown[] {
    if (!Array.isArray(value)) throw new PointFault(`${path}: is not a list`);
    return value;
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const { message } = error as Error;
    // V8 gives the offset in most messages; without one the fault is at the end of the text.
    const offset = /position (\d+)/.exec(message)?.[1];
    const until = offset === undefined && message.includes('end of JSON') ? text.length : Number(offset ?? 0);
    const line = text.slice(0, until).split('\n').length;
    throw new TrackFileError(file, `line ${line}`, message.replaceAll('\n', ' '));
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
