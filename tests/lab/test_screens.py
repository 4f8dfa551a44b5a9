#!/usr/bin/env python3
"""What people and programs read: each verb's JSON is as docs/json describes it, TSV says the same, and
every screen fits its terminal."""

import glob
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
import unicodedata

from labkit import scene, schema, tap
from labkit.scene import check

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../docs/json')
LOOKS = {'status': 'status', 'topology': 'topology', 'preflight --to db01': 'preflight',
         'checks': 'checks', 'plan --to db01': 'plan', 'dns show': 'dns', 'dns verify': 'dns',
         'cron show': 'cron-show', 'cron diff': 'cron-diff', 'history': 'history', 'show': 'show',
         'audit verify': 'audit-verify'}
SCREENS = ('status', 'topology', 'preflight --to db01', 'dns show', 'history', 'cron diff')


def described(name):
    with open(os.path.join(DOCS, name + '.schema.json'), encoding='utf-8') as f:
        return json.load(f)


def looks_as_described(text, name, what):
    found = list(schema.faults(json.loads(text), described(name)))
    check(not found, '%s: %s', what, '; '.join(found[:5]))


@tap.test('every key of the JSON is described, and there is none that is not')
def _(s):
    for path in sorted(glob.glob(DOCS + '/*.json')):
        name = os.path.basename(path)[:-len('.schema.json')]
        missing = list(schema.undescribed(described(name)))
        check(not missing, '%s describes no %s', name, missing)
    moved = s.pgtandem('switchover', '--to', 'db01', '--yes', '--reason', 'für eine Prüfung', '-f',
                       'json')
    check(moved.code == 0, 'switchover: exit %d', moved.code)
    for line in moved.stdout.splitlines():
        looks_as_described(line, 'move', line[:60])
    s.await_steady('db01', timeout_s=5)
    for words, name in LOOKS.items():
        words = words.replace('db01', 'db02')
        result = s.pgtandem(*words.split(), '-f', 'json')
        check(result.code == 0, '%s: exit %d', words, result.code)
        looks_as_described(result.stdout, name, words)
        check(json.loads(result.stdout)['kind'] == ' '.join(words.split(' --')[:1]), words)
    broken = json.loads(s.pgtandem('status', '-f', 'json').stdout)
    broken['nodes'][0]['lag'] = 1
    del broken['ok']
    check(len(list(schema.faults(broken, described('status')))) == 2, 'the test cannot fail')


@tap.test('the table says what the JSON says, and so does the TSV', owner='db01')
def _(s):
    nodes = {n['node']: n for n in json.loads(s.pgtandem('status', '-f', 'json').stdout)['nodes']}
    lines = [line.split('\t') for line in s.pgtandem('status', '-f', 'tsv').stdout.splitlines()]
    keys = next(line for line in lines if line[0] == '#node')
    rows = [dict(zip(keys[1:], line[1:])) for line in lines if line[0] == 'node']
    table = s.pgtandem('status').stdout
    check(len(rows) == len(nodes) == 3, 'rows: %s', rows)
    for row in rows:
        node = nodes[row['node']]
        for key in ('role', 'state', 'cron', 'timeline', 'epoch'):
            check(str(node[key]) == row[key], '%s %s: %s, %s', row['node'], key, node[key], row[key])
            check(row[key] in table, '%s is not in the table: %s', row[key], table)


# ---- terminals -----------------------------------------------------------------------------------

def on_terminal(s, columns, *argv, until=None, **env):
    """The bytes that a terminal of so many columns gets; `until` text has come, then Ctrl-C."""
    leader, follower = pty.openpty()
    command = [scene.LAB, '-p', s.prefix, 'exec', 'ctl', 'env', f'COLUMNS={columns}',
               *(f'{k}={v}' for k, v in env.items()), 'pgtandem', *argv]
    with subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower) as child:
        os.close(follower)
        text, deadline, sent = b'', time.monotonic() + 20, False
        while time.monotonic() < deadline:
            if not select.select([leader], [], [], 1)[0]:
                continue
            try:
                piece = os.read(leader, 65536)
            except OSError:
                break
            if not piece:
                break
            text += piece
            if until and not sent and text.count(until) >= 2:
                child.send_signal(signal.SIGTERM)
                sent = True
        code = child.wait(10)
    os.close(leader)
    return code, text


def columns_of(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in 'WF' else 1
               for c in line)


@tap.test('every screen fits 40, 60, 80 and 200 columns, with and without UTF-8', owner='db01')
def _(s):
    for words in SCREENS:
        words = words.replace('db01', 'db02')
        for columns in (40, 60, 80, 200):
            for locale in ('C.UTF-8', 'C') if columns < 80 else ('C.UTF-8',):
                _, raw = on_terminal(s, columns, *words.split(), LC_ALL=locale, NO_COLOR='1')
                text = raw.decode('utf-8').replace('\r\n', '\n')
                wide = [line for line in text.splitlines() if columns_of(line) > columns]
                check(not wide, '%s at %d: %s', words, columns, wide)
                check('\033' not in text, '%s: an escape sequence', words)
                check(locale != 'C' or text.isascii(), '%s: not ASCII: %s', words, text)


@tap.test('the watch leaves the terminal as it was', owner='db01')
def _(s):
    code, text = on_terminal(s, 80, 'status', '-w', '1', until=b'every 1 s', TERM='xterm')
    check(code == 0, 'exit %d', code)
    check(text.count(b'\033[?1049h') == 1 and b'\033[?1049l' in text.split(b'every 1 s')[-1], text)
    check(b'\033[?25h' in text.split(b'every 1 s')[-1], 'no cursor')


if __name__ == '__main__':
    sys.exit(tap.main('screens'))
