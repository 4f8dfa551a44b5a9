"""Processes of a host, by their pids in our own namespace: to stop or kill exactly one."""

import os


def _line(pid):
    with open('/proc/%d/cmdline' % pid, 'rb') as f:
        return f.read().decode(errors='replace').rstrip('\0').split('\0')


def _name(line):
    return os.path.basename(line[0])


def _children(pid):
    found = []
    for task in os.listdir('/proc/%d/task' % pid):
        with open('/proc/%d/task/%s/children' % (pid, task)) as f:
            found += map(int, f.read().split())
    return found


def descendant(pid, name):
    """The process called NAME below PID, or None."""
    try:
        for child in _children(pid):
            if _name(_line(child)) == name and _exe(child) == name:
                return child
            found = descendant(child, name)
            if found:
                return found
    except (FileNotFoundError, ProcessLookupError):
        pass
    return None


def _exe(pid):
    return os.path.basename(os.readlink('/proc/%d/exe' % pid))


KINDS = {
    'agent': lambda line: _name(line) == 'pgtandem-agent' and line[-1] not in ('guard', 'status'),
    'postmaster': lambda line: _name(line) == 'postgres' and '-D' in line,
    'startup': lambda line: line[0].startswith('postgres:') and ' startup' in line[0],
    'checkpointer': lambda line: line[0].startswith('postgres:') and 'checkpointer' in line[0],
    'walreceiver': lambda line: line[0].startswith('postgres:') and 'walreceiver' in line[0],
    'do': lambda line: line[0].startswith('postgres:') and line[0].rstrip().endswith(' DO'),
    'named': lambda line: _name(line) == 'named',
    'cron': lambda line: _name(line) in ('cron', 'crond') and line[-1] in ('-f', '-n'),
}


def of_host(pid1, what):
    if not pid1:
        return []
    space = os.readlink('/proc/%d/ns/pid' % pid1)
    found = []
    for pid in map(int, filter(str.isdigit, os.listdir('/proc'))):
        try:
            if os.readlink('/proc/%d/ns/pid' % pid) == space and KINDS[what](_line(pid)):
                found.append(pid)
        except (OSError, IndexError):
            continue
    return found


def stopped(pid):
    """Stopped by a signal, or gone."""
    try:
        with open('/proc/%d/stat' % pid) as f:
            return f.read().rsplit(')', 1)[1].split()[0] in 'TtZX'
    except (FileNotFoundError, ProcessLookupError):
        return True
