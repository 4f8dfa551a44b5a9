"""lab status: what runs where, seen from outside."""

import os
import subprocess

from . import boot, hosts, services, space

SERVICES = {  # as shown: the executable's name, a word of the command line
    'named': ('named', ''),
    'postgres': ('postgres', '-D'),
    'cron': ('cron', ''),
    'crond': ('crond', ''),
    'agent': ('pgtandem-agent', ''),
}


def _processes():
    """{pid namespace: [(name, command line)]} of the machine."""
    found = {}
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            where = os.readlink('/proc/%s/ns/pid' % pid)
            with open('/proc/%s/cmdline' % pid) as f:
                line = f.read().split('\0')
        except OSError:
            continue
        found.setdefault(where, []).append((os.path.basename(line[0]), line))
    return found


def _role(pid):
    def join():
        space.enter(pid, 'net', 'mnt')
        uid, gid = hosts.account('postgres')
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)

    done = subprocess.run(
        [hosts.postgres_bin() + '/psql', '-h', hosts.SOCKETS, '-XAtq', '-d', 'postgres', '-c',
         "SELECT CASE WHEN pg_is_in_recovery() THEN 'standby of ' || coalesce((SELECT sender_host"
         " || ' (' || status || ')' FROM pg_stat_wal_receiver), 'nobody') ELSE 'primary, sends to '"
         " || coalesce((SELECT string_agg(application_name, ' ' ORDER BY 1)"
         " FROM pg_stat_replication WHERE state = 'streaming'), 'nobody') END"],
        preexec_fn=join, cwd='/', text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={'PATH': services.search_path(), 'PGCONNECT_TIMEOUT': '2'}, check=False)
    return done.stdout.strip() or 'no answer'


def show(lab):
    processes = _processes()
    for host, address in hosts.ADDRESS.items():
        pid = boot.pid1(lab, host)
        if not pid:
            print('%-7s %-11s %8s  down' % (host, address, '-'))
            continue
        here = processes.get(os.readlink('/proc/%d/ns/pid' % pid), [])
        alive = [s for s, (name, word) in SERVICES.items()
                 if any(n == name and (not word or word in line) for n, line in here)]
        role = '; ' + _role(pid) if 'postgres' in alive else ''
        print('%-7s %-11s %8d  %s%s' % (host, address, pid, ' '.join(alive) or 'idle', role))
    for cut in boot.cuts(lab):
        print('cut: %s' % ' - '.join(cut + ['everyone'] * (len(cut) == 1)))
