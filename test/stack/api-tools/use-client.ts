/** Uses the generated clients as a device's developer would. The test compiles this file beside them and runs it. */
import type { components, paths } from './api.js';
import { Api } from './client.js';

type Report = paths['/api/v1/positions']['post']['requestBody']['content']['application/json'];
type Answer = paths['/api/v1/positions']['post']['responses']['200']['content']['application/json'];

const [baseUrl = '', token = '', userToken = '', vehicleId = ''] = process.argv.slice(2);
const clientWith = (bearer: string): Api<string> => {
  const client = new Api<string>({
    baseUrl,
    securityWorker: (given) => (given ? { headers: { Authorization: `Bearer ${given}` } } : undefined),
  });
  client.setSecurityData(bearer);
  return client;
};

const report: Report = { positions: [{ lat: 48.1, lon: 11.5, time: new Date().toISOString(), speedMps: 3 }] };
// @ts-expect-error a latitude is a number
export const wrong: Report = { positions: [{ lat: '48.1', lon: 11.5, time: '' }] };

const answer: Answer = (await clientWith(token).api.reportPositions(report)).data;
const vehicle: components['schemas']['VehicleDto'] = (await clientWith(userToken).api.getVehicle(vehicleId))
  .data;
console.log(
  JSON.stringify({ verdicts: answer.results.map(({ verdict }) => verdict), lat: vehicle.lastPosition?.lat }),
);
