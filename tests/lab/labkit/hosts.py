"""The lab's hosts, addresses and directories. Everything else derives from this table."""

import glob
import json
import os
import pwd

BASE = '/var/tmp/pgtandem-lab'  # a place that postgres and bind can read
ZONE = 'ia2.test'
ALIAS = 'db.ia2.test'
CLUSTER = 'ia2'
TTL = 30
AGENT_PORT = 7432
FIRST_OWNER = 'db02'

CONTROLLERS = ('ctl', 'ctl2')
NAMESERVERS = ('ns1', 'ns2')
NODES = ('db01', 'db02', 'vm')

ADDRESS = {
    'ctl': '10.77.0.2',
    'ctl2': '10.77.0.3',
    'ns1': '10.77.0.11',
    'ns2': '10.77.0.12',
    'db01': '10.77.0.21',
    'db02': '10.77.0.22',
    'vm': '10.77.0.23',
    'client': '10.77.0.31',
}
NETWORK = '10.77.0.0/24'
PREFIX_LENGTH = 24

# the update keys of the controllers, and the agents' key, which may only ask
KEYS = ('ctl-update', 'ctl2-update', 'agents-query')

DATA = '/var/lib/postgresql/data'
SOCKETS = '/run/postgresql'


class LabError(Exception):
    """Told to the user as it stands."""


def mac(host):
    """Fixed, so that neighbours can be entered by hand and no ARP is needed."""
    return '02:00:' + ':'.join('%02x' % int(part) for part in ADDRESS[host].split('.'))


def postgres_bin():
    """The directory of the newest PostgreSQL server's programs, 15 preferred."""
    found = ['/usr/lib/postgresql/15/bin']
    found += sorted(glob.glob('/usr/lib/postgresql/*/bin'), reverse=True) + ['/usr/bin']
    for directory in found:
        if os.path.exists(directory + '/initdb'):
            return directory
    raise LabError('no PostgreSQL server here: run deploy/install-deps')


def account(*names):
    """(uid, gid) of the first of these users that exists."""
    for name in names:
        try:
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
        except KeyError:
            pass
    raise LabError('no user %s here: run deploy/install-deps' % ' or '.join(names))


def nameserver_user():
    try:
        pwd.getpwnam('bind')
        return 'bind'
    except KeyError:
        return 'named'


def build():
    """The directory that the programs were built in."""
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))))
    return os.path.join(top, os.environ.get('LAB_BUILD') or os.environ.get('BUILD') or 'build')


def program(*paths):
    for path in paths:
        if os.path.exists(path):
            return path
    raise LabError('none of %s here: run deploy/install-deps' % ', '.join(paths))


class Lab:
    """The directories of one lab. Nothing is created here."""

    def __init__(self, prefix):
        if not prefix.replace('-', '').replace('_', '').isalnum():
            raise LabError("a prefix is made of letters, digits, '-' and '_': %r" % prefix)
        self.prefix = prefix
        self.root = os.path.join(BASE, prefix)
        self.lock_file = os.path.join(BASE, '.lock-' + prefix)

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def host(self, host, *parts):
        return os.path.join(self.root, 'hosts', host, *parts)

    def read(self, name, default=None):
        """A JSON file of the lab's own."""
        try:
            with open(self.path(name)) as f:
                return json.load(f)
        except (FileNotFoundError, ValueError):
            return default

    def write(self, name, value):
        path = self.path(name)
        with open(path + '.new', 'w') as f:
            json.dump(value, f)
        os.rename(path + '.new', path)
