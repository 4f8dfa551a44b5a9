#!/usr/bin/env python3
"""What an agent costs while nobody asks it anything: memory, processor, statements."""

import os
import sys
import time

from labkit import hosts, scene, tap
from labkit.scene import check, wait

# tests/run: alone
WINDOW_S = 15
WINDOWS = 3  # what else runs only adds; and one in four has the minute's look at the crontab in it
PRIVATE_KIB_MAX = 2560  # PSS is this and a share of the libraries: it depends on who else maps them
CPU_MS_MAX = 20 * WINDOW_S / 30
STATEMENTS_MAX = 6 * WINDOW_S / 30


def agent(s, node):
    found = s.pids(node, 'agent')
    check(len(found) == 1, '%s has %d agents', node, len(found))
    return found[0]


def memory_kib(pid):
    """{'Rss': …, 'Pss': …, 'Private_Dirty': …}"""
    with open('/proc/%d/smaps_rollup' % pid) as f:
        return {line.split(':')[0]: int(line.split()[1]) for line in f if line.endswith(' kB\n')}


def cpu_ms(pid):
    """Its own threads, to the nanosecond; and its children, to the clock tick."""
    own = 0
    for task in os.listdir('/proc/%d/task' % pid):
        with open('/proc/%d/task/%s/schedstat' % (pid, task)) as f:
            own += int(f.read().split()[0])
    with open('/proc/%d/stat' % pid) as f:
        children = sum(int(ticks) for ticks in f.read().rsplit(')', 1)[1].split()[13:15])
    return own / 1e6 + children * 1000 / os.sysconf('SC_CLK_TCK')


def statements(s, node):
    """As PostgreSQL logs them: of the agent's connections, all nodes say who they are."""
    with open(s.lab.host(node, 'log/postgresql.log'), errors='replace') as f:
        return sum(' by pgtandem-agent LOG: ' in line for line in f)


def log_all(s):
    for node in hosts.NODES:
        for name, value in (('log_line_prefix', '%m [%p] by %a '), ('log_statement', 'all')):
            s.psql(node, "ALTER SYSTEM SET %s = '%s'" % (name, value))
        s.psql(node, 'SELECT pg_reload_conf()')
    before = {node: statements(s, node) for node in hosts.NODES}
    check(s.pgtandem('status').code == 0, 'status')
    wait(lambda: all(statements(s, node) > before[node] for node in hosts.NODES), 5,
         "the agents' statements are logged")


def too_much(s, pids):
    """What one window finds over its limit."""
    over = []
    before = {node: (cpu_ms(pids[node]), statements(s, node)) for node in hosts.NODES}
    time.sleep(WINDOW_S)  # the thing itself
    for node in hosts.NODES:
        check(agent(s, node) == pids[node], 'the agent of %s has been restarted', node)
        cpu, asked = cpu_ms(pids[node]) - before[node][0], statements(s, node) - before[node][1]
        memory = memory_kib(pids[node])
        tap.say('%s: %d KiB PSS (%d private, %d RSS), %.1f ms, %d statements' % (
            node, memory['Pss'], memory['Private_Dirty'], memory['Rss'], cpu, asked))
        if memory['Private_Dirty'] > PRIVATE_KIB_MAX:
            over.append('%s: %d KiB private' % (node, memory['Private_Dirty']))
        if cpu > CPU_MS_MAX:
            over.append('%s: %.1f ms of processor' % (node, cpu))
        if asked > STATEMENTS_MAX:
            over.append('%s: %d statements' % (node, asked))
    return over


@tap.test('%d s idle: at most %d KiB of its own, %.0f ms of processor, %.0f statements for each agent' % (
    WINDOW_S, PRIVATE_KIB_MAX, CPU_MS_MAX, STATEMENTS_MAX))
def _(s):
    s.await_watch()
    log_all(s)
    pids = {node: agent(s, node) for node in hosts.NODES}
    time.sleep(2)  # what status has asked for is over
    for _ in range(WINDOWS):
        over = too_much(s, pids)
        if not over:
            break
    check(not over, '%s', '; '.join(over))


if __name__ == '__main__':
    sys.exit(tap.main('idle'))
