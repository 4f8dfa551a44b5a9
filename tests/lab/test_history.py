#!/usr/bin/env python3
"""What is kept of a command: from a second terminal while it runs, and for the ticket afterwards."""

import contextlib
import json
import os
import re
import signal
import sys

from labkit import hosts, points, tap
from labkit.scene import check, wait


def history(s, *more, host='ctl'):
    result = s.pgtandem('history', *more, '-f', 'json', host=host)
    check(result.code == 0, 'history: exit %d: %s', result.code, result.stderr)
    return json.loads(result.stdout)['rows']


def newest(s):
    return history(s, '--limit', '1')[0]


@tap.test('its terminal closes after CLAIM: it goes on into the journal, `show -w` follows it to its end')
def _(s):
    child = points.at_catch_up(s, 'db02', 'db01')
    txn = s.record()['txn']
    follower = s.start_pgtandem('show', txn[:6], '-w')
    wait(lambda: s.program_pid(follower), 10, 'the follower runs')

    rows = history(s, host='ctl2')
    check([(r['outcome'], r['by'], r['txn']) for r in rows][-1:] ==
          [('open, begun elsewhere', 'root@ctl', txn)], 'history on ctl2: %s', rows)
    there = s.pgtandem('show', txn[:6], host='ctl2')
    check(there.code == 1 and 'pgtandem show %s` on ctl' % txn in there.stderr, 'show on ctl2: %s',
          there.stderr)

    pid = s.program_pid(child)
    child.stdout.close()
    child.stderr.close()
    os.kill(pid, signal.SIGHUP)
    s.thaw('db02', 'checkpointer')
    seen = s.finish_pgtandem(follower)
    child.wait(30)
    check(seen.code == 0, 'the follower: exit %d: %s', seen.code, seen.stderr)
    check('rejoin' in seen.stdout and 'no commit is lost' in seen.stdout, 'it saw: %s', seen.stdout)
    row = newest(s)
    check((row['txn'], row['outcome'], row['reason'], row['user'], row['from'], row['to']) ==
          (txn, 'done', 'test', 'root', 'db02', 'db01'), 'history: %s', row)
    said = {(r['step'], r['node']): r['data']['detail'] for r in s.journal() if r['kind'] == 'result'}
    entries = re.fullmatch(r'0 entries on, (\d+) off', said['cron-off', 'db02'])  # as it is after the step
    check(entries and entries.group(1) != '0', 'cron-off: %s', said)
    check(said['promote', 'db01'].startswith('primary on timeline 2'), 'promote: %s', said)
    s.await_steady('db01')

    for node in hosts.NODES:  # everything that an agent says of an act of it names it
        lines = [line for line in s.log(node, lines=1000) if 'act=' in line and txn in line]
        check(lines, 'the log of %s does not name %s', node, txn)
        check(all(re.search(r'act=\S+ \S+ step=\S+ txn=%s epoch=2 ' % txn, line) for line in lines),
              '%s', lines)


@tap.test('the page for the ticket, in Markdown and in HTML', owner='db01')
def _(s):
    row = newest(s)
    page = s.pgtandem('report')
    check(page.code == 0, 'report: exit %d', page.code)
    for part in ('# switchover of ia2: db02 -> db01', 'the point of no return', 'no commit is lost',
                 '`crontab -`: status 0', 'sha256 of the file', row['txn']):
        check(part in page.stdout, 'Markdown without "%s"', part)
    s.run('ctl', 'rm', '-f', '/tmp/page.html')
    check(s.pgtandem('report', row['txn'][:8], '-o', '/tmp/page.html').code == 0, 'report -o')
    html = s.run('ctl', 'cat', '/tmp/page.html').stdout
    for part in ('<svg', 'the point of no return', 'no writes: %d ms' % row['outage_ms'], '</html>'):
        check(part in html, 'HTML without "%s"', part)
    check('<script' not in html and 'http' not in html, 'the page is not on its own')


def restart_agent(s, node):
    s.kill_process(node, 'agent')
    wait(lambda: s.pgtandem('cron', 'show', node).code == 0, 15, 'the agent of %s answers' % node)


@contextlib.contextmanager
def start_fails(s, node):
    """Its agent is to start PostgreSQL by a command that says why it cannot."""
    path = s.lab.host(node, 'etc/agent.conf')
    with open(path) as f:
        before = f.read()
    said = '#!/bin/sh\\necho first line\\necho no space left on device\\nexit 3\\n'
    s.run(node, 'sh', '-c', 'printf "%s" >/var/lib/start; chmod 755 /var/lib/start' % said, check=True)
    try:
        with open(path, 'w') as f:
            f.write(before.replace('[postgresql]', '[postgresql]\nstart_command = /var/lib/start', 1))
        restart_agent(s, node)
        yield
    finally:
        with open(path, 'w') as f:
            f.write(before)
        restart_agent(s, node)


@tap.test('what a failing start command printed is in the journal', owner='db01')
def _(s):
    check(s.pgtandem('fence', 'vm', '--yes', '--reason', 'test').code == 0, 'fence vm')
    with start_fails(s, 'vm'):
        result = s.pgtandem('rejoin', 'vm', '--yes', '--reason', 'test')
        check(result.code == 4, 'rejoin: exit %d', result.code)
        check('has WAL that' not in ' '.join((result.stdout + result.stderr).split()), 'it is called diverged: %s',
              result.stdout + result.stderr)
        shown = s.pgtandem('show').stdout
    check('`/var/lib/start`: status 3' in shown and '| first line' in shown and
          '| no space left on device' in shown, 'show: %s', shown)
    followed = s.pgtandem('show', '-w')
    check(followed.code == 4, 'show -w of what has failed: exit %d', followed.code)
    check(s.pgtandem('rejoin', 'vm', '--yes', '--reason', 'test').code == 0, 'rejoin vm')
    s.await_steady('db01')


@tap.test('a journal that was changed is named, with the line; the rest is still shown', owner='db01')
def _(s):
    whole = json.loads(s.pgtandem('audit', 'verify', '-f', 'json').stdout)
    check(whole['faults'] == 0, 'audit: %s', whole)
    check(s.pgtandem('audit', 'verify', '--from', whole['newest'][:16]).code == 0, '--from')
    path = s.journals()[0]
    with open(path, 'rb') as f:
        before = f.read()
    try:
        with open(path, 'wb') as f:
            f.write(before.replace(b'"ok":true', b'"ok":null', 1))
        line = before[:before.index(b'"ok":true')].count(b'\n') + 1
        result = s.pgtandem('audit', 'verify')
        check(result.code == 1 and 'line %d: its hash' % line in ' '.join(result.stdout.split()) and
              os.path.basename(path) in result.stdout, 'audit: %s', result.stdout)
        rows = history(s)
        check('DAMAGED' in rows[0]['outcome'] and len(rows) == len(s.journals()), 'history: %s', rows)
        os.rename(path, path + '.away')
        check('older journals were removed' in ' '.join(s.pgtandem('audit', 'verify').stdout.split()),
              'a journal that is missing is not told')
    finally:
        with open(path, 'wb') as f:
            f.write(before)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + '.away')
    check(s.pgtandem('audit', 'verify').code == 0, 'the journals do not verify')


if __name__ == '__main__':
    sys.exit(tap.main('history'))
