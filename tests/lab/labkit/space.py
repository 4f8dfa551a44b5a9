"""Namespaces, mounts and recorded processes: what Python's standard library lacks, by ctypes."""

import ctypes
import os
import select
import signal

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 1 << 18
MS_NOSUID = 2
MS_NODEV = 4

PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, '%s: %s' % (what, os.strerror(number)))


def unshare(flags):
    _check(_libc.unshare(ctypes.c_int(flags)), 'unshare')


def enter(pid, *kinds):
    """Joins the namespaces KINDS ('net', 'pid', ...) of PID; 'pid' holds for later children."""
    fds = [os.open('/proc/%d/ns/%s' % (pid, kind), os.O_RDONLY | os.O_CLOEXEC) for kind in kinds]
    for fd, kind in zip(fds, kinds):
        _check(_libc.setns(ctypes.c_int(fd), ctypes.c_int(0)), 'setns ' + kind)
        os.close(fd)


def mount(source, target, kind=None, flags=0, data=None):
    encode = lambda s: s.encode() if s is not None else None
    _check(_libc.mount(encode(source), encode(target), encode(kind), ctypes.c_ulong(flags),
                       encode(data)), 'mount on %s' % target)


def bind(source, target):
    mount(source, target, None, MS_BIND)


def sethostname(name):
    _check(_libc.sethostname(name.encode(), len(name)), 'sethostname')


def die_with_parent():
    _check(_libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0), 'prctl')


# A process is remembered as (pid, start time in clock ticks since boot): pids are used again.

def identify(pid):
    with open('/proc/%d/stat' % pid) as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return {'pid': pid, 'start': int(fields[19]), 'state': fields[0]}


def alive(record):
    if not record:
        return False
    try:
        now = identify(record['pid'])
    except (FileNotFoundError, ProcessLookupError):
        return False
    return now['start'] == record['start'] and now['state'] not in 'ZX'


def kill(record, timeout_s=20):
    """SIGKILL, and waits until it is gone with all that its pid namespace held."""
    if not alive(record):
        return
    try:
        fd = os.pidfd_open(record['pid'])
    except ProcessLookupError:
        return
    try:
        if alive(record):  # still the same process: the descriptor is its own
            signal.pidfd_send_signal(fd, signal.SIGKILL)
            if not select.select([fd], [], [], timeout_s)[0]:
                raise OSError('process %d does not die' % record['pid'])
    except ProcessLookupError:
        pass
    finally:
        os.close(fd)


# Work that must not outlive us, daemons included, runs in a pid namespace of its own.

_contained = set()


def contained(main):
    """Starts MAIN() in a child; if we die, it dies with all that it has started."""
    pid = os.fork()
    if pid:
        _contained.add(pid)
        return pid
    status = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        die_with_parent()
        unshare(CLONE_NEWPID)
        inner = os.fork()
        if inner == 0:
            die_with_parent()
            main()
            status = 0
        else:
            status = 0 if os.waitpid(inner, 0)[1] == 0 else 1
    except BaseException as e:  # pylint: disable=broad-except
        os.write(2, ('%s\n' % e).encode())
    finally:
        os._exit(status)


def finish(pid):
    """Waits for a contained(): whether it ended well."""
    status = os.waitpid(pid, 0)[1]
    _contained.discard(pid)
    return status == 0


def end_contained():
    for pid in list(_contained):
        try:
            os.kill(pid, signal.SIGKILL)
            finish(pid)
        except (ProcessLookupError, ChildProcessError):
            pass  # we were interrupted just after it had ended


def spawn_init(flags, main, parent=None, outside=None):
    """Starts MAIN as PID 1 of new namespaces FLAGS, inside the pid and net namespaces of PARENT.

    OUTSIDE(helper, pid1) runs first, in PARENT's network, where MAIN still waits: it may move
    devices in and must record PID1. If it fails or we die before, MAIN never runs.
    """
    middle = os.fork()
    if middle:
        if os.waitpid(middle, 0)[1] != 0:
            raise OSError('a process could not be started in new namespaces')
        return
    try:
        os.setsid()
        if parent:
            enter(parent, 'net', 'pid')
        _spawn_in_here(flags, main, outside)
        os._exit(0)
    except BaseException as e:  # pylint: disable=broad-except
        os.write(2, ('lab: %s\n' % e).encode())
        os._exit(1)


def _spawn_in_here(flags, main, outside):
    forked_r, forked_w = os.pipe()
    go_r, go_w = os.pipe()
    helper = os.fork()
    if helper == 0:
        os.close(go_w)
        try:
            unshare(flags | CLONE_NEWPID)
            if os.fork() == 0:
                if os.read(go_r, 1):  # nothing: whoever would have recorded us is dead
                    main()
                os._exit(1)
            os.write(forked_w, b'x')
            os.read(go_r, 1)
        finally:
            os._exit(0)
    os.close(go_r)
    os.close(forked_w)
    if not os.read(forked_r, 1):
        raise OSError('unshare failed')
    with open('/proc/%d/task/%d/children' % (helper, helper)) as f:
        pid1 = int(f.read().split()[0])
    outside(helper, pid1)
    os.write(go_w, b'xx')
    os.waitpid(helper, 0)
