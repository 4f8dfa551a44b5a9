#!/usr/bin/env python3
"""Planned moves between real hosts: nothing is lost, everything moves together, all comes to rest."""

import json
import os
import re
import shutil
import subprocess
import sys
import time

from labkit import ansible, boot, files, hosts, scene, tap
from labkit.scene import check, wait

LSN = r'[0-9A-F]+/[0-9A-F]+'


def lsn(text):
    high, low = text.split('/')
    return int(high, 16) << 32 | int(low, 16)


def move_under_load(s, old, new, **clients):
    """What the clients saw of a move; the end state is judged."""
    s.writer_start(**clients)
    observer = s.observe()
    result = s.switchover(new)
    check(result.code == 0, 'exit %d', result.code)
    clients = s.writer_stop()
    observer.stop()
    seen = clients.judge(new)
    tap.say('%s -> %s: outage %s ms, %d acknowledged, command %.0f ms', old, new,
            [round(c['ms']) for c in seen['changes']], seen['acknowledged'], result.seconds * 1e3)
    check(seen['lost'] == 0, '%d acknowledged writes are not on %s', seen['lost'], new)
    check([(c['from'], c['to']) for c in seen['changes']] ==
          [(hosts.ADDRESS[old], hosts.ADDRESS[new])], 'acknowledged by %s', seen['changes'])
    check(all(o['overlap'] == 0 for o in clients.outages()),
          '%s acknowledged writes after %s had', old, new)
    check(not observer.interleaved(), 'two nodes were writable: %s', observer.interleaved())
    s.await_steady(new, timeout_s=5)
    return result, seen


# tests/run: first

@tap.test('a planned move under load loses nothing and ends at rest (I5, I7)')
def _(s):
    sysid = s.value('db02', 'SELECT system_identifier FROM pg_control_system()')
    result, seen = move_under_load(s, 'db02', 'db01', reader=True)
    check(seen['changes'][0]['ms'] < 2000, 'an outage of %d ms', seen['changes'][0]['ms'])

    # no step waits for the journal's disk while nobody can write: the stop's intent announced them (I11)
    fence = next(r for r in s.journal() if (r['kind'], r['step']) == ('intent', 'fence'))
    check(fence['data'].get('then') == ['verify', 'flip', 'promote'], 'announced: %s', fence['data'])

    # the certificate, held against what the new primary itself remembers of the switch
    found = re.search(r'shutdown checkpoint at (%s), replayed to (%s)' % (LSN, LSN), result.stdout)
    check(found, 'no certificate in the output')
    check(lsn(found[1]) < lsn(found[2]), 'replayed to %s, not past %s', found[2], found[1])
    check(sysid in result.stdout, 'the certificate does not name the system identifier %s', sysid)
    timeline = int(s.value('db01', 'SELECT timeline_id FROM pg_control_checkpoint()'))
    history = s.run('db01', 'cat', '%s/pg_wal/%08X.history' % (hosts.DATA, timeline)).stdout
    switch = history.split()[1]
    check(lsn(found[1]) < lsn(switch), 'the timeline began at %s, before the shutdown checkpoint',
          switch)


@tap.test('back again, and on to the third node; every crontab keeps its bytes (I13)', owner='db01')
def _(s):
    for old, new in (('db01', 'db02'), ('db02', 'vm')):
        move_under_load(s, old, new, keep=new == 'db02')
    for node in hosts.NODES:
        check(s.untouched(node), 'the crontab of %s', node)
        check(s.cron(node) == ('on' if node == 'vm' else 'off'), 'jobs of %s', node)


@tap.test('status finds no problem; history has a row for each move', owner='vm')
def _(s):
    status = s.pgtandem('status')
    check(status.code == 0, 'status: exit %d', status.code)
    check(s.pgtandem('status', '-f', 'json').code == 0, 'status -f json')
    rows = json.loads(s.pgtandem('history', '-f', 'json').stdout)
    rows = rows if isinstance(rows, list) else next(v for v in rows.values() if isinstance(v, list))
    moves = [(r['from'], r['to']) for r in rows if r.get('verb') == 'switchover']
    check(moves[-1:] == [('db02', 'vm')] or moves[:1] == [('db02', 'vm')], 'history: %s', moves)
    check(s.pgtandem('audit', 'verify').code == 0, 'the journals do not verify')


@tap.test('--dry-run shows the plan and changes nothing')
def _(s):
    before, record = s.snapshot(), s.record()
    result = s.pgtandem('switchover', '--to', 'db01', '--dry-run')
    check(result.code == 0, 'exit %d', result.code)
    check(s.record() == record, 'the record is %s', s.record())
    s.await_unchanged(before, 0)


@tap.test('what cannot be is refused before anything changes')
def _(s):
    before, record = s.snapshot(), s.record()
    check(s.switchover('db02').code == 2, 'to the owner itself')
    check(s.switchover('elsewhere').code == 1, 'to an unknown node')
    s.psql('db01', 'SELECT pg_wal_replay_pause()')
    result = s.switchover('db01')
    s.psql('db01', 'SELECT pg_wal_replay_resume()')
    check(result.code == 2 and 'replay' in result.stdout + result.stderr,
          'with replay paused: exit %d', result.code)
    declined = s.pgtandem('switchover', '--to', 'db01', '--reason', 'test')
    check(declined.code == 9, 'nobody there to say yes: exit %d', declined.code)
    check(s.record() == record, 'the record is %s', s.record())
    s.await_unchanged(before, 2)


HOME = os.path.dirname(hosts.DATA)
KEPT = ('connect_timeout=7 keepalives_idle=33 dbname=postgres sslmode=verify-full sslrootcert=%s/ca.crt'
        % HOME)


def openssl(directory, *argv):
    subprocess.run(['openssl', *argv], cwd=directory, check=True, stdin=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def serve_by_tls(s):
    """Each node's PostgreSQL has a certificate for its own name, the owner's for `pg-main` too; all of one
    authority, which every node knows."""
    directory, key = s.lab.path('tls'), ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    os.makedirs(directory)
    openssl(directory, 'req', '-x509', *key, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '100',
            '-subj', '/CN=ca')
    for node in hosts.NODES:
        names = ['%s.%s' % (node, hosts.ZONE)] + (['pg-main'] if node == 'db02' else [])
        openssl(directory, 'req', '-x509', *key, '-keyout', node + '.key', '-out', node + '.crt', '-days',
                '100', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-subj', '/CN=' + node, '-addext',
                'subjectAltName=' + ','.join('DNS:' + name for name in names))
        for source, name in (('ca.crt', 'ca.crt'), (node + '.crt', 'server.crt'),
                             (node + '.key', 'server.key')):
            path = shutil.copy(directory + '/' + source, s.lab.host(node, 'var-lib/postgresql', name))
            os.chmod(path, 0o600)
            os.chown(path, *hosts.account('postgres'))
        for name, value in (('ssl_cert_file', HOME + '/server.crt'),
                            ('ssl_key_file', HOME + '/server.key'), ('ssl', 'on')):
            s.psql(node, "ALTER SYSTEM SET %s = '%s'" % (name, value))
        s.psql(node, 'SELECT pg_reload_conf()')
        wait(lambda n=node: s.value(n, 'SHOW ssl') == 'on', 10, '%s serves by TLS' % node)


def follow_by_name(s, node):
    """NODE streams from the owner by a name of the house, with keywords of its own; a line that is
    overridden names the alias."""
    at = hosts.ADDRESS[s.record()['owner']]
    s.run(node, 'sh', '-c', 'echo "%s pg-main" >>/etc/hosts' % at, check=True)
    s.run(node, 'sh', '-c', "echo \"primary_conninfo = 'host=%s'\" >>%s/postgresql.conf"
          % (hosts.ALIAS, hosts.DATA), user='postgres', check=True)
    s.psql(node, "ALTER SYSTEM SET primary_conninfo = 'host=pg-main port=5432 user=replicator"
                 " application_name=%s %s'" % (node, KEPT))
    s.psql(node, 'SELECT pg_reload_conf()')
    wait(lambda: s.value(node, "SELECT sender_host FROM pg_stat_wal_receiver WHERE status = 'streaming'")
         == 'pg-main', 15, '%s follows by name' % node)


def verified(s, owner):
    """How many walsenders of OWNER serve by TLS."""
    return int(s.value(owner, 'SELECT count(*) FROM pg_stat_replication JOIN pg_stat_ssl USING (pid)'
                              ' WHERE ssl'))


@tap.test('standbys that follow by a name, verified: attached; the move keeps every keyword but where to')
def _(s):
    serve_by_tls(s)
    for node in ('db01', 'vm'):
        follow_by_name(s, node)
    wait(lambda: s.streaming('db02') == ['db01', 'vm'] and verified(s, 'db02') == 2, 15, 'both stream')
    status = s.pgtandem('status')
    check(status.code == 0 and 'pg-main' not in status.stdout, 'status: %s', status.stdout)
    result = s.switchover('db01')
    check(result.code == 0, 'exit %d: %s', result.code, result.stdout + result.stderr)
    s.await_steady('db01')
    conninfo = s.value('vm', 'SHOW primary_conninfo')
    check('host=db01.%s hostaddr=%s ' % (hosts.ZONE, hosts.ADDRESS['db01']) in conninfo and
          all(word in conninfo for word in KEPT.split()), 'vm: %s', conninfo)
    check(verified(s, 'db01') >= 1, 'vm streams without TLS')


RECEIVER = "SELECT %s FROM pg_stat_wal_receiver WHERE status = 'streaming'"


def forget_the_record(s):
    """As before `dns init`: no record, and agents, in mode act, that have never seen one."""
    for node in hosts.NODES:
        s.hold_service(node, 'pgtandem-agent')
        s.kill_process(node, 'agent')
        s.run(node, 'sh', '-c', 'rm -rf /var/lib/pgtandem-agent/*', check=True)
    s.run('ctl', 'sh', '-c', "printf 'server %s\nupdate delete _pgtandem.%s. TXT\nsend\n'"
          ' | nsupdate -k /etc/pgtandem/dns.key' % (hosts.ADDRESS['ns1'], hosts.ALIAS), check=True)
    check(s.record() is None, 'the record is there: %s', s.record())
    for node in hosts.NODES:
        s.release_service(node, 'pgtandem-agent')
    wait(lambda: 'does not respond' not in s.pgtandem('status').stdout, 15, 'the agents are there')


def follow_by_another_network(s, node):
    """NODE streams from db02 by addresses that pgtandem has not heard of, under another name: the owner cannot
    tell who that is. -> the owner's address there"""
    there, own = '10.77.0.122', '10.77.0.121'
    for host, address, other, at in (('db02', there, node, own), (node, own, 'db02', there)):
        s.run(host, 'sh', '-c', 'ip addr add %s/32 dev eth0; ip neigh add %s lladdr %s dev eth0 nud permanent; '
              'ip route add %s/32 dev eth0 src %s' % (address, at, hosts.mac(other), at, address), check=True)
    s.psql(node, "ALTER SYSTEM SET primary_conninfo = 'host=%s port=5432 user=replicator"
                 " application_name=standby1 passfile=%s/.pgpass'" % (there, HOME))
    s.psql(node, "ALTER SYSTEM SET primary_slot_name = ''")
    s.psql(node, 'SELECT pg_reload_conf()')
    wait(lambda: s.value(node, RECEIVER % 'sender_host') == there, 15, '%s follows there' % node)
    return there


@tap.test('dns init leaves standbys that follow otherwise as they are, and says what a later step writes there')
def _(s):
    forget_the_record(s)
    there = follow_by_another_network(s, 'db01')
    as_it_is = lambda: [(s.value(n, 'SHOW primary_conninfo'), s.value(n, RECEIVER % 'pid'))
                        for n in scene.STANDBYS]
    before = as_it_is()
    result = s.pgtandem('dns', 'init', '--yes', '--reason', 'test')
    check(result.code == 0, 'exit %d: %s', result.code, result.stdout + result.stderr)
    check(s.record()['owner'] == 'db02' and s.record()['epoch'] == '1', 'the record: %s', s.record())
    check(as_it_is() == before, 'changed: %s was %s', as_it_is(), before)
    said = ' '.join(result.stdout.split())
    check('db01 follows %s:5432' % there in said and
          'would write there: host=%s port=5432' % hosts.ADDRESS['db02'] in said and 'vm follows' not in said,
          'no word of what a later step does: %s', result.stdout)
    result = s.go_on('resume')  # and so it does
    check(result.code == 0, 'resume: exit %d: %s', result.code, result.stdout + result.stderr)
    conninfo = s.value('db01', 'SHOW primary_conninfo')
    check('host=%s port=5432' % hosts.ADDRESS['db02'] in conninfo and 'application_name=standby1' in conninfo,
          'resume: %s', conninfo)
    s.psql('db01', "ALTER SYSTEM SET primary_conninfo = '%s'" % conninfo.replace('standby1', 'db01'))
    s.psql('db01', 'SELECT pg_reload_conf()')
    s.await_steady('db02')


# lines that no crontab(1) and no editor of ours may change: a bell, an escape, a backspace, a carriage
# return, and the same as they are typed
HUMAN = '# \a \033[1m b\bs \177 cr\r \\r \\b \xe9 \u20ac\tx\n'
ABOVE = 'SHELL=/bin/bash\nPGHOST=/run/postgresql\n'
NIGHTLY, WEEKLY = '7 3 * * * /bin/true nightly', '7 4 * * 0 /bin/true weekly'


def environments(text):
    """{managed entry: the variables in force at it}"""
    found, variables, inside = {}, {}, False
    for line in text.split('\n'):
        entry = line.replace(files.OFF, '')
        variable = re.match(r'(\w+)=(.*)', line)
        if line in ('# BEGIN pgtandem', '# END pgtandem'):
            inside = line.startswith('# BEGIN')
        elif variable:
            variables[variable[1]] = variable[2]
        elif inside and entry.strip() and not entry.startswith('#'):
            found[entry] = dict(variables)
    return found


def sync_shows_and_keeps(s):
    """The difference comes before the question; what was there before is kept on the node, and it says where."""
    before = {node: s.crontab(node) for node in hosts.NODES}
    asked = s.pgtandem('cron', 'sync')
    check(asked.code == 9, 'nobody there to say yes: exit %d', asked.code)
    for node in scene.STANDBYS:
        shown = re.search(r'(?ms)^--- %s, as it is\n\+\+\+ %s, as it would be\n@@ -\d+,\d+ \+\d+,\d+ @@\n'
                          r'(.*?)(?=^---|\Z)' % (node, node), asked.stdout)
        check(shown, 'no difference for %s: %s', node, asked.stdout)
        lines = shown[1].split('\n')
        for line in ('+' + files.OFF + NIGHTLY, '+' + files.OFF + WEEKLY, '+#Ansible: nightly',
                     ' # BEGIN pgtandem'):
            check(line in lines, '%s: no line "%s" in %s', node, line, shown[1])
        check(s.crontab(node) == before[node], '%s was written before it was asked', node)
    result = s.pgtandem('cron', 'sync', '--yes')
    check(result.code == 0, 'cron sync: exit %d: %s', result.code, result.stdout + result.stderr)
    check(all(line in result.stdout for line in asked.stdout.splitlines() if line.startswith('+')),
          'with --yes it does not show it: %s', result.stdout)
    for node in scene.STANDBYS:
        kept = re.search(r'(?m)^%s: written; .*; the previous crontab is kept in (\S+)$' % node, result.stdout)
        check(kept, 'it does not say where %s has its former crontab: %s', node, result.stdout)
        check(s.crontab(node) != before[node], '%s was not written', node)
        with open('/proc/%d/root%s' % (boot.pid1(s.lab, node), kept[1]), newline='') as f:
            check(f.read() == before[node], '%s: other bytes are kept in %s', node, kept[1])


def written_by_hand(s):
    """The owner's crontab with variables above its first entry, two jobs in Ansible's own form, one with
    its comment; everybody's with what a human wrote. `cron sync` brings the rest."""
    for node in hosts.NODES:
        text = HUMAN + s.crontab(node)
        if node == 'db02':
            text = ABOVE + text.replace('# BEGIN pgtandem\n', '# BEGIN pgtandem\n#Ansible: nightly\n%s\n%s\n'
                                        % (NIGHTLY, WEEKLY))
        s.put_crontab(node, text)
    sync_shows_and_keeps(s)
    s.crontabs = {node: s.crontab(node) for node in hosts.NODES}


def listed(s, node):
    """What Ansible gets to see: Debian's crontab -l prints some control characters as two."""
    return s.run(node, 'crontab', '-l', user='postgres', check=True).stdout


def ansible_comes_along(s):
    """On standbys, with the jobs that the owner has: the line after a comment, our BEGIN among them, is
    replaced; what is not found is appended."""
    text = ansible.cron(listed(s, 'vm'), 'nightly', NIGHTLY)
    text = ansible.cron(text, 'weekly', WEEKLY)
    check(text.endswith('#Ansible: weekly\n%s\n' % WEEKLY), 'it found %s', text)
    s.put_crontab('vm', text)
    text = listed(s, 'db02').replace('# BEGIN pgtandem\n', '#Ansible: weekly\n# BEGIN pgtandem\n')
    text = ansible.cron(text, 'weekly', WEEKLY)
    check('BEGIN pgtandem' not in text, 'the block is whole: %s', text)
    s.put_crontab('db02', text)


def active(s, node):
    return [line for line in s.crontab(node).split('\n') if line in (NIGHTLY, WEEKLY)]


@tap.test('crontabs as people and Ansible write them: variables go with the entries, no byte of a human '
          'changes, no job stays on at a standby, a text that cron refuses is named')
def _(s):
    before = {node: s.crontab(node) for node in hosts.NODES}
    written_by_hand(s)
    ours = environments(s.crontab('db02'))
    check(sorted(ours[NIGHTLY]) == ['MAILTO', 'PATH', 'PGHOST', 'SHELL'], 'the variables: %s', ours)
    result = s.switchover('db01')
    check(result.code == 0, 'exit %d: %s', result.code, result.stdout + result.stderr)
    s.await_steady('db01')
    for node in hosts.NODES:
        check(HUMAN in s.crontab(node), 'a human\'s line on %s: %r', node, s.crontab(node))
        check(environments(s.crontab(node)) == ours, '%s: %s', node, environments(s.crontab(node)))
    check(active(s, 'db01') == [NIGHTLY, WEEKLY], 'db01: %s', active(s, 'db01'))

    ansible_comes_along(s)
    check(active(s, 'vm') == [NIGHTLY, WEEKLY] and active(s, 'db02'), 'it switched nothing on')
    s.kill_process('vm', 'agent')  # a watch that begins looks at the crontab at once
    wait(lambda: not active(s, 'vm'), 20, 'the watch of vm turns its entries off')
    result = s.go_on('resume')
    check(result.code == 0 and not active(s, 'db02'), 'resume: exit %d: %s', result.code, result.stderr)
    status = s.pgtandem('status')
    check(status.code == 10 and 'once more outside of it' in status.stdout, 'status: %s', status.stdout)
    result = s.pgtandem('cron', 'sync', '--yes')
    check(result.code == 0, 'the repair: exit %d: %s', result.code, result.stderr)
    status = s.pgtandem('status')
    check(status.code == 0, 'repaired: %s', status.stdout)

    with open(s.lab.host('vm', 'spool/crontabs/postgres'), 'r+') as f:
        f.seek(0, os.SEEK_END)
        f.write('61 * * * * /bin/true\n')
    result = s.switchover('vm')
    check(result.code == 2 and 'bad minute' in result.stdout and 'cron.allow' not in result.stdout,
          'what cron refuses: exit %d: %s', result.code, result.stdout)

    before['db01'], before['db02'] = before['db02'], before['db01']
    for node in hosts.NODES:
        s.put_crontab(node, before[node])
    s.crontabs = before
    s.await_steady('db01')


@tap.test('no job starts twice when roles move over the full minute (I4)')
def _(s):
    scene.wait(lambda: 57 <= time.time() % 60 < 58.5, 61, 'the end of a minute')
    began = time.time()
    check(s.switchover('db01').code == 0, 'the move failed')
    # cron looks within 2 s past the minute; an entry turned on then may still start its job
    looked = (began // 60 + 1) * 60 + 5
    scene.wait(lambda: time.time() > looked, 70, 'cron has looked')
    doubled = scene.oracle.doubled(s.prefix)
    check(not doubled, 'started twice: %s', doubled)
    check([j for j in scene.oracle.jobs(s.prefix) if j[0] == 'local'], 'no job ran at all')
    s.await_steady('db01')


if __name__ == '__main__':
    sys.exit(tap.main('switchover'))
