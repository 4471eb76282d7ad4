/**
 * The floor of `fan-out`: Socket.IO with rooms: one of all vehicles, and one for each vehicle. A position is acknowledged and sent to its rooms at once, not stored. With
 * an interval it is sent in the next frame, with the other positions of this interval.
 *
 *   node bench/support/bare-rooms.mjs [interval in ms]
 */
import { createServer } from 'node:http';
import { setInterval } from 'node:timers';
import { Server } from 'socket.io';

const server = createServer();
const io = new Server(server, { transports: ['websocket'] });
const watchers = io.of('/live');
watchers.on('connection', (socket) =>
  socket.on('watch', async ({ vehicleIds = ['all'] }, acknowledge) => {
    await socket.join(vehicleIds);
    acknowledge({});
  }),
);
const frameMs = Number(process.argv[2] ?? 0);
let items = [];
function sendFrame() {
  if (items.length > 0) watchers.to('all').emit('positions', { items });
  for (const item of items) watchers.to(item.vehicleId).emit('positions', { items: [item] });
  items = [];
}
if (frameMs > 0) setInterval(sendFrame, frameMs);

io.of('/devices').on('connection', (socket) => {
  const vehicleId = socket.handshake.auth.token;
  socket.on('position', (position, acknowledge) => {
    acknowledge({ stored: 1 });
    items.push({ vehicleId, position });
    if (frameMs === 0) sendFrame();
  });
});
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
