/** What `--help` prints. */
export const USAGE = `Usage: samserver images <command> [options]

  scan [<directory>]        give every picture below IMAGE_DIR, or a directory in it, a record;
                            no file is moved or changed, a second run adds nothing
  manifest [<directory>]    read every file and write down what it holds
  verify [<directory>]      compare the files with the manifest and with the database
  backup <destination>      copy what is new or has changed, then verify the copies
  restore <backup>          put a backup's files into a directory, then verify all of them

<directory> is IMAGE_DIR unless it is given. All of them go on where they were stopped or killed.

  --manifest <dir>   where the manifest is (default <directory>/.samserver/manifest)
  --quick            verify: size and time only
  --sample <n>       verify: read n per cent of the files (another share each day)
  --full             verify: read every file (default); backup: also those not copied now
  --no-database      verify: the manifest only
  --to <dir>         restore: into this directory (default IMAGE_DIR)
  --replace          restore: replace files that are there and differ
  --threads <n>      threads that read files (default: one a core, at most 8)
  --report <file>    every finding, a JSON object a line
  --json             the result as one JSON object on stdout
  --help

Exit codes: 0 all is well, 1 something is not as it should be, 64 wrong use, 69 the directory or
the database is not there, 78 wrong settings, 130 interrupted.
`;
