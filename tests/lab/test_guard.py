#!/usr/bin/env python3
"""Hosts that boot at the wrong moment, hands that start or promote what they should not: the guard and
the watch (docs/protocol.md, sections 2 and 6)."""

import os
import re
import sys
import time

from labkit import files, hosts, points, tap
from labkit.scene import check, wait

PG_CTL = hosts.postgres_bin() + '/pg_ctl'


def pg_ctl(s, node, *arguments):
    return s.run(node, PG_CTL, *arguments, '-w', '-D', hosts.DATA, user='postgres')


def recovery_signal(s, node):
    """Left by a restore, beside a standby.signal, which has precedence."""
    s.run(node, 'touch', hosts.DATA + '/recovery.signal', user='postgres', check=True)
    check(s.signals(node) == ['recovery.signal', 'standby.signal'], '%s has %s', node, s.signals(node))


def silent_dns(s):
    for server in hosts.NAMESERVERS:
        s.freeze(server, 'named')


# tests/run: first

@tap.test('the owner reboots: writable again, its jobs as they were (row 9)')
def _(s):
    s.await_watch()
    s.kill('db02')
    s.start('db02')
    s.await_steady('db02', timeout_s=20)


@tap.test('the owner reboots while DNS does not respond, its peers agree: writable (row 10)')
def _(s):
    s.await_watch()
    s.kill('db02')
    silent_dns(s)
    s.start('db02')
    wait(lambda: s.role('db02') == 'writable', 20, 'db02 is writable')
    check(s.cron('db02') == 'on', 'the jobs of db02: %s', s.cron('db02'))
    s.thaw()
    s.await_steady('db02', timeout_s=20)


@tap.test('… but one peer is silent: held, read-only; released without a command when DNS is back')
def _(s):
    s.await_watch()
    s.kill('db02')
    silent_dns(s)
    s.freeze('vm', 'agent')
    observer = s.observe('db02', interval_s=0.01)
    s.start('db02')
    wait(lambda: s.agent_state('db02').get('held'), 20, 'db02 is held')
    wait(lambda: s.role('db02') == 'recovery', 10, 'it serves reads')
    check(s.cron('db02') == 'off', 'the jobs of db02: %s', s.cron('db02'))
    observer.stop()
    observer.never_writable('db02')
    s.thaw()
    wait(lambda: s.role('db02') == 'writable', 20, 'it is released')
    s.await_steady('db02', timeout_s=20)


@tap.test('… and the secondary still serves the record: what is missing is said, a typed word about the silent peer'
          ' releases it, its jobs as they were')
def _(s):
    s.await_watch()
    s.pgtandem('status')  # ctl keeps the servers that the zone's primary names
    s.kill('db02')
    s.freeze('ns1', 'named')
    s.freeze('vm', 'agent')
    s.start('db02')
    wait(lambda: s.agent_state('db02').get('held'), 20, 'db02 is held')
    wait(lambda: s.role('db02') == 'recovery', 10, 'it serves reads')
    own = s.run('db02', 'pgtandem-agent', '-c', '/etc/pgtandem/agent.conf', 'status', user='postgres')
    check('missing: the zone\'s primary (%s)' % hosts.ADDRESS['ns1'] in own.stdout, 'its own status: %s',
          own.stdout + own.stderr)
    printed = [line for line in s.log('db02', lines=300) if 'pgtandem guard: hold' in line]
    check(any('missing: the zone\'s primary (%s), or without it the word of every other node (vm did not respond)'
              % hosts.ADDRESS['ns1'] in line for line in printed), 'its guard printed: %s', printed)
    said = ' '.join(s.pgtandem('status').stdout.split())
    check('as soon as the zone\'s primary (%s) responds, or vm does' % hosts.ADDRESS['ns1'] in said and
          'pgtandem unfence db02 --accept-unfenced vm' in said, 'status: %s', said)
    refused = s.pgtandem('unfence', 'db02', '--yes', '--reason', 'test')
    check(refused.code == 2 and 'neither the zone\'s primary nor vm responds' in refused.stderr,
          'without a word: exit %d: %s', refused.code, refused.stderr)
    check(s.role('db02') == 'recovery', 'db02 is %s', s.role('db02'))
    recovery_signal(s, 'db02')
    result = s.pgtandem('unfence', 'db02', '--accept-unfenced', 'vm', '--yes', '--reason', 'test')
    check(result.code == 0 and s.role('db02') == 'writable' and s.cron('db02') == 'on',
          'exit %d, %s, jobs %s: %s', result.code, s.role('db02'), s.cron('db02'), result.stdout + result.stderr)
    check(not s.signals('db02'), 'the primary has %s', s.signals('db02'))
    s.thaw()
    s.await_steady('db02', timeout_s=20)


@tap.test('a fenced host reboots under an open claim, and is started by hand: never writable; abort'
          ' leads back (row 2)', more=True)
def _(s):
    before = s.snapshot()
    child = points.at_verify(s, 'db02', 'db01')
    s.kill_program(child)
    points.resume_replay(s, 'db01')
    observer = s.observe('db02', interval_s=0.01)
    s.kill('db02')
    s.start('db02')
    wait(lambda: s.pids('db02', 'agent'), 10, 'the agent of db02')
    check(not s.pids('db02', 'postmaster'), 'its guard let PostgreSQL start')
    pg_ctl(s, 'db02', 'start', '-l', '/var/log/postgresql.log')
    wait(lambda: s.role('db02') == 'recovery', 10, 'started by hand it is read-only')
    observer.stop()
    observer.never_writable('db02')
    check(s.cron('db02') == 'off', 'the jobs of db02: %s', s.cron('db02'))
    result = s.go_on('abort')
    check(result.code == 0, 'abort: exit %d', result.code)
    s.await_unchanged(before, 15)
    s.await_steady('db02', timeout_s=15)


@tap.test('the owner reboots under a claim that has not fenced it: writable, then abort (row 9)', more=True)
def _(s):
    before = s.snapshot()
    child = points.at_catch_up(s, 'db02', 'db01')
    s.kill_program(child)
    s.kill('db02')
    s.start('db02')
    wait(lambda: s.role('db02') == 'writable', 15, 'db02 is writable')
    check(s.cron('db02') == 'off', 'its jobs were commanded off, they are %s', s.cron('db02'))
    result = s.go_on('abort')
    check(result.code == 0, 'abort: exit %d', result.code)
    s.await_unchanged(before, 15)
    s.await_steady('db02', timeout_s=15)


@tap.test('a standby whose standby.signal was removed boots: fenced, never writable (row 6)')
def _(s):
    s.await_watch()
    pg_ctl(s, 'db01', 'stop', '-m', 'fast')
    s.kill('db01')
    os.unlink(s.lab.host('db01', 'var-lib/postgresql/data/standby.signal'))
    observer = s.observe('db01', interval_s=0.01)
    s.start('db01')
    wait(lambda: s.agent_state('db01').get('fenced') or s.agent_state('db01').get('held'), 15,
         'db01 is fenced or held')
    wait(lambda: s.pids('db01', 'agent'), 10, 'the agent of db01')
    observer.stop()
    observer.never_writable('db01')
    check('standby.signal' in s.signals('db01'), 'there is no standby.signal')
    recovery_signal(s, 'db01')
    result = s.pgtandem('rejoin', 'db01', '--yes', '--reason', 'test')
    check(result.code == 0, 'rejoin: exit %d', result.code)
    check(s.signals('db01') == ['standby.signal'], 'the standby has %s', s.signals('db01'))
    s.await_steady('db02', timeout_s=15)


def one_number_two_timelines(s):
    """vm has had a timeline 2 of its own, and the next primary gets that number again: vm's is told
    from the owner's by its history, and nothing overwrites its WAL."""
    refused = s.switchover('db01')
    check(refused.code == 2 and 'timeline-number' in refused.stdout + refused.stderr,
          'the switchover: exit %d', refused.code)
    wal = s.lab.host('vm', 'var-lib/postgresql/data/pg_wal/')
    before = {name: os.stat(wal + name).st_mtime_ns for name in os.listdir(wal)}
    check(s.switchover('db01', '--ignore', 'timeline-number').code == 0, 'it is not ignored')
    check(s.value('db01', 'SELECT timeline_id FROM pg_control_checkpoint()') == '2' and
          '00000002.history' in before, 'not one number: %s', sorted(before))
    result = s.pgtandem('rejoin', 'vm', '--yes', '--reason', 'test')
    check(result.code == 4 and 'WAL that the owner does not have' in result.stderr,
          'rejoin: exit %d: %s', result.code, result.stderr)
    after = {name: os.stat(wal + name).st_mtime_ns for name in os.listdir(wal)}
    check(after == before and s.role('vm') == 'silent', 'vm is %s, its WAL: %s', s.role('vm'),
          sorted(set(after.items()) ^ set(before.items())))
    s.await_steady('db01', down=('vm',))


@tap.test('a standby promoted by hand is fenced by its watch, its jobs go off; the owner serves on;'
          ' its timeline stays apart from one of the same number')
def _(s):
    s.await_watch()
    files.put(s.lab.host('vm', 'etc/on'), files.crontab(True))
    s.run('vm', 'crontab', '-u', 'postgres', '/etc/pgtandem/on', check=True)
    check(s.cron('vm') == 'on', 'the jobs of vm are not on')
    s.writer_start()
    began = time.monotonic()
    check(pg_ctl(s, 'vm', 'promote').code == 0, 'pg_ctl promote')  # it has waited for it
    wait(lambda: s.role('vm') != 'writable', 10, 'the watch stops it')
    took = time.monotonic() - began
    tap.say('fenced %.1f s after the promotion', took)
    check(took < 8, 'only after %.1f s', took)
    wait(lambda: s.agent_state('vm').get('fenced') and s.cron('vm') == 'off', 5, 'fenced, jobs off')
    check('standby.signal' in s.signals('vm'), 'there is no standby.signal')
    clients = s.writer_stop()
    check(not clients.changes() and not clients.lost('db02'), 'the clients were disturbed')
    s.await_steady('db02', down=('vm',))
    status = s.pgtandem('status')
    check(re.search('vm is fenced', status.stdout), 'status does not say that vm is fenced')
    one_number_two_timelines(s)
    again = pg_ctl(s, 'vm', 'start', '-l', '/var/log/postgresql.log')
    check(s.role('vm') != 'writable', 'started by hand it is writable: %s', again.stdout)


LSN = r'[0-9A-F]+/[0-9A-F]+'


@tap.test('declared lost without a fence, it boots while cut off and is held: its commits are seen, rejoin refuses with'
          ' both LSNs, again and again')
def _(s):
    s.await_watch()
    s.cut('db02')
    for _ in range(49):
        check(s.value('db02', "SELECT pg_logical_emit_message(true, 'test', 'only here')"),
              'a commit of its own')
    s.kill('db02')
    result = s.failover('db01', '--accept-unfenced', 'db02')
    check(result.code == 0, 'failover: exit %d', result.code)
    s.start('db02')
    wait(lambda: s.agent_state('db02').get('held'), 20, 'db02 is held')
    s.heal()
    for _ in range(2):
        result = s.pgtandem('rejoin', 'db02', '--yes', '--reason', 'test')
        check(result.code == 4 and 'WAL that the owner does not have' in result.stderr and
              len(re.findall(LSN, result.stderr)) == 2, 'rejoin: exit %d: %s', result.code,
              result.stderr)
    s.go_on('resume')
    status = s.pgtandem('status')
    check(status.code == 10 and 'db02 is' in status.stdout and
          re.search('has WAL that the owner does not have: it reaches %s' % LSN, status.stdout),
          'status: %s', status.stdout)
    check('next: read docs/two-writable.md' in status.stdout, 'next: %s', status.stdout)
    check(s.role('db02') != 'writable', 'db02 is writable')


def of_a_restore(s, node):
    """What a restore leaves behind: ignored by a primary, obeyed by a standby."""
    s.psql(node, "ALTER SYSTEM SET recovery_target = 'immediate'")
    s.psql(node, "ALTER SYSTEM SET recovery_target_action = 'promote'")


def bare_start_stays_a_standby(s, node):
    observer = s.observe(node, interval_s=0.01)
    pg_ctl(s, node, 'start', '-l', '/var/log/postgresql.log')
    wait(lambda: s.role(node) == 'recovery', 15, 'started by hand it is read-only')
    observer.stop()
    observer.never_writable(node)


@tap.test('settings and a signal file of a restore: a switchover is refused and names them; fenced by a'
          ' failover, the owner stays a standby for whoever starts it (I1, I2); the new one reboots')
def _(s):
    s.await_watch()
    of_a_restore(s, 'db02')
    refused = s.switchover('db01')
    check(refused.code == 2 and 'recovery-settings' in refused.stdout + refused.stderr and
          'postgresql.auto.conf line' in refused.stdout + refused.stderr,
          'a switchover: exit %d: %s', refused.code, refused.stderr)
    s.run('db01', 'touch', hosts.DATA + '/recovery.signal', user='postgres', check=True)
    status = s.pgtandem('status')
    check('recovery.signal is in the data directory of db01' in status.stdout and
          'db02 would obey' in status.stdout, 'status: %s', status.stdout)
    s.kill_process('db02', 'postmaster')
    result = s.failover('db01')
    check(result.code == 0, 'failover: exit %d: %s', result.code, result.stderr)
    check(not s.signals('db01'), 'the new primary has %s', s.signals('db01'))
    bare_start_stays_a_standby(s, 'db02')
    s.kill('db01')
    s.start('db01')
    s.await_steady('db01', down=('db02',), timeout_s=20)


@tap.test('beside processes of a dead postmaster the guard starts nothing, and names them; a fence ends them, unfence'
          ' starts it again')
def _(s):
    orphan = s.commit_for_ever('db02')
    s.kill_process('db02', 'postmaster')
    guard = s.run('db02', 'pgtandem-agent', 'guard', user='postgres')
    check(guard.code != 0 and 'NOT STARTED beside processes of the last one' in guard.stdout, 'guard: exit %d, %s',
          guard.code, guard.stdout + guard.stderr)
    check(os.path.exists('/proc/%d' % orphan), 'the guard has ended what may still be the primary')
    result = s.pgtandem('fence', 'db02', '--yes', '--reason', 'test')
    check(result.code == 0, 'fence: exit %d: %s', result.code, result.stdout + result.stderr)
    check(not os.path.exists('/proc/%d' % orphan), 'process %d lives on', orphan)
    result = s.pgtandem('unfence', 'db02', '--yes', '--reason', 'test')
    check(result.code == 0, 'unfence: exit %d: %s', result.code, result.stdout + result.stderr)
    s.await_steady('db02', timeout_s=20)


@tap.test('two writable nodes: status says so with both LSNs and timelines, no command touches them')
def _(s):
    s.await_watch()
    s.freeze('vm', 'agent')
    check(pg_ctl(s, 'vm', 'promote').code == 0, 'pg_ctl promote')
    s.cut('vm', 'ns1')  # its watch sees nothing when its agent wakes up
    s.thaw()
    record = s.record()
    status = wait(lambda: (lambda r: r if 'two-writable' in r.stdout else None)(
        s.pgtandem('status')), 10, 'status names docs/two-writable.md')
    check(status.code == 10, 'status: exit %d', status.code)
    for node in ('db02', 'vm'):  # it moves (a checkpoint, autovacuum): shown once it rests
        wait(lambda n=node: s.value(n, 'SELECT pg_current_wal_lsn()') in
             s.pgtandem('status').stdout, 20, 'the LSN of %s is shown' % node)
    for command in (lambda: s.switchover('db01'), lambda: s.failover('db01')):
        result = command()
        check(result.code in (2, 4), 'exit %d', result.code)
    check(s.go_on('resume').code == 4, 'resume')
    check(s.record() == record, 'the record: %s', s.record())
    check(s.role('db02') == s.role('vm') == 'writable', 'somebody was stopped')
    s.heal()
    wait(lambda: s.role('vm') != 'writable', 12, 'the watch stops it')


@tap.test('a watch that is switched off is warned of', more=True)
def _(s):
    path = s.lab.host('vm', 'etc/agent.conf')
    with open(path) as f:
        text = f.read()
    files.put(path, text.replace('enabled = yes', 'enabled = no'), 0o644)
    s.kill_process('vm', 'agent')
    wait(lambda: s.pids('vm', 'agent'), 5, 'the agent is started again')
    shown = wait(lambda: (lambda r: r if 'off at vm' in r.stdout else None)(
        s.pgtandem('preflight', '--to', 'db01')), 10, 'preflight warns')
    check(shown.code == 0, 'preflight: exit %d', shown.code)
    check('watch' in ' '.join(s.log('vm', lines=50)), 'the agent does not warn')


if __name__ == '__main__':
    sys.exit(tap.main('guard'))
