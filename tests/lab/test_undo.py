#!/usr/bin/env python3
"""A planned move that really fails, at each step that can: everything is as before (I9), exit 3."""

import contextlib
import json
import os
import re
import signal
import sys
import time

from labkit import cluster, hosts, points, scene, tap
from labkit.scene import check, wait

WAL = hosts.DATA + '/pg_wal'


def undone(s, result, before):
    check(result.code == 3, 'exit %d', result.code)
    s.await_unchanged(before)
    s.await_steady('db02')


@tap.test('a promotion that fails for real (no file can be made in pg_wal) is undone')
def _(s):
    before = s.snapshot()
    s.writer_start()
    observer = s.observe()
    child = points.at_verify(s, 'db02', 'db01')
    s.run('db01', 'chmod', '0500', WAL, check=True)
    points.resume_replay(s, 'db01')
    points.let_go(s, child)
    result = s.finish_pgtandem(child, 120)
    s.run('db01', 'chmod', '0700', WAL, check=True)
    log = '\n'.join(s.log('db01', 'postgresql.log', 10000))
    check('Permission denied' in log, 'the promotion has not failed as it should')
    clients = s.writer_stop()
    observer.stop()
    check(not clients.lost('db02'), '%d writes lost', len(clients.lost('db02')))
    observer.never_writable('db01')
    undone(s, result, before)
    check(not os.path.exists(s.lab.host('db01', 'var-lib/postgresql/data/pg_wal',
                                        '00000002.history')), 'a history file is left on db01')


@tap.test('a promotion that hangs, and a node that does not stop: left open; then aborted', more=True)
def _(s):
    before = s.snapshot()
    observer = s.observe()
    with s.limits(promote_timeout_ms=2000, stop_timeout_ms=2000):
        child = points.at_promote(s, 'db02', 'db01')  # its startup process is stopped
        result = s.finish_pgtandem(child, 60)
    if result.code != 3:
        check(result.code == 4, 'exit %d', result.code)
        check(s.record()['state'] == 'flip', 'the record: %s', s.record())
        check(s.role('db02') == s.role('db01') == 'silent', 'somebody answers')
        s.thaw()
        result = s.go_on('abort')
        check(result.code == 0, 'abort: exit %d', result.code)
    s.thaw()
    observer.stop()
    observer.never_writable('db01')
    s.await_unchanged(before)
    s.await_steady('db02')


@tap.test('a target that stops replaying after preflight is found by VERIFY; undone (I7)')
def _(s):
    before = s.snapshot()
    s.writer_start()
    child = points.at_verify(s, 'db02', 'db01')
    check(s.role('db02') == 'silent', 'db02 is not stopped: this is not what is to be tested')
    points.let_go(s, child)
    verdict = wait(lambda: s.journaled('result', 'verify'), 30, 'VERIFY gives its verdict')
    check(verdict['data']['ok'] is False, 'it passed: %s', verdict)
    s.psql('db01', 'SELECT pg_wal_replay_resume()')
    result = s.finish_pgtandem(child, 60)
    check(s.record()['state'] == 'stable', 'the record: %s', s.record())
    clients = s.writer_stop()
    check(not clients.lost('db02'), 'writes lost')
    undone(s, result, before)


@tap.test('nothing is stopped for a target that takes no WAL: undone (I14)')
def _(s):
    before = s.snapshot()
    observer = s.observe()
    s.freeze('vm', 'walreceiver')
    with s.limits(catchup_timeout_ms=3000):
        result = s.switchover('vm', '--wait-jobs', '30')
    s.thaw()
    check('vm is not attached' in result.stdout + result.stderr, 'it says: %s', result.stderr)
    observer.stop()
    check(not observer.seen('silent', 'db02'), 'db02 was stopped for it')
    undone(s, result, before)


@tap.test('another standby that takes no WAL does not hold the stop up', more=True)
def _(s):
    s.freeze('vm', 'walreceiver')  # a fast stop waits for walsenders, these for their receivers
    s.writer_start()
    result = s.switchover('db01', '--wait-jobs', '30')
    s.thaw()
    check(result.code == 0, 'exit %d: %s', result.code, result.stderr)
    clients = s.writer_stop()
    tap.say('outage %s ms', [round(c['ms']) for c in clients.changes()])
    check(all(c['ms'] < 10000 for c in clients.changes()), 'vm has held the stop up')
    check(not clients.lost('db01'), 'writes lost')
    s.await_steady('db01', timeout_s=30)


@tap.test('the third node\'s host dies right before the fence: the stop does not wait for it')
def _(s):
    s.writer_start()
    child = points.at_catch_up(s, 'db02', 'db01')
    s.kill('vm')
    s.thaw()
    result = s.finish_pgtandem(child)
    check(result.code == 0, 'exit %d: %s', result.code, result.stderr)
    clients = s.writer_stop()
    tap.say('outage %s ms', [round(c['ms']) for c in clients.changes()])
    check(clients.changes() and all(c['ms'] < 5000 for c in clients.changes()), 'vm has held the stop up')
    check(not clients.lost('db01'), 'writes lost')
    status = s.pgtandem('status')
    check(status.code == 10 and 'vm' in status.stdout, 'status: exit %d: %s', status.code, status.stdout)
    s.await_steady('db01', down=('vm',))
    s.start('vm')
    check(s.go_on('resume').code == 0, 'it is not turned to db01')
    s.await_steady('db01', timeout_s=30)


@tap.test('the target\'s host dies while the old primary stops for it: that one soon writes again')
def _(s):
    child = points.at_catch_up(s, 'db02', 'db01')
    pid = s.program_pid(child)
    os.kill(pid, signal.SIGSTOP)
    s.thaw()
    check(s.psql('db02', 'CHECKPOINT') is not None, 'no checkpoint')
    s.freeze('db02', 'checkpointer')  # now it is the stop that hangs
    os.kill(pid, signal.SIGCONT)
    wait(lambda: s.agent_state('db02').get('fenced') or child.poll() is not None, 20, 'the fence begins')
    wait(lambda: s.role('db02') == 'silent' or child.poll() is not None, 20, 'it shuts down')
    s.kill('db01')
    check(child.poll() is None and s.pids('db02', 'postmaster'), 'db02 has stopped: not what is to be tested')
    s.thaw()
    began = time.monotonic()
    wait(lambda: s.role('db02') == 'writable', 10, 'db02 writes again')
    tap.say('after %.1f s', time.monotonic() - began)
    result = s.finish_pgtandem(child)
    check(result.code == 3, 'exit %d: %s', result.code, result.stderr)
    check((s.record()['state'], s.record()['owner']) == ('stable', 'db02'), 'the record: %s', s.record())
    s.await_steady('db02', down=('db01',))
    s.start('db01')
    s.await_steady('db02', timeout_s=30)


@tap.test('while a managed job runs: refused; with --wait-jobs it is waited for')
def _(s):
    # the backup waits for this lock, as long as we like
    lock = s.popen('db02', 'psql', '-XAtq', '-d', 'datab', '-c',
                   'BEGIN; LOCK TABLE observations IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(300)',
                   user='postgres')
    running = ("SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'pg_dump'"
               " AND wait_event_type = 'Lock'")
    wait(lambda: s.value('db02', running) == 't', 75, 'cron starts the backup')
    before, record = s.snapshot(), s.record()
    result = s.switchover('db01', '--wait-jobs', '0')
    check(result.code == 2, 'exit %d', result.code)
    check('pg_dump' in result.stdout + result.stderr or 'job' in result.stdout + result.stderr,
          'it does not say why')
    check(s.record() == record, 'the record: %s', s.record())
    s.await_unchanged(before, 0)

    child = s.start_pgtandem('switchover', '--to', 'db01', '--yes', '--reason', 'test',
                             '--wait-jobs', '60')
    wait(lambda: s.cron('db02') == 'off', 15, 'the jobs are turned off first')
    check(s.role('db02') == 'writable' and child.poll() is None, 'the job is not waited for')
    os.kill(wait(lambda: s.program_pid(lock, 'psql'), 5, 'psql'), signal.SIGKILL)
    s.psql('db02', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                   " WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()")
    result = s.finish_pgtandem(child)
    check(result.code == 0, 'exit %d', result.code)
    dump = s.lab.host('db02', 'var-lib/postgresql/backups/datab.sql')
    with open(dump) as f:
        check('PostgreSQL database dump complete' in f.read(), 'the backup was not let end')
    s.await_steady('db01')


COPY, COPY_HERE = '/var/log/copy', os.path.dirname(hosts.DATA) + '/copy'


@contextlib.contextmanager
def base_backups(s):
    """Two of db02, throttled: of `client`, who stops taking it in, and of db02 into a directory of its own.
    Yields the former, its process as seen from here, and both walsenders."""
    s.run('client', 'install', '-d', '-o', 'postgres', COPY, check=True)
    far = s.popen('client', 'env', 'PGPASSWORD=' + cluster.REPLICATION_PASSWORD, 'pg_basebackup', '-h',
                  hosts.ADDRESS['db02'], '-U', 'replicator', '-c', 'fast', '--max-rate=16M', '-D', COPY,
                  user='postgres')
    pid = wait(lambda: s.program_pid(far, 'pg_basebackup'), 5, 'the backup of client runs')
    wait(lambda: s.value('db02', "SELECT sum(backup_streamed) > 8e6 FROM pg_stat_progress_basebackup") == 't',
         30, 'it is under way')
    os.kill(pid, signal.SIGSTOP)
    s.popen('db02', 'pg_basebackup', '-c', 'fast', '-X', 'none', '--no-manifest', '--max-rate=32k', '--target',
            'server:' + COPY_HERE, user='postgres')
    named = "SELECT pid FROM pg_stat_replication WHERE state = 'backup' AND usename = '%s'"
    here = wait(lambda: s.value('db02', named % 'postgres'), 30, 'the backup of db02 runs')
    try:
        yield far, pid, s.value('db02', named % 'replicator'), here
    finally:
        if far.poll() is None:  # a test that has failed does not wait for the end of either
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            s.psql('db02', "SELECT pg_terminate_backend(pid) FROM pg_stat_replication"
                           " WHERE application_name = 'pg_basebackup'")
        s.run('client', 'rm', '-rf', COPY)


def end_backup_of_db02(s, sender):
    s.psql('db02', 'SELECT pg_terminate_backend(%s)' % sender)
    s.run('db02', 'rm', '-rf', COPY_HERE)


def measured(s):
    rows = json.loads(s.pgtandem('preflight', '--to', 'db01', '-f', 'json').stdout)['preflight']
    return next(row for row in rows if row['check'] == 'backups')


@tap.test('while pg_basebackup runs: refused, it is named; with --wait-jobs its end is waited for')
def _(s):
    record = s.record()
    with base_backups(s) as (child, pid, sender, here):
        said = [r'process %s \(pg_basebackup\) of replicator from %s to client, since \d\d:\d\d, '
                r'streaming database files \d+%%' % (sender, re.escape(hosts.ADDRESS['client'])),
                r'process %s \(pg_basebackup\) of postgres to server %s, since ' % (here, COPY_HERE)]
        row, status = measured(s), ' '.join(s.pgtandem('status').stdout.split())
        refused = s.switchover('db01', '--wait-jobs', '0')
        check(row['verdict'] == 'BLOCK' and '2 running' in row['measured'], '%s', row)
        check('a base backup runs on db02' in status, 'status: %s', status)
        for words in said:
            check(re.search(words, row['measured']), '%s: %s', words, row)
            check(re.search(words, status), '%s: status: %s', words, status)
        check(refused.code == 2 and 'backups' in refused.stdout, 'exit %d: %s', refused.code, refused.stdout)
        check(s.record() == record, 'the record: %s', s.record())
        end_backup_of_db02(s, here)

        move = s.start_pgtandem('switchover', '--to', 'db01', '--yes', '--reason', 'test', '--wait-jobs', '60')
        words = next((line for line in move.stderr if 'base backup' in line), '')
        check('for the base backup on db02: process %s' % sender in words, 'it does not wait: %s', words)
        check(s.role('db02') == 'writable' and move.poll() is None, 'the backup is not waited for')
        check(s.record() == record and s.cron('db02') == 'on', 'claimed before its end: %s', s.record())
        os.kill(pid, signal.SIGCONT)
        backup, result = s.finish(child), s.finish_pgtandem(move)
        check(backup.code == 0, 'the backup was not let end: %s', backup.stderr)
        check(result.code == 0, 'exit %d: %s', result.code, result.stdout + result.stderr)
    s.await_steady('db01')


if __name__ == '__main__':
    sys.exit(tap.main('undo'))
