"""The files each host starts with: /etc, DNS zone and keys, crontab, pgtandem's configuration."""

import base64
import grp
import os
import subprocess

from . import cluster, config, hosts

PAM_CRON = """\
auth     required pam_permit.so
account  required pam_permit.so
session  required pam_permit.so
"""

KEY = 'key "%s" {\n\talgorithm hmac-sha256;\n\tsecret "%s";\n};\n'

NAMED = """\
include "/etc/bind/lab.keys";
controls { inet 127.0.0.1 port 953 allow { 127.0.0.1; } keys { "rndc-key"; }; };
options {
	directory "/var/lib/bind";
	listen-on { %(address)s; 127.0.0.1; };
	listen-on-v6 { none; };
	pid-file "/run/named/named.pid";
	recursion no;
	dnssec-validation no;
	notify explicit;
	notify-rate 1000;
	serial-query-rate 1000;
	minimal-responses no;
};
"""

ZONE_PRIMARY = """\
zone "%(zone)s" {
	type primary;
	file "/var/lib/bind/%(zone)s.zone";
	also-notify { %(ns2)s; };
	notify-delay 0;
	allow-transfer { %(ns2)s; 127.0.0.1; };
	update-policy {
		grant ctl-update name %(alias)s. CNAME;
		grant ctl-update name _pgtandem.%(alias)s. TXT;
		grant ctl2-update name %(alias)s. CNAME;
		grant ctl2-update name _pgtandem.%(alias)s. TXT;
	};
};
"""

ZONE_SECONDARY = """\
zone "%(zone)s" {
	type secondary;
	file "/var/lib/bind/%(zone)s.zone";
	masterfile-format text;
	primaries { %(ns1)s; };
	allow-notify { %(ns1)s; };
	min-refresh-time 1;
	min-retry-time 1;
};
"""

ZONE = """\
$ORIGIN %(zone)s.
$TTL %(ttl)d
@	IN	SOA	ns1 hostmaster ( 1 10 2 3600 5 )
	IN	NS	ns1
	IN	NS	ns2
%(hosts)s
%(alias)s.	IN	CNAME	%(owner)s
"""

OFF = '#pgtandem-off# '

# (managed, line). Odd spacing is meant: no byte of it may change.
CRONTAB = (
    (False, '# crontab of postgres, the production database\n'),
    (False, 'MAILTO=""\n'),
    (False, 'PATH=%(programs)s:/usr/local/bin:/usr/bin:/bin\n'),
    (False, '\n'),
    (False, '#  on every node, whatever its role\n'),
    (False, '*\t* * * *  \techo "local $(uname -n) $(date +\\%%s)" >>$HOME/jobs.log\n'),
    (False, '# BEGIN pgtandem\n'),
    (False, '# backups of the production node, kept in backups/\n'),
    (True, '* * * * * \techo "backup $(uname -n) $(date +\\%%s)" >>$HOME/jobs.log; '
           'pg_dump -f $HOME/backups/datab.sql datab\t \n'),
    (False, '#0 3 * * 0   pg_dumpall >$HOME/backups/all.sql   (too large; by hand)\n'),
    (False, '\n'),
    (True, '*/1  *  * * *   echo "service $(uname -n) $(date +\\%%s)" >>$HOME/jobs.log   \n'),
    (False, '# END pgtandem\n'),
    (False, '\n'),
    (False, '30 4 * * 1\tvacuumdb -a -q\n'),
)


def put(path, text, mode=0o644, owner=None):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(fd, 'w') as f:
        os.fchmod(f.fileno(), mode)
        if owner:
            os.fchown(f.fileno(), *owner)
        f.write(text)


def directory(path, mode=0o755, owner=None):
    os.makedirs(path, exist_ok=True)
    os.chmod(path, mode)
    if owner:
        os.chown(path, *owner)


def crontab(active):
    lines = [(OFF if managed and not active else '') + line for managed, line in CRONTAB]
    return ''.join(lines) % {'programs': hosts.postgres_bin()}


def _secret():
    return base64.b64encode(os.urandom(32)).decode()


def make_keys(lab):
    for name in hosts.KEYS + ('rndc-key',):
        put(lab.path('keys', name), KEY % (name, _secret()), 0o600)


def _keys(lab, *names):
    text = ''
    for name in names:
        with open(lab.path('keys', name)) as f:
            text += f.read()
    return text


def _common(lab, host):
    etc = lab.host(host, 'etc-upper')
    names = ['127.0.0.1\tlocalhost\n']
    names += ['%s\t%s %s.%s\n' % (a, n, n, hosts.ZONE) for n, a in hosts.ADDRESS.items()]
    put(etc + '/hosts', ''.join(names))
    put(etc + '/hostname', host + '\n')
    put(etc + '/resolv.conf', 'search %s\nnameserver %s\nnameserver %s\n'
        'options timeout:1 attempts:2\n' %
        (hosts.ZONE, hosts.ADDRESS['ns1'], hosts.ADDRESS['ns2']))
    # the machine's own jobs must not run in a host
    put(etc + '/crontab', '')
    directory(etc + '/cron.d')
    os.setxattr(etc + '/cron.d', 'trusted.overlay.opaque', b'y')
    put(etc + '/pam.d/cron', PAM_CRON)
    put(etc + '/pam.d/crond', PAM_CRON)
    directory(etc + '/pgtandem')
    for name in ('etc', 'etc-work', 'log', 'spool', 'var-lib'):
        directory(lab.host(host, name))
    directory(lab.host(host, 'var-lib/misc'))


def _nameserver(lab, host):
    values = {'zone': hosts.ZONE, 'alias': hosts.ALIAS, 'address': hosts.ADDRESS[host],
              'ns1': hosts.ADDRESS['ns1'], 'ns2': hosts.ADDRESS['ns2'], 'ttl': hosts.TTL,
              'owner': hosts.FIRST_OWNER}
    user = hosts.account('bind', 'named')
    etc = lab.host(host, 'etc-upper', 'bind')
    state = lab.host(host, 'var-lib/bind')
    directory(state, 0o775, user)
    put(etc + '/lab.keys', _keys(lab, *hosts.KEYS, 'rndc-key'), 0o640, (0, user[1]))
    put(etc + '/rndc.key', _keys(lab, 'rndc-key'), 0o640, (0, user[1]))
    zone = ZONE_PRIMARY if host == 'ns1' else ZONE_SECONDARY
    put(etc + '/named.conf', (NAMED + zone) % values)
    if host == 'ns1':
        values['hosts'] = '\n'.join('%s\tIN\tA\t%s' % item for item in hosts.ADDRESS.items())
        put(state + '/%s.zone' % hosts.ZONE, ZONE % values, 0o644, user)


def _node(lab, host):
    owner = hosts.account('postgres')
    home = lab.host(host, 'var-lib/postgresql')
    directory(home, 0o755, owner)
    directory(home + '/backups', 0o755, owner)
    put(home + '/.pgpass', '*:5432:*:replicator:%s\n' % cluster.REPLICATION_PASSWORD, 0o600, owner)
    put(home + '/jobs.log', '', 0o644, owner)
    directory(lab.host(host, 'var-lib/pgtandem-agent'), 0o700, owner)
    for name in ('postgresql.log', 'pgtandem-agent.log'):
        put(lab.host(host, 'log', name), '', 0o644, owner)
    _put_crontab(lab.host(host, 'spool'), crontab(host == hosts.FIRST_OWNER), owner)


def _put_crontab(spool, text, owner):
    try:
        group = grp.getgrnam('crontab').gr_gid  # Debian: the program is setgid
        directory(spool + '/crontabs', 0o1730, (0, group))
        put(spool + '/crontabs/postgres', text, 0o600, (owner[0], group))
    except KeyError:  # cronie
        directory(spool, 0o700)
        put(spool + '/postgres', text, 0o600, owner)


def make(lab):
    """All files of all hosts but the data directories and pgtandem's configuration."""
    make_keys(lab)
    for host in hosts.ADDRESS:
        _common(lab, host)
        if host in hosts.NAMESERVERS:
            _nameserver(lab, host)
        elif host in hosts.NODES:
            _node(lab, host)
        elif host in hosts.CONTROLLERS:
            directory(lab.host(host, 'var-lib/pgtandem'), 0o700)
            directory(lab.host(host, 'var-lib/pgtandem/journal'), 0o700)


def configure(lab, source):
    """pgtandem's own /etc/pgtandem on controllers and nodes; SOURCE is the source tree."""
    script = source + '/deploy/make-certs'
    pki = lab.path('pki')

    def certificates(*arguments):
        done = subprocess.run([script, *arguments], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            raise hosts.LabError('%s %s failed:\n%s' % (script, arguments[0], done.stdout))

    certificates('init', pki, hosts.CLUSTER)
    for host in hosts.CONTROLLERS:
        certificates('controller', pki, hosts.CLUSTER, host)
        _install(lab, host, 'controller', None, host + '-update')
        put(lab.host(host, 'etc/pgtandem.conf'), config.controller(host))
    owner = hosts.account('postgres')
    for host in hosts.NODES:
        certificates('agent', pki, hosts.CLUSTER, host)
        _install(lab, host, 'agent', owner, 'agents-query')
        put(lab.host(host, 'etc/agent.conf'), config.agent(host))


def _install(lab, host, role, owner, key):
    for name, source, mode in (('ca.crt', 'ca.crt', 0o644),
                               (role + '.crt', '%s-%s.crt' % (role, host), 0o644),
                               (role + '.key', '%s-%s.key' % (role, host), 0o600)):
        with open(lab.path('pki', source)) as f:
            put(lab.host(host, 'etc', name), f.read(), mode, owner if mode == 0o600 else None)
    put(lab.host(host, 'etc/dns.key'), _keys(lab, key), 0o600, owner)
