"""A planned move brought to a certain point, by means from outside: stopped processes, paused replay.

Each function starts `switchover --to TO` on HOST and returns the running command at that point; what
holds it there is in the scene's hands (thaw, resume_replay). The program has no hook for this.
"""

import os
import signal

from . import processes, scene


def at_catch_up(s, owner, to, *more, host='ctl'):
    """Claimed, armed, the owner's jobs off; the owner's CHECKPOINT hangs: s.thaw(owner)."""
    before = len(s.journals(host))
    s.freeze(owner, 'checkpointer')
    child = s.start_pgtandem('switchover', '--to', to, '--yes', '--reason', 'test', *more, host=host)
    scene.wait(lambda: s.journaled('intent', 'catch-up', host, before) or _ended(child), 20,
               'the move reaches catch-up')
    return child


def at_verify(s, owner, to, *more, host='ctl'):
    """The old primary is fenced; TO does not replay (resume_replay), the command itself is stopped
    (let_go), so that it can be killed here however slow the machine is."""
    before = len(s.journals(host))
    child = at_catch_up(s, owner, to, *more, host=host)
    scene.check(s.psql(to, 'SELECT pg_wal_replay_pause()') is not None, 'replay cannot be paused')
    s.thaw(owner, 'checkpointer')
    scene.wait(lambda: s.journaled('intent', 'verify', host, before) or _ended(child), 30,
               'the move reaches verify')
    pid = s.program_pid(child)
    scene.check(pid, 'the move has ended too early')
    os.kill(pid, signal.SIGSTOP)
    scene.wait(lambda: processes.stopped(pid), 5, 'SIGSTOP')
    return child


def let_go(s, child):
    os.kill(s.program_pid(child), signal.SIGCONT)


def at_promote(s, owner, to, *more, host='ctl'):
    """The alias has moved, TO has PROMOTING on disk, its promotion hangs: s.thaw(to)."""
    child = at_verify(s, owner, to, *more, host=host)
    resume_replay(s, to)
    s.freeze(to, 'startup')
    let_go(s, child)
    scene.wait(lambda: s.agent_state(to).get('promoting') or _ended(child), 30,
               '%s has PROMOTING on disk' % to)
    scene.check(child.poll() is None, 'the move has ended too early')
    return child


def resume_replay(s, node):
    """Returns when all that has been received is replayed."""
    s.psql(node, 'SELECT pg_wal_replay_resume()')
    scene.wait(lambda: s.value(node, 'SELECT NOT pg_is_wal_replay_paused()'
                                     ' AND pg_last_wal_replay_lsn() >='
                                     ' coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())'
                               ) == 't', 10, 'replay on ' + node)


def _ended(child):
    if child.poll() is None:
        return False
    raise scene.Wrong('the move has ended too early, exit %d: %s' % (
        child.returncode, (child.stdout.read() + child.stderr.read())[-400:]))
