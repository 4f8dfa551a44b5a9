#!/usr/bin/env python3
"""DNS fails in the middle of a move, keys are wrong, a secondary lags, two administrators race."""

import os
import re
import select
import signal
import sys
import time

from labkit import boot, files, hosts, points, scene, tap
from labkit.scene import check, wait


def refused_for_key(s, name, text, code, words):
    """`switchover` with another key: nothing changes, and the text names the key's problem."""
    with open(s.lab.host('ctl', 'etc/pgtandem.conf')) as f:
        configuration = f.read().replace('key_file = /etc/pgtandem/dns.key',
                                         'key_file = /etc/pgtandem/other.key')
    files.put(s.lab.host('ctl', 'etc/other.conf'),
              configuration.replace('key_name = ctl-update', 'key_name = ' + name))
    files.put(s.lab.host('ctl', 'etc/other.key'), text, 0o600)
    before, record = s.snapshot(), s.record()
    result = s.pgtandem('-c', '/etc/pgtandem/other.conf', 'switchover', '--to', 'db01', '--yes',
                        '--reason', 'test')
    output = ' '.join((result.stdout + result.stderr).split())
    check(result.code == code, '%s: exit %d', name, result.code)
    check(re.search(words, output), '%s: it does not say why', name)
    if code == 8:  # only this controller is kept out
        check('other controller' in output and '/etc/pgtandem/other.key' in output, '%s: %s', name, output[-600:])
    check(s.record() == record, '%s: the record: %s', name, s.record())
    s.await_unchanged(before, 0)


@tap.test('a false secret, an unknown key, a key without the right: each named, nothing changes')
def _(s):
    false = 'YW5vdGhlciBzZWNyZXQgdGhhbiBuczEgaGFz'
    refused_for_key(s, 'ctl-update', files.KEY % ('ctl-update', false), 8, 'BADSIG.*"ctl-update"')
    refused_for_key(s, 'nobody', files.KEY % ('nobody', false), 8, 'BADKEY.*"nobody"')
    with open(s.lab.path('keys', 'agents-query')) as f:
        refused_for_key(s, 'agents-query', f.read(), 2, 'REFUSED.*"agents-query"')
    with open(s.lab.path('keys', 'agents-query')) as f:
        refused_for_key(s, 'ctl-update', f.read(), 1, 'no key named "ctl-update"')


@tap.test('a secondary with another secret for our key: `dns verify` names it, though it shows the same')
def _(s):
    keys = s.lab.host('ns2', 'etc-upper', 'bind', 'lab.keys')
    with open(keys, encoding='utf-8') as f:
        right = f.read()
    false = re.sub(r'(key "ctl-update" \{.*?secret ")[^"]+', r'\g<1>YW5vdGhlciBzZWNyZXQgdGhhbiBuczEgaGFz', right,
                   flags=re.DOTALL)
    check(false != right, 'there is no key ctl-update on ns2')
    check(s.pgtandem('dns', 'verify').code == 0, 'before: %s', s.pgtandem('dns', 'verify').stderr)
    for text, code in ((false, 8), (right, 0)):
        with open(keys, 'w', encoding='utf-8') as f:
            f.write(text)
        s.kill_process('ns2', 'named')
        wait(lambda: s.alias('ns2') == 'db02', 20, 'ns2 answers again')
        result = s.pgtandem('dns', 'verify')
        said = ' '.join((result.stdout + result.stderr).split())
        check(result.code == code, 'exit %d: %s', result.code, said)
        check((code == 0) != bool(re.search(r'ns2\S* \(%s\) refuses our key: .*BADSIG' % hosts.ADDRESS['ns2'], said)),
              'it says: %s', said)


@tap.test('DNS dies before FENCE: exit 4, the owner serves on; then abort: as before')
def _(s):
    before = s.snapshot()
    started = s.value('db02', 'SELECT pg_postmaster_start_time()')
    with s.limits(dns_timeout_ms=3000):
        child = points.at_catch_up(s, 'db02', 'db01')
        s.freeze('ns1', 'named')
        s.thaw('db02', 'checkpointer')
        result = s.finish_pgtandem(child)
    check(result.code == 4, 'exit %d', result.code)
    roles = [s.role(n) for n in ('db02', 'db01', 'vm')]
    check(roles == ['writable', 'recovery', 'recovery'], 'roles: %s', roles)
    check(s.cron('db02') == 'on', 'the jobs of db02 are %s', s.cron('db02'))
    check(s.value('db02', 'SELECT pg_postmaster_start_time()') == started, 'db02 was stopped')
    s.thaw()
    result = s.go_on('abort')
    check(result.code == 0, 'abort: exit %d', result.code)
    s.await_unchanged(before)
    s.await_steady('db02')


@tap.test('DNS dies between FENCE and FLIP: exit 4, nobody is writable; while it is down neither resume'
          ' nor abort does anything; then abort: as before')
def _(s):
    before = s.snapshot()
    observer = s.observe()
    with s.limits(dns_timeout_ms=3000):
        child = points.at_verify(s, 'db02', 'db01')
        s.freeze('ns1', 'named')
        points.resume_replay(s, 'db01')
        points.let_go(s, child)
        result = s.finish_pgtandem(child)
        check(result.code == 4, 'exit %d', result.code)
        for verb in ('resume', 'abort'):
            result = s.go_on(verb, host='ctl2')
            check(result.code == 4, '%s without DNS: exit %d', verb, result.code)
    roles = [s.role(n) for n in hosts.NODES]
    check('writable' not in roles, 'roles: %s', roles)
    s.thaw()  # what was sent meanwhile arrives now, late
    result = s.go_on('abort')
    check(result.code == 0, 'abort: exit %d', result.code)
    observer.stop()
    observer.never_writable('db01')
    s.await_unchanged(before)
    s.await_steady('db02')


@tap.test('DNS dies after FLIP, the promotion under way: db01 serves; exit 4; resume finishes')
def _(s):
    observer = s.observe()
    with s.limits(dns_timeout_ms=3000):
        child = points.at_promote(s, 'db02', 'db01')
        wait(lambda: s.alias('ns2') == 'db01', 20, 'the alias reaches the secondary')
        s.freeze('ns1', 'named')
        s.thaw('db01', 'startup')
        result = s.finish_pgtandem(child, 90)
    check(result.code == 4, 'exit %d', result.code)
    check(s.role('db01') == 'writable', 'db01 is %s', s.role('db01'))
    check(s.alias('ns2') == 'db01', 'the alias: %s', s.alias('ns2'))
    s.thaw()
    result = s.go_on('resume')
    check(result.code == 0, 'resume: exit %d', result.code)
    observer.stop()
    check(not observer.interleaved(), 'two were writable: %s', observer.interleaved())
    s.await_steady('db01')


@tap.test('a secondary that is cut off is named, not waited for; a client of it is late, not wrong', more=True)
def _(s):
    child = points.at_catch_up(s, 'db02', 'db01')
    s.cut('ns2')
    s.thaw()
    result = s.finish_pgtandem(child)
    check(result.code == 0, 'exit %d', result.code)
    steps = [r for r in s.journal() if r['kind'] == 'result' and r['step'] == 'stable']
    check(steps and steps[0]['data']['ms'] < 2000, 'STABLE waited: %s', steps)
    check((s.alias(), s.record()['state']) == ('db01', 'stable'), 'the record: %s', s.record())
    check([n for n in hosts.NODES if s.role(n) == 'writable'] == ['db01'], 'db01 is not the writable')
    status = s.pgtandem('status')
    check(status.code == 10 and re.search(r'ns2|10\.77\.0\.12', status.stdout),
          'status does not name it: exit %d', status.code)
    check(status.seconds < 6, 'status took %.1f s', status.seconds)
    s.heal()
    s.await_steady('db01', timeout_s=20)


@tap.test('a record typed by hand makes no node writable over a silent one: dns set and resume ask for the word'
          ' that it is down, the record keeps it')
def _(s):
    check(s.go_on('fence', 'db02').code == 0, 'fence')
    typed = (f"v=1 epoch={int(s.record()['epoch']) + 1} nonce=new state=stable owner=db02 to=- from=- txn="
             f"{s.record()['txn']} sysid={s.record()['sysid']} tli={s.record()['tli']} ttl=30 grade=- by=root@ctl")
    s.cut('db01')
    before = s.record()
    result = s.pgtandem('dns', 'set', typed, '--yes', '--reason', 'test')
    check(result.code == 2 and '--accept-unfenced db01' in ' '.join(result.stderr.split()),
          'dns set: exit %d, %s', result.code, result.stderr)
    check(s.record() == before, 'the record: %s', s.record())
    result = s.pgtandem('dns', 'set', typed, '--accept-unfenced', 'db01', '--yes', '--reason', 'test')
    check(result.code == 0 and 'next: pgtandem resume' in result.stdout, 'dns set: %s', result.stderr)
    check((s.record()['from'], s.record()['grade']) == ('db01,vm', '3,-'), 'the record: %s', s.record())
    s.cut('vm')
    result = s.go_on('resume')
    check(result.code == 4 and 'resume --accept-unfenced vm' in ' '.join(result.stderr.split()),
          'resume: exit %d, %s', result.code, result.stderr)
    check(s.role('db02') != 'writable', 'db02 is writable')
    s.heal()
    s.cut('db01')
    result = s.go_on('resume')
    check(result.code == 0, 'resume: exit %d, %s', result.code, result.stderr)
    check(s.role('db02') == 'writable', 'db02 is %s', s.role('db02'))
    check((s.record()['from'], s.record()['grade']) == ('db01', '3'), 'the record: %s', s.record())
    s.heal()
    check(s.go_on('resume').code == 0, 'resume, with all')
    check(s.record()['from'] == '-', 'the record: %s', s.record())
    s.await_steady('db02')


@tap.test('two controllers at once: one wins, the other exits 7, has changed nothing and names it')
def _(s):
    for first, second in ((('ctl', 'db01'), ('ctl2', 'vm')), (('ctl2', 'db02'), ('ctl', 'db01'))):
        children = [(host, to, s.start_pgtandem('switchover', '--to', to, '--yes', '--reason',
                                                'race', host=host))
                    for host, to in (first, second) if to != s.alias()]
        if len(children) < 2:
            continue
        results = [(host, to, s.finish_pgtandem(child)) for host, to, child in children]
        codes = {host: result.code for host, _, result in results}
        winners = [(host, to) for host, to, result in results if result.code == 0]
        check(len(winners) == 1, 'exits: %s', codes)
        host, to, result = next(r for r in results if r[2].code != 0)
        check(result.code == 7, 'the loser: exit %d', result.code)
        check('root@' + winners[0][0] in re.sub(r'\s+', ' ', result.stdout + result.stderr),
              'the loser does not name the winner')
        tap.say('%s won, %s lost', winners[0][0], host)
        check(s.record()['by'] == 'root@' + winners[0][0], 'the record: %s', s.record())
        s.await_steady(winners[0][1])


def at_the_question(s, host, to):
    """(command, its terminal): all checks passed, a person is asked."""
    terminal, end = os.openpty()
    child = s.popen(host, 'pgtandem', 'switchover', '--to', to, '--reason', 'race',
                    '--wait-jobs', '30', stdin=end)
    os.close(end)
    said = b''
    while b'to go on:' not in said:
        ready = select.select([child.stderr], [], [], 20)[0]
        more = os.read(child.stderr.fileno(), 4096) if ready else b''
        check(more, 'no question is asked on %s: %s', host, said)
        said += more
    return child, terminal


@tap.test('two administrators at the question: the record is only ever changed by comparing; the second'
          ' to answer exits 7 (I3)', more=True)
def _(s):
    first, terminal = at_the_question(s, 'ctl', 'db01')
    second, other = at_the_question(s, 'ctl2', 'vm')
    s.freeze('db02', 'checkpointer')
    os.write(terminal, b'ia2\n')
    claim = wait(lambda: (lambda r: r if r['state'] == 'claim' else None)(s.record()), 10,
                 'ctl has claimed the record')
    os.write(other, b'ia2\n')
    result = s.finish_pgtandem(second)
    check(result.code == 7, 'the second: exit %d', result.code)
    check('root@ctl ' in ' '.join((result.stdout + result.stderr).split()),
          'it does not name the winner')
    check(s.record() == claim, 'the record: %s', s.record())
    s.thaw()
    result = s.finish_pgtandem(first)
    check(result.code == 0, 'the first: exit %d', result.code)
    s.await_steady('db01')
    os.close(terminal)
    os.close(other)


def waits_for_a_node_alone(s, host, node):
    """Somebody on HOST has had its answer from DNS and is connected to NODE's agent."""
    established, time_wait, dns = '01', '06', ':0035'

    def remotes(kind):
        with open('/proc/%d/net/%s' % (boot.pid1(s.lab, host), kind), encoding='ascii') as f:
            lines = [(line.split()[2], line.split()[3]) for line in f][1:]
        return [(remote, state) for remote, state in lines if state != time_wait]
    address, port = hosts.ADDRESS[node].split('.'), 7432
    agent = '%s:%04X' % (''.join('%02X' % int(part) for part in address[::-1]), port)
    return ((agent, established) in remotes('tcp') and not remotes('udp') and
            not any(remote.endswith(dns) for remote, _ in remotes('tcp')))


@tap.test('a command that was given before another one claimed exits 7 and names whose that is, also when'
          ' that one has ended: no second move on a word that is old')
def _(s):
    s.freeze('vm', 'agent')  # its first look takes until we go on
    late = s.start_pgtandem('switchover', '--to', 'db01', '--yes', '--reason', 'race', host='ctl2')
    wait(lambda: waits_for_a_node_alone(s, 'ctl2', 'vm'), 10, 'ctl2 waits for vm')
    pid = s.program_pid(late)
    os.kill(pid, signal.SIGSTOP)
    s.thaw()
    result = s.pgtandem('switchover', '--to', 'vm', '--yes', '--reason', 'race')
    check(result.code == 0, 'the first: exit %d', result.code)
    s.await_steady('vm')
    record = s.record()
    os.kill(pid, signal.SIGCONT)
    result = s.finish_pgtandem(late)
    check(result.code == 7, 'the late one: exit %d', result.code)
    check('root@ctl ' in ' '.join((result.stdout + result.stderr).split()),
          'it does not name the first: %s', result.stdout + result.stderr)
    check(s.record() == record, 'the record: %s', s.record())


def ended(children, within_s, what):
    """The first of CHILDREN that ends."""
    return wait(lambda: next((c for c in children if c.poll() is not None), None), within_s, what)


@tap.test('two resume of one transition at once: one wins, the other exits 7 at once and names it; nobody is'
          ' harmed')
def _(s):
    s.kill_program(points.at_catch_up(s, 'db02', 'db01'))
    s.thaw()
    observer = s.observe()
    s.freeze('vm', 'agent')  # both have read the record, neither has all the answers, until we go on
    children = [s.start_pgtandem('resume', '--yes', '--reason', 'race', host=h) for h in hosts.CONTROLLERS]
    pids = []
    for host, child in zip(hosts.CONTROLLERS, children):
        wait(lambda h=host: waits_for_a_node_alone(s, h, 'vm'), 10, '%s waits for vm' % host)
        pids.append(s.program_pid(child))
        os.kill(pids[-1], signal.SIGSTOP)
    s.thaw()
    s.freeze('db02', 'checkpointer')  # the winner is held up: the loser is not to wait for its end
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    began = time.monotonic()
    loser = ended(children, 8, 'one gives way')
    took = time.monotonic() - began
    winner = next(c for c in children if c is not loser)
    result = s.finish_pgtandem(loser)
    check(result.code == 7, 'the first to end: exit %d: %s', result.code, result.stdout + result.stderr)
    check('root@%s ' % winner.host in ' '.join((result.stdout + result.stderr).split()),
          'it does not name the winner: %s', result.stdout + result.stderr)
    tap.say('%s gave way after %.1f s', loser.host, took)
    check(took < 5, 'the loser needed %.1f s', took)
    s.thaw()
    result = s.finish_pgtandem(winner)
    check(result.code == 0, 'the winner: exit %d: %s', result.code, result.stdout + result.stderr)
    observer.stop()
    check(not observer.interleaved(), 'two were writable: %s', observer.interleaved())
    s.await_steady('db01')


def reconfigured(s, host, name, *changes):
    """In place, so that owner and mode stay."""
    path = s.lab.host(host, 'etc', name)
    with open(path, encoding='utf-8') as f:
        text = f.read()
    for old, new in changes:
        check(old in text, '%s has no %s', path, old)
        text = text.replace(old, new)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)


def becomes_primary(s, host):
    path = s.lab.host(host, 'etc-upper', 'bind', 'named.conf')
    values = {'zone': hosts.ZONE, 'alias': hosts.ALIAS, 'ns2': hosts.ADDRESS['ns2']}
    with open(path, encoding='utf-8') as f:
        text = f.read()
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text[:text.index('zone "')] + files.ZONE_PRIMARY % values)
    s.kill_process(host, 'named')


@tap.test('the zone\'s primary is lost for good: what the secondary serves, and until when, is shown; it becomes'
          ' the primary, `server` by a reload on all hosts, and the role moves')
def _(s):
    first, second = hosts.ADDRESS['ns1'], hosts.ADDRESS['ns2']
    s.pgtandem('status')  # `others` is not configured: what the primary named last is asked
    s.kill('ns1')
    for verb in (('status',), ('dns', 'show')):
        said = ' '.join(s.pgtandem(*verb).stdout.split())
        check(re.search(r'serves db02\.ia2\.test, epoch \d+, stable, owner db02, until 20\d\d-', said),
              '%s: %s', verb, said)
    becomes_primary(s, 'ns2')
    for host in hosts.CONTROLLERS:
        reconfigured(s, host, 'pgtandem.conf', (first, second))
    for node in hosts.NODES:
        reconfigured(s, node, 'agent.conf', ('server = ' + first, 'server = ' + second),
                     ('others = ' + second, 'others = ' + first))
        for pid in s.pids(node, 'agent'):
            os.kill(pid, signal.SIGHUP)
        with open(s.lab.host(node, 'log', 'pgtandem-agent.log'), encoding='utf-8') as log:
            wait(lambda f=log: all('reload: [dns] ' + key in text for text in [(f.seek(0), f.read())[1]]
                                   for key in ('server', 'others')), 20, 'the reload on ' + node)
    wait(lambda: s.alias('ns2') == 'db02', 20, 'ns2 serves again')
    result = s.switchover('db01', '--ignore', 'name-servers')
    check(result.code == 0, 'exit %d, %s', result.code, result.stderr)
    check((s.record('ns2')['owner'], s.alias('ns2')) == ('db01', 'db01'), 'the record: %s', s.record('ns2'))
    check(s.role('db01') == 'writable', 'db01 is %s', s.role('db01'))


if __name__ == '__main__':
    sys.exit(tap.main('dns-faults'))
