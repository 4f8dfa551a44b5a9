"""A lab as tests, the demo and the bench drive it: bring it up, act, look, judge, take it down.

    with scene.Scene('demo') as s:
        s.writer_start()
        s.pgtandem('switchover', '--to', 'db01', '--yes', '--reason', 'kernel')
        print(s.writer_stop().judge('db01'), s.steady('db01'))

Looking and judging is psql, dig and crontab (oracle.py), never pgtandem's own code. Whoever leaves the
`with`, by whatever way, leaves no lab behind; KEEP=1 in the environment keeps it.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple

HERE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, HERE)

import oracle  # noqa: E402 pylint: disable=C0413
from . import boot, files, hosts, onhost, processes, services  # noqa: E402 pylint: disable=C0413

LAB = HERE + '/lab'
ENTER = os.path.join(hosts.build(), 'tests/lab/enter/enter')
POLL_S = 0.02
PATIENCE = 2
HEADER = files.CRONTAB_HEADER.split('\n', maxsplit=1)[0]
STANDBYS = sorted(n for n in hosts.NODES if n != hosts.FIRST_OWNER)

Result = namedtuple('Result', 'argv code stdout stderr seconds')
Sample = namedtuple('Sample', 'began ended node what')


class Wrong(Exception):
    """What a test finds not to be as it should be."""


def check(condition, text, *values):
    if not condition:
        raise Wrong(text % values if values else text)


def breathe(began):
    """Between two looks of which the last BEGAN then: a look is not to slow what it waits for."""
    time.sleep(max(POLL_S, min(1.0, 2 * (time.monotonic() - began))))


def wait(condition, timeout_s, what):
    """Until CONDITION() is true; its value. Wrong, naming WHAT, after TIMEOUT_S on a machine of one's
    own, twice that on any: how long it took is measured, where it is what a test asks."""
    end = time.monotonic() + PATIENCE * timeout_s
    while True:
        began = time.monotonic()
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Wrong('%s: not within %g s' % (what, PATIENCE * timeout_s))
        breathe(began)


def patient(argv):
    """The lab's cron starts jobs every minute: a switchover waits for those that run just now, unless
    it says otherwise."""
    if 'switchover' in argv and '--wait-jobs' not in argv:
        return (*argv, '--wait-jobs', '30')
    return argv


class Writers:
    """The clients that were running, and what their logs tell."""

    def __init__(self, scene, logs):
        self.scene = scene
        self.writes = oracle.read_log(*logs)

    def acknowledged(self):
        return len(oracle.acknowledged(self.writes))

    def outages(self):
        return oracle.outages(self.writes)

    def changes(self):
        return oracle.changes(self.writes)

    def lost(self, owner):
        return oracle.missing(self.scene.prefix, owner, self.writes)

    def judge(self, owner):
        """{'acknowledged', 'lost', 'changes' [{'from', 'to', 'ms'}]}: with OWNER holding the role."""
        return {'acknowledged': self.acknowledged(), 'lost': len(self.lost(owner)),
                'changes': self.changes()}


class Observer(threading.Thread):
    """Tries to write on NODES over and over, as anybody may; reboots do not disturb it."""

    def __init__(self, scene, nodes, interval_s=0.05):
        super().__init__(daemon=True)
        self.scene, self.nodes, self.interval_s = scene, nodes, interval_s
        self.samples = []
        self.openings = {node: scene.openings(node) for node in nodes}
        self.ending = threading.Event()
        self.start()

    def run(self):
        took = 0.0  # a round may take a quarter of its thread's time: it is not to slow what it watches
        while not self.ending.wait(max(self.interval_s, 3 * took)):
            round_began = time.monotonic()
            for node in self.nodes:
                began = time.monotonic()
                what = self.scene.role(node)
                self.samples.append(Sample(began, time.monotonic(), node, what))
            took = time.monotonic() - round_began

    def stop(self):
        self.ending.set()
        self.join(10)
        return self.samples

    def seen(self, what, node=None, since=0.0):
        return [s for s in self.samples
                if s.what == what and s.began >= since and node in (None, s.node)]

    def never_writable(self, node):
        """After stop(): neither was an attempt successful, nor does PostgreSQL's log say that one
        could have been."""
        wrote, opened = self.seen('writable', node), self.scene.openings(node) - self.openings[node]
        check(not wrote, '%s was writable, %d attempts of %d', node, len(wrote), len(self.samples))
        check(not opened, '%s was opened for writing, says its log', node)
        check(any(s.node == node for s in self.samples), 'no attempt was made on %s', node)

    def interleaved(self):
        """Pairs of writable nodes, of which the older was writable again after the newer."""
        order = self.seen('writable')
        nodes = list(dict.fromkeys(s.node for s in order))
        found = []
        for old, new in zip(nodes, nodes[1:]):
            first = next(s for s in order if s.node == new)
            found += [(old, new) for s in order if s.node == old and s.began > first.ended]
        return found


class Scene:
    def __init__(self, name='scene', up=True):
        self.prefix = '%s-%d' % (name, os.getpid())
        self.lab = hosts.Lab(self.prefix)
        self.wanted = up
        self.children = []
        self.frozen = []
        self.clients = []
        self.client_count = 0
        self.done = []  # the last commands of pgtandem, for whoever explains a failure
        self.crontabs = {}
        self.options = []  # of every pgtandem, before the verb

    # ---- up and down --------------------------------------------------------------------------

    def __enter__(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda n, _: sys.exit(128 + n))
        try:
            if self.wanted:
                self.up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, *_):
        if os.environ.get('KEEP') == '1':
            print('# kept: tests/lab/lab -p %s' % self.prefix, flush=True)
        else:
            self.down()

    def _lab(self, *arguments):
        env = dict(os.environ)
        if env.get('BUILD'):
            env.setdefault('LAB_BUILD', env['BUILD'])
        done = subprocess.run([LAB, '-p', self.prefix, *arguments], env=env, text=True, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise Wrong('lab %s: %s' % (' '.join(arguments), done.stdout.strip()))

    def up(self):
        self._lab('up')
        # ns2 follows in its own time; a switchover before that is refused
        wait(lambda: self.record('ns2') and self.record('ns2') == self.record('ns1'), 15,
             'the name servers agree')
        wait(lambda: self.streaming(hosts.FIRST_OWNER) == STANDBYS, 15, 'the standbys stream')
        self.crontabs = {node: self.crontab(node) for node in hosts.NODES}

    def down(self):
        previous = {n: signal.signal(n, signal.SIG_IGN)
                    for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            # a session of its own: what ends us, a terminal say, does not reach it
            subprocess.run([LAB, '-p', self.prefix, 'down'], check=False, start_new_session=True,
                           stdin=subprocess.DEVNULL)
            for child in self.children:
                with contextlib.suppress(OSError):
                    child.kill()
                child.wait()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
        self.children, self.frozen, self.clients = [], [], []

    def renew(self):
        """A new lab in the place of this one."""
        self.down()
        self.up()

    def kill(self, host):
        self._lab('kill', host)

    def start(self, host):
        self._lab('start', host)

    def start_soon(self, host):
        """Boots HOST without waiting for it."""
        child = subprocess.Popen([LAB, '-p', self.prefix, 'start', host], stdin=subprocess.DEVNULL)
        self.children.append(child)
        return child

    def cut(self, *names):
        self._lab('cut', *names)

    def heal(self):
        self._lab('heal')

    # ---- commands -----------------------------------------------------------------------------

    def popen(self, host, *argv, user='root', **more):
        """ARGV on HOST, to be watched or killed: see kill_program()."""
        more.setdefault('stdin', subprocess.DEVNULL)
        more.setdefault('stdout', subprocess.PIPE)
        more.setdefault('stderr', subprocess.PIPE)
        pid = boot.pid1(self.lab, host)
        command = ([ENTER, str(pid), user] if pid and os.path.exists(ENTER) else
                   [LAB, '-p', self.prefix, 'exec', '-u', user, host])
        child = subprocess.Popen([*command, *argv], text=True, env=services.environment(), **more)
        child.host, child.words = host, argv
        self.children.append(child)
        return child

    def finish(self, child, timeout_s=60, argv=None):
        """Waits for a popen(): its Result; code 124 if it had to be killed."""
        began = time.monotonic()
        argv = argv or child.words
        try:
            out, err = child.communicate(timeout=timeout_s)
            code = child.returncode
        except subprocess.TimeoutExpired:
            child.kill()
            out, err = child.communicate()
            code = 124
        self.children.remove(child)
        return Result(argv, code, out or '', err or '', time.monotonic() - began)

    def run(self, host, *argv, user='root', check=False,  # pylint: disable=redefined-outer-name
            timeout=60, stdin=None):
        child = self.popen(host, *argv, user=user,
                           stdin=subprocess.DEVNULL if stdin is None else stdin)
        result = self.finish(child, timeout, argv)
        if check and result.code != 0:
            raise Wrong('%s on %s: exit %d: %s' % (' '.join(argv), host, result.code,
                                                   (result.stdout + result.stderr).strip()))
        return result

    def pgtandem(self, *argv, host='ctl', timeout=60):
        return self.remember(host, self.run(host, 'pgtandem', *self.options, *patient(argv),
                                            timeout=timeout))

    @contextlib.contextmanager
    def limits(self, **limits):
        """Meanwhile the controllers' [limits] are these; dns_timeout_ms is [dns] timeout_ms."""
        dns = ''.join('timeout_ms = %s\n' % limits.pop(k) for k in list(limits)
                      if k == 'dns_timeout_ms')
        for host in hosts.CONTROLLERS:
            with open(self.lab.host(host, 'etc/pgtandem.conf')) as f:
                text = f.read().replace('[dns]\n', '[dns]\n' + dns)
            text += '\n[limits]\n' + ''.join('%s = %s\n' % item for item in limits.items())
            files.put(self.lab.host(host, 'etc/limits.conf'), text)
        self.options = ['-c', '/etc/pgtandem/limits.conf']
        try:
            yield
        finally:
            self.options = []

    def switchover(self, to, *more, host='ctl', timeout=90):
        return self.pgtandem('switchover', '--to', to, '--yes', '--reason', 'test', *more,
                             host=host, timeout=timeout)

    def failover(self, to, *more, host='ctl', timeout=90):
        return self.pgtandem('failover', '--to', to, '--yes', '--reason', 'test', *more, host=host,
                             timeout=timeout)

    def go_on(self, verb, *more, host='ctl', timeout=120):
        """`resume` or `abort`."""
        return self.pgtandem(verb, '--yes', '--reason', 'test', *more, host=host, timeout=timeout)

    def start_pgtandem(self, *argv, host='ctl'):
        return self.popen(host, 'pgtandem', *self.options, *patient(argv))

    def finish_pgtandem(self, child, timeout=60):
        return self.remember(child.host, self.finish(child, timeout))

    def remember(self, host, result):
        self.done = self.done[-3:] + [(host, result)]
        return result

    def program_pid(self, child, name='pgtandem'):
        """The pid, as seen from here, of the program that a popen() runs; None if it has ended."""
        return processes.descendant(child.pid, name)

    def kill_program(self, child, name='pgtandem'):
        """SIGKILL to that very program."""
        pid = wait(lambda: self.program_pid(child, name) or child.poll() is not None and -1, 5,
                   'the program runs')
        check(pid > 0, 'the program has ended before it could be killed: %s',
              (child.stdout.read() + child.stderr.read())[-500:] if pid < 0 else '')
        os.kill(pid, signal.SIGKILL)
        child.wait(10)
        self.remember(child.host, self.finish(child))

    def look(self, host, *argv, user='root', timeout_s=5):
        """Runs a looking command on HOST: its output, None if it fails. Quick; threads may."""
        code, out = onhost.run(self.lab, host, argv, user, timeout_s)
        return out if code == 0 else None

    def psql(self, host, sql, db='postgres'):
        """Rows as lists of text; None if HOST does not respond or refuses."""
        out = self.look(host, 'psql', '-XAtq', '-F', '\t', '-v', 'ON_ERROR_STOP=1', '-d', db, '-c',
                        sql, user='postgres')
        return None if out is None else [line.split('\t') for line in out.splitlines()]

    def value(self, host, sql, db='postgres'):
        rows = self.psql(host, sql, db)
        return rows[0][0] if rows else None

    def most_wal(self, *standbys):
        """After their primary's death: the one with most WAL, the first of equals. Which that is, is
        chance: each connection ends when it ends."""
        wait(lambda: all(self.value(node, 'SELECT count(*) FROM pg_stat_wal_receiver') == '0'
                         for node in standbys), 15, 'no WAL comes any more')
        have = [self.value(node, "SELECT pg_last_wal_receive_lsn() - '0/0'") for node in standbys]
        return max(zip(standbys, have), key=lambda pair: int(pair[1]))[0]

    def role(self, host):
        """'writable' (a write has been tried), 'recovery' or 'silent'."""
        answer = self.value(host, "SELECT CASE WHEN pg_is_in_recovery() THEN 'recovery'"
                                  " ELSE left('writable ' || pg_current_xact_id(), 8) END")
        return answer or 'silent'

    def streaming(self, owner):
        """The nodes that stream from OWNER, sorted."""
        rows = self.psql(owner, "SELECT application_name FROM pg_stat_replication"
                                " WHERE state = 'streaming'")
        return sorted(row[0] for row in rows or [])

    def openings(self, node):
        """How often PostgreSQL of NODE became writable, by its own log: no attempt can miss one."""
        with open(self.lab.host(node, 'log/postgresql.log'), errors='replace') as f:
            return sum('is ready to accept connections' in line for line in f)

    def dig(self, server, name=hosts.ALIAS, kind='CNAME'):
        """[(ttl, data)] from SERVER itself; None if it does not respond."""
        out = self.look('client', 'dig', '@' + hosts.ADDRESS[server], '+norec', '+noall', '+answer',
                        '+time=1', '+tries=2', name, kind)
        if out is None:
            return None
        rows = [line.split(None, 4) for line in out.splitlines()]
        return [(int(r[1]), r[4]) for r in rows if len(r) == 5 and r[3] == kind]

    def alias(self, server='ns1'):
        rows = self.dig(server)
        return rows[0][1].split('.')[0] if rows else None

    def record(self, server='ns1'):
        """The ownership record's fields; None if the server is silent or has none."""
        rows = self.dig(server, '_pgtandem.' + hosts.ALIAS, 'TXT')
        return oracle.register(rows[0][1]) if rows else None

    def crontab(self, host):
        """The bytes in the spool, as cron reads them, dead or alive; without what crontab(1) of Debian
        puts before them."""
        for name in ('crontabs/postgres', 'postgres'):
            with contextlib.suppress(OSError):
                with open(self.lab.host(host, 'spool', name), newline='') as f:
                    lines = f.readlines()
                return ''.join(lines[3:] if lines and lines[0].startswith(HEADER) else lines)
        return None

    def put_crontab(self, host, text):
        """As a person does it, through crontab(1)."""
        path = '/proc/%d/root/run/crontab.new' % boot.pid1(self.lab, host)
        with open(path, 'w', newline='') as f:
            f.write(text)
        os.chmod(path, 0o644)
        self.run(host, 'crontab', '/run/crontab.new', user='postgres', check=True)

    def cron(self, host):
        """'on', 'off' or 'mixed': the managed entries."""
        active, off = oracle.managed(self.crontab(host) or '')
        return 'mixed' if active and off else 'on' if active else 'off'

    def log(self, host, name='pgtandem-agent.log', lines=15):
        with contextlib.suppress(OSError):
            with open(self.lab.host(host, 'log', name), errors='replace') as f:
                return f.read().splitlines()[-lines:]
        return []

    # ---- what pgtandem leaves on disk, to know when to strike ----------------------------------

    def journals(self, host='ctl'):
        directory = self.lab.host(host, 'var-lib/pgtandem/journal')
        return sorted(directory + '/' + n for n in os.listdir(directory) if n.endswith('.journal'))

    def journal(self, host='ctl', path=None):
        """The records of the newest journal (or of PATH), as far as they are written."""
        paths = [path] if path else self.journals(host)[-1:]
        records = []
        for name in paths:
            with open(name, 'rb') as f:
                for line in f.read().split(b'\n'):
                    with contextlib.suppress(ValueError):
                        records.append(json.loads(line.strip(b'\0') or b'x'))
        return records

    def journaled(self, kind, step, host='ctl', newer_than=0):
        """The record of that kind and step in a journal beyond the first NEWER_THAN, or None."""
        if len(self.journals(host)) <= newer_than:
            return None
        for record in self.journal(host):
            if record.get('kind') == kind and record.get('step', '') == step:
                return record
        return None

    def agent_state(self, node):
        """What the agent has on disk; {} if there is nothing."""
        try:
            with open(self.lab.host(node, 'var-lib/pgtandem-agent/state.json')) as f:
                return json.loads(f.readline())
        except (OSError, ValueError):
            return {}

    def await_watch(self):
        """Until each agent has read the ownership record by itself, as after some seconds anywhere."""
        for node in hosts.NODES:
            wait(lambda n=node: self.agent_state(n).get('seen', {}).get('epoch', 0) > 0, 10,
                 'the agent of %s reads the record' % node)

    # ---- processes of a host -------------------------------------------------------------------

    def pids(self, host, what):
        """As seen from here. WHAT: a key of processes.KINDS."""
        return processes.of_host(boot.pid1(self.lab, host), what)

    def freeze(self, host, what):
        """SIGSTOP; returns when they have stopped."""
        found = wait(lambda: self.pids(host, what), 5, '%s runs on %s' % (what, host))
        for pid in found:
            os.kill(pid, signal.SIGSTOP)
            wait(lambda p=pid: processes.stopped(p), 5, 'SIGSTOP')
        self.frozen.append((host, what, found))
        return found

    def thaw(self, host=None, what=None):
        for item in list(self.frozen):
            if host in (None, item[0]) and what in (None, item[1]):
                for pid in item[2]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGCONT)
                self.frozen.remove(item)

    def thaw_soon(self, host, what, after_s):
        timer = threading.Timer(after_s, self.thaw, (host, what))
        timer.daemon = True
        timer.start()

    def kill_process(self, host, what):
        for pid in wait(lambda: self.pids(host, what), 5, '%s runs on %s' % (what, host)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def commit_for_ever(self, host):
        """A backend in a loop of commits, which never looks whether its postmaster lives; its pid as
        seen from here."""
        self.psql(host, 'CREATE TABLE endless (id bigserial)')
        self.popen(host, 'psql', '-qc', 'DO $$ BEGIN LOOP INSERT INTO endless DEFAULT VALUES;'
                   ' COMMIT; END LOOP; END $$', user='postgres')
        pid, = wait(lambda: self.pids(host, 'do'), 10, 'the loop')
        return pid

    def hold_service(self, host, name):
        """A service that ends stays down until release_service()."""
        with open('/proc/%d/root/run/%s.stop' % (boot.pid1(self.lab, host), name), 'w'):
            pass

    def release_service(self, host, name):
        with contextlib.suppress(FileNotFoundError):
            os.unlink('/proc/%d/root/run/%s.stop' % (boot.pid1(self.lab, host), name))

    # ---- clients -------------------------------------------------------------------------------

    def affordable_ms(self, at_least_ms=10):
        """How often a client may open a new connection on this machine, as it is now, without the
        attempts piling up or taking the processors from what is tested: six times what one costs, but
        four in a second at least, or a test that waits for some waits for long."""
        said = self.run('client', 'writer', '-n', '5', '-i', '200').stdout
        took = sorted((int(words[3]) - int(words[2])) / 1000 for words in map(str.split, said.splitlines())
                      if words[0] == 'ack')
        return min(250, max(at_least_ms, round(6 * took[len(took) // 2]))) if took else 10 * at_least_ms

    def writer_start(self, keep=True, reader=False, interval_ms=None):
        """A new connection every INTERVAL_MS (as often as the machine can, if not said); with KEEP
        another writer that keeps its connection. Returns when each has been served once."""
        interval_ms = interval_ms or self.affordable_ms()
        programs = ['writer'] + ['writer --keep'] * keep + ['reader'] * reader
        for program in programs:
            self.client_count += 1
            log = '/var/log/%s-%d.log' % (program.split()[0], self.client_count)
            base = int(time.time() * 1000) * 100000 + self.client_count * 10 ** 12
            child = self.popen('client', *program.split(), '-i', str(interval_ms), '-b', str(base),
                               '-o', log)
            self.clients.append((program, child, self.lab.host('client', log[len('/var/'):])))
        for program, _, log in self.clients:
            wait(lambda l=log: os.path.exists(l) and oracle.acknowledged(oracle.read_log(l)), 10,
                 'the first answer to %s' % program)

    def writer_stop(self, settle_ack=True):
        """Ends them, after each has been served once more: Writers."""
        began = time.monotonic()
        for program, child, log in self.clients:
            if settle_ack:
                wait(lambda l=log: [w for w in oracle.acknowledged(oracle.read_log(l))
                                    if w.started_us > began * 1e6], 20,
                     'an answer to %s after the move' % program)
            child.terminate()
            self.finish(child, 10)
        logs = [log for program, _, log in self.clients if program != 'reader']
        self.reader_logs = [log for program, _, log in self.clients if program == 'reader']
        self.clients = []
        return Writers(self, logs)

    def observe(self, *nodes, interval_s=0.05):
        return Observer(self, nodes or hosts.NODES, interval_s)

    # ---- judging -------------------------------------------------------------------------------

    def untouched(self, node):
        """Whether every byte of the crontab but the marks of managed entries is as it was."""
        strip = lambda text: (text or '').replace(files.OFF, '')
        return strip(self.crontab(node)) == strip(self.crontabs.get(node))

    def steady(self, owner, down=()):
        """I5, judged from outside: what is wrong; empty when OWNER holds the role and all is at rest.
        Hosts in DOWN may be dead, or fenced and stopped."""
        wrong = oracle.unsettled(self.prefix, owner, down)
        wrong += ['the crontab of %s has other bytes than before' % n for n in hosts.NODES
                  if not self.untouched(n)]
        wrong += ['%s has %s' % (owner, name) for name in self.signals(owner)]
        return sorted(set(wrong))

    def await_steady(self, owner, down=(), timeout_s=15):
        """Wrong, with what is, unless it becomes steady."""
        end = time.monotonic() + timeout_s
        began = time.monotonic()
        wrong = self.steady(owner, down)
        while wrong and time.monotonic() < end:
            breathe(began)
            began = time.monotonic()
            wrong = self.steady(owner, down)
        check(not wrong, 'not at rest with %s: %s', owner, '; '.join(wrong))

    def signals(self, node):
        """The signal files in its data directory."""
        data = self.lab.host(node, 'var-lib/postgresql/data')
        return sorted(name for name in os.listdir(data) if name.endswith('.signal'))

    def snapshot(self):
        """What an undone command must leave as it was; epoch, nonce, txn and by may have changed."""
        found = {}
        for server, said in oracle.dns(self.prefix).items():
            found[server] = (said['target'], said['ttl'])
            fields = oracle.register(said['register'] or '')
            found[server + ' record'] = {k: v for k, v in fields.items()
                                         if k not in ('epoch', 'nonce', 'txn', 'by')}
        for node in hosts.NODES:
            state = oracle.node_state(self.prefix, node)
            found[node] = {k: v for k, v in state.items() if k not in ('lsn', 'streams_to')}
            if not state['writable']:  # its last restartpoint, wherever that was
                found[node].pop('checkpoint_timeline', None)
            found[node + ' crontab'] = self.crontab(node)
            found[node + ' signals'] = self.signals(node)
            found[node + ' slots'] = sorted(self.psql(
                node, 'SELECT slot_name FROM pg_replication_slots') or [])
        return found

    def unchanged_since(self, before):
        """What differs from an earlier snapshot()."""
        now = self.snapshot()
        return ['%s was %s, is %s' % (k, v, now[k]) for k, v in before.items() if now[k] != v]

    def await_unchanged(self, before, timeout_s=10):
        end = time.monotonic() + timeout_s
        began = time.monotonic()
        wrong = self.unchanged_since(before)
        while wrong and time.monotonic() < end:
            breathe(began)
            began = time.monotonic()
            wrong = self.unchanged_since(before)
        check(not wrong, 'not as before: %s', '; '.join(wrong))
