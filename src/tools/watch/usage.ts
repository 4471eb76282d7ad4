/** What `--help` prints. */
export const USAGE = `Shows the live stream: on a terminal a table that updates in place, elsewhere a line for each fix
(ISO time, call sign, latitude, longitude, metres per second or "-"; separated by tabs).

  npm run watch -- [options]

  --vehicle <prefix>   only call signs that begin so, whatever their case; may be repeated
  --bbox <w,s,e,n>     only within this box, degrees; west above east crosses the antimeridian
  --rows <n>           most vehicles in the table (default: as the terminal is high)
  --seconds <n>        end after so long (default: at Ctrl-C)

  --url <url>          the HTTP API (default http://127.0.0.1:5000)
  --socket-url <url>   the socket port (default http://127.0.0.1:5050)
  --email, --password  a user, any role will do; otherwise ADMIN_EMAIL and ADMIN_PASSWORD, otherwise
                       the login that a service on the embedded database keeps in its DATA_DIR
                       (./data/admin-login.json)
  --help

Cuts, drains and releases do not end it: it comes back and is shown what it missed.
Exit codes: 0 after --seconds, 1 the stream was refused, 2 wrong use, 69 no service there, 130 Ctrl-C.
`;
