#!/usr/bin/python3 -SB
"""What the lab's hosts do not have: a service manager. Boots a Debian 12 with its own systemd,
polkit and cron as host db01 of a lab, set up as docs/installing.md says, and looks at what the
units, the drop-ins and the polkit rule do. Prints TAP.

Needs root, debootstrap and Debian's packages (the network, or a mirror that apt is set up for), 1 GB
under /var/tmp; skipped where the machine has no debootstrap or no cgroup version 2. Removes
everything; KEEP=1 keeps lab and root directory.
"""

# pylint: disable=protected-access

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)

from labkit import boot, hosts, scene, space  # noqa: E402 pylint: disable=C0413

# tests/run: first

TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.realpath(os.environ.get('BUILD', TOP + '/build'))
HOST = 'db01'
UNIT = 'postgresql@15-main'
DATA = '/var/lib/postgresql/15/main'
PACKAGES = ('systemd-sysv dbus polkitd cron postgresql-15 openssl iproute2 procps libldns3 libuv1 '
            'libjansson4 libssl3 libpq5').split()
CLONE_NEWCGROUP = 0x02000000
PIVOT_ROOT = {'x86_64': 155, 'aarch64': 41}

COMMANDS = """\
config_file = /etc/postgresql/15/main/postgresql.conf
start_command = systemctl start postgresql@15-main.service
stop_command = systemctl stop postgresql@15-main.service
reload_command = systemctl reload postgresql@15-main.service
"""


def shell(text, **values):
    """A script of sh; all it says is shown if it fails."""
    done = subprocess.run(['sh', '-eu', '-c', text], env=dict(os.environ, **values), text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise scene.Wrong('%s\n%s' % (text.strip().splitlines()[0], done.stdout[-3000:]))
    return done.stdout


# ---- a root directory ---------------------------------------------------------------------------

def make_root(root):
    shell("""
        debootstrap --variant=minbase bookworm "$R"
        rm -f "$R/etc/apt/sources.list"
        for file in sources.list sources.list.d/debian.sources; do
            [ ! -e "/etc/apt/$file" ] || cp "/etc/apt/$file" "$R/etc/apt/$file"
        done
        apt-config dump | grep -E '^Acquire::(https?|Check-Valid-Until|Check-Date)' \\
            >"$R/etc/apt/apt.conf.d/99machine" || true
        mkdir -p "$R/etc/postgresql-common"
        echo 'create_main_cluster = false' >"$R/etc/postgresql-common/createcluster.conf"
        printf '#!/bin/sh\\nexit 101\\n' >"$R/usr/sbin/policy-rc.d"
        chmod 755 "$R/usr/sbin/policy-rc.d"
        unshare --mount sh -eu -c 'mount -t proc proc "$R/proc"
            chroot "$R" apt-get update -q
            DEBIAN_FRONTEND=noninteractive chroot "$R" \\
                apt-get install -q -y --no-install-recommends '"$PACKAGES"'
            chroot "$R" pg_createcluster 15 main'
        rm "$R/usr/sbin/policy-rc.d"
        """, R=root, PACKAGES=' '.join(PACKAGES))


def install(root):
    """docs/installing.md, sections 2 and 7."""
    shell("""
        make -s -C "$TOP" -o all install BUILD="$BUILD" DESTDIR="$R"
        cd "$R/usr/local/share/pgtandem"
        mkdir -p "$R/etc/polkit-1/rules.d" "$R/etc/systemd/system"
        cp polkit/50-pgtandem.rules "$R/etc/polkit-1/rules.d/"
        cd systemd
        cp -r postgresql@.service.d "$R/etc/systemd/system/postgresql@15-main.service.d"
        cp -r cron.service.d pgtandem-agent.service.d "$R/etc/systemd/system/"
        chroot "$R" systemctl enable pgtandem-agent postgresql cron
        """, R=root, TOP=TOP, BUILD=BUILD)


def move_in(s, root):
    """What the lab's host has, in Debian's places."""
    lab = s.lab
    shell("""
        P=$(chroot "$R" id -u postgres):$(chroot "$R" id -g postgres)
        rm -rf "$R$DATA"
        cp -a "$H/var-lib/postgresql/data" "$R$DATA"
        sed -n '/the lab.s settings/,$p' "$R$DATA/postgresql.conf" |
            sed '/^unix_socket/d' >>"$R/etc/postgresql/15/main/postgresql.conf"
        echo 'ssl = off' >>"$R/etc/postgresql/15/main/postgresql.conf"  # as on the other nodes
        cp "$R$DATA/pg_hba.conf" "$R/etc/postgresql/15/main/"
        rm -f "$R$DATA/postmaster.pid" "$R$DATA"/*.conf.* "$R$DATA/postgresql.conf"
        cp -p "$H/var-lib/postgresql/.pgpass" "$R/var/lib/postgresql/"
        touch "$R/var/lib/postgresql/jobs.log"
        mkdir -p "$R/var/lib/postgresql/backups" "$R/etc/pgtandem"
        chown -R "$P" "$R/var/lib/postgresql" "$R/etc/postgresql"
        cp "$H/spool/crontabs/postgres" "$R/root/crontab"
        chroot "$R" crontab -u postgres /root/crontab
        cp "$H"/etc/* "$R/etc/pgtandem/"
        chown "$P" "$R"/etc/pgtandem/*.key
        cp "$H/etc-upper/hosts" "$H/etc-upper/hostname" "$H/etc-upper/resolv.conf" "$R/etc/"
        """, R=root, H=lab.host(HOST), DATA=DATA)
    path = root + '/etc/pgtandem/agent.conf'
    with open(path) as f:
        lines = [line for line in f if not line.startswith(('data_directory', 'log_file'))]
    at = lines.index('[postgresql]\n') + 1
    lines[at:at] = ['data_directory = %s\n' % DATA, COMMANDS]
    with open(path, 'w') as f:
        f.writelines(lines)


# ---- booting it ---------------------------------------------------------------------------------

def cgroup_base():
    with open('/proc/mounts') as f:
        for line in f:
            if line.split()[2] == 'cgroup2':
                return line.split()[1]
    return None


def cannot_run():
    """Why not here, or None."""
    if not shutil.which('debootstrap'):
        return 'no debootstrap here'
    return None if cgroup_base() else 'no cgroup version 2 is mounted here'


def become_systemd(lab, root, ready):
    space.sethostname(HOST)
    space.mount(None, '/', None, space.MS_REC | space.MS_PRIVATE)
    space.bind(root, root)
    space.mount('proc', root + '/proc', 'proc')
    space.mount('sysfs', root + '/sys', 'sysfs')
    space.mount('tmpfs', root + '/dev', 'tmpfs', 0, 'mode=755')
    for name in ('null', 'zero', 'full', 'random', 'urandom', 'tty'):
        with open(root + '/dev/' + name, 'w'):
            space.bind('/dev/' + name, root + '/dev/' + name)
    for name in ('pts', 'shm'):
        os.mkdir(root + '/dev/' + name)
    space.mount('devpts', root + '/dev/pts', 'devpts', 0, 'newinstance,ptmxmode=0666,mode=620')
    os.symlink('pts/ptmx', root + '/dev/ptmx')
    for directory, mode in (('/dev/shm', '1777'), ('/run', '755'), ('/tmp', '1777')):
        space.mount('tmpfs', root + directory, 'tmpfs', 0, 'mode=' + mode)
    boot._network(lab, HOST)
    group = '%s/pgtandem-systemd-%s' % (cgroup_base(), lab.prefix)
    os.makedirs(group, exist_ok=True)
    with open(group + '/cgroup.procs', 'w') as f:
        f.write('0')
    space.unshare(CLONE_NEWCGROUP)
    space.mount('cgroup2', root + '/sys/fs/cgroup', 'cgroup2')
    os.chdir(root)
    os.makedirs('.old', exist_ok=True)
    if ctypes.CDLL(None).syscall(PIVOT_ROOT[os.uname().machine], b'.', b'.old') != 0:
        raise OSError('pivot_root failed')
    os.chdir('/')
    subprocess.run(['umount', '-l', '/.old'], check=True)
    os.write(ready, b'up')
    os.execve('/lib/systemd/systemd', ['systemd', '--show-status=false'],
              {'container': 'lab',
               'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'})


class Machine:
    """db01 with systemd."""

    def __init__(self, s, root):
        self.scene, self.root = s, root

    def boot(self):
        lab = self.scene.lab
        ready_r, ready_w = os.pipe()

        def outside(helper, pid):
            subprocess.run(['ip', 'link', 'del', HOST], stderr=subprocess.DEVNULL, check=False)
            boot._ip('link add %s type veth peer name eth0 address %s netns /proc/%d/ns/net' %
                     (HOST, hosts.mac(HOST), helper),
                     'link set %s up' % HOST, 'link set %s master %s' % (HOST, boot.BRIDGE))
            lab.write('hosts/%s/pid1.json' % HOST, space.identify(pid))

        def main():
            become_systemd(lab, self.root, ready_w)

        log = lab.host(HOST, 'log/systemd.log')
        space.spawn_init(boot.HOST_SPACES, lambda: boot._guarded(main, log, ready_w),
                         parent=lab.read('switch.json')['pid'], outside=outside)
        os.close(ready_w)
        boot.await_ready(ready_r, HOST)
        scene.wait(lambda: self.run('systemctl', 'is-system-running').stdout.strip()
                   in ('running', 'degraded'), 90, 'systemd has booted')

    def run(self, *argv):
        return self.scene.run(HOST, *argv)

    def active(self, unit):
        return self.run('systemctl', 'is-active', unit).stdout.strip() == 'active'

    def journal(self, unit):
        return self.run('journalctl', '--no-pager', '-o', 'cat', '-b', '-u', unit).stdout

    def jobs(self):
        """(on, off) in the crontab, as crontab(1) shows it"""
        lines = self.run('crontab', '-u', 'postgres', '-l').stdout.splitlines()
        block = lines[lines.index('# BEGIN pgtandem') + 1:lines.index('# END pgtandem')]
        return (sum(1 for line in block if line.startswith('*')),
                sum(1 for line in block if line.startswith('#pgtandem-off# *')))


# ---- what is looked at --------------------------------------------------------------------------

def move(s, *argv):
    result = s.pgtandem(*argv, '--yes', '--reason', 'test', timeout=120)
    scene.check(result.code == 0, '%s: exit %d: %s', ' '.join(argv), result.code,
                (result.stdout + result.stderr)[-900:])


def rests(s, m, owner):
    """The role is with OWNER, its jobs on, db01's as they should be."""
    mine = HOST == owner
    scene.wait(lambda: s.alias() == owner and s.role(owner) == 'writable', 10,
               owner + ' has the role')
    scene.wait(lambda: m.jobs() == ((2, 0) if mine else (0, 2)), 10,
               'the jobs of %s are %s' % (HOST, 'on' if mine else 'off'))
    others = sorted(n for n in hosts.NODES if n != owner)
    scene.wait(lambda: s.streaming(owner) == others, 20, 'the others stream from ' + owner)


def boots_as_a_standby(s, m):
    m.boot()
    for unit in (UNIT, 'cron', 'pgtandem-agent'):
        scene.check(m.active(unit), '%s is not active', unit)
    scene.check('guard: standby (row 1)' in m.journal(UNIT), 'no guard before PostgreSQL: %s',
                m.journal(UNIT))
    said = m.journal('cron')
    scene.check(0 <= said.find('guard:') < said.find('(CRON) INFO'), 'no guard before cron: %s',
                said)
    rests(s, m, 'db02')
    said = m.run('stat', '-c', '%a %U:%G', '/etc/pgtandem').stdout.strip()
    scene.check(said == '750 root:postgres', '/etc/pgtandem is %s', said)
    m.run('systemctl', 'reload', 'pgtandem-agent')
    scene.wait(lambda: 'reload: done, mode = act' in m.journal('pgtandem-agent'), 10,
               'systemctl reload reaches the agent')


def moves_there_and_back(s, m):
    """PostgreSQL is stopped and started by the agent through polkit, in the hardened unit."""
    move(s, 'switchover', '--to', HOST)
    rests(s, m, HOST)
    move(s, 'switchover', '--to', 'db02')
    rests(s, m, 'db02')
    scene.check('the agent starts it' in m.journal(UNIT), 'the guard was not asked at that start')
    scene.check(m.active(UNIT), '%s is not active', UNIT)


def a_fenced_one_does_not_start(s, m):
    move(s, 'fence', HOST)
    for _ in range(8):  # more often than a unit may be started by default
        scene.check(m.run('systemctl', 'start', UNIT).code != 0, 'it started')
    scene.check('refuse (row 2)' in m.journal(UNIT), 'the journal does not say why')
    move(s, 'rejoin', HOST)
    rests(s, m, 'db02')


def the_owner_boots_writable(s, m):
    move(s, 'switchover', '--to', HOST)
    rests(s, m, HOST)
    s.kill(HOST)
    m.boot()
    rests(s, m, HOST)
    scene.check('guard: writable' in m.journal(UNIT), 'the guard did not say so')


def a_lost_owner_boots_fenced(s, m):
    s.kill(HOST)
    move(s, 'failover', '--to', 'db02', '--accept-unfenced', HOST)
    m.boot()
    scene.check(not m.active(UNIT), 'PostgreSQL runs')
    scene.check(m.active('cron') and m.active('pgtandem-agent'), 'cron or agent do not run')
    scene.check(m.jobs() == (0, 2), 'its jobs are on: %s', m.jobs())
    move(s, 'resume')


def it_is_rebuilt_by_hand(s, m):
    """docs/operating.md, "A node that went its own way", with Debian's commands."""
    script = """
        cd; PGDATA=%s; PATH=$PATH:/usr/lib/postgresql/15/bin
        cp -p $PGDATA/postgresql.auto.conf ~/auto.conf.mine
        rm $PGDATA/standby.signal
        pg_rewind -D $PGDATA -R --config-file=/etc/postgresql/15/main/postgresql.conf \\
            --source-server='host=%s user=replicator dbname=postgres'
        ls $PGDATA/standby.signal
        cp -p ~/auto.conf.mine $PGDATA/postgresql.auto.conf
        echo "primary_conninfo = 'host=%s user=replicator application_name=%s'" \\
            >>$PGDATA/postgresql.auto.conf
        echo "primary_slot_name = '%s'" >>$PGDATA/postgresql.auto.conf
        pg_ctlcluster --skip-systemctl-redirect 15 main start
        for i in 1 2 3 4 5 6 7 8 9 10; do
            psql -XAtc 'SELECT status FROM pg_stat_wal_receiver' | grep -q streaming && break
            sleep 1
        done
        pg_ctlcluster --skip-systemctl-redirect 15 main stop
        """ % (DATA, hosts.ADDRESS['db02'], hosts.ADDRESS['db02'], HOST, HOST)
    done = m.run('setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups', '--reset-env',
                 'sh', '-euc', script)
    scene.check(done.code == 0, '%s', done.stdout + done.stderr)
    move(s, 'rejoin', HOST)
    rests(s, m, 'db02')


def without_the_hardening_too(s, m):
    """The plain unit: crontab(1) needs its setgid bit there."""
    shutil.rmtree(m.root + '/etc/systemd/system/pgtandem-agent.service.d')
    m.run('systemctl', 'daemon-reload')
    m.run('systemctl', 'restart', 'pgtandem-agent')
    scene.wait(lambda: s.pgtandem('status').code == 0, 20, 'status finds no problem')
    moves_there_and_back(s, m)


TESTS = (boots_as_a_standby, moves_there_and_back, a_fenced_one_does_not_start,
         the_owner_boots_writable, a_lost_owner_boots_fenced, it_is_rebuilt_by_hand,
         without_the_hardening_too)


def play(root):
    """-> how many tests failed; one that fails ends it, the others build on it"""
    with scene.Scene('systemd') as s:
        m = Machine(s, root)
        s.kill(HOST)
        install(root)
        move_in(s, root)
        for test in TESTS:
            name, began = test.__name__.replace('_', ' '), time.monotonic()
            try:
                test(s, m)
                print('ok - systemd: %s (%.1f s)' % (name, time.monotonic() - began), flush=True)
            except scene.Wrong as wrong:
                print('not ok - systemd: %s: %s' % (name, wrong), flush=True)
                print(s.pgtandem('status').stdout)
                print(m.run('journalctl', '--no-pager', '-b', '-n', '40').stdout, flush=True)
                return 1
    return 0


def remove_groups():
    for group in subprocess.run(['find', cgroup_base(), '-depth', '-type', 'd', '-path',
                                 '*/pgtandem-systemd-*'], text=True, stdout=subprocess.PIPE,
                                check=True).stdout.splitlines():
        try:
            os.rmdir(group)
        except OSError:
            pass  # another one's, alive


def main():
    if cannot_run():
        print('ok - systemd # SKIP %s' % cannot_run())
        return 0
    os.umask(0o022)
    os.makedirs(hosts.BASE, exist_ok=True)
    root = tempfile.mkdtemp(prefix='pgtandem-systemd.', dir=hosts.BASE)
    os.chmod(root, 0o755)
    try:
        print('# debootstrap in %s' % root, flush=True)
        make_root(root)
        return play(root)
    finally:
        if os.environ.get('KEEP') == '1':
            print('# kept: %s' % root)
        else:
            subprocess.run(['rm', '-rf', '--one-file-system', root], check=False)
            remove_groups()


if __name__ == '__main__':
    try:
        sys.exit(main())
    except scene.Wrong as e:
        print('not ok - systemd: %s' % e)
        sys.exit(1)
