#!/usr/bin/env python3
"""What preflight finds before a move, on real hosts: each thing that is put out of order is named by the
check that is meant for it, and the answer comes in time when a node is dead.
"""

import contextlib
import json
import sys

from labkit import files, hosts, tap
from labkit.scene import check, wait

CERTIFICATE = 'cd /var/lib/postgresql && openssl req -x509 -newkey rsa:2048 -nodes -days %d -keyout k.pem' \
              ' -out c.pem -subj /CN=%s -addext subjectAltName=DNS:%s 2>/dev/null' \
              ' && chown postgres k.pem c.pem && chmod 600 k.pem'
TLS = "ALTER SYSTEM SET ssl_cert_file = '/var/lib/postgresql/c.pem';" \
      "ALTER SYSTEM SET ssl_key_file = '/var/lib/postgresql/k.pem'; ALTER SYSTEM SET ssl = on"


class Found:
    """The rows of one preflight, by their check."""

    def __init__(self, s, *options, to='db01'):
        self.result = s.pgtandem(*options, 'preflight', '--to', to, '-f', 'json')
        shown = json.loads(self.result.stdout)
        self.rows = {row['check']: row for row in shown['preflight']}
        self.wrong = sorted(name for name, row in self.rows.items() if row['verdict'] != 'ok')

    def expect(self, name, verdict, *words):
        row = self.rows[name]
        text = '%s should be %s; %s' % (row['measured'], row['threshold'], row['remedy'])
        check(row['verdict'] == verdict, '%s: %s: %s', name, row['verdict'], text)
        for word in words:
            check(word in text, '%s: no "%s" in: %s', name, word, text)
        check(verdict == 'ok' or row['remedy'], '%s: no remedy', name)


def sql(s, host, text, db='postgres'):
    for statement in text.split(';'):
        check(s.psql(host, statement, db) is not None, '%s: %s', host, statement)


def shell(s, host, text, user='root'):
    return s.run(host, 'sh', '-c', text, user=user, check=True).stdout


def in_time(s, found, what):
    """The answer came within 2 s, and some for the lab's own ways; 8 s when the machine was so busy
    that an agent was asked once more. db01 told all it knows."""
    again = [Found(s).result.seconds for _ in range(2) if found.result.seconds >= 2.6]
    took = [found.result.seconds, *again]
    tap.say('%s: %s', what, ', '.join('%.2f s' % t for t in took))
    check(max(took) < 8.6, '%s: %s', what, took)
    check('12 of 12' in found.rows['libraries']['measured'], '%s: %s', what, found.rows['libraries'])


def configured(s, host, name, change):
    """A second configuration on HOST, CHANGE(text) of its own: its path there."""
    with open(s.lab.host(host, 'etc/' + name)) as f:
        text = f.read()
    files.put(s.lab.host(host, 'etc/other.conf'), change(text))
    return '/etc/pgtandem/other.conf'


@tap.test('nothing is found on a cluster in order, in JSON as in TSV; with a node cut off it answers in time')
def _(s):
    wait(lambda: not Found(s).wrong, 15, 'the watches have read the record')
    found = Found(s)
    check(found.result.code == 0, 'exit %d', found.result.code)
    check(len(found.rows) > 75, '%d checks', len(found.rows))
    check(found.rows['libraries']['measured'].count('12 of 12'), '%s', found.rows['libraries'])
    check(all(row['threshold'] and row['severity'] in ('block', 'warn') for row in found.rows.values()),
          'a check without threshold or severity')
    lines = s.pgtandem('preflight', '--to', 'db01', '-f', 'tsv').stdout.splitlines()
    header = lines[0].split('\t')
    names = [dict(zip(header, line.split('\t')))['check'] for line in lines[1:]]
    check(names == list(found.rows), 'TSV and JSON differ: %s', set(names) ^ set(found.rows))
    tap.say('%.2f s', found.result.seconds)
    s.cut('vm')
    found = Found(s)
    found.expect('other-agents', 'warn', 'vm')
    in_time(s, found, 'vm is cut off')
    s.heal()
    s.await_steady('db02')


def disorder_in_databases(s):
    sql(s, 'db02', 'CREATE EXTENSION pgcrypto; CREATE UNLOGGED TABLE cache (i int);'
                   "CREATE COLLATION german (provider = icu, locale = 'de');"
                   'CREATE TABLE words (w text COLLATE german);'
                   "UPDATE pg_collation SET collversion = '1' WHERE collname = 'german'", 'vospace')
    sql(s, 'db01', "ALTER SYSTEM SET max_connections = 90;"
                   "ALTER SYSTEM SET recovery_min_apply_delay = '1ms';"
                   'ALTER SYSTEM SET default_transaction_read_only = on;'
                   "ALTER SYSTEM SET password_encryption = 'md5'")
    wait(lambda: s.value('db01', "SELECT count(*) FROM pg_class WHERE relname = 'words'", 'vospace') == '1',
         10, 'db01 has replayed')
    shell(s, 'db01', 'cd /usr/share/postgresql/*/extension && cp -r . /var/lib/extension'
                     ' && rm /var/lib/extension/pgcrypto* && mount --bind /var/lib/extension .')


def disorder_in_files(s):
    hba = s.value('db02', 'SHOW hba_file')
    shell(s, 'db02', 'echo "host all app 10.9.0.0/16 scram-sha-256" >>' + hba)
    shell(s, 'db01', 'echo "host all nonsense" >>' + hba)
    shell(s, 'db02', 'mkdir -p /etc/cron.d /etc/systemd/system/timers.target.wants;'
                     'echo "7 3 * * * postgres PGPASSWORD=hunter2 /usr/bin/pg_dump vospace" >/etc/cron.d/dump;'
                     'cd /etc/systemd/system; printf "[Timer]\\nOnCalendar=daily\\n" >vac.timer;'
                     'printf "[Service]\\nUser=postgres\\nExecStart=/usr/bin/vacuumdb -a\\n" >vac.service;'
                     'ln -sf ../vac.timer timers.target.wants/vac.timer')
    status = hosts.DATA + '/pg_wal/archive_status/'
    shell(s, 'db02', 'for i in 1 2 3 4 5 6 7 8 9; do touch %s00000001000000000000000$i.ready; done' % status,
          user='postgres')
    for host, days, name in (('db02', 90, hosts.ALIAS), ('db01', 3, 'db01.' + hosts.ZONE)):
        shell(s, host, CERTIFICATE % (days, name, name))
    sql(s, 'db02', TLS)
    for host in ('db01', 'db02'):
        sql(s, host, 'SELECT pg_reload_conf()')


def backups(s):
    """db02 has an old one, on its own disk."""
    shell(s, 'db02', 'printf "\\n[backup]\\ndir = /var/lib/postgresql/dumps\\n" >>/etc/pgtandem/agent.conf;'
                     'mkdir -p /var/lib/postgresql/dumps/a; echo >/var/lib/postgresql/dumps/a/base.tar;'
                     'touch -d "3 days ago" /var/lib/postgresql/dumps/a/base.tar')


@contextlib.contextmanager
def a_long_dump(s):
    """A transaction that is some seconds old, of a client that calls itself pg_dump."""
    child = s.popen('db02', 'env', 'PGAPPNAME=pg_dump', 'psql', '-qc', 'BEGIN; SELECT pg_sleep(60)',
                    user='postgres')
    try:
        wait(lambda: s.value('db02', 'SELECT count(*) FROM pg_stat_activity WHERE application_name ='
                                     " 'pg_dump' AND clock_timestamp() - xact_start > '1.1 s'") == '1',
             10, 'the transaction is old')
        yield
    finally:
        s.psql('db02', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ="
                       " 'pg_dump'")
        s.finish(child)


@tap.test('what a client would miss on the target, what a stop would meet: each by its check')
def _(s):
    disorder_in_databases(s)
    disorder_in_files(s)
    backups(s)
    sql(s, 'db02', 'SELECT pg_reload_conf()')
    other = configured(s, 'ctl', 'pgtandem.conf', lambda text: text.replace(
        'target = db01.', 'target = ns2.') + '\n[limits]\nxact_age_s = 0\nttl_s = 10\n')
    wait(lambda: s.value('db01', 'SHOW default_transaction_read_only') == 'on', 5, 'db01 has reloaded')
    with a_long_dump(s):
        found = Found(s, '-c', other)
    check(found.result.code == 2, 'exit %d', found.result.code)
    found.expect('libraries', 'BLOCK', 'vospace: pgcrypto 1.3', 'pg_available_extensions')
    found.expect('collations', 'BLOCK', '"german" was built with 1')
    found.expect('read-only-default', 'BLOCK', 'on at db01')
    found.expect('apply-delay', 'BLOCK', '1 ms')
    found.expect('hba-errors', 'BLOCK', '1 in error at db01')
    found.expect('archive-backlog', 'BLOCK', '9 files', 'at most 8')
    found.expect('tls', 'BLOCK', 'on at db02, off at db01')
    found.expect('target-address', 'BLOCK', hosts.ADDRESS['ns2'], hosts.ADDRESS['db01'])
    found.expect('pending-restart', 'warn', 'max_connections')
    found.expect('settings', 'warn', "password_encryption 'md5' instead of 'scram-sha-256'")
    found.expect('hba', 'warn', '10.9.0.0')
    found.expect('unlogged-tables', 'warn', '1, like public.cache in vospace')
    found.expect('transactions', 'warn', 'of postgres', 'at most 0 s')
    found.expect('dumps', 'warn', '1 running')
    found.expect('ttl', 'warn', '%d s' % hosts.TTL, 'at most 10 s')
    found.expect('backup-age', 'warn', '72 h old, db02:/var/lib/postgresql/dumps/a/base.tar', '26 h')
    found.expect('backup-outlives', 'warn', 'none but on the owner\'s own disks')
    found.expect('foreign-jobs', 'warn', 'db02 /etc/cron.d/dump:1 (postgres: pg_dump)',
                 'vac.timer (postgres: vacuumdb)', 'acknowledged_foreign = /etc/cron.d/dump:1')
    check('hunter2' not in found.result.stdout, 'a password is shown')


@tap.test('what is mended, acknowledged or newer is found no more; with a dead owner it answers in time')
def _(s):
    sql(s, 'db01', TLS)
    sql(s, 'db01', 'SELECT pg_reload_conf()')
    shell(s, 'db01', 'umount /usr/share/postgresql/*/extension')
    shell(s, 'db01', 'printf "#!/bin/sh\\necho $(date +%s) store:/db02/full\\n" >/var/lib/newest;'
                     'chmod 755 /var/lib/newest;'
                     'printf "\\n[backup]\\nnewest_command = /var/lib/newest\\n" >>/etc/pgtandem/agent.conf')
    other = configured(s, 'ctl', 'pgtandem.conf', lambda text: text +
                       '\n[preflight]\nacknowledged_foreign = /etc/cron.d/dump, vac.timer\n')
    wait(lambda: s.value('db01', 'SHOW ssl') == 'on', 5, 'db01 has reloaded')
    found = Found(s, '-c', other)
    for name in ('libraries', 'tls', 'foreign-jobs', 'target-address', 'ttl', 'dumps'):
        found.expect(name, 'ok')
    found.expect('backup-age', 'ok', '0 h old, store:/db02/full')
    found.expect('backup-outlives', 'ok', 'store:/db02/full')
    found.expect('server-certificate', 'warn', 'not the alias: db01.', '14 days, and ' + hosts.ALIAS)
    shell(s, 'db01', CERTIFICATE % (90, hosts.ALIAS, hosts.ALIAS))
    Found(s, '-c', other).expect('server-certificate', 'ok', '89 days')
    s.kill('db02')
    found = Found(s)
    check('attached' not in found.rows, 'not the checks of a failover: %s', list(found.rows))
    in_time(s, found, 'db02 is dead')


if __name__ == '__main__':
    sys.exit(tap.main('preflight'))
