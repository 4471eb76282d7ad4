import { printable } from '../../core/commands/index.js';
import type { StreamedItem } from '../client/index.js';
import type { LiveVehicles, LiveVehicle } from './live-vehicles.js';
import type { VehicleDirectory } from './vehicle-directory.js';
import type { ConnectionStatus } from './connection-status.js';
import { cut, tableOf, type TableSize } from './table.js';

/** The status line and a blank one above the table. */
const HEAD_LINES = 2;

/** The lines of the screen. @param head the URL and the state of the connection */
export function screenOf(
  head: string,
  rows: readonly LiveVehicle[],
  directory: VehicleDirectory,
  nowMs: number,
  size: TableSize,
): string[] {
  const cells = rows.map(({ vehicleId, position, fixes, isLate }) => {
    const { callSign, status } = directory.get(vehicleId);
    const { lat, lon, speedMps, headingDeg, accuracyM, time } = position;
    const ageMs = nowMs - Date.parse(time);
    return { callSign, status, lat, lon, speedMps, headingDeg, accuracyM, ageMs, fixes, isLate };
  });
  const count = rows.length === 1 ? '1 vehicle' : `${rows.length} vehicles`;
  const fixes = rows.reduce((sum, row) => sum + row.fixes, 0);
  const table = tableOf(cells, { ...size, lines: size.lines - HEAD_LINES });
  return [cut(`${head}  ${count}, ${fixes} fixes`, size.columns), '', ...table].slice(0, size.lines);
}

/** One fix as a line, separated by tabs because a call sign can contain spaces. */
export function lineOf({ vehicleId, position }: StreamedItem, directory: VehicleDirectory): string {
  const { lat, lon, time, speedMps } = position;
  const callSign = printable(directory.get(vehicleId).callSign);
  return `${[time, callSign, lat.toFixed(6), lon.toFixed(6), speedMps ?? '-'].join('\t')}\n`;
}

export function summaryLineOf(
  liveVehicles: LiveVehicles,
  connection: ConnectionStatus,
  seconds: number,
): string {
  const { vehicles, fixes, late } = liveVehicles.totals;
  const parts = [
    `${fixes} ${fixes === 1 ? 'fix' : 'fixes'} of ${vehicles} ${vehicles === 1 ? 'vehicle' : 'vehicles'} in ${seconds.toFixed(0)} s`,
    late > 0 && `${late} late`,
    connection.reconnects > 0 &&
      `${connection.reconnects} ${connection.reconnects === 1 ? 'reconnect' : 'reconnects'}`,
    connection.resyncs > 0 && `${connection.resyncs} times begun anew`,
  ];
  return `${parts.filter((part) => part !== false).join(', ')}\n`;
}
