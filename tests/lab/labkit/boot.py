"""Starting and ending hosts. All of a lab lives in the pid namespace of its switch.

The switch is a process that does nothing but hold two namespaces: the network with the bridge, and
the pid namespace around all hosts. Killing it ends the lab at once, whatever state it is in.
"""

import os
import subprocess
import time

from . import hosts, services, space

BRIDGE = 'lan'
NOWHERE = '02:00:00:00:00:00'
HOST_SPACES = (space.CLONE_NEWNS | space.CLONE_NEWUTS | space.CLONE_NEWIPC | space.CLONE_NEWNET)


def _ip(*commands):
    done = subprocess.run(['ip', '-batch', '-'], input='\n'.join(commands) + '\n', text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise hosts.LabError('ip: %s' % done.stdout.strip())


def _redirect(log):
    null = os.open('/dev/null', os.O_RDONLY)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for target, fd in ((0, null), (1, out), (2, out)):
        os.dup2(fd, target)


def _guarded(main, log, ready):
    """MAIN as the body of a PID 1 that has not been exec'd yet: its failure reaches READY."""
    try:
        _redirect(log)
        main()
    except BaseException as e:  # pylint: disable=broad-except
        os.write(ready, str(e).encode())
    finally:
        os._exit(1)


def await_ready(fd, what):
    """Until the other end says 'up' or ends without."""
    with os.fdopen(fd) as f:
        said = f.read()
    if said != 'up':
        raise hosts.LabError('%s did not come up: %s' % (what, said or 'it died; see its log'))


def start_switch(lab):
    ready_r, ready_w = os.pipe()

    def main():
        space.mount(None, '/', None, space.MS_REC | space.MS_PRIVATE)
        _ip('link set lo up',
            'link add %s type bridge forward_delay 0 stp_state 0' % BRIDGE,
            'link set %s up' % BRIDGE)
        os.write(ready_w, b'up')
        # children of an ignored SIGCHLD are reaped by the kernel, also after exec
        space.signal.signal(space.signal.SIGCHLD, space.signal.SIG_IGN)
        os.execv('/bin/sleep', ['pgtandem-lab switch of %s' % lab.prefix, 'infinity'])

    space.spawn_init(space.CLONE_NEWNS | space.CLONE_NEWNET,
                     lambda: _guarded(main, lab.path('switch.log'), ready_w),
                     outside=lambda _, pid: lab.write('switch.json', space.identify(pid)))
    os.close(ready_w)
    await_ready(ready_r, 'the switch')


def _mounts(lab, host, visible):
    """VISIBLE: directories that the host keeps at their own path, whatever it mounts over them."""
    space.mount(None, '/', None, space.MS_REC | space.MS_PRIVATE)
    kept = [(path, os.open(path, os.O_PATH | os.O_CLOEXEC)) for path in visible]
    space.mount('proc', '/proc', 'proc')
    for directory, mode in (('/run', '755'), ('/tmp', '1777'), ('/dev/shm', '1777'),
                            ('/opt', '755')):
        space.mount('tmpfs', directory, 'tmpfs', space.MS_NOSUID | space.MS_NODEV, 'mode=' + mode)
    space.mount('overlay', '/etc', 'overlay', 0, 'lowerdir=/etc,upperdir=%s,workdir=%s' %
                (lab.host(host, 'etc-upper'), lab.host(host, 'etc-work')))
    space.bind(lab.host(host, 'etc'), '/etc/pgtandem')
    space.bind(lab.host(host, 'var-lib'), '/var/lib')
    space.bind(lab.host(host, 'log'), '/var/log')
    space.bind(lab.host(host, 'spool'), '/var/spool/cron')
    for name in ('pgtandem', 'lab'):
        if os.path.isdir(lab.path('software/opt', name)):
            os.mkdir('/opt/' + name)
            space.bind(lab.path('software/opt', name), '/opt/' + name)
    for directory, users in ((hosts.SOCKETS, ('postgres',)), ('/run/named', ('bind', 'named'))):
        os.mkdir(directory)
        os.chown(directory, *hosts.account(*users))
    for path, fd in kept:
        if not os.path.isdir(path):
            os.makedirs(path)
            space.bind('/proc/self/fd/%d' % fd, path)
        os.close(fd)


def cuts(lab):
    """Lists of one host (cut from all) or two (from one another), sorted; see cuts.py."""
    return lab.read('cuts.json', [])


def _network(lab, host):
    cut = cuts(lab)
    neighbours = ['neigh add %s lladdr %s dev eth0 nud permanent' %
                  (address, NOWHERE if sorted([host, other]) in cut else hosts.mac(other))
                  for other, address in hosts.ADDRESS.items() if other != host]
    _ip('link set lo up',
        'addr add %s/%d dev eth0' % (hosts.ADDRESS[host], hosts.PREFIX_LENGTH),
        'link set eth0 up', *neighbours)


def _pids_of_this_boot(count):
    """Fresh pids at each boot, as on a real machine: a stale postmaster.pid must not fit."""
    try:
        with open('/proc/sys/kernel/ns_last_pid', 'w') as f:
            f.write(str(300 + count * 1009 % 30000))
    except OSError:
        pass


def _plug(host, pid):
    """The host's wire. The one of its boot before goes when the kernel has cleaned up that host's
    namespaces, which may take a while after its last process; until then its name is taken."""
    deadline = time.monotonic() + 10
    while True:
        subprocess.run(['ip', 'link', 'del', host], stderr=subprocess.DEVNULL, check=False)
        try:
            _ip('link add %s type veth peer name eth0 address %s netns /proc/%d/ns/net' %
                (host, hosts.mac(host), pid))
            return
        except hosts.LabError as e:
            if 'File exists' not in str(e) or time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def start(lab, host):
    """Boots HOST; returns a descriptor for await_ready()."""
    switch = lab.read('switch.json')
    settings = lab.read('lab.json')
    boots = lab.read('hosts/%s/boots.json' % host, 0) + 1
    lab.write('hosts/%s/boots.json' % host, boots)
    environment = {'PATH': services.search_path(), 'HOME': '/root', 'USER': 'root',
                   'LOGNAME': 'root', 'LANG': 'C.UTF-8'}
    environment.update(settings['env'])
    spec = {'env': environment,
            'services': services.of(host, settings['agent'], settings['guarded'])}
    lab.write('hosts/%s/init.json' % host, spec)
    ready_r, ready_w = os.pipe()

    def main():
        os.close(ready_r)
        space.sethostname(host)
        _mounts(lab, host, settings.get('visible', []))
        _network(lab, host)
        _pids_of_this_boot(boots)
        os.chdir('/')
        os.umask(0o022)
        os.set_inheritable(ready_w, True)
        os.execv(lab.path('init'), [lab.path('init'), lab.host(host, 'init.json'), str(ready_w)])

    def outside(helper, pid):
        _plug(host, helper)
        _ip('link set %s up' % host,
            'link set %s %s' % (host, 'nomaster' if [host] in cuts(lab) else 'master ' + BRIDGE))
        lab.write('hosts/%s/pid1.json' % host, space.identify(pid))

    space.spawn_init(HOST_SPACES,
                     lambda: _guarded(main, lab.host(host, 'log/init.log'), ready_w),
                     parent=switch['pid'], outside=outside)
    os.close(ready_w)
    return ready_r


def pid1(lab, host):
    """The pid of a running host's PID 1 as seen from here, or None."""
    record = lab.read('hosts/%s/pid1.json' % host)
    return record['pid'] if space.alive(record) else None


def running(lab):
    return space.alive(lab.read('switch.json'))


def kill(lab, host):
    """As if its power were cut: not even a TCP reset leaves the host."""
    in_switch(lab, 'link set %s nomaster' % host)
    space.kill(lab.read('hosts/%s/pid1.json' % host))


def in_network_of(pid, *commands):
    """ip commands inside the network namespace of PID."""
    child = os.fork()
    if child == 0:
        try:
            space.enter(pid, 'net')
            _ip(*commands)
            os._exit(0)
        except BaseException as e:  # pylint: disable=broad-except
            os.write(2, ('lab: %s\n' % e).encode())
        finally:
            os._exit(1)
    if os.waitpid(child, 0)[1] != 0:
        raise hosts.LabError('the network could not be changed')


def in_switch(lab, *commands):
    in_network_of(lab.read('switch.json')['pid'], *commands)


def forget(lab):
    """Ends everything and removes every file. For a lab in any state, also none."""
    space.end_contained()
    space.kill(lab.read('switch.json'))
    for _ in range(50):  # what was copying there may be dying still
        if subprocess.run(['rm', '-rf', '--one-file-system', lab.root], check=False,
                          stderr=subprocess.DEVNULL).returncode == 0:
            return
        time.sleep(0.1)
    raise hosts.LabError('%s cannot be removed' % lab.root)


def install_init(lab, source):
    with open(source + '/tests/lab/init') as f:
        text = f.read()
    with open(lab.path('init'), 'w') as f:
        f.write(text)
    os.chmod(lab.path('init'), 0o755)
