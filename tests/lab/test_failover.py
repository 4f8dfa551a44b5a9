#!/usr/bin/env python3
"""The primary is lost: its standby takes over on command, says what is lost, and the dead stay dead."""

import json
import os
import re
import select
import signal
import sys
import threading
import time

from labkit import boot, files, hosts, moves, scene, tap
from labkit.scene import check, wait

LSN = r'[0-9A-F]+/[0-9A-F]+'
ACCEPT = ('--accept-unfenced', 'db02')
LOOKS_BEFORE_DRAIN = 8  # more than a failover has before it waits for WAL that is on its way


def never_writable(s, observer, node):
    """Once NODE's agent has judged: not one attempt to write may have worked."""
    epoch = int(s.record()['epoch'])

    def judged():
        state = s.agent_state(node)
        return (state.get('fenced') or state.get('held')) and state['seen'].get('epoch') == epoch

    wait(judged, 15, '%s is fenced or held and has read the record' % node)
    observer.stop()
    observer.never_writable(node)
    check('standby.signal' in s.signals(node), '%s has no standby.signal', node)
    check(s.cron(node) == 'off', 'the jobs of %s: %s', node, s.cron(node))


@tap.test('refused while anybody sees the primary writable, its own agent or the others; nothing'
          ' changes')
def _(s):
    before, record = s.snapshot(), s.record()
    for frozen in (False, True):
        if frozen:
            s.freeze('db02', 'agent')
        for options in ((), ACCEPT):
            result = s.failover('db01', *options)
            check(result.code == 2, 'exit %d', result.code)
            check('writable' in (result.stdout + result.stderr).lower(), 'it does not say why')
    for verb in (('failover', '--yes', '--reason', 'test'), ('plan', '--failover')):
        result = s.pgtandem(*verb, '--to', 'db01')
        said = ' '.join((result.stdout + result.stderr).split())
        check(result.code == 2 and 'db01, vm see db02 writable' in said and
              'start pgtandem-agent' in said and 'accept-unfenced' not in said, '%s: exit %d: %s',
              verb[0], result.code, said)
        check('vm sees db02: agent silent, port open, WRITABLE' in said, 'no evidence: %s', said)
    result = s.switchover('db01')
    said = ' '.join((result.stdout + result.stderr).split())
    check(result.code == 2 and 'vm sees db02: agent silent, port open, WRITABLE' in said,
          'switchover: exit %d: %s', result.code, said)
    s.thaw()
    check(s.record() == record, 'the record: %s', s.record())
    s.await_unchanged(before, 0)


@tap.test('… unless it is to be fenced first: two are never writable (I1)')
def _(s):
    s.writer_start()
    observer = s.observe(interval_s=0.01)
    result = s.failover('db01', '--ignore', 'owner-lost')
    check(result.code == 0, 'exit %d', result.code)
    clients = s.writer_stop()
    observer.stop()
    check(not observer.interleaved(), 'two were writable: %s', observer.interleaved())
    check(all(o['overlap'] == 0 for o in clients.outages()), 'both acknowledged writes')
    s.await_steady('db01', down=('db02',))


@tap.test('declared lost without a fence, and heard again while its watch has its time: no promotion (I1)')
def _(s):
    s.freeze('db02', 'agent')  # or its watch would fence it
    for host in ('vm', 'db01', 'ctl'):
        s.cut('db02', host)
    child = s.start_pgtandem('failover', '--to', 'db01', '--yes', '--reason', 'test', *ACCEPT)
    wait(lambda: s.record().get('state') == 'flip' or child.poll() is not None, 30, 'the flip')
    s.heal()
    result = s.finish_pgtandem(child)
    check(result.code == 4 and 'seen writable' in result.stdout + result.stderr, 'exit %d: %s',
          result.code, result.stderr)
    check((s.role('db02'), s.role('db01')) == ('writable', 'recovery'), 'db02 is %s, db01 %s',
          s.role('db02'), s.role('db01'))
    s.thaw()
    result = s.go_on('resume')  # now its agent answers: back to it, or it has fenced itself
    check(result.code in (0, 3), 'resume: exit %d: %s', result.code, result.stderr)
    s.await_steady(s.record()['owner'], down=[n for n in ('db02',) if s.role(n) == 'silent'])


@tap.test('a target with less WAL is refused; a host that boots under the open failover is not'
          ' writable; a second failover supersedes the first (I1, I8)')
def _(s):
    s.cut('vm', 'db02')
    s.writer_start(keep=False)
    lag = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) FROM pg_stat_replication" \
          " WHERE application_name = 'vm'"
    wait(lambda: float(s.value('db02', lag) or 0) > 10000, 15, 'vm is behind')
    s.writer_stop()  # or db02 has more than both when it dies, and says so as soon as it is back
    last = s.value('db02', 'SELECT pg_current_wal_lsn()')
    wait(lambda: s.value('db01', "SELECT pg_last_wal_replay_lsn() >= '%s'" % last) == 't', 10,
         'db01 follows')
    s.kill('db02')
    s.heal()
    record = s.record()
    refused = s.failover('vm', *ACCEPT)
    check(refused.code == 2 and 'most-wal' in refused.stdout + refused.stderr and
          s.record() == record, 'to the one behind: exit %d', refused.code)
    refused = s.failover('vm', *ACCEPT, '--ignore', 'most-wal')  # only by the preflight
    check(refused.code == 4 and 'more WAL' in refused.stdout + refused.stderr,
          'to the one behind: exit %d', refused.code)
    check(s.role('vm') == s.role('db01') == 'recovery', 'somebody is writable')
    check(s.record()['state'] == 'seize', 'the record: %s', s.record())

    observer = s.observe('db02', interval_s=0.01)
    s.start('db02')
    never_writable(s, observer, 'db02')
    result = s.failover('db01', host='ctl2')
    check(result.code == 0, 'to the one ahead: exit %d: %s', result.code, result.stdout + result.stderr)
    s.await_steady('db01', down=('db02',))
    check(s.record()['grade'] == '-', 'its agent has fenced it, but the record says grade %s',
          s.record()['grade'])


@tap.test('a killed host: the loss is stated and lies inside the statement; it returns and is never'
          ' writable (I1, I5, I7)')
def _(s):
    s.writer_start()
    s.cut('db02', 'vm')  # db01 shall have the most
    s.cut('db02', 'db01')  # what is written from here on is known to nobody else
    cut_at = time.monotonic() * 1e6
    log = s.clients[0][2]
    wait(lambda: len([w for w in scene.oracle.acknowledged(scene.oracle.read_log(log))
                      if w.started_us > cut_at]) > 20, 15, 'writes that only db02 has')
    s.kill('db02')
    s.heal()
    before = s.record()
    result = s.failover('db01')
    check(result.code == 2, 'without a word that it is dead: exit %d', result.code)
    check(s.record() == before, 'the record: %s', s.record())
    check('--accept-unfenced db02' in result.stdout + result.stderr,
          'what to type is not named')
    result = s.failover('db01', *ACCEPT)
    check(result.code == 0, 'exit %d', result.code)
    check(s.record()['grade'] == '3' and s.record()['from'] == 'db02', 'the record: %s', s.record())
    for pattern in ('what may be lost', 'last known of db02: WAL ' + LSN, 'db01 has WAL up to ' + LSN,
                    'db01 last heard from db02 at ', 'vm last heard from db02 at '):
        check(re.search(pattern, result.stdout), 'the loss statement lacks "%s"', pattern)
    clients = s.writer_stop()
    lost = clients.lost('db01')
    tap.say('failover %.1f s, outage %s ms, lost %d of %d', result.seconds,
            [round(c['ms']) for c in clients.changes()], len(lost), clients.acknowledged())
    check(len(lost) > 20, 'only %d writes are lost: the test is not what it means to be', len(lost))
    heard = re.search(r'acknowledged after (\d\d):(\d\d):(\d\d), until it stopped', result.stdout)
    check(heard, 'the statement does not say since when')
    check('of its life' not in result.stdout, 'the statement grows with every second')
    hour, minute, second = map(int, heard.groups())
    for write in lost:
        at = time.localtime(write.wall_ms / 1000)
        late = (at.tm_hour - hour) * 3600 + (at.tm_min - minute) * 60 + at.tm_sec - second
        check(late % 86400 < 3600, 'a write that is lost is %d s older than the statement says',
              -late)
    s.await_steady('db01', down=('db02',))

    observer = s.observe('db02', interval_s=0.01)
    s.start('db02')
    never_writable(s, observer, 'db02')
    s.await_steady('db01', down=('db02',))
    status = s.pgtandem('status')
    check(re.search('db02 is (fenced|held)', status.stdout), 'status does not say what db02 is')


@tap.test('the owner is dead and a standby was promoted by hand: status leads to it, what was written there'
          ' is kept')
def _(s):
    s.await_watch()
    s.kill('db02')
    s.freeze('db01', 'agent')  # its watch shall not be faster than the row
    s.run('db01', hosts.postgres_bin() + '/pg_ctl', 'promote', '-w', '-D', hosts.DATA, user='postgres',
          check=True)
    check(s.value('db01', "CREATE TABLE by_hand AS SELECT 1 AS x; SELECT count(*) FROM by_hand") == '1',
          'a row of its own')
    s.thaw('db01', 'agent')
    wait(lambda: s.agent_state('db01').get('fenced'), 15, 'its watch fences it')
    status = s.pgtandem('status')
    check('pgtandem failover --to db01 --accept-unfenced db02' in status.stdout, 'next: %s',
          status.stdout)
    result = s.failover('db01', *ACCEPT)
    check(result.code == 0 and 'was promoted by hand' in result.stdout, 'exit %d: %s', result.code,
          result.stdout + result.stderr)
    check(s.value('db01', 'SELECT x FROM by_hand') == '1', 'its row is lost')
    s.await_steady('db01', down=('db02',))


@tap.test('… before it had all: what another standby has more is stated, and has to be typed; it stays there',
          more=True)
def _(s):
    s.await_watch()
    s.freeze('db01', 'agent')  # its watch shall not be faster than the rows
    s.run('db01', hosts.postgres_bin() + '/pg_ctl', 'promote', '-w', '-D', hosts.DATA, user='postgres',
          check=True)
    s.value('db02', 'CREATE TABLE too_late AS SELECT 1 AS x')
    wait(lambda: s.value('vm', 'SELECT x FROM too_late') == '1', 10, 'vm has the row')
    s.kill('db02')
    s.thaw('db01', 'agent')
    wait(lambda: s.agent_state('db01').get('fenced'), 15, 'its watch fences it')
    refused = s.failover('db01', *ACCEPT)
    said = ' '.join((refused.stdout + refused.stderr).split())
    check(refused.code == 2 and re.search(r'vm has \d+ bytes of it beyond that', said) and
          '--ignore most-wal' in said and s.record()['state'] == 'stable', 'exit %d: %s', refused.code, said)
    result = s.failover('db01', *ACCEPT, '--ignore', 'most-wal')
    said = ' '.join((result.stdout + result.stderr).split())
    check(result.code == 0 and 'they stay on vm alone' in said, 'exit %d: %s', result.code, said)
    check(s.role('db01') == 'writable' and s.value('vm', 'SELECT x FROM too_late') == '1', 'its row is gone')
    status = s.pgtandem('status')
    check('vm has WAL that the owner does not have' in status.stdout, 'status: %s', status.stdout)


@tap.test('lost for good and forgotten: out of the record, no slot keeps WAL for it; should it boot all the same,'
          ' it is never writable')
def _(s):
    def slots(node, owner):
        return s.value(owner, "SELECT count(*) FROM pg_replication_slots WHERE slot_name = '%s'" % node)

    def forget(node):
        return s.pgtandem('forget', node, '--yes', '--reason', 'test')

    result = forget('vm')
    check(result.code == 2 and 'answers' in result.stderr, 'it answers: exit %d', result.code)
    s.kill('vm')
    check(slots('vm', 'db02') == '1', 'the slot of vm: %s', slots('vm', 'db02'))
    result = forget('vm')  # its walsender has not noticed yet
    check(result.code and 'still in use by a walsender' in result.stderr, 'forget vm: exit %d: %s',
          result.code, result.stderr)
    s.value('db02', "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
                    " WHERE slot_name = 'vm'")
    wait(lambda: s.value('db02', "SELECT active FROM pg_replication_slots WHERE slot_name = 'vm'") == 'f',
         10, 'its walsender has ended')
    result = forget('vm')
    check(result.code == 0 and re.search('holds .* of WAL', result.stdout), 'forget vm: exit %d: %s',
          result.code, result.stdout)
    check(slots('vm', 'db02') == '0', 'the slot of vm: %s', slots('vm', 'db02'))
    with open(s.lab.host('ctl', 'etc/pgtandem.conf'), encoding='utf-8') as conf:
        without = re.sub(r'\[node vm\][^[]*', '', conf.read())
    files.put(s.lab.host('ctl', 'etc/without.conf'), without)
    wait(lambda: s.pgtandem('-c', '/etc/pgtandem/without.conf', 'status').code == 0, 10,
         'without its section all is well')
    s.start('vm')
    wait(lambda: s.pgtandem('rejoin', 'vm', '--yes', '--reason', 'test').code == 0, 20, 'vm rejoins')
    s.await_steady('db02')

    s.kill('db02')
    check(s.failover('db01', *ACCEPT).code == 0 and s.record()['from'] == 'db02', 'the failover')
    result = forget('db02')
    check(result.code == 0 and s.record()['from'] == '-', 'forget db02: exit %d, the record: %s',
          result.code, s.record())
    observer = s.observe('db02', interval_s=0.01)
    s.start('db02')
    never_writable(s, observer, 'db02')


@tap.test('only PostgreSQL has died: its agent fences it, no word is needed (G1)')
def _(s):
    s.writer_start()
    s.kill_process('db02', 'postmaster')
    target = s.most_wal('db01', 'vm')
    result = s.failover(target)
    check(result.code == 0, 'exit %d', result.code)
    outage = re.search(r'^outage +at most (\d+) ms', result.stdout, re.M)
    check(outage, 'outage: %s', result.stdout)
    row, = json.loads(s.pgtandem('history', '--limit', '1', '-f', 'json').stdout)['rows']
    check(row['outage_ms'] == int(outage.group(1)), 'history: %s', row)
    for step in ('checkpoint', 'stable'):  # carried out, or "skipped" with why
        check('  %s ' % step in result.stdout, 'no %s: %s', step, result.stdout)
    lost = s.writer_stop().lost(target)
    tap.say('failover %.1f s, lost %d', result.seconds, len(lost))
    check('standby.signal' in s.signals('db02'), 'db02 has no standby.signal')
    check(s.agent_state('db02').get('fenced'), 'db02 is not fenced')
    check(s.cron('db02') == 'off', 'the jobs of db02: %s', s.cron('db02'))
    s.await_steady(target, down=('db02',))
    observer = s.observe('db02', interval_s=0.01)
    s.run('db02', hosts.postgres_bin() + '/pg_ctl', 'start', '-w', '-D', hosts.DATA, '-l',
          '/var/log/postgresql.log', user='postgres')
    never_writable(s, observer, 'db02')


@tap.test('only the postmaster has died, a backend goes on committing: it is seen, ended and proven'
          ' gone before anything is promoted (I1)')
def _(s):
    orphan = s.commit_for_ever('db02')
    ended = []

    def watch(fd):
        select.select([fd], [], [], 90)
        ended.append(time.monotonic())
        os.close(fd)

    watcher = threading.Thread(target=watch, args=(os.pidfd_open(orphan),), daemon=True)
    watcher.start()
    os.kill(moves.postmaster(s, 'db02'), signal.SIGKILL)
    said = wait(lambda: (lambda r: r if 'live on' in r.stdout else None)(s.pgtandem('status')), 10,
                'status names it').stdout
    check('pgtandem fence db02' in said, 'status: %s', said)
    check(not ended, 'the loop has ended by itself')
    target = s.most_wal('db01', 'vm')
    observer = s.observe(target, interval_s=0.01)
    result = s.failover(target)
    check(result.code == 0, 'exit %d: %s', result.code, result.stdout + result.stderr)
    wait(lambda: observer.seen('writable', target), 10, 'the observer has seen the promotion')
    observer.stop()
    watcher.join(5)
    check(ended, 'process %d still commits', orphan)
    check(ended[0] < observer.seen('writable', target)[0].ended, 'it ended after the promotion')
    s.await_steady(target, down=('db02',))


@tap.test('another standby\'s host dies while it is told to stop receiving: the failover goes on without it')
def _(s):
    s.freeze('vm', 'startup')  # it answers, but its replay comes to no end
    s.kill_process('db02', 'postmaster')
    child = s.start_pgtandem('failover', '--to', 'db01', '--yes', '--reason', 'test')
    wait(lambda: s.journaled('intent', 'detach') or child.poll() is not None, 30, 'the failover reaches detach')
    s.kill('vm')
    began = time.monotonic()
    result = s.finish_pgtandem(child)
    check(result.code == 0, 'exit %d: %s', result.code, result.stdout + result.stderr)
    tap.say('%.1f s after its death', time.monotonic() - began)
    check(time.monotonic() - began < 15, 'vm has held the failover up, %.1f s', time.monotonic() - began)
    s.await_steady('db01', down=('db02', 'vm'))
    s.thaw()


def unread_wal(s, node):
    """Bytes from its primary that its kernel has and its walreceiver has not taken."""
    with open('/proc/%d/net/tcp' % boot.pid1(s.lab, node), encoding='ascii') as f:
        rows = [line.split() for line in f][1:]
    return sum(int(r[4].split(':')[1], 16) for r in rows if r[2].endswith(':1538'))


@tap.test('right after a kill the target named by --to still takes in what another standby has: it is waited for,'
          ' not refused', more=True)
def _(s):
    def looks():
        return sum('AS receive_lsn' in line for line in s.log('db01', 'postgresql.log', 1000000))

    s.psql('db01', 'ALTER SYSTEM SET log_statement = "all"')
    s.psql('db01', 'SELECT pg_reload_conf()')
    wait(lambda: s.pgtandem('status') and looks(), 10, 'a look at db01 is logged')
    s.freeze('db01', 'walreceiver')
    s.value('db02', 'CREATE TABLE last_words AS SELECT 1 AS x')
    wait(lambda: s.value('vm', 'SELECT x FROM last_words') == '1', 10, 'vm has the row')
    wait(lambda: unread_wal(s, 'db01'), 10, 'it is on its way to db01')
    s.kill('db02')
    refused = s.failover('db01', *ACCEPT)
    check(refused.code == 2 and 'most-wal' in refused.stdout + refused.stderr, 'for good: exit %d', refused.code)
    before = looks()
    child = s.start_pgtandem('failover', '--to', 'db01', '--yes', '--reason', 'test', *ACCEPT)
    wait(lambda: looks() >= before + LOOKS_BEFORE_DRAIN or child.poll() is not None, 20,
         'it looks at db01 again and again')
    s.thaw()
    result = s.finish_pgtandem(child)
    check(result.code == 0, 'exit %d: %s', result.code, result.stdout + result.stderr)
    check(s.value('db01', 'SELECT x FROM last_words') == '1', 'the row is lost')
    s.await_steady('db01', down=('db02',))


def unwritable(s, node):
    """ALTER SYSTEM fails here; the setting that is in it stays in force until a restart."""
    path = s.lab.host(node, 'var-lib/postgresql/data/postgresql.auto.conf')
    os.rename(path, path + '.kept')
    os.symlink('/dev/null', path)


@tap.test('standbys that refuse ALTER SYSTEM: a switchover is refused beforehand; a failover stops and'
          ' starts them instead, and does not end without a primary')
def _(s):
    for node in ('db01', 'vm'):
        unwritable(s, node)
    refused = s.switchover('db01')
    check(refused.code == 2 and 'cannot write' in refused.stdout + refused.stderr,
          'a switchover: exit %d: %s', refused.code, refused.stderr)
    s.kill_process('db02', 'postmaster')
    result = s.failover('db01')
    check(result.code == 0, 'exit %d: %s', result.code, result.stderr)
    tap.say('failover %.1f s', result.seconds)
    s.await_steady('db01', down=('db02',), timeout_s=30)


if __name__ == '__main__':
    sys.exit(tap.main('failover'))
