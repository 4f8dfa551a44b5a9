"""A quick look at a host: a command there, without the Python that `lab exec` is. Threads may.

It joins the host's files, network and name, but not its pid namespace, and nothing ends it with us:
not for what lasts, or starts what stays.
"""

import subprocess

from . import boot, hosts, services

NOT_RUNNING = 126


def run(lab, host, argv, user='root', timeout_s=5, stderr=subprocess.DEVNULL):
    """(exit status, output) of ARGV on HOST; NOT_RUNNING where the host is down, 124 after TIMEOUT_S."""
    pid = boot.pid1(lab, host)
    if not pid:
        return NOT_RUNNING, ''
    command = ['nsenter', '-t', str(pid), '-m', '-u', '-i', '-n']
    if user != 'root':
        command += ['setpriv', '--reuid=' + user, '--regid=' + user, '--init-groups']
    environment = {'PATH': services.search_path(), 'HOME': '/root', 'PGHOST': hosts.SOCKETS,
                   'PGCONNECT_TIMEOUT': '2', 'LANG': 'C.UTF-8'}
    try:
        done = subprocess.run([*command, *argv], env=environment, cwd='/', check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr,
                              text=True, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return 124, ''
    return done.returncode, done.stdout
