#!/usr/bin/env python3
"""The controller or an agent dies in the middle: whoever comes next, from DNS and agents alone, goes on
or back to a right end (I10)."""

import json
import re
import sys
import time

from labkit import points, scene, tap
from labkit.scene import check, wait


def killed_at(s, point, new):
    """The owner's move to NEW, its controller killed at POINT; everything thawed but the startup
    process of a promotion."""
    old = s.alias()
    child = point(s, old, new)
    s.kill_program(child)
    s.thaw(old, 'checkpointer')
    if point is points.at_verify:
        points.resume_replay(s, new)


def history(s, host):
    """The row of the newest command on HOST."""
    result = s.pgtandem('history', '--limit', '1', '-f', 'json', host=host)
    check(result.code == 0, 'history: exit %d: %s', result.code, result.stderr)
    return json.loads(result.stdout)['rows'][0]


def is_told(s, host, verb, new):
    """It is of the transition from db02 to NEW, whatever the record showed when it began."""
    row = history(s, host)
    check((row['verb'], row['from'], row['to']) == (verb, 'db02', new), 'history: %s', row)


def forward(s, host, new):
    observer = s.observe()
    result = s.go_on('resume', host=host)
    check(result.code == 0, 'resume: exit %d', result.code)
    is_told(s, host, 'resume', new)
    observer.stop()
    check(not observer.interleaved(), 'two were writable: %s', observer.interleaved())
    s.await_steady(new)
    check(s.pgtandem('status').code == 0, 'status finds a problem')
    return result


def outage_ms(result):
    found = re.search(r'outage +(\d+) ms', result.stdout)
    check(found, 'no outage is told: %s', result.stdout[-600:])
    return int(found.group(1))


def back(s, host, before, owner):
    result = s.go_on('abort', host=host)
    check(result.code == 0, 'abort: exit %d', result.code)
    is_told(s, host, 'abort', 'db01')
    s.await_unchanged(before)
    s.await_steady(owner)


@tap.test('killed after CLAIM: another command is held off; resume from ctl goes forward', more=True)
def _(s):
    killed_at(s, points.at_catch_up, 'db01')
    record = s.record()
    check((record['state'], record['owner'], record['to']) == ('claim', 'db02', 'db01'),
          'the record: %s', record)
    check(s.role('db02') == 'writable', 'db02 is %s', s.role('db02'))
    held = s.switchover('vm', host='ctl2')
    check(held.code == 7 and 'root@ctl' in held.stdout + held.stderr, 'ctl2: exit %d', held.code)
    check(s.record() == record, 'the record: %s', s.record())
    status = s.pgtandem('status', host='ctl2')
    check(status.code == 10 and 'root@ctl' in status.stdout, 'status: exit %d', status.code)
    forward(s, 'ctl', 'db01')


@tap.test('killed after CLAIM: resume from ctl2, whose journal is empty, goes forward', more=True)
def _(s):
    check(not s.journals('ctl2'), 'the journal of ctl2 is not empty')
    killed_at(s, points.at_catch_up, 'db01')
    forward(s, 'ctl2', 'db01')


@tap.test('killed between FENCE and FLIP: resume from ctl goes forward')
def _(s):
    s.writer_start()
    killed_at(s, points.at_verify, 'db01')
    check('writable' not in [s.role(n) for n in scene.hosts.NODES], 'somebody is writable')
    check(s.alias() == 'db02', 'the alias: %s', s.alias())
    first = s.pgtandem('status').stdout.splitlines()[0]
    check(first.startswith('NOT WRITABLE since ') and 'db02' in first, 'status begins: %s', first)
    stopped = time.monotonic()
    time_ms = outage_ms(forward(s, 'ctl', 'db01'))
    check(time_ms > 200, 'the outage began with the first command, not with this: %d ms', time_ms)
    check(history(s, 'ctl')['outage_ms'] == time_ms, 'history: %s', history(s, 'ctl'))
    check(time_ms < (time.monotonic() - stopped) * 1000 + 60000, 'outage %d ms', time_ms)
    lost = s.writer_stop().lost('db01')
    check(not lost, '%d acknowledged writes are lost', len(lost))


@tap.test('killed between FENCE and FLIP: resume from ctl2 with an empty journal')
def _(s):
    for path in s.journals('ctl2'):
        s.run('ctl2', 'rm', '/var/lib/pgtandem/journal/' + path.split('/')[-1])
    killed_at(s, points.at_verify, 'db01')
    forward(s, 'ctl2', 'db01')


@tap.test('the owner reboots after CLAIM, the walreceivers hang on the connection of before: resume does not'
          ' stop it for a target that takes no WAL; the role stays')
def _(s):
    child = points.at_catch_up(s, 'db02', 'db01')
    s.kill_program(child)
    for standby in ('db01', 'vm'):
        s.freeze(standby, 'walreceiver')  # they say "streaming", whatever becomes of the owner
    s.kill('db02')
    s.start('db02')
    wait(lambda: s.role('db02') == 'writable', 20, 'db02 is back')
    check(not s.streaming('db02'), 'a standby has come back: this is not what is to be tested')
    started = s.value('db02', 'SELECT pg_postmaster_start_time()')
    observer = s.observe('db02')
    with s.limits(catchup_timeout_ms=3000):
        result = s.go_on('resume')
    observer.stop()
    said = ' '.join((result.stdout + result.stderr).split())
    check(result.code == 3 and 'db01 is not attached' in said, 'resume: exit %d: %s', result.code, said)
    check(not observer.seen('silent', 'db02') and
          s.value('db02', 'SELECT pg_postmaster_start_time()') == started, 'db02 was stopped for it')
    check((s.record()['state'], s.record()['owner']) == ('stable', 'db02'), 'the record: %s', s.record())
    s.thaw()
    s.await_steady('db02', timeout_s=30)


@tap.test('killed after CLAIM, and again between FENCE and FLIP: abort from ctl2 leads back')
def _(s):
    before = s.snapshot()
    for point in (points.at_catch_up, points.at_verify):
        killed_at(s, point, 'db01')
        back(s, 'ctl2', before, 'db02')


@tap.test('killed after PROMOTING, the promotion goes through: abort refuses; resume from ctl2 ends it')
def _(s):
    killed_at(s, points.at_promote, 'db01')
    record = s.record()
    check(record['state'] == 'flip' and record['owner'] == 'db01', 'the record: %s', record)
    s.thaw()
    wait(lambda: s.role('db01') == 'writable', 15, 'the promotion goes through')
    result = s.go_on('abort')
    check(result.code == 4, 'abort: exit %d', result.code)
    check(s.role('db01') == 'writable' and s.record()['owner'] == 'db01', 'abort did something')
    forward(s, 'ctl2', 'db01')


@tap.test('killed after PROMOTING, which hangs: abort revokes it first, db01 is never writable (I2)')
def _(s):
    before = s.snapshot()
    observer = s.observe()
    with s.limits(promote_timeout_ms=2000, stop_timeout_ms=2000):
        killed_at(s, points.at_promote, 'db01')
        wait(lambda: any('act=promote refused' in line for line in s.log('db01')), 15,
             'its agent gives the promotion up')
        # as long as its startup process is stopped, db01 cannot stop
        result = s.go_on('abort', host='ctl2')
    tap.say('while it hangs: exit %d, db01 is %s', result.code, s.role('db01'))
    s.thaw()
    if result.code == 4:
        result = s.go_on('abort')
    if result.code == 4 and s.role('db01') == 'writable':  # the promotion was quicker: only forward
        observer.stop()
        check(not observer.interleaved(), 'two were writable: %s', observer.interleaved())
        forward(s, 'ctl', 'db01')
        return
    check(result.code == 0, 'abort: exit %d', result.code)
    s.await_unchanged(before, 15)
    s.await_steady('db02')
    observer.stop()
    observer.never_writable('db01')


@tap.test('an agent dies while it fences: the command undoes or goes on, and says so truly')
def _(s):
    before = s.snapshot()
    s.freeze('vm', 'walreceiver')  # the stop lasts: walsenders wait
    with s.limits(stop_timeout_ms=8000):
        child = s.start_pgtandem('switchover', '--to', 'db01', '--yes', '--reason', 'test')
        wait(lambda: s.agent_state('db02').get('fenced') or child.poll() is not None, 20,
             'the fence begins')
        s.kill_process('db02', 'agent')
        s.thaw()
        result = s.finish_pgtandem(child)
    check(result.code in (0, 3, 4), 'exit %d', result.code)
    if result.code == 4:
        wait(lambda: s.pids('db02', 'agent'), 5, 'the agent is started again')
        again = wait(lambda: (lambda r: r if r.code == 0 else None)(s.go_on('resume')), 30,
                     'resume ends it')
        tap.say('resume: %s', again.stdout.strip().splitlines()[-1])
    tap.say('exit %d, owner %s', result.code, s.alias())
    owner = s.alias()
    if result.code == 3:
        s.await_unchanged(before)
    check(result.code != 0 or owner == 'db01', 'exit 0, but the owner is %s', owner)
    s.await_steady(owner, timeout_s=20)


@tap.test('the target has no agent: refused at once, nothing changes')
def _(s):
    before, record = s.snapshot(), s.record()
    s.hold_service('db01', 'pgtandem-agent')
    s.kill_process('db01', 'agent')
    began = time.monotonic()
    result = s.switchover('db01')
    check(result.code in (2, 6), 'exit %d', result.code)
    check('db01' in result.stdout + result.stderr, 'it is not named')
    check(time.monotonic() - began < 8, 'it took %.1f s', time.monotonic() - began)
    status = s.pgtandem('status')
    check(status.code == 10 and status.seconds < 6, 'status: exit %d after %.1f s', status.code,
          status.seconds)
    s.release_service('db01', 'pgtandem-agent')
    check(s.record() == record, 'the record: %s', s.record())
    s.await_unchanged(before, 0)


@tap.test('a stop that waits for archive_command is called that; resume waits for it too, and the'
          ' outage counts from the first stop request')
def _(s):
    for setting in ("archive_mode = on", "archive_command = 'sleep 4'"):
        s.psql('db02', 'ALTER SYSTEM SET ' + setting)
    s.run('db02', scene.hosts.postgres_bin() + '/pg_ctl', 'restart', '-w', '-s', '-D',
          scene.hosts.DATA, '-l', '/var/log/postgresql.log', user='postgres', check=True)
    s.await_steady('db02')
    child = s.start_pgtandem('switchover', '--to', 'db01', '--yes', '--reason', 'test')
    wait(lambda: re.search('waiting for.*archive', s.pgtandem('status').stdout), 30,
         'status says that it is stopping, and what it waits for')
    began = time.monotonic()
    s.kill_program(child)
    result = s.go_on('resume')
    check(result.code == 0, 'resume: exit %d: %s', result.code, result.stdout + result.stderr)
    check('nobody can prove' not in result.stdout, 'resume: %s', result.stdout)
    waited_ms = outage_ms(result)
    check(waited_ms > 2000, 'outage %d ms, %d ms after the stop was seen', waited_ms,
          (time.monotonic() - began) * 1000)
    s.await_steady('db01')


if __name__ == '__main__':
    sys.exit(tap.main('resume'))
