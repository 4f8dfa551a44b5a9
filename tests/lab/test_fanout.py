#!/usr/bin/env python3
"""Asking fifty agents takes about as long as asking three. Simulated agents over real TLS, no lab."""

import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
PROGRAM = os.path.join(os.environ.get('BUILD', 'build'), 'tests/lab/fanout/fanout')
ROUNDS, LOOK_MS = 5, 25
NAME = 'fan-out to 50 agents on kept connections: less than 3 times that to 3 (not 16 times)'


def main():
    done = subprocess.run([PROGRAM, str(ROUNDS), str(LOOK_MS)], cwd=TOP, check=False, timeout=120,
                          capture_output=True, text=True)
    print(''.join('# %s\n' % line for line in (done.stdout + done.stderr).splitlines()), end='')
    rows = {int(f[0]): [float(x) for x in f[1:]]
            for f in (line.split() for line in done.stdout.splitlines()[1:])}
    if done.returncode != 0 or set(rows) != {3, 10, 25, 50}:
        print('not ok %s: exit %d' % (NAME, done.returncode))
        return 1
    kept = {n: row[1] for n, row in rows.items()}
    good = kept[50] < 3 * kept[3]
    print('%s %s%s' % ('ok' if good else 'not ok', NAME,
                       '' if good else ': %.1f ms and %.1f ms' % (kept[50], kept[3])))
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
