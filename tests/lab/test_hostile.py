#!/usr/bin/env python3
"""Hostile peers: at an agent's port, and at the controller's link in an agent's place. Refused, told in
few lines, and nobody who is in the right notices."""

import json
import os
import re
import subprocess
import time

from labkit import files, hosts, tap
from labkit.scene import check, wait

HERE = os.path.dirname(os.path.realpath(__file__))
VERBS = os.path.join(HERE, '..', '..', 'proto', 'messages.h')
MAKE_CERTS = os.path.join(HERE, '..', '..', 'deploy', 'make-certs')
AT = '%s:%d' % (hosts.ADDRESS['db02'], hosts.AGENT_PORT)
FLOOD = 10000
MAY_GROW_KIB = 4096
IN_TIME_S = 1.5  # with the Python that asks; the agent itself takes a hundredth


def script(name):
    with open(os.path.join(HERE, 'labkit', name)) as f:
        return f.read()


def openssl(*argv, **more):
    subprocess.run(['openssl', *argv], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, **more)


def dated(directory, name, uri, begin, end, pki):
    """A certificate of the lab's own authority, valid from BEGIN to END."""
    with open(directory + '/cnf', 'w') as f:
        f.write('[ca]\ndefault_ca=d\n[d]\ndatabase=%s/index\nnew_certs_dir=%s\nrand_serial=yes\n'
                'default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n[req]\ndistinguished_name=n\n'
                '[n]\n[x]\nextendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=URI:%s\n'
                % (directory, directory, uri))
    open(directory + '/index', 'w').close()
    stem = directory + '/' + name
    openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
            '-keyout', stem + '.key', '-out', stem + '.csr', '-subj', '/CN=' + name,
            '-config', directory + '/cnf')
    openssl('ca', '-batch', '-config', directory + '/cnf', '-cert', pki + '/ca.crt', '-keyfile',
            pki + '/ca.key', '-in', stem + '.csr', '-out', stem + '.crt', '-notext',
            '-startdate', begin, '-enddate', end, '-extensions', 'x')


def certificates(s, host):
    """/etc/pgtandem/hostile on HOST: every pair that an attacker may have."""
    directory, pki = s.lab.host(host, 'etc/hostile'), s.lab.path('pki')
    if os.path.exists(directory):
        return
    os.makedirs(directory)
    for cluster, label in ((hosts.CLUSTER, 'other-ca'), ('ia3', 'other-cluster')):
        for verb in (('init',), ('controller', 'x'), ('agent', 'vm')):
            subprocess.run([MAKE_CERTS, verb[0], directory + '/' + label, cluster, *verb[1:]],
                           check=True, stdout=subprocess.DEVNULL)
    for role, uri in (('controller', 'controller'), ('agent', 'agent:vm')):
        name = 'pgtandem:%s:%s' % (hosts.CLUSTER, uri)
        dated(directory, 'expired-' + role, name, '200101000000Z', '210101000000Z', pki)
        dated(directory, 'future-' + role, name, '400101000000Z', '410101000000Z', pki)
        dated(directory, 'cluster-' + role, name.replace(hosts.CLUSTER, 'ia3'), '200101000000Z',
              '410101000000Z', pki)
    for stem in ('agent-vm', 'agent-db01', 'controller-ctl', 'ca'):
        for kind in ('.crt', '.key'):
            subprocess.run(['cp', pki + '/' + stem + kind, directory], check=True)


def knock(s, *cases, node='db02'):
    """What became of each connection: {'case', 'end', 's'}."""
    done = s.run('client', 'python3', '-c', script('knock.py'), '%s:%d' % (
        hosts.ADDRESS[node], hosts.AGENT_PORT), *cases, check=True)
    return {r['case']: r for r in map(json.loads, done.stdout.splitlines())}


def log_of(s, node='db02'):
    with open(s.lab.host(node, 'log/pgtandem-agent.log')) as f:
        return f.read().splitlines()


def agent_now(s, node='db02'):
    pid = s.pids(node, 'agent')[0]
    with open('/proc/%d/status' % pid) as f:
        rss = int(re.search(r'VmRSS:\s+(\d+)', f.read()).group(1))
    return {'pid': pid, 'rss_kib': rss, 'fds': len(os.listdir('/proc/%d/fd' % pid))}


def ask_s(s, node='db02'):
    """Seconds until a controller that connects now has its answer."""
    began = time.monotonic()
    done = s.run('ctl', 'python3', '-c', script('ask.py'), 'controller', '%s:%d' % (
        hosts.ADDRESS[node], hosts.AGENT_PORT), json.dumps({'verb': 'observe', 'timeout_ms': 5000}))
    check(done.code == 0 and json.loads(done.stdout)['ok'], 'no answer: %s', done.stderr[-200:])
    return time.monotonic() - began


@tap.test('who has not the right certificate is refused with a word, in a fraction of a second')
def _(s):
    certificates(s, 'client')
    before, said = s.snapshot(), len(log_of(s))
    words = {
        'no-certificate': 'peer did not return a certificate',
        'other-ca': 'the peer\'s certificate is refused',
        'other-cluster': 'the peer\'s certificate is refused',
        'cluster-in-name': 'is not of cluster ia2',
        'expired': 'certificate has expired',
        'future': 'certificate is not yet valid',
        'tls1.2': 'unsupported protocol',
        'plaintext': 'wrong version number',
        'garbage': 'TLS failed while shaking hands',
    }
    found = knock(s, *words)
    for case, end in found.items():
        check(end['end'] != 'open' and end['s'] < 2, '%s: %s after %.1f s', case, end['end'], end['s'])
    lines = '\n'.join(wait(lambda: log_of(s)[said:], 2, 'the refusals are logged'))
    for case, text in words.items():
        check(text in lines, '%s: the log does not say "%s": %s', case, text, lines)
    found = knock(s, 'agent-commands')['agent-commands']
    check('agents obey controllers' in found['end'], 'an agent commands: %s', found['end'])
    s.await_unchanged(before)


def make_monitor(s, host):
    """A monitor's certificate, and a key that may only ask, on HOST; two configurations: with that key
    alone, and with the update key as well."""
    pki = s.lab.path('pki')
    subprocess.run([MAKE_CERTS, 'monitor', pki, hosts.CLUSTER, 'mon'], check=True,
                   stdout=subprocess.DEVNULL)
    for kind, mode in (('.crt', 0o644), ('.key', 0o600)):
        with open(pki + '/monitor-mon' + kind) as f:
            files.put(s.lab.host(host, 'etc/monitor' + kind), f.read(), mode)
    with open(s.lab.path('keys', 'agents-query')) as f:
        files.put(s.lab.host(host, 'etc/query.key'), f.read(), 0o600)
    with open(s.lab.host(host, 'etc/pgtandem.conf')) as f:
        text = re.sub(r'controller\.(crt|key)', r'monitor.\1', f.read())
    update = re.compile(r'^key_(file|name) = .*\n', re.MULTILINE)
    query = 'query_key_file = /etc/pgtandem/query.key\n[tls]'
    files.put(s.lab.host(host, 'etc/monitor.conf'), update.sub('', text).replace('[tls]', query))
    files.put(s.lab.host(host, 'etc/both.conf'), text.replace('[tls]', query))


@tap.test('a monitor: its certificate and a key that may only ask show everything and change nothing')
def _(s):
    make_monitor(s, 'ctl')
    before, record = s.snapshot(), s.record()
    look, sure = ('-c', '/etc/pgtandem/monitor.conf'), ('--yes', '--reason', 'test')
    for argv, words in ((('status',), 'no problem found'), (('topology',), 'db02'),
                        (('dns', 'verify'), 'accept our key agents-query'),
                        (('config', 'check'), 'monitor.crt of a monitor')):
        done = s.run('ctl', 'pgtandem', *look, *argv)
        said = ' '.join((done.stdout + done.stderr).split())
        check(done.code == 0 and words in said, '%s: exit %d: %s', argv, done.code, said[-600:])
    for file, words in (('monitor', 'only a key that may ask'), ('both', "is a monitor's")):
        for argv in (('switchover', '--to', 'db01', *sure), ('fence', 'vm', *sure), ('resume', *sure),
                     ('dns', 'set', 'owner=db01', *sure), ('preflight', '--to', 'db01')):
            done = s.run('ctl', 'pgtandem', '-c', '/etc/pgtandem/%s.conf' % file, *argv)
            said = ' '.join((done.stdout + done.stderr).split())
            check(done.code == 1 and words in said, '%s: exit %d: %s', argv, done.code, said[-600:])
    # and the agents do not rest on what the program says: each verb there is, asked directly
    with open(VERBS, encoding='utf-8') as f:
        verbs = re.findall(r'X\(VERB_\w+, "([\w-]+)"', f.read())
    check(len(verbs) > 15, 'verbs: %s', verbs)
    done = s.run('ctl', 'python3', '-c', script('ask.py'), 'monitor', AT,
                 *(json.dumps({'verb': v, 'epoch': 99, 'seq': 99}) for v in verbs))
    check(done.code == 0, 'ask.py: %s', done.stderr[-400:])
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    open_to = [v for v, reply in zip(verbs, replies) if 'a monitor may look' not in reply['msg']]
    check(open_to == ['observe', 'evidence', 'inspect'] and replies[0]['ok'], 'open to it: %s', open_to)
    # where an agent connects with its credentials is not for a monitor to say
    asked = [{'verb': 'evidence', 'timeout_ms': 2000, 'upstream': {'node': node, 'address': hosts.ADDRESS['ctl'],
                                                                   'port': 5432},
              'target_agent': '%s:%d' % (hosts.ADDRESS['ctl'], hosts.AGENT_PORT)} for node in ('db01', 'nowhere')]
    done = s.run('ctl', 'python3', '-c', script('ask.py'), 'monitor', AT, *(json.dumps(q) for q in asked))
    check(done.code == 0, 'ask.py: %s', done.stderr[-400:])
    known, unknown = [json.loads(line) for line in done.stdout.splitlines()]
    check(known['ok'] and known['obs']['evidence'][0]['agent_answers'], 'of a peer: %s', known['obs']['evidence'])
    check(not unknown['ok'] and 'is no peer of this node' in unknown['msg'], 'of a stranger: %s', unknown['msg'])
    s.await_unchanged(before)
    check(s.record() == record, 'the record: %s', s.record())


@tap.test('from a peer with a good certificate: no message that is none does anything')
def _(s):
    certificates(s, 'client')
    before, first = s.snapshot(), agent_now(s)
    words = {
        'oversize': 'closed', 'zero': 'closed', 'not-a-hello': 'closed', 'wrong-cluster': 'closed',
        'lies-about-role': 'closed', 'not-json': 'not JSON', 'deep': 'maximum parsing depth',
        'duplicate': 'duplicate object key', 'unknown-field': 'unknown key',
        'unknown-verb': 'is none of',
    }
    found = knock(s, *words)
    for case, text in words.items():
        check(text in found[case]['end'], '%s: %s', case, found[case]['end'])
    check(agent_now(s)['pid'] == first['pid'], 'the agent was restarted')
    s.await_unchanged(before)


@tap.test('ten thousand connections: a controller is answered, memory and log are bounded')
def _(s):
    first, said = agent_now(s), len(log_of(s))
    usual = ask_s(s)
    for kind in ('silent', 'loris', 'junk'):
        flood = s.popen('client', 'python3', '-c', script('flood.py'), kind, AT, str(FLOOD),
                        stdin=subprocess.PIPE)
        check(flood.stdout.readline().strip() == 'ready', 'the flood does not begin')
        time.sleep(1)  # the thing measured is a flood that has stood for a while
        took = max(ask_s(s) for _ in range(3))
        now = agent_now(s)
        status = s.pgtandem('status', '--format', 'json')
        flood.stdin.close()
        flood.stdin = None
        figures = json.loads(s.finish(flood).stdout)
        tap.say('%s: %d connections in %.0f s, %d kept by the agent; an answer in %.2f s (%.2f before); '
                '%d KiB (%d), %d descriptors (%d)', kind, figures['opened'], 2.0,
                figures['opened'] - figures['closed_by_agent'], took, usual, now['rss_kib'],
                first['rss_kib'], now['fds'], first['fds'])
        check(took < IN_TIME_S + usual, '%s: an answer took %.1f s, %.1f before', kind, took, usual)
        check(status.code == 0, 'status during %s: %s', kind, status.stderr)
        check(now['fds'] - first['fds'] <= 70, '%s: %d descriptors', kind, now['fds'])
        check(now['rss_kib'] - first['rss_kib'] < MAY_GROW_KIB, '%s: from %d to %d KiB', kind,
              first['rss_kib'], now['rss_kib'])
    check(agent_now(s)['pid'] == first['pid'], 'the agent was restarted')
    lines = log_of(s)[said:]
    check(len(lines) < 60, '%d lines in the log', len(lines))
    wait(lambda: agent_now(s)['fds'] <= first['fds'] + 4, 10, 'the connections are gone')


@tap.test('in the place of an agent: whatever it says, status tells it, in time and without its escapes')
def _(s):
    certificates(s, 'vm')
    s.hold_service('vm', 'pgtandem-agent')
    s.kill_process('vm', 'agent')
    wait(lambda: not s.pids('vm', 'agent'), 5, 'the agent of vm has ended')
    cases = {
        'plaintext': 'TLS', 'other-ca': 'certificate is refused', 'expired': 'expired',
        'future': 'not yet valid', 'cluster-in-name': 'is not of cluster', 'tls1.2': 'TLS',
        'controller-as-agent': 'unsuitable certificate purpose', 'another-agent': 'agent db01', 'silent': 'handshake',
        'oversize': 'was announced', 'deep': 'maximum parsing depth', 'drip': 'no reply within',
        'flood': 'vm', 'unasked': 'vm', 'escapes': 'vm',
    }
    try:
        fake = s.popen('vm', 'python3', '-c', script('fake_agent.py'),
                       '%s:%d' % (hosts.ADDRESS['vm'], hosts.AGENT_PORT), *cases, stdin=subprocess.PIPE)
        check(fake.stdout.readline().strip() == 'ready', 'the fake agent does not listen')
        for case, word in cases.items():
            check(fake.stdout.readline().strip() == case, 'the fake agent is not at %s', case)
            done = s.run('ctl', 'pgtandem', 'status')
            text = done.stdout + done.stderr
            check(done.code in (0, 10), '%s: exit %d: %s', case, done.code, text)
            check(done.seconds < 6, '%s: status took %.1f s', case, done.seconds)
            check(word in ' '.join(text.split()), '%s: not told: %s', case, text)
            check(not re.search(r'[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]', text), '%s: %r', case, text)
            fake.stdin.write('\n')
            fake.stdin.flush()
        fake.stdin = None
        s.finish(fake, 5)
    finally:
        s.release_service('vm', 'pgtandem-agent')
    s.await_steady('db02')


if __name__ == '__main__':
    raise SystemExit(tap.main('hostile'))
