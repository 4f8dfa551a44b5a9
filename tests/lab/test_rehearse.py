#!/usr/bin/env python3
"""Preflight tries the later steps: what would fail in the middle of a move is found before it begins,
and nothing is changed by looking."""

import json
import os
import re
import signal
import sys
import time

from labkit import files, hosts, scene, services, tap
from labkit.scene import check, wait

MARK = 'pgtandem-canary'
ASKED = ('update-key', 'agents-key', 'stop-permission', 'start-permission', 'rights', 'replication-to',
         'replication-from', 'replication-identity', 'cron-write', 'archive-probe', 'canary')


def rows(result):
    """{check: its row} of `preflight -f json`."""
    try:
        return {row['check']: row for row in json.loads(result.stdout)['preflight']}
    except ValueError:
        raise scene.Wrong('no JSON: exit %d: %s' % (result.code, result.stdout + result.stderr))


def preflight(s, *more, to='db01'):
    """Once more where this machine was too busy: what ran out of its share of time proves nothing."""
    for _ in range(6):
        result = s.pgtandem('preflight', '--to', to, '--wait-jobs', '30', '-f', 'json', *more)
        if 'waits longer for it' not in result.stdout:
            break
    return result


def finds(s, name, words, remedy, *more):
    """That check refuses, says why and what to do."""
    result = preflight(s, *more)
    row = rows(result)[name]
    check(row['verdict'] == 'BLOCK' and result.code == 2, '%s: exit %d, %s', name, result.code, row)
    check(re.search(words, row['measured']), '%s: it does not say why: %s', name, row)
    check(re.search(remedy, row['remedy']), '%s: it does not say what to do: %s', name, row)
    return row


def passes(s, *names):
    found = rows(preflight(s))
    for name in names:
        check(found[name]['verdict'] == 'ok', '%s: %s', name, found[name])


def serial(s):
    return s.dig('ns1', hosts.ZONE, 'SOA')[0][1].split()[2]


def spool(s, node):
    for name in ('crontabs/postgres', 'postgres'):
        path = s.lab.host(node, 'spool', name)
        if os.path.exists(path):
            with open(path, 'rb') as f:
                return f.read(), os.stat(path).st_mtime_ns
    return None


def everything(s):
    """What a look must not change."""
    found = {'serial': serial(s)}
    for node in hosts.NODES:
        found[node + ' crontab'] = spool(s, node)
        data = s.lab.host(node, 'var-lib/postgresql/data')
        found[node + ' files'] = sorted(n for n in os.listdir(data) if n != 'postmaster.pid')
        found[node + ' slots'] = sorted(os.listdir(data + '/pg_replslot'))
        found[node + ' agent'] = sorted(os.listdir(s.lab.host(node, 'var-lib/pgtandem-agent')))
        found[node + ' state'] = s.agent_state(node).get('seq')
    return found


@tap.test('at rest every rehearsal passes, quickly, also with a dead node; nothing is changed by it')
def _(s):
    s.await_watch()
    before = everything(s)
    result = preflight(s)
    found = rows(result)
    check(result.code == 0, 'exit %d: %s', result.code,
          [r for r in found.values() if r['verdict'] == 'BLOCK'])
    for name in ASKED:
        check(found[name]['verdict'] == 'ok', '%s', found[name])
    check('nothing changed' in found['update-key']['measured'], '%s', found['update-key'])
    check('REFUSED' in found['agents-key']['measured'], '%s', found['agents-key'])
    check(re.fullmatch(r'db02 \d+ ms, vm \d+ ms', found['replication-to']['measured']), '%s',
          found['replication-to'])
    after = everything(s)
    check(before == after, 'changed: %s',
          [(k, v, after[k]) for k, v in before.items() if v != after[k]])
    tap.say('preflight took %.2f s', result.seconds)
    s.cut('vm')
    result = preflight(s)
    tap.say('with a dead node: %.2f s', result.seconds)
    check(result.seconds < 8.6, 'with a dead node it took %.1f s', result.seconds)
    check('vm not tried' in rows(result)['replication-to']['measured'], '%s',
          rows(result)['replication-to'])
    s.heal()


def with_hba(s):
    """db01 lets the old primary replicate, and nobody else."""
    path = s.lab.host('db01', 'var-lib/postgresql/data/pg_hba.conf')
    with open(path) as f:
        kept = f.read()
    alone = re.sub(r'(?m)^host +replication .*$',
                   'host replication replicator %s/32 scram-sha-256' % hosts.ADDRESS['db02'], kept)
    with open(path, 'w') as f:
        f.write(alone)
    s.psql('db01', 'SELECT pg_reload_conf()')
    row = finds(s, 'replication-to', 'vm -> db01: no pg_hba.conf entry', 'to pg_hba.conf: host ')
    line = re.search(r'pg_hba.conf: (.*), then', row['remedy']).group(1)
    with open(path, 'a') as f:
        f.write(line + '\n')
    s.psql('db01', 'SELECT pg_reload_conf()')
    passes(s, 'replication-to')  # what it says helps
    with open(path, 'w') as f:
        f.write(kept)
    s.psql('db01', 'SELECT pg_reload_conf()')


def with_password(s):
    path = s.lab.host('db02', 'var-lib/postgresql/.pgpass')
    with open(path) as f:
        kept = f.read()
    with open(path, 'w') as f:
        f.write('*:5432:*:replicator:not-this-one\n')
    row = finds(s, 'replication-to', 'db02 -> db01: password authentication failed', 'pgpass')
    check('not-this-one' not in str(row), 'it tells the password: %s', row)
    with open(path, 'w') as f:
        f.write(kept)


def with_keys(s):
    """An update key without the right, and the agents' with it."""
    with open(s.lab.host('ctl', 'etc/pgtandem.conf')) as f:
        text = f.read().replace('/etc/pgtandem/dns.key', '/etc/pgtandem/other.key')
    files.put(s.lab.host('ctl', 'etc/other.conf'),
              text.replace('key_name = ctl-update', 'key_name = agents-query'))
    with open(s.lab.path('keys', 'agents-query')) as f:
        files.put(s.lab.host('ctl', 'etc/other.key'), f.read(), 0o600)
    finds(s, 'update-key', 'REFUSED', 'update-policy', '-c', '/etc/pgtandem/other.conf')

    grant = r'/update-policy {/a grant agents-query name %s. CNAME;' \
            r' grant agents-query name _pgtandem.%s. TXT;' % (hosts.ALIAS, hosts.ALIAS)
    s.run('ns1', 'cp', '/etc/bind/named.conf', '/etc/bind/kept', check=True)
    s.run('ns1', 'sed', '-i', grant, '/etc/bind/named.conf', check=True)
    s.run('ns1', 'rndc', 'reconfig', check=True)
    before = serial(s)
    finds(s, 'agents-key', 'may change the zone', "controllers' keys only")
    check(serial(s) == before, 'the serial was %s, is %s', before, serial(s))
    s.run('ns1', 'cp', '/etc/bind/kept', '/etc/bind/named.conf', check=True)
    s.run('ns1', 'rndc', 'reconfig', check=True)
    passes(s, 'agents-key')


def with_cron_denied(s):
    s.run('db02', 'sh', '-c', 'echo postgres >/etc/cron.deny', check=True)
    finds(s, 'cron-write', 'db02: .*not allowed', 'cron.deny')
    s.run('db02', 'rm', '/etc/cron.deny', check=True)


def reload_agent(s, node, section, lines):
    """With LINES in a section of its agent.conf; returns what was there before."""
    path = s.lab.host(node, 'etc/agent.conf')
    with open(path) as f:
        kept = f.read()
    text = kept if '[%s]\n' % section in kept else kept + '\n[%s]\n' % section
    with open(path, 'w') as f:
        f.write(text.replace('[%s]\n' % section, '[%s]\n%s\n' % (section, lines)))
    hang_up(s, node)
    return path, kept


def hang_up(s, node):
    done = lambda: sum('reload: done' in line for line in s.log(node, lines=100000))
    before = done()
    for pid in s.pids(node, 'agent'):
        os.kill(pid, signal.SIGHUP)
    wait(lambda: done() > before, 5, 'the agent of %s reads its configuration again' % node)


def with_commands(s):
    path, kept = reload_agent(s, 'db02', 'postgresql', 'stop_check_command = /bin/false')
    finds(s, 'stop-permission', 'db02: .*/bin/false.* ended with status 1', 'by hand')
    with open(path, 'w') as f:
        f.write(kept)
    hang_up(s, 'db02')
    path, kept = reload_agent(s, 'db01', 'archive', 'probe_command = /bin/ls / /no/such/bucket')
    finds(s, 'archive-probe', 'db01: status 2', 'by hand')
    with open(path, 'w') as f:
        f.write(kept.rstrip() + '\n\n[archive]\nprobe_command = /bin/echo the archive answers\n')
    hang_up(s, 'db01')
    row = rows(preflight(s))['archive-probe']
    check(row['verdict'] == 'ok' and 'status 0: the archive answers' in row['measured'], '%s', row)
    with open(path, 'w') as f:
        f.write(kept)
    hang_up(s, 'db01')


def with_start(s):
    """The configuration of a start that the agent would make, before it is made."""
    data = s.lab.host('db01', 'var-lib/postgresql/data/')
    with open(data + 'postgresql.conf', 'a') as f:
        f.write("include 'missing.conf'\n")
    finds(s, 'start-permission', 'db01: PostgreSQL would not start: .*missing.conf', 'correct')
    with open(data + 'postgresql.conf') as f:
        kept = f.read().replace("include 'missing.conf'\n", '')
    with open(data + 'postgresql.conf', 'w') as f:
        f.write(kept)
    with open(data + 'postmaster.opts') as f:
        options = f.read()
    with open(data + 'postmaster.opts', 'w') as f:
        f.write(options.rstrip() + ' "-c" "config_file=/etc/postgresql/main.conf"\n')
    finds(s, 'start-permission', 'was started with the configuration file /etc/postgresql/main.conf',
          'config_file = /etc/postgresql/main.conf')
    checked = s.run('db01', services.AGENT[0], '-c', '/etc/pgtandem/agent.conf', 'config', 'check')
    check(checked.code != 0 and 'config_file = /etc/postgresql/main.conf' in checked.stdout,
          'config check: exit %d: %s', checked.code, checked.stdout)
    with open(data + 'postmaster.opts', 'w') as f:
        f.write(options)
    passes(s, 'start-permission')


def with_rights(s):
    """A file that ALTER SYSTEM cannot replace, in the ways that it can be."""
    path = s.lab.host('vm', 'var-lib/postgresql/data/postgresql.auto.conf')
    os.chmod(path, 0o400)
    finds(s, 'rights', 'vm: ALTER SYSTEM cannot write .*Permission denied', 'can write')
    os.chmod(path, 0o600)
    os.rename(path, path + '.kept')
    os.symlink('/dev/null', path)
    finds(s, 'rights', 'vm: ALTER SYSTEM cannot write .*Invalid argument', 'can write')
    os.unlink(path)
    os.rename(path + '.kept', path)
    passes(s, 'rights')


def start_canary(s, node):
    """Early in a minute: cron does not fire it, and end it, while the test looks at it."""
    wait(lambda: 2 < time.time() % 60 < 35, 31, 'the minute has time')
    child = s.start_pgtandem('preflight', '--to', node, '--canary', '-f', 'json')
    wait(lambda: MARK in s.crontab(node), 10, 'the canary is in the crontab of ' + node)
    return child


def canary_survives(s):
    """The agent of vm dies while its line stands there: the next one removes it."""
    text = s.crontab('vm')
    child = start_canary(s, 'vm')
    s.kill_process('vm', 'agent')
    wait(lambda: s.crontab('vm') == text, 20, 'the canary is removed by the next agent')
    row = rows(s.finish_pgtandem(child, 100))['canary']
    check(row['verdict'] == 'BLOCK', 'nobody has seen it fire: %s', row)


def canary_is_cancelled(s):
    text = s.crontab('vm')
    child = start_canary(s, 'vm')
    said = s.pgtandem('cancel', 'vm')
    check(said.code == 0 and 'vm: canary, asked for by root@ctl, is being cancelled' in said.stdout, 'cancel: exit %d, %s',
          said.code, said.stdout + said.stderr)
    wait(lambda: s.crontab('vm') == text, 20, 'its line goes')
    row = rows(s.finish_pgtandem(child, 30))['canary']
    check(row['verdict'] == 'BLOCK' and 'cancelled by root@ctl' in row['measured'], 'who asked is not told: %s', row)
    said = s.pgtandem('cancel', 'vm')
    check(said.code == 4 and 'no job runs on this node' in said.stderr, 'cancel again: exit %d, %s', said.code, said.stderr)


def canary_is_a_job(s):
    """While one stands in the crontab of db01: it is shown, a second is refused, and what it excludes."""
    shown = ' '.join(s.pgtandem('status').stdout.split())
    check('a job runs on db01: canary, asked for by root@ctl, since ' in shown, 'status: %s', shown)
    row = rows(s.pgtandem('preflight', '--to', 'db01', '--canary', '-f', 'json'))['canary']
    check('a job runs on this node: canary' in row['measured'], 'a second one: %s', row)
    text = s.crontab('db01')
    s.put_crontab('db01', text.replace('jobs.log', 'other.log'))
    said = s.pgtandem('cron', 'sync', 'db01', '--yes', '--reason', 'test')
    check(said.code == 4 and 'excludes cron-write' in said.stderr, 'cron sync: exit %d, %s', said.code,
          said.stdout + said.stderr)
    s.put_crontab('db01', text)


@tap.test('each thing that is out of order is found, with a remedy; meanwhile a canary is fired by cron'
          ' on the target')
def _(s):
    text = s.crontab('db01')
    child = start_canary(s, 'db01')
    check(s.crontab('db01').startswith(text), 'a byte of the crontab has changed')
    canary_is_a_job(s)
    for broken in (canary_is_cancelled, with_hba, with_password, with_keys, with_cron_denied, with_start, with_rights, with_commands,
                   canary_survives):
        broken(s)
    result = s.finish_pgtandem(child, 100)
    row = rows(result)['canary']
    check(row['verdict'] == 'ok' and 'cron fired it' in row['measured'], '%s', row)
    check(s.crontab('db01') == text, 'the crontab is not as before')
    left = [n for n in os.listdir(s.lab.host('db01', 'var-lib/pgtandem-agent')) if 'canary' in n or 'job' in n]
    check(not left, 'left behind: %s', left)
    passes(s, *ASKED)
    s.await_steady('db02')


if __name__ == '__main__':
    sys.exit(tap.main('rehearse'))
