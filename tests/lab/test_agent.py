#!/usr/bin/env python3
"""One agent at a time: requests that no controller would send, the guard, the hold, the watch, cron."""

import json
import os
import sys
import threading
import time

from labkit import hosts, scene, tap
from labkit.scene import check, wait

ASK = os.path.join(os.path.dirname(os.path.realpath(__file__)), 'labkit', 'ask.py')


def ask(s, node, *requests, role='controller', host='ctl'):
    """The replies, in order; None for one that never came."""
    with open(ASK) as f:
        text = f.read()
    texts = [json.dumps(dict({'timeout_ms': 5000, 'by': 'test'}, **r)) for r in requests]
    done = s.run(host, 'python3', '-c', text, role, '%s:%d' % (hosts.ADDRESS[node],
                                                               hosts.AGENT_PORT), *texts)
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    replies += [None] * (len(requests) - len(replies))
    return replies if len(requests) > 1 else replies[0]


def numbered(s, verb, above=1000, **more):
    """A request of the record's own epoch that no agent has obeyed yet."""
    record = s.record()
    return dict({'verb': verb, 'epoch': int(record['epoch']), 'seq': above,
                 'nonce': record['nonce'], 'txn': record['txn']}, **more)


def refused(reply, code, word):
    check(reply and not reply['ok'], 'it was obeyed: %s', reply and reply['msg'])
    check(reply['code'] == code and word in reply['msg'], 'refused otherwise: %s: %s',
          reply['code'], reply['msg'])


def guard_said(s, node):
    lines = [line for line in s.log(node, lines=60) if line.startswith('pgtandem guard:')]
    return lines[-1] if lines else ''


@tap.test('late, foreign and unpermitted requests do nothing')
def _(s):
    s.await_watch()
    before = s.snapshot()
    refused(ask(s, 'db02', dict(numbered(s, 'fence'), epoch=0)), 'stale', 'older command')
    refused(ask(s, 'db02', numbered(s, 'arm', nonce='0' * 32)), 'stale', 'not the one')
    refused(ask(s, 'db01', numbered(s, 'unfence', 1001)), 'refused', 'another owner')
    refused(ask(s, 'db02', numbered(s, 'detach', 1002)), 'refused', 'not running as a standby')
    refused(ask(s, 'db02', numbered(s, 'rejoin', 1003, upstream={
        'node': 'db01', 'address': hosts.ADDRESS['db01'], 'port': 5432})), 'refused', 'state')
    refused(ask(s, 'db01', numbered(s, 'cron-on', 1004)), 'refused', 'another owner')
    refused(ask(s, 'db01', numbered(s, 'fence', 1005), role='agent', host='vm'), 'refused',
            'controllers')
    once = numbered(s, 'checkpoint', 1006)
    first, second = ask(s, 'db02', once, once)
    check(first['ok'], 'checkpoint: %s', first['msg'])
    refused(second, 'stale', '(1, 1006) after (1, 1006)' if once['epoch'] == 1 else 'after')
    s.await_unchanged(before)


@tap.test('a promotion that the record does not permit leaves only PROMOTING; REVOKE takes it back')
def _(s):
    s.await_watch()
    before = s.snapshot()
    refused(ask(s, 'db01', numbered(s, 'promote', 1010)), 'refused', 'another owner')
    check(s.agent_state('db01')['promoting'], 'the intent was not durable')
    check(s.role('db01') == 'recovery', 'db01 is %s', s.role('db01'))
    refused(ask(s, 'db01', numbered(s, 'detach', 1011)), 'refused', 'promotion is recorded')
    reply = ask(s, 'db01', numbered(s, 'revoke', 1012))
    check(reply['ok'], 'revoke: %s', reply['msg'])
    check(not reply['obs']['fence']['promoting'], 'PROMOTING is still there')
    refused(ask(s, 'db01', numbered(s, 'promote', 1013)), 'refused', 'revoked')
    reply = ask(s, 'db01', numbered(s, 'revoke', 1014))
    check(reply['ok'], 'the second revoke: %s', reply['msg'])
    s.await_unchanged(before)


@tap.test('an agent looks while it acts, and an act whose turn comes too late is not done')
def _(s):
    s.await_watch()
    frozen = s.freeze('db01', 'postmaster')
    replies = {}

    def fence():
        replies['fence'] = ask(s, 'db01', numbered(s, 'fence', 1020, timeout_ms=4000))

    thread = threading.Thread(target=fence)
    thread.start()
    wait(lambda: s.agent_state('db01').get('fenced'), 5, 'the intent is durable')
    late = numbered(s, 'cron-off', 1021, timeout_ms=1000)
    began = time.monotonic()
    reply = ask(s, 'db01', {'verb': 'observe', 'timeout_ms': 1000})
    took = time.monotonic() - began
    check(reply['obs']['act'] == 'fence', 'it is busy with "%s"', reply['obs']['act'])
    check(took < 2, 'the look took %.1f s', took)
    began = time.monotonic()
    refused(ask(s, 'db01', late), 'timeout', 'another operation on this node: fence has been running')
    took = time.monotonic() - began
    # the asker's own start is in it; before, it was told after the fence, of 4 s
    check(took < 3 and 'fence' not in replies, 'told that it is busy only after %.1f s of 1', took)
    s.thaw()
    thread.join()
    check(frozen and replies['fence'] is not None, 'no answer to the fence')
    reply = ask(s, 'db01', numbered(s, 'fence', 1022))
    check(reply['ok'], 'the second fence: %s', reply['msg'])
    check(s.signals('db01') == ['standby.signal'], 'signals: %s', s.signals('db01'))
    up = {'node': 'db02', 'address': hosts.ADDRESS['db02'], 'port': 5432}
    reply = ask(s, 'db01', numbered(s, 'rejoin', 1023, upstream=up))
    check(reply['ok'], 'rejoin: %s', reply['msg'])
    s.await_steady('db02')


@tap.test('with the primary name server silent another one serves for the very nonce only')
def _(s):
    s.await_watch()
    good, bad = numbered(s, 'unfence', 1030), numbered(s, 'unfence', 1031, nonce='f' * 32)
    wait(lambda: s.agent_state('db02').get('boot_epoch') == good['epoch'], 10, 'the watch has read')
    s.kill('ns1')
    reply = ask(s, 'db02', good)
    check(reply['ok'], 'the named nonce: %s', reply['msg'])
    refused(ask(s, 'db02', bad), 'dns', 'no other server')
    s.start('ns1')
    s.await_steady('db02')


@tap.test('a torn state file is fenced, told, and not touched')
def _(s):
    s.await_watch()
    path = s.lab.host('db01', 'var-lib/pgtandem-agent/state.json')
    with open(path, 'rb') as f:
        whole = f.read()
    with open(path, 'wb') as f:
        f.write(whole[:-30])
    reply = ask(s, 'db01', {'verb': 'observe'})
    check(not reply['obs']['state_ok'] and reply['obs']['fence']['fenced'], 'it is not told')
    refused(ask(s, 'db01', numbered(s, 'cron-off', 1040)), 'invalid', 'torn')
    s.kill('db01')
    s.start('db01')
    check('(row 2)' in guard_said(s, 'db01'), 'the guard: %s', guard_said(s, 'db01'))
    check(s.role('db01') == 'silent', 'db01 is %s', s.role('db01'))
    with open(path, 'rb') as f:
        check(f.read() == whole[:-30], 'the file was touched')
    status = s.run('db01', 'pgtandem-agent', 'status')
    check(status.code == 10 and 'UNREADABLE' in status.stdout, 'status: %s', status.stdout)
    with open(path, 'wb') as f:
        f.write(whole)
    s.run('db01', hosts.postgres_bin() + '/pg_ctl', 'start', '-w', '-s', '-D', hosts.DATA, '-l',
          '/var/log/postgresql.log', user='postgres', check=True)
    s.await_steady('db02')


@tap.test('DNS is late: with all peers the owner starts writable, with one missing it is held')
def _(s):
    s.await_watch()
    s.kill('ns1')
    s.kill('db02')
    s.start('db02')
    check('(row 10)' in guard_said(s, 'db02'), 'the guard: %s', guard_said(s, 'db02'))
    check(s.role('db02') == 'writable' and s.cron('db02') == 'on', 'db02 is %s, cron %s',
          s.role('db02'), s.cron('db02'))
    s.kill('vm')
    s.kill('db02')
    s.start('db02')
    check('hold (row 11)' in guard_said(s, 'db02'), 'the guard: %s', guard_said(s, 'db02'))
    check(s.role('db02') == 'recovery' and s.cron('db02') == 'off', 'db02 is %s, cron %s',
          s.role('db02'), s.cron('db02'))
    observer = s.observe('db01', 'db02')
    s.start('ns1')
    s.start('vm')
    wait(lambda: s.role('db02') == 'writable' and s.cron('db02') == 'on', 15, 'it is released')
    observer.stop()
    check(not observer.seen('writable', 'db01'), 'db01 was writable')
    check(s.value('db02', 'SELECT timeline_id FROM pg_control_checkpoint()') == '1' or
          int(s.record()['tli']) > 1, 'the release was a promotion')
    s.await_steady('db02')


@tap.test('an owner that no command can reach fences itself when the record names another (watch)')
def _(s):
    s.await_watch()
    for host in ('vm', 'db01', 'ctl'):  # vm first: db01 must have at least its WAL
        s.cut('db02', host)
    began = time.monotonic()
    child = s.start_pgtandem('failover', '--to', 'db01', '--yes', '--reason', 'test',
                             '--accept-unfenced', 'db02')
    wait(lambda: s.role('db02') == 'silent' or child.poll(), 60, 'db02 stops')
    flipped = time.monotonic()
    result = s.finish_pgtandem(child)
    check(result.code == 0, 'the failover: exit %d: %s', result.code, result.stderr)
    tap.say('db02 stopped after %.1f s, the failover ended after %.1f s with %d', flipped - began,
            time.monotonic() - began, result.code)
    state = s.agent_state('db02')
    check(state['fenced'] and state['fence_by'] == 'watch', 'the state: %s', state)
    check(s.cron('db02') == 'off' and 'standby.signal' in s.signals('db02'), 'cron %s, signals %s',
          s.cron('db02'), s.signals('db02'))


@tap.test('cron: a job that runs is refused or waited for; the bytes stay', more=True)
def _(s):
    s.await_watch()
    text = s.crontab('db02')
    edited = await_job(s, 'db02', 20)
    reply = ask(s, 'db02', numbered(s, 'cron-off', 1050, timeout_ms=15000))
    refused(reply, 'refused', 'sleep 20')
    check(s.cron('db02') == 'off', 'cron is %s', s.cron('db02'))
    reply = ask(s, 'db02', numbered(s, 'cron-off', 1051, timeout_ms=40000, wait_jobs_s=30))
    check(reply['ok'] and reply['obs']['cron']['jobs_running'] == 0, 'the wait: %s', reply['msg'])
    refused(ask(s, 'db02', numbered(s, 'cron-on', 1052, expected_hash='0' * 64)), 'claim-lost',
            'has changed')
    reply = ask(s, 'db02', numbered(s, 'cron-on', 1053))
    check(reply['ok'] and s.crontab('db02') == edited, 'cron on: %s', reply['msg'])
    refused(ask(s, 'db01', numbered(s, 'cron-write', 1054, crontab=edited)), 'refused', 'off')
    s.put_crontab('db02', text)
    s.await_steady('db02')


@tap.test('what only waits, for a job or a checkpoint, keeps no later command out and becomes stale', more=True)
def _(s):
    s.await_watch()
    text = s.crontab('db02')
    edited = await_job(s, 'db02', 50)
    s.freeze('db02', 'checkpointer')
    replies, threads = {}, []

    def begin(verb, seq, **more):
        def run():
            replies[verb] = ask(s, 'db02', numbered(s, verb, seq, timeout_ms=65000, **more))
        threads.append(threading.Thread(target=run))
        threads[-1].start()
        wait(lambda: s.agent_state('db02').get('seq') == seq, 5, '%s is admitted' % verb)

    begin('cron-off', 1060, wait_jobs_s=60)
    wait(lambda: s.cron('db02') == 'off', 10, 'cron is off')
    begin('checkpoint', 1061)
    obs = ask(s, 'db02', {'verb': 'observe'})['obs']
    check(not obs['starting_act'] and obs['cron']['jobs_running'], 'acting: %s', obs)
    time.sleep(1)
    check(not replies, 'they did not wait: %s', replies)
    before, began = int(s.record()['epoch']), time.monotonic()
    takeover = threading.Thread(target=lambda: replies.update(resume=s.go_on('resume')))
    takeover.start()
    wait(lambda: s.agent_state('db02').get('epoch', 0) > before, 5, 'the later command is admitted')
    armed = time.monotonic()
    for thread in threads:
        thread.join(2)
    tap.say('armed after %.1f s, both answered %.2f s later', armed - began,
            time.monotonic() - armed)
    for verb, seq in ('cron-off', 1060), ('checkpoint', 1061):
        check(verb in replies, '%s still waits', verb)
        refused(replies[verb], 'stale', '(%d, %d) after (' % (before, seq))
    takeover.join(60)
    check(replies['resume'].code == 0, 'resume: exit %d: %s', replies['resume'].code,
          replies['resume'].stderr)
    check(s.crontab('db02') == edited, 'its jobs are not on again')
    s.thaw()
    reply = ask(s, 'db02', numbered(s, 'checkpoint', 1080))
    check(reply['ok'], 'checkpoint: %s', reply['msg'])
    s.put_crontab('db02', text)
    s.await_steady('db02')


def await_job(s, node, seconds):
    """One more managed entry, whose job runs when this returns: the crontab with it. Its command line
    has no word of the entry: it is found by descent from cron."""
    job = '* * * * *\tp=sle; exec $p"ep" $((%d * 10))' % (seconds / 10)
    edited = s.crontab(node).replace('# END pgtandem', job + '\n# END pgtandem')
    s.put_crontab(node, edited)
    wait(lambda: ask(s, node, {'verb': 'observe'})['obs']['cron']['jobs_running'], 70, 'the job')
    return edited


if __name__ == '__main__':
    sys.exit(tap.main('agent'))
