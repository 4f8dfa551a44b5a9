#!/usr/bin/python3 -SB
"""Judges a lab by psql, dig, crontab and the clients' logs: nothing here is pgtandem's code.

usage: oracle.py [-p PREFIX] [--json] VERB ...

  state                what each node, each name server and each crontab says
  settled OWNER [DOWN...]
                       exit 0 if OWNER alone is writable and runs the jobs, the others stream from
                       it, and both name servers agree; hosts named DOWN may be dead
  lost NODE LOG...     acknowledged ids in writers' logs that NODE does not have; exit 1 if any
  outage LOG...        last acknowledgement by an old server to the first by a new one, in ms
  jobs                 starts of managed jobs; exit 1 if one minute's job started twice

Also a module: the functions take the prefix of the lab.
"""

import json
import os
import re
import subprocess
import sys
from collections import namedtuple

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)

from labkit import hosts, onhost  # noqa: E402 pylint: disable=C0413

NODES = {name: hosts.ADDRESS[name] for name in hosts.NODES}
NAMESERVERS = {name: hosts.ADDRESS[name] for name in hosts.NAMESERVERS}
ALIAS = hosts.ALIAS
REGISTER = '_pgtandem.' + ALIAS
TIMEOUT_S = 15

Write = namedtuple('Write', 'what id started_us ended_us wall_ms address text')


def on(prefix, host, *argv, user='root'):
    """Runs ARGV on HOST: (exit status, output). 124 after TIMEOUT_S."""
    return onhost.run(hosts.Lab(prefix), host, argv, user, TIMEOUT_S, subprocess.STDOUT)


def sql(prefix, node, query, database='postgres'):
    """Rows of QUERY on NODE as lists of text; None if the node does not respond."""
    code, out = on(prefix, node, 'psql', '-XAtq', '-F', '\t', '-d', database, '-c', query,
                   user='postgres')
    return [line.split('\t') for line in out.splitlines()] if code == 0 else None


def node_state(prefix, node):
    """'writable': a write has been tried."""
    rows = sql(prefix, node, """
        SELECT pg_is_in_recovery(),
               CASE WHEN NOT pg_is_in_recovery() THEN pg_current_xact_id() END,
               CASE WHEN pg_is_in_recovery() THEN greatest(pg_last_wal_receive_lsn(),
                    pg_last_wal_replay_lsn()) ELSE pg_current_wal_lsn() END,
               (SELECT system_identifier FROM pg_control_system()),
               (SELECT timeline_id FROM pg_control_checkpoint()),
               (SELECT sender_host FROM pg_stat_wal_receiver WHERE status = 'streaming'),
               (SELECT string_agg(application_name, ' ') FROM pg_stat_replication
                WHERE state = 'streaming')""")
    if not rows:
        return {'answers': False, 'writable': False}
    recovery, _, lsn, sysid, timeline, sender, standbys = rows[0]
    return {'answers': True, 'writable': recovery == 'f', 'lsn': lsn, 'sysid': sysid,
            'checkpoint_timeline': int(timeline), 'streams_from': sender or None,
            'streams_to': standbys.split()}


def writable(prefix):
    return [n for n in NODES if node_state(prefix, n)['writable']]


def _dig(prefix, server, *questions):
    """{kind: (ttl, data)} of QUESTIONS (name, kind) from SERVER itself; None if it does not respond."""
    for asker in ('client', 'ctl', 'ctl2'):
        code, out = on(prefix, asker, 'dig', '@' + server, '+norec', '+noall', '+answer',
                       '+time=1', '+tries=2', *(word for question in questions for word in question))
        if code == 0:
            rows = [line.split(None, 4) for line in out.splitlines() if line[:1] not in ';']
            return {row[3]: (int(row[1]), row[4]) for row in rows
                    if len(row) == 5 and row[3] in [kind for _, kind in questions]}
    return None


def register(text):
    """The ownership record's fields."""
    return dict(field.split('=', 1) for field in text.strip('"').split(' ') if '=' in field)


def dns(prefix):
    found = {}
    for name, address in NAMESERVERS.items():
        said = _dig(prefix, address, (ALIAS, 'CNAME'), (REGISTER, 'TXT'))
        ttl, alias = (said or {}).get('CNAME', (None, None))
        record_ttl, record = (said or {}).get('TXT', (None, None))
        found[name] = {
            'answers': said is not None,
            'target': alias.split('.')[0] if alias else None,
            'ttl': ttl,
            'register': record.strip('"') if record else None,
            'register_ttl': record_ttl,
        }
    return found


def crontab(prefix, node):
    """The very bytes of the crontab of postgres; None if the node is dead."""
    code, out = on(prefix, node, 'crontab', '-l', '-u', 'postgres')
    return out if code == 0 else None


def managed(text):
    """(entries that are on, entries that are switched off) between the marks."""
    block = re.search(r'^# BEGIN pgtandem$(.*?)^# END pgtandem$', text, re.M | re.S)
    lines = [line for line in block.group(1).splitlines() if line.strip()] if block else []
    off = [line for line in lines if line.startswith('#pgtandem-off# ')]
    active = [line for line in lines if not line.lstrip().startswith('#') and
              not re.match(r'\s*\w+\s*=', line)]
    return len(active), len(off)


def cron(prefix):
    """{node: 'on', 'off', 'mixed' or None}"""
    found = {}
    for node in NODES:
        text = crontab(prefix, node)
        active, off = managed(text) if text is not None else (0, 0)
        found[node] = (None if text is None else 'mixed' if active and off else
                       'on' if active else 'off')
    return found


def state(prefix):
    return {'nodes': {n: node_state(prefix, n) for n in NODES}, 'dns': dns(prefix),
            'cron': cron(prefix)}


def unsettled(prefix, owner, down=()):
    """What is not as it should be once everything has come to rest; empty if nothing."""
    now = state(prefix)
    wrong = []
    for node, seen in now['nodes'].items():
        if node == owner:
            if not seen['writable']:
                wrong.append('%s is not writable' % node)
            if now['cron'][node] != 'on':
                wrong.append('jobs on %s: %s' % (node, now['cron'][node]))
            continue
        if seen['writable']:
            wrong.append('%s is writable' % node)
        if now['cron'][node] not in (('off', None) if node in down else ('off',)):
            wrong.append('jobs on %s: %s' % (node, now['cron'][node]))
        if node in down:
            continue
        # a name, where the standby's primary_conninfo had one before
        if seen.get('streams_from') not in (NODES[owner], '%s.ia2.test' % owner):
            wrong.append('%s streams from %s' % (node, seen.get('streams_from')))
        if node not in now['nodes'][owner].get('streams_to', ()):
            wrong.append('%s does not stream from %s' % (node, owner))
    records = []
    for server, seen in now['dns'].items():
        if server in down:
            continue
        if seen['target'] != owner:
            wrong.append('%s says that the alias is %s' % (server, seen['target']))
        records.append(seen['register'])
        if seen['register'] is None:
            wrong.append('%s has no register' % server)
            continue
        fields = register(seen['register'])
        if fields.get('state') != 'stable' or fields.get('owner') != owner:
            wrong.append('%s says %s' % (server, seen['register']))
        for field in ('to', 'from'):
            if fields.get(field) != '-' and not (field == 'from' and down):
                wrong.append('at rest, but %s=%s' % (field, fields.get(field)))
    if len(set(records)) > 1:
        wrong.append('the name servers show different records: %s' % records)
    if len({s.get('sysid') for s in now['nodes'].values() if s['answers']}) > 1:
        wrong.append('the system identifiers differ')
    return wrong


def read_log(*paths):
    """All writes of clients' logs, by the time they ended. A torn last line is left out."""
    found = []
    for path in paths:
        with open(path, encoding='utf-8', errors='replace') as f:
            for line in f:
                fields = line.rstrip('\n').split('\t', 6)
                if line.endswith('\n') and len(fields) == 7:
                    found.append(Write(fields[0], *map(int, fields[1:5]), *fields[5:]))
    return sorted(found, key=lambda w: w.ended_us)


def acknowledged(writes):
    return [w for w in writes if w.what == 'ack']


def missing(prefix, node, writes):
    """Acknowledged writes that NODE does not have."""
    rows = sql(prefix, node, 'SELECT id FROM writes', 'vospace')
    if rows is None:
        raise RuntimeError('%s does not respond' % node)
    there = {int(row[0]) for row in rows}
    return [w for w in acknowledged(writes) if w.id not in there]


def outages(writes):
    """One for each change of server: {'from', 'to', 'ms', 'overlap'}.

    overlap: acknowledgements by the old server after the first of the new one. None may be.
    """
    acks = acknowledged(writes)
    order = list(dict.fromkeys(w.address for w in acks))
    found = []
    for old, new in zip(order, order[1:]):
        first = next(w for w in acks if w.address == new)
        last = [w for w in acks if w.address == old and w.ended_us <= first.ended_us][-1]
        late = [w for w in acks if w.address == old and w.started_us > first.ended_us]
        found.append({'from': old, 'to': new, 'ms': (first.ended_us - last.ended_us) / 1000,
                      'overlap': len(late)})
    return found


def changes(writes):
    """Like outages(), for a server that may come back: every change from ack to ack."""
    acks = acknowledged(writes)
    return [{'from': a.address, 'to': b.address, 'ms': (b.ended_us - a.ended_us) / 1000}
            for a, b in zip(acks, acks[1:]) if a.address != b.address]


def jobs(prefix):
    """[(job, node, epoch seconds)] of all nodes, dead ones too: their files are still there."""
    found = []
    for node in NODES:
        path = hosts.Lab(prefix).host(node, 'var-lib/postgresql/jobs.log')
        with open(path) as f:
            rows = [line.split() for line in f if line.endswith('\n')]
        found += [(r[0], r[1], int(r[2])) for r in rows if len(r) == 3]
    return sorted(found, key=lambda j: j[2])


def doubled(prefix):
    """Managed jobs that started more than once for one minute, anywhere in the cluster."""
    slots = {}
    for job, node, at in jobs(prefix):
        if job != 'local':  # that one is every node's own
            slots.setdefault((job, at // 60), []).append(node)
    return {'%s at %d' % (job, minute * 60): nodes
            for (job, minute), nodes in slots.items() if len(nodes) > 1}


def _print_state(now):
    for node, seen in now['nodes'].items():
        role = ('no answer' if not seen['answers'] else 'writable' if seen['writable'] else
                'in recovery, streams from %s' % (seen['streams_from'] or 'nobody'))
        print('%-5s %s; lsn %s; cron %s' % (node, role, seen.get('lsn', '-'), now['cron'][node]))
    for server, seen in now['dns'].items():
        print('%-5s %s -> %s (ttl %s); register: %s' %
              (server, ALIAS, seen['target'], seen['ttl'], seen['register']))


def main(argv):
    prefix = os.environ.get('LAB_PREFIX', 'lab')
    as_json = False
    while argv and argv[0].startswith('-'):
        option = argv.pop(0)
        if option == '-p' and argv:
            prefix = argv.pop(0)
        elif option == '--json':
            as_json = True
        else:
            sys.exit(__doc__)
    verb, rest = (argv[0], argv[1:]) if argv else (None, [])
    if verb == 'state':
        result, bad = state(prefix), False
        if not as_json:
            _print_state(result)
    elif verb == 'settled' and rest:
        result = unsettled(prefix, rest[0], rest[1:])
        bad = bool(result)
    elif verb == 'lost' and len(rest) > 1:
        writes = read_log(*rest[1:])
        gone = missing(prefix, rest[0], writes)
        result = {'acknowledged': len(acknowledged(writes)), 'lost': [w.id for w in gone]}
        bad = bool(gone)
    elif verb == 'outage' and rest:
        result, bad = outages(read_log(*rest)), False
    elif verb == 'jobs':
        result = doubled(prefix)
        bad = bool(result)
    else:
        sys.exit(__doc__)
    if as_json or verb != 'state':
        print(json.dumps(result, indent=2 if as_json else None))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
