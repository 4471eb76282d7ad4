/** What `--help` prints. */
export const USAGE = `Plays recorded GPS tracks through real device sockets against a running service;
without a file it drives simulated ambulances around a small invented city.

  npm run replay -- [<file|folder>] [options]

Files: .csv (fix_time, lat, lon, speed_mps, course_deg, accuracy_m, altitude_m), .gpx, .geojson.
A folder plays every track file in it.

  --as-recorded        keep the recorded times and use one vehicle per file again at each run:
                       a second run yields only duplicates (default: new vehicles, and times
                       shifted so that each track's last fix is now)
  --speed <x|max>      1 is real time, 10 ten times as fast, max as fast as the service
                       acknowledges (default: max for tracks, 1 for the simulation)
  --vehicles <n>       vehicles on each track (default 1), or simulated ambulances (default 8)
  --batch <n>          most positions in one request, 1-500 (default 100)
  --patience <s>       give up on a vehicle after so long without an acknowledgement (default 60)

  --duration <s>       of the simulation (default: until Ctrl-C; 60 outside a terminal)
  --rate <hz>          fixes a second of each simulated ambulance (default 1)
  --seed <n>           the same seed drives the same way (default 1)

  --url <url>          the HTTP API (default http://127.0.0.1:5000)
  --socket-url <url>   the socket port (default http://127.0.0.1:5050)
  --email, --password  a user who may make vehicles and device tokens; otherwise ADMIN_EMAIL and
                       ADMIN_PASSWORD, otherwise the login that a service on the embedded
                       database keeps in its DATA_DIR (./data/admin-login.json)
  --json               print one object for programs instead of a table
  --help

Exit codes: 0 all acknowledged and seen live, 1 something was not, 2 wrong use or a bad file,
69 no service there, 130 interrupted (what was sent is still waited for and told).
`;
