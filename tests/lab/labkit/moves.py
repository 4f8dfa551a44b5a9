"""Three ways to move the role from one node to another, for the bench: pgtandem, the report's
procedure as a script, and the floor (floor/floor.c). And how a cluster is put in order by hand
afterwards, which no bench counts.

A move by hand runs while the agents are stopped (Scene.freeze), as if there were none, and must be
followed by one that brings the role back: the ownership record still names the old owner.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections import namedtuple

from . import boot, cluster, hosts, scene, services

FLOOR_DIRECTORY = os.path.join(scene.HERE, 'floor')
KINDS = ('planned', 'busy', 'third-dead', 'third-stuck', 'target-dead', 'killed', 'dead')

# began (the death, where there is one), entered (the command), ended: monotonic seconds; parts:
# {name: ms} as the way itself tells them
Move = namedtuple('Move', 'way kind old new began entered ended parts')


def _environment():
    return {'PATH': services.search_path(), 'HOME': '/root', 'LANG': 'C.UTF-8',
            'PGHOST': hosts.SOCKETS, 'PGPASSFILE': '/var/lib/postgresql/.pgpass',
            'ALIAS': hosts.ALIAS, 'ZONE': hosts.ZONE,
            'SERVER': hosts.ADDRESS['ns1']}


def _done(child, what):
    out, err = child.communicate(timeout=120)
    scene.check(child.returncode == 0, '%s: exit %d: %s', what, child.returncode,
                (out + err).strip()[-2000:])
    return out


def _start(argv, stdin=subprocess.DEVNULL):
    return subprocess.Popen(argv, env=_environment(), cwd='/', text=True, stdin=stdin,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _pid1(s, host):
    return str(boot.pid1(s.lab, host))


def postmaster(s, node):
    """The pid as seen from here. A process that it has just forked still looks like it."""
    found = s.pids(node, 'postmaster')
    mine = [pid for pid in found if _parent(pid) not in found]
    scene.check(len(mine) == 1, '%s has %d postmasters', node, len(mine))
    return mine[0]


def _parent(pid):
    try:
        with open('/proc/%d/stat' % pid) as f:
            return int(f.read().rsplit(')', 1)[1].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return pid


# ---- the ways ----------------------------------------------------------------------------------


def pgtandem(s, kind, old, new, fault):
    """As an administrator types it, at the moment of the death where there is one. A target with
    less WAL than another standby is refused; then the other one is named, and gets the role."""
    verb = ['failover'] if kind in ('killed', 'dead') else ['switchover']
    if kind == 'dead':
        verb += ['--accept-unfenced', old]
    pid = postmaster(s, old)
    began = time.monotonic()
    if kind == 'killed':
        os.kill(pid, signal.SIGKILL)
    elif kind == 'dead':
        boot.kill(s.lab, old)
    entered = time.monotonic()
    code, said = _type(s, fault, *verb, '--to', new)
    if code in (2, 4) and 'more WAL' in said:
        new = next(n for n in hosts.NODES if n not in (old, new))
        code, said = _type(s, fault, *verb, '--to', new)
    ended = time.monotonic()
    scene.check(code == fault.status, '%s: exit %d: %s', verb[0], code, said[-2000:])
    steps = {r['step']: r['data']['ms'] for r in s.journal()
             if r.get('kind') == 'result' and r['data'].get('ok')}
    new = old if fault.new == old else new
    return Move('pgtandem', kind, old, new, began, entered, ended, steps)


def _type(s, fault, *argv):
    """A command on ctl, entered without the time that `lab exec` takes: exit status, output."""
    child = _start(['nsenter', '-t', _pid1(s, 'ctl'), '-m', '-u', '-i', '-n', '-p', '--',
                    'pgtandem', *argv, '--yes', '--reason', 'bench'])
    fault.meanwhile(child)
    out, err = child.communicate(timeout=120)
    return child.returncode, (out + err).strip()


def _by_hand(s, what, old, new):
    _done(_start([FLOOR_DIRECTORY + '/by-hand', what, _pid1(s, old), _pid1(s, new), _pid1(s, 'ctl'),
                  hosts.DATA, '%s.%s' % (new, hosts.ZONE)]), 'by-hand ' + what)


def script(s, kind, old, new, _fault):
    pid = postmaster(s, old)
    began = time.monotonic()
    if kind == 'killed':
        os.kill(pid, signal.SIGKILL)
    _by_hand(s, 'lost' if kind == 'killed' else 'planned', old, new)
    return Move('script', kind, old, new, began, began, time.monotonic(), {})


def floor_program():
    build = os.environ.get('BUILD', 'build')
    source = os.path.dirname(os.path.dirname(scene.HERE))
    return os.path.join(source, build, 'tests/lab/floor/floor')


def floor(s, kind, old, new, _fault):
    number = signal.SIGKILL if kind == 'killed' else signal.SIGINT
    child = _start([floor_program(), _pid1(s, new), str(int(number)), str(postmaster(s, old)),
                    hosts.SOCKETS, hosts.ADDRESS['ns1'], hosts.ZONE, hosts.ALIAS,
                    '%s.%s' % (new, hosts.ZONE), s.lab.path('keys', 'ctl-update')],
                   stdin=subprocess.PIPE)
    if child.stdout.readline() != 'ready\n':
        _done(child, 'the floor')
    began = time.monotonic()
    child.stdin.write('go\n')
    child.stdin.flush()
    out = _done(child, 'the floor')
    ended = time.monotonic()
    parts = dict(line.split() for line in out.splitlines())
    return Move('floor', kind, old, new, began, began, ended,
                {k[:-3]: int(v) / 1000 for k, v in parts.items()})


WAYS = {'floor': floor, 'script': script, 'pgtandem': pgtandem}


# ---- putting in order by hand --------------------------------------------------------------------


def _as_postgres(s, node, *argv):
    _done(_start(['nsenter', '-t', _pid1(s, node), '-m', '-u', '-i', '-n', '-p', '--', 'setpriv',
                  '--reuid=postgres', '--regid=postgres', '--init-groups', *argv]),
          '%s on %s' % (argv[0], node))


def _conninfo(node, upstream):
    return ('host=%s port=5432 user=replicator application_name=%s '
            'passfile=/var/lib/postgresql/.pgpass' % (hosts.ADDRESS[upstream], node))


def _settings(s, node, upstream):
    """A standby of UPSTREAM, whenever it starts."""
    data = s.lab.host(node, 'var-lib/postgresql/data')
    uid, gid = hosts.account('postgres')
    text = ("cluster_name = '%s'\nprimary_conninfo = '%s'\nprimary_slot_name = '%s'\n" %
            (node, _conninfo(node, upstream), cluster.slot(node)))
    for name, content in (('postgresql.auto.conf', text), ('standby.signal', '')):
        with open(data + '/' + name, 'w') as f:
            os.fchown(f.fileno(), uid, gid)
            f.write(content)


def _slots(s, owner):
    for node in hosts.NODES:
        if node != owner:
            s.psql(owner, "SELECT pg_create_physical_replication_slot('%s', true) WHERE NOT EXISTS"
                   " (SELECT FROM pg_replication_slots WHERE slot_name = '%s')" %
                   ((cluster.slot(node),) * 2))


def _drop_slots(s, node):
    s.psql(node, 'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots')


def _follow(s, node, owner):
    for name, value in (('primary_conninfo', _conninfo(node, owner)),
                        ('primary_slot_name', cluster.slot(node))):
        s.psql(node, "ALTER SYSTEM SET %s = '%s'" % (name, value))
    s.psql(node, 'SELECT pg_reload_conf()')


def copy_anew(s, node, owner):
    """A fresh copy of OWNER in the place of a data directory that went its own way; not started."""
    _as_postgres(s, node, 'sh', '-c', 'rm -rf %s/* && pg_basebackup -D %s -h %s -U replicator -w '
                 '-c fast --no-sync' % (hosts.DATA, hosts.DATA, hosts.ADDRESS[owner]))
    _settings(s, node, owner)


def _control(s, node, verb):
    _as_postgres(s, node, 'pg_ctl', verb, '-w', '-s', '-D', hosts.DATA, '-l',
                 '/var/log/postgresql.log')


def order(s, move):
    """After a move by hand: the old primary and the others become standbys of the new one."""
    old, new = move.old, move.new
    if move.way == 'floor':
        _by_hand(s, 'cron', old, new)
    _slots(s, new)
    other = next(n for n in hosts.NODES if n not in (old, new))
    _follow(s, other, new)
    if move.kind == 'killed':
        copy_anew(s, old, new)
    else:
        _settings(s, old, new)
    _control(s, old, 'start')
    _drop_slots(s, old)
    with contextlib.suppress(scene.Wrong):
        scene.wait(lambda: other in s.streaming(new), 3, '')
        return
    _control(s, other, 'stop')  # it had more than the new primary, whom nobody had asked
    copy_anew(s, other, new)
    _control(s, other, 'start')


def order_after_failover(s, move):
    """After pgtandem's, which takes no crashed primary back: a new copy, that has been a standby
    and was stopped cleanly, so that `rejoin` believes it."""
    copy_anew(s, move.old, move.new)
    _control(s, move.old, 'start')
    _control(s, move.old, 'stop')
    result = s.pgtandem('rejoin', move.old, '--yes', '--reason', 'bench')
    scene.check(result.code == 0, 'rejoin: exit %d: %s', result.code,
                (result.stdout + result.stderr)[-1500:])
