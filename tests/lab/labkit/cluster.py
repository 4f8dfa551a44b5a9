"""The PostgreSQL cluster: a stopped primary is built once and kept, each lab copies it three times.

A copy of a cleanly stopped data directory with standby.signal in it is a standby of the original:
same system identifier, and it streams from the shutdown checkpoint on.
"""

import contextlib
import os
import subprocess

from . import hosts, space, templates

DATABASES = ('aao', 'gms', 'tng', 'vospace', 'datab', 'lbt', 'mwa', 'svas', 'hosted', 'vialactea')
REPLICATION_PASSWORD = 'replicator-of-the-lab'

CONFIGURATION = """
# the lab's settings; what differs from node to node is in postgresql.auto.conf
listen_addresses = '*'
unix_socket_directories = '%(sockets)s'
shared_buffers = 32MB
wal_log_hints = on
wal_keep_size = 64MB
min_wal_size = 64MB
max_wal_senders = 10
max_replication_slots = 10
hot_standby = on
recovery_target_timeline = 'latest'
wal_retrieve_retry_interval = 1s
log_line_prefix = '%%m [%%p] %%q%%u@%%d '
log_checkpoints = on
log_replication_commands = on
"""

ACCESS = """# TYPE  DATABASE     USER        ADDRESS        METHOD
local   all          postgres                   peer
local   replication  postgres                   peer
local   all          app                        trust
host    all          app         %(network)s   trust
host    all          replicator  %(network)s   scram-sha-256
host    replication  replicator  %(network)s   scram-sha-256
"""

CONTENTS = """
CREATE ROLE app LOGIN;
CREATE ROLE replicator LOGIN REPLICATION PASSWORD '%(password)s';
CREATE DATABASE aao;
\\connect aao
CREATE TABLE observations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    target text NOT NULL,
    taken timestamptz NOT NULL
);
INSERT INTO observations (target, taken)
    SELECT 'target ' || n, timestamptz '2025-01-01 00:00 UTC' + n * interval '1 hour'
    FROM generate_series(1, 100) n;
%(databases)s
\\connect vospace
CREATE TABLE writes (
    id bigint PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    node text DEFAULT host(inet_server_addr())
);
ALTER TABLE writes OWNER TO app;
\\connect postgres
-- what pg_rewind asks of a source that is not superuser
GRANT EXECUTE ON FUNCTION pg_ls_dir(text, boolean, boolean) TO replicator;
GRANT EXECUTE ON FUNCTION pg_stat_file(text, boolean) TO replicator;
GRANT EXECUTE ON FUNCTION pg_read_binary_file(text) TO replicator;
GRANT EXECUTE ON FUNCTION pg_read_binary_file(text, bigint, bigint, boolean) TO replicator;
CHECKPOINT;
%(slots)s
"""


def slot(node):
    return node.replace('-', '_')


def _contents():
    copies = ['CREATE DATABASE %s TEMPLATE aao STRATEGY file_copy;' % d
              for d in DATABASES if d != 'aao']
    slots = ["SELECT pg_create_physical_replication_slot('%s', true);" % slot(n)
             for n in hosts.NODES if n != hosts.FIRST_OWNER]
    return CONTENTS % {'password': REPLICATION_PASSWORD, 'databases': '\n'.join(copies),
                       'slots': '\n'.join(slots)}


def _run(argv, **more):
    uid, gid = hosts.account('postgres')
    done = subprocess.run(argv, user=uid, group=gid, extra_groups=[], cwd='/', text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **more)
    if done.returncode != 0:
        raise hosts.LabError('%s failed:\n%s' % (' '.join(argv), done.stdout))


def _build(directory, programs):
    """A stopped primary in DIRECTORY/data. Its server listened on a socket in DIRECTORY only."""
    uid, gid = hosts.account('postgres')
    os.mkdir(directory, 0o700)
    os.chown(directory, uid, gid)
    data = directory + '/data'
    _run([programs + '/initdb', '-D', data, '-k', '--no-sync', '-E', 'UTF8', '--locale=C.UTF-8',
          '--auth=peer'])
    with open(data + '/postgresql.conf', 'a') as f:
        f.write(CONFIGURATION % {'sockets': hosts.SOCKETS})
    with open(data + '/pg_hba.conf', 'w') as f:
        f.write(ACCESS % {'network': hosts.NETWORK})
    options = "-c listen_addresses='' -c unix_socket_directories=%s -c fsync=off" % directory
    control = [programs + '/pg_ctl', '-D', data, '-w', '-s', '-l', directory + '/log']
    _run(control + ['-o', options, 'start'])
    try:
        _run([programs + '/psql', '-h', directory, '-d', 'postgres', '-X', '-q',
              '-v', 'ON_ERROR_STOP=1'], input=_contents())
    finally:
        _run(control + ['-m', 'fast', 'stop'])
    subprocess.run(['sync', '-f', directory], check=True)


def template():
    """The ready-made data directory: one for this text and this PostgreSQL."""
    programs = hosts.postgres_bin()
    version = subprocess.run([programs + '/postgres', '--version'], text=True, check=True,
                             stdout=subprocess.PIPE).stdout
    with open(__file__, encoding='utf-8') as f:
        key = templates.key_of(f.read(), version)

    def build(directory):
        if not space.finish(space.contained(lambda: _build(directory, programs))):
            raise hosts.LabError('the PostgreSQL template could not be built')

    return templates.kept('cluster', key, key, build)


def copy(lab):
    """Starts one cp for each node; returns what finishes them."""
    held = contextlib.ExitStack()
    source = held.enter_context(template()) + '/data'
    copies = []
    for node in hosts.NODES:
        target = lab.host(node, 'var-lib/postgresql/data')
        copies.append((node, space.contained(lambda t=target: os.execvp(
            'cp', ['cp', '-a', '--reflink=auto', source, t]))))
    return lambda: _finish(lab, copies, held)


def _finish(lab, copies, held):
    uid, gid = hosts.account('postgres')
    for node, process in copies:
        if not space.finish(process):
            raise hosts.LabError('the data directory of %s could not be copied' % node)
    held.close()
    for node in hosts.NODES:
        data = lab.host(node, 'var-lib/postgresql/data')
        settings = ["cluster_name = '%s'" % node]
        if node != hosts.FIRST_OWNER:
            settings += [
                "primary_conninfo = 'host=%s port=5432 user=replicator application_name=%s "
                "passfile=/var/lib/postgresql/.pgpass'" % (hosts.ADDRESS[hosts.FIRST_OWNER], node),
                "primary_slot_name = '%s'" % slot(node)]
            for name in os.listdir(data + '/pg_replslot'):
                subprocess.run(['rm', '-rf', data + '/pg_replslot/' + name], check=True)
            with open(data + '/standby.signal', 'w'):
                os.chown(data + '/standby.signal', uid, gid)
        with open(data + '/postgresql.auto.conf', 'a') as f:
            f.write('\n'.join(settings) + '\n')
