"""What every lab gets alike is made once and copied: a data directory, the software, certificates.

Each stands in a directory of its own beside the labs, named by kind and place; its file `key` says from
what it was made. Made anew when that has changed; under a lock, for several labs may come up at once.
"""

import contextlib
import fcntl
import hashlib
import os
import subprocess

from . import hosts

PREFIX = '.template-'


def key_of(*parts):
    """Of texts and of files (as they are by time and size; all of a directory's), if there are any."""
    digest = hashlib.sha256()
    for part in parts:
        if not os.path.isabs(part):
            digest.update(part.encode() + b'\0')
            continue
        for path in sorted(_files(part)):
            seen = os.stat(path)
            digest.update(('%s %d %d\0' % (path, seen.st_mtime_ns, seen.st_size)).encode())
    return digest.hexdigest()


def _files(path):
    if not os.path.isdir(path):
        return [path] if os.path.exists(path) else []
    return [os.path.join(top, name) for top, _, names in os.walk(path) for name in names]


@contextlib.contextmanager
def kept(kind, place, key, build):
    """The directory that BUILD(directory) has filled for this key; nobody removes it meanwhile."""
    name = '%s%s-%s' % (PREFIX, kind, hashlib.sha256(place.encode()).hexdigest()[:12])
    directory = os.path.join(hosts.BASE, name)
    with open(os.path.join(hosts.BASE, '.lock' + name), 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        while _read(directory) != key:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _read(directory) != key:
                subprocess.run(['rm', '-rf', directory], check=True)
                build(directory)
                with open(directory + '/key', 'w') as f:
                    f.write(key)
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield directory


def _read(directory):
    try:
        with open(directory + '/key') as f:
            return f.read()
    except FileNotFoundError:
        return None


def remove_all():
    """Under each one's lock: nobody may be copying."""
    for name in os.listdir(hosts.BASE) if os.path.isdir(hosts.BASE) else ():
        if name.startswith('.lock' + PREFIX):
            with open(os.path.join(hosts.BASE, name), 'r+') as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                subprocess.run(['rm', '-rf', os.path.join(hosts.BASE, name[len('.lock'):])],
                               check=True)
                os.unlink(lock.name)
