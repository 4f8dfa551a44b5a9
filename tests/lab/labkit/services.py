"""What runs on which host, in the order of a boot. PID 1 (the script init) carries it out.

A service either ends by itself, and others may need its success, or it stays: then PID 1 starts it
again one second after it has ended, unless /run/NAME.stop exists.
"""

import os

from . import hosts

SOFTWARE = '/opt/pgtandem'
GUARD = [SOFTWARE + '/bin/pgtandem-agent', '-c', '/etc/pgtandem/agent.conf', 'guard']
AGENT = [SOFTWARE + '/bin/pgtandem-agent', '-c', '/etc/pgtandem/agent.conf']


def search_path():
    return ':'.join(['%s/sbin' % SOFTWARE, '%s/bin' % SOFTWARE, '/opt/lab/bin',
                     hosts.postgres_bin(), '/usr/local/sbin', '/usr/local/bin', '/usr/sbin',
                     '/usr/bin', '/sbin', '/bin'])


def environment():
    """Of a command that root types on a host."""
    return dict(os.environ, PATH=search_path(), HOME='/root', USER='root', LOGNAME='root')


def _nameserver(host):
    return [{'name': 'named', 'stays': True, 'log': '/var/log/named.log',
             'argv': ['named', '-g', '-n', '1', '-u', hosts.nameserver_user(),
                      '-c', '/etc/bind/named.conf'],
             'ready': [hosts.ADDRESS[host], 53]}]


def _node(host, agent, guarded):
    postgresql = {
        'name': 'postgresql', 'user': 'postgres',
        'argv': [hosts.postgres_bin() + '/pg_ctl', 'start', '-w', '-s', '-D', hosts.DATA,
                 '-l', '/var/log/postgresql.log']}
    cron = {'name': 'cron', 'stays': True,
            'argv': [hosts.program('/usr/sbin/cron', '/usr/sbin/crond')]}
    cron['argv'].append('-f' if cron['argv'][0].endswith('/cron') else '-n')
    guard = {'name': 'guard', 'user': 'postgres', 'argv': GUARD,
             'log': '/var/log/pgtandem-agent.log'}
    order = [postgresql, cron]
    if guarded:
        postgresql['needs'] = 'guard'
        order = [guard, postgresql, dict(guard, name='guard-cron'), cron]
    if agent:
        order.append({'name': 'pgtandem-agent', 'user': 'postgres', 'stays': True, 'argv': AGENT,
                      'log': '/var/log/pgtandem-agent.log',
                      'ready': [hosts.ADDRESS[host], hosts.AGENT_PORT]})
    return order


def of(host, agent, guarded):
    """AGENT: pgtandem is installed; GUARDED: the register exists, so the guard can judge."""
    if host in hosts.NAMESERVERS:
        return _nameserver(host)
    if host in hosts.NODES:
        return _node(host, agent, guarded)
    return []
