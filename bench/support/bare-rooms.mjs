/** The floor of `fan-out`: Socket.IO with a room. A position is acknowledged and sent to the room at once, not stored. */
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const server = createServer();
const io = new Server(server, { transports: ['websocket'] });
const watchers = io.of('/live');
watchers.on('connection', (socket) =>
  socket.on('watch', async (_, acknowledge) => {
    await socket.join('all');
    acknowledge({});
  }),
);
io.of('/devices').on('connection', (socket) => {
  const vehicleId = socket.handshake.auth.token;
  socket.on('position', (position, acknowledge) => {
    acknowledge({ stored: 1 });
    watchers.to('all').emit('positions', { items: [{ vehicleId, position }] });
  });
});
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
