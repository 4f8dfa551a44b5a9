#!/usr/bin/env python3
"""agent/postgres/postgres.h against a real PostgreSQL: a primary and standbys of our own, driven through
tests/lab/postgres/pg_driver. TAP on standard output, measurements as comments.

Servers under /var/tmp, on Unix sockets and high ports of 127.0.0.1; as root everything runs as the
user postgres. PG_BIN=DIR chooses the server's programs, KEEP=1 leaves the directory. What is true is
judged by psql-like reads of our own (pg_controldata, files, a session through psql), not by the driver.
"""
import atexit
import contextlib
import glob
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
DRIVER = os.environ.get("PG_DRIVER", os.path.join(BUILD, "tests/lab/postgres/pg_driver"))
WRAP = os.environ.get("PG_DRIVER_WRAP", "").split()  # e.g. valgrind with its options


def newest_bin():
    found = glob.glob("/usr/lib/postgresql/*/bin") + glob.glob("/usr/pgsql-*/bin")
    found = [d for d in found if os.path.exists(d + "/initdb")]
    return max(found, key=lambda d: int(re.search(r"(\d+)", d).group(1)), default="/usr/bin")


BIN = os.environ.get("PG_BIN", newest_bin())
AS = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.getuid() == 0 else []
ENV = {k: v for k, v in os.environ.items() if not k.startswith("PG")} | {"LC_ALL": "C.UTF-8"}

LABS = "/var/tmp/pgtandem-lab"  # in memory, when tests/run has started this
work = tempfile.mkdtemp(prefix="pgtandem-pg-", dir=LABS if os.access(LABS, os.W_OK) else "/var/tmp")
os.chmod(work, 0o755)
servers, drivers = [], []


def run(*command, check=True, **options):
    done = subprocess.run([*AS, *command], env=ENV, cwd=work, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, **options)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}")
    return done.stdout


def cleanup():
    for driver in drivers:
        driver.kill()
    for server in servers:
        server.kill()
    if os.environ.get("KEEP") == "1":
        print("# kept:", work)
        return
    for _ in range(20):  # a server that is still ending may write once more
        shutil.rmtree(work, ignore_errors=True)
        if not os.path.exists(work):
            break
        time.sleep(0.1)


atexit.register(cleanup)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda n, _: sys.exit(128 + n))

DRIVER = shutil.copy(DRIVER, work)  # the checkout may be where postgres cannot read: in /root


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A data directory with what a driver needs to know of it."""

    def __init__(self, name):
        self.name, self.port = name, free_port()
        self.home = os.path.join(work, name)
        self.data = os.path.join(self.home, "data")
        self.log = os.path.join(self.home, "log")
        run("mkdir", "-m", "700", self.home) if not AS else subprocess.run(
            ["install", "-d", "-m", "755", "-o", "postgres", "-g", "postgres", self.home], check=True)
        servers.append(self)

    def init(self):
        run(BIN + "/initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "-k", "-N",
            "--no-locale", "-E", "UTF8")
        self.configure("wal_level = logical", "max_wal_senders = 8", "max_replication_slots = 8",
                       "hot_standby = on", "fsync = on", "wal_keep_size = 64" if MAJOR >= 13 else "",
                       "include 'more.conf'", "log_line_prefix = '%m [%a] '",
                       "wal_retrieve_retry_interval = 200ms", "shared_buffers = 16MB", "max_connections = 30")
        self.write("more.conf", "primary_conninfo = 'host=old.example,10.9.9.9 user=''postgres''' # kept by follow\n")
        return self

    def configure(self, *lines):
        self.configured = getattr(self, "configured", []) + list(lines)
        own = [f"port = {self.port}", f"unix_socket_directories = '{self.home}'",
               "listen_addresses = '127.0.0.1'"]
        self.write("local.conf", "\n".join(self.configured + own) + "\n")
        if "include 'local.conf'" not in self.read("postgresql.conf"):
            self.write("postgresql.conf", self.read("postgresql.conf") + "include 'local.conf'\n")

    def path(self, *parts):
        return os.path.join(self.data, *parts)

    def read(self, name):
        with open(self.path(name)) as f:
            return f.read()

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
        if AS:
            shutil.chown(self.path(name), "postgres", "postgres")

    def exists(self, name):
        return os.path.exists(self.path(name))

    def copy_from(self, other):
        """A cold copy: `other` is stopped."""
        run("cp", "-a", other.data, self.data)
        self.configured = list(other.configured)
        for name in ("postmaster.pid", "postmaster.opts", "standby.signal"):
            if self.exists(name):
                os.unlink(self.path(name))
        self.configure()
        return self

    def pid(self):
        try:
            pid = int(self.read("postmaster.pid").split()[0])
            os.kill(pid, 0)
            return pid
        except (OSError, ValueError, IndexError):
            return 0

    def kill(self):
        pid = self.pid()
        if pid:
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGQUIT)
            for _ in range(100):
                if not self.pid():
                    return
                time.sleep(0.05)

    def sql(self, text, user="postgres"):
        return run("psql", "-h", self.home, "-p", str(self.port), "-U", user, "-d", "postgres", "-XAtq",
                   "-v", "ON_ERROR_STOP=1", "-c", text).strip()

    def session(self, text):
        """A client that stays: psql with an open standard input."""
        p = subprocess.Popen([*AS, "psql", "-h", self.home, "-p", str(self.port), "-U", "postgres", "-d",
                              "postgres", "-XAtq"], env=ENV, cwd=work, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        p.stdin.write(text + "\n\\echo READY\n")
        p.stdin.flush()
        while p.stdout.readline().strip() != "READY":
            pass
        return p

    def statements(self, application):
        with open(self.log, errors="replace") as f:
            return [line for line in f if f"[{application}]" in line and "statement:" in line]

    def control(self):
        if not shutil.which(BIN + "/pg_controldata"):
            return {}
        out = run(BIN + "/pg_controldata", "-D", self.data)
        return dict(re.split(r":\s+", line, maxsplit=1) for line in out.splitlines() if re.search(r":\s", line))


class Driver:
    def __init__(self, server, **extra):
        settings = dict(data_directory=server.data, bin_directory=BIN, socket_directory=server.home,
                        port=server.port, address="127.0.0.1", replication_user="postgres",
                        log_file=server.log)
        settings.update(extra)
        self.p = subprocess.Popen([*AS, *WRAP, DRIVER, server.name,
                                   *(f"{k}={v}" for k, v in settings.items())], env=ENV, cwd=work,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        drivers.append(self)

    def send(self, command):
        self.last = command
        self.p.stdin.write(command + "\n")
        self.p.stdin.flush()

    def receive(self, timeout=60):
        if not select.select([self.p.stdout], [], [], timeout)[0]:
            raise RuntimeError(f"the driver does not respond to '{self.last}'")
        line = self.p.stdout.readline()
        if not line:
            raise RuntimeError(f"the driver ended: {self.p.wait()}")
        return json.loads(line)

    def ask(self, command):
        self.send(command)
        return self.receive()

    def do(self, command):
        answer = self.ask(command)
        if not answer["ok"]:
            raise AssertionError(f"{command}: {answer['msg']}")
        return answer

    def look(self, timeout=5000):
        return self.do(f"look {timeout}")["result"]

    def end(self):
        """Ends it in order; its exit status says whether a sanitizer had something to say."""
        self.p.stdin.close()
        status = self.p.wait(timeout=60)
        drivers.remove(self)
        return status

    def kill(self):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()


MAJOR = int(re.search(r"\) (\d+)", run(BIN + "/postgres", "--version")).group(1))
tests = []


def test(fn):
    tests.append(fn)
    return fn


def ms(answer):
    return answer["us"] / 1000


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


class World:
    """a: primary; b: standby of a. Made once, moved on by the tests in order."""

    def __init__(self):
        self.a = Server("a").init()
        self.da = Driver(self.a)
        self.b = Server("b")


# ---- one server ----------------------------------------------------------------------------------


@test
def stopped_is_seen_without_a_server(w):
    seen = w.da.look()
    assert seen["role"] == "stopped", seen
    assert seen["control_state"] == "shut down" and seen["control_tli"] == 1, seen
    control = w.a.control()
    if control:
        assert seen["sysid"] == control["Database system identifier"], seen
        assert seen["control_checkpoint"] == control["Latest checkpoint location"], seen


@test
def start_waits_until_it_accepts(w):
    answer = w.da.do("start 20000")
    assert w.a.sql("SELECT 1") == "1"
    print(f"# start: {ms(answer):.0f} ms")
    assert w.da.do("start 20000")["us"] < 1000000  # running: done at once


@test
def look_at_a_primary(w):
    w.a.sql("CREATE TABLE t (n int)")
    w.a.sql("INSERT INTO t VALUES (1)")
    seen = w.da.look()
    assert seen["role"] == "primary" and seen["tli"] == 1, seen
    assert seen["version"] // 10000 == MAJOR, seen
    assert seen["rewindable"] and seen["problem"] == "", seen
    assert seen["control_state"] == "in production", seen
    assert seen["conninfo_hosts"] == "old.example,10.9.9.9", seen
    assert not seen["standby_signal"] and seen["free_bytes"] > 0 and seen["max_wal_senders"] == 8, seen
    times = sorted(ms(w.da.do("look 5000")) for _ in range(20))
    print(f"# look, connected: median {times[10]:.2f} ms, most {times[-1]:.2f} ms")


@test
def looks_share_round_trips_and_idling_costs_nothing(w):
    w.a.sql("ALTER SYSTEM SET log_statement = 'all'")
    w.a.sql("SELECT pg_reload_conf()")
    assert until(lambda: w.a.sql("SHOW log_statement") == "all")
    w.da.look()
    before = len(w.a.statements("pgtandem-agent"))
    w.da.do("looks 50 5000")
    after = len(w.a.statements("pgtandem-agent"))
    assert 1 <= after - before <= 2, (before, after)
    w.da.do("run 1500")
    assert len(w.a.statements("pgtandem-agent")) == after
    w.a.sql("ALTER SYSTEM RESET log_statement")
    w.a.sql("SELECT pg_reload_conf()")


@test
def a_clean_stop_with_clients_connected(w):
    busy = w.a.session("BEGIN; INSERT INTO t VALUES (2);")
    w.da.look()
    before = w.a.pid()
    answer = w.da.do("stop fast 20000")
    assert not os.path.exists(f"/proc/{before}") or w.a.pid() == 0
    control = w.a.control()
    assert not control or control["Database cluster state"] == "shut down", control
    assert w.da.do("files")["result"]["role"] == "stopped"
    print(f"# stop with a client in a transaction: {ms(answer):.1f} ms")
    busy.kill()
    busy.wait()
    assert w.da.do("stop fast 20000")["us"] < 1000000  # stopped already


@test
def stop_against_pg_ctl(w):
    ours, theirs = [], []
    for _ in range(5):
        w.da.do("start 20000")
        w.da.look()
        w.a.sql("INSERT INTO t SELECT generate_series(1, 1000)")
        w.a.sql("CHECKPOINT")
        ours.append(ms(w.da.do("stop fast 20000")))
        w.da.do("start 20000")
        w.a.sql("INSERT INTO t SELECT generate_series(1, 1000)")
        w.a.sql("CHECKPOINT")
        begin = time.monotonic()
        run(BIN + "/pg_ctl", "stop", "-m", "fast", "-w", "-D", w.a.data)
        theirs.append((time.monotonic() - begin) * 1000)
    ours.sort(), theirs.sort()
    print(f"# stop: median {ours[2]:.1f} ms ({ours[0]:.1f}-{ours[4]:.1f}); "
          f"pg_ctl stop: {theirs[2]:.1f} ms ({theirs[0]:.1f}-{theirs[4]:.1f})")


@test
def a_failed_start_tells_the_end_of_the_log(w):
    w.a.configure("shared_preload_libraries = 'no_such_library'")
    answer = w.da.ask("start 10000")
    assert not answer["ok"] and "no_such_library" in answer["msg"], answer
    assert answer["us"] < 5000000, answer
    w.a.configured.pop()
    w.a.configure()
    assert w.da.look()["role"] == "stopped"


@test
def a_start_that_is_not_ready_in_time_says_so(w):
    w.a.write("recovery.signal", "")
    w.a.configure("restore_command = 'sleep 30'")
    answer = w.da.ask("start 1500")
    assert not answer["ok"] and answer["code"] == "timeout", answer
    seen = w.da.look(2000)
    assert seen["role"] in ("starting", "unknown") and seen["recovery_signal"], seen
    w.da.do("stop immediate 20000")
    os.unlink(w.a.path("recovery.signal"))
    w.a.configured.pop()
    w.a.configure()


@test
def a_signal_file_is_made_in_place_and_keeps_it_read_only(w):
    w.da.do("signal create")
    w.da.do("signal create")
    assert "next: pgtandem status" in w.a.read("standby.signal")
    assert w.a.read("standby.signal").count("fenced") == 1
    st = os.stat(w.a.path("standby.signal"))
    assert st.st_uid == os.stat(w.a.data).st_uid and st.st_mode & 0o777 == 0o600
    w.da.do("start 20000")
    assert w.a.sql("SELECT pg_is_in_recovery()") == "t"
    seen = w.da.look()
    assert seen["role"] == "standby" and seen["standby_signal"] and seen["tli"] == 1, seen
    w.da.do("stop fast 20000")
    assert w.da.look()["control_state"] == "shut down in recovery"
    w.da.do("signal remove")
    w.da.do("signal remove")
    w.b.copy_from(w.a)
    w.da.do("start 20000")
    assert w.a.sql("SELECT pg_is_in_recovery()") == "f"


# ---- two and three servers -----------------------------------------------------------------------


@test
def slots_are_made_and_dropped(w):
    w.da.do("slots b,c,d - 5000")
    w.da.do("slots b,c,d - 5000")
    assert w.a.sql("SELECT string_agg(slot_name, ',' ORDER BY slot_name) FROM pg_replication_slots"
                   " WHERE restart_lsn IS NOT NULL") == "b,c,d"
    w.da.do("slots b,c d 5000")
    w.da.do("slots - e,f 5000")
    assert w.a.sql("SELECT string_agg(slot_name, ',' ORDER BY slot_name) FROM pg_replication_slots") == "b,c"
    answer = w.da.ask("slots b'x - 5000")
    assert not answer["ok"] and answer["code"] == "invalid", answer
    seen = w.da.look()
    assert [(s["name"], s["active"], s["physical"]) for s in seen["slots"]] == [
        ("b", False, True), ("c", False, True)], seen


@test
def follow_while_stopped_edits_postgresql_auto_conf(w):
    w.b.write("postgresql.auto.conf", "# kept\nwork_mem = '5MB'\nPrimary_Conninfo 'host=x'\n"
              "primary_slot_name = 'old'")
    w.db = Driver(w.b, replication_options="sslmode=prefer options='-c work_mem=1MB'")
    w.db.do(f"follow a 127.0.0.1 {w.a.port} b 5000")
    text = w.b.read("postgresql.auto.conf")
    assert text.startswith("# kept\nwork_mem = '5MB'\nprimary_conninfo = 'host=127.0.0.1 port="), text
    assert "host=x" not in text and "'old'" not in text and "primary_slot_name = 'b'\n" in text, text
    w.db.do("signal create")
    w.db.do("start 20000")
    assert until(lambda: w.a.sql("SELECT state FROM pg_stat_replication") == "streaming")
    assert "application_name=b" in w.b.sql("SHOW primary_conninfo"), w.b.sql("SHOW primary_conninfo")


@test
def look_at_both_ends_of_a_stream(w):
    w.a.sql("INSERT INTO t VALUES (3)")
    assert until(lambda: w.db.look()["replay_lsn"] == w.da.look()["flush_lsn"])
    b, a = w.db.look(), w.da.look()
    assert b["role"] == "standby" and b["receiver_status"] == "streaming" and b["tli"] == 1, b
    assert b["receiver_host"] == "127.0.0.1" and b["receiver_port"] == w.a.port, b
    assert b["receiver_slot"] == "b" and b["timeline_target"] == "latest", b
    assert b["receive_lsn"] == b["replay_lsn"] == a["flush_lsn"] == a["insert_lsn"], (a, b)
    assert b["replay_delay_ms"] >= 0 and not b["replay_paused"], b
    assert b["conninfo_hosts"] == "127.0.0.1", b  # what more.conf says is overridden
    assert [(s["application"], s["address"], s["state"]) for s in a["senders"]] == [
        ("b", "127.0.0.1", "streaming")], a
    assert a["wal_senders_used"] == 1 and a["slots"][0]["active"], a
    assert a["sysid"] == b["sysid"], (a, b)


@test
def delay_and_pause_are_seen(w):
    w.b.sql("ALTER SYSTEM SET recovery_min_apply_delay = '90s'")
    w.b.sql("SELECT pg_reload_conf(), pg_wal_replay_pause()")
    assert until(lambda: w.db.look()["apply_delay_ms"] == 90000)
    assert w.db.look()["replay_paused"]
    w.b.sql("ALTER SYSTEM SET recovery_min_apply_delay = '250ms'")
    w.b.sql("SELECT pg_reload_conf(), pg_wal_replay_resume()")
    assert until(lambda: w.db.look()["apply_delay_ms"] == 250)
    w.b.sql("ALTER SYSTEM RESET recovery_min_apply_delay")
    w.b.sql("SELECT pg_reload_conf()")


@test
def detach_drains_and_follow_attaches_again(w):
    w.b.sql("SELECT pg_wal_replay_pause()")
    w.a.sql("INSERT INTO t SELECT generate_series(1, 20000)")
    flushed = w.a.sql("SELECT pg_current_wal_flush_lsn()")
    assert until(lambda: w.b.sql("SELECT pg_last_wal_receive_lsn() >= '%s'" % flushed) == "t")
    if MAJOR >= 13:  # before that detach means a restart, which ends the pause
        answer = w.db.ask("detach 1500")
        assert not answer["ok"] and "replayed up to" in answer["msg"], answer
        assert "pg_wal_replay_resume" in answer["hint"], answer
        w.b.sql("SELECT pg_wal_replay_resume()")
    pid = w.b.pid()
    answer = w.db.do("detach 20000")
    print(f"# detach: {ms(answer):.0f} ms")
    assert w.b.sql(f"SELECT pg_last_wal_replay_lsn() >= '{flushed}'") == "t"
    assert w.b.sql("SELECT count(*) FROM pg_stat_wal_receiver") == "0"
    seen = w.db.look()
    assert seen["receiver_status"] == "" and seen["role"] == "standby", seen
    answer = w.db.do(f"follow a 127.0.0.1 {w.a.port} b 20000")
    print(f"# follow: {ms(answer):.0f} ms")
    assert until(lambda: w.db.look()["receiver_status"] == "streaming")
    assert MAJOR < 13 or w.b.pid() == pid, "it was restarted"


@test
def follow_switches_the_upstream_without_a_restart(w):
    w.db.do("stop fast 20000")
    w.c = Server("c").copy_from(w.b)
    w.dc = Driver(w.c)
    w.db.do("start 20000")
    w.dc.do(f"follow a 127.0.0.1 {w.a.port} c 5000")
    w.dc.do("signal create")
    w.dc.do("start 20000")
    assert until(lambda: w.dc.look()["receiver_status"] == "streaming")
    w.db.do("slots c - 5000")  # on a standby too
    pid = w.c.pid()
    w.dc.do(f"follow b 127.0.0.1 {w.b.port} c 20000")
    assert until(lambda: w.dc.look()["receiver_port"] == w.b.port)
    assert MAJOR < 13 or w.c.pid() == pid, "it was restarted"
    w.a.sql("INSERT INTO t VALUES (4)")
    target = w.a.sql("SELECT pg_current_wal_flush_lsn()")
    assert until(lambda: w.c.sql(f"SELECT pg_last_wal_replay_lsn() >= '{target}'") == "t")
    w.dc.do(f"follow a 127.0.0.1 {w.a.port} c 20000")
    w.db.do("slots - c 5000")


@test
def a_setting_on_the_command_line_is_noticed(w):
    w.dc.do("stop fast 20000")
    subprocess.Popen([*AS, BIN + "/postgres", "-D", w.c.data, "-c", "primary_conninfo=host=127.0.0.1"
                      f" port={w.a.port} user=postgres"], env=ENV, stdout=subprocess.DEVNULL,
                     stderr=subprocess.DEVNULL, cwd=w.c.home)
    assert until(lambda: w.dc.look()["role"] == "standby")
    if MAJOR >= 13:  # before that detach means a restart, which ends the command line
        answer = w.dc.ask("detach 1500")
        assert not answer["ok"] and "command line" in answer["msg"], answer
    w.dc.do("stop fast 20000")
    w.dc.do(f"follow a 127.0.0.1 {w.a.port} c 5000")
    w.dc.do("start 20000")
    assert until(lambda: w.dc.look()["receiver_status"] == "streaming")


@test
def checkpoint(w):
    w.a.sql("INSERT INTO t VALUES (5)")
    before = w.da.look()["control_checkpoint"]
    w.da.do("checkpoint 20000")
    assert w.da.look()["control_checkpoint"] != before


@test
def marks_are_committed(w):
    before = w.a.sql("SELECT pg_current_wal_lsn()")
    w.da.do("mark 0123456789abcdef local 5000")
    w.da.do("mark 0123456789abcdef sync 5000")
    assert w.a.sql(f"SELECT pg_current_wal_lsn() > '{before}'") == "t"
    answer = w.db.ask("mark 0123456789abcdef local 5000")
    assert not answer["ok"], answer  # a standby refuses


@test
def a_mark_is_bounded_where_the_synchronous_standby_is_missing(w):
    w.a.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    w.a.sql("SELECT pg_reload_conf()")
    try:
        assert until(lambda: w.da.look()["sync_standby_names"] == "nobody")
        w.da.do("mark 0123456789abcdef local 5000")
        answers = []  # until the checkpointer has taken it over too, a commit waits for nobody
        assert until(lambda: not answers.append(w.da.ask("mark 0123456789abcdef sync 700"))
                     and not answers[-1]["ok"])
        answer = answers[-1]
        assert answer["code"] == "timeout", answer
        assert "no synchronous standby" in answer["msg"] and 600 < ms(answer) < 2500, answer
        # nobody is left behind waiting, and the connection still serves
        assert w.a.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") == "0"
        w.da.do("mark 0123456789abcdef local 5000")
    finally:
        w.a.sql("ALTER SYSTEM RESET synchronous_standby_names")
        w.a.sql("SELECT pg_reload_conf()")


@test
def a_hung_server_costs_no_more_than_the_timeout(w):
    fresh = Driver(w.a)
    os.kill(w.a.pid(), signal.SIGSTOP)
    try:
        answer = fresh.do("look 800")
        assert answer["result"]["role"] == "unknown" and answer["result"]["problem"], answer
        assert 700 < ms(answer) < 1500, answer
        again = fresh.do("look 300")
        assert again["result"]["role"] == "unknown" and ms(again) < 900, again
        assert w.da.look()["role"] == "primary"  # its backend lives
        probed = w.db.do(f"probe 127.0.0.1 {w.a.port} 700")["result"]
        assert probed["port_open"] and not probed["connected"] and probed["problem"], probed
    finally:
        os.kill(w.a.pid(), signal.SIGCONT)
    assert until(lambda: fresh.look()["role"] == "primary")
    assert fresh.end() == 0


class SlowRelay:
    """A socket directory of a server whose connections answer late, each for itself: as on a host
    that is so busy that a new backend needs a second to begin, and another for its first statement."""

    def __init__(self, server, late_s, answers):
        self.home = work + "/slow"
        os.makedirs(self.home, exist_ok=True)
        self.port, self.late_s, self.answers, self.opened = server.port, late_s, answers, 0
        self.behind = f"{server.home}/.s.PGSQL.{server.port}"
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(f"{self.home}/.s.PGSQL.{server.port}")
        self.listening.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listening.accept()[0]
            except OSError:
                return
            self.opened += 1
            there = socket.socket(socket.AF_UNIX)
            there.connect(self.behind)
            for one, two, late in (client, there, 0), (there, client, self.late_s):
                threading.Thread(target=self.carry, args=(one, two, late), daemon=True).start()

    def carry(self, one, two, late_s):
        late = self.answers  # so many of its answers are late: the greeting, the first statements
        try:
            while data := one.recv(65536):
                if late_s and late:
                    time.sleep(late_s)  # the machine is slow
                    late -= 1
                two.sendall(data)
        except OSError:
            pass
        for end in (one, two):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listening.close()
        shutil.rmtree(self.home)


@test
def a_busy_host_is_slow_to_answer_but_is_heard(w):
    """No single look is long enough for a new connection and its first answer, but they go on."""
    relay = SlowRelay(w.a, 0.5, 3)
    os.chmod(relay.home + f"/.s.PGSQL.{w.a.port}", 0o777)
    driver = Driver(w.a, socket_directory=relay.home)
    try:
        looks = [driver.look(400) for _ in range(8)]
        assert looks[0]["role"] == "unknown" and looks[-1]["role"] == "primary", (relay.opened, [(k["role"], k["problem"]) for k in looks])
        assert relay.opened <= 2, relay.opened  # one that looks, one that would act
    finally:
        relay.close()
        driver.end()


@test
def a_hung_backend_costs_no_more_than_the_timeout(w):
    w.da.look()
    backends = [int(p) for p in w.a.sql("SELECT pid FROM pg_stat_activity WHERE application_name ="
                                        " 'pgtandem-agent' AND backend_type = 'client backend'").split()]
    assert backends
    for pid in backends:
        os.kill(pid, signal.SIGSTOP)
    try:
        answer = w.da.do("look 500")
        assert answer["result"]["role"] == "unknown" and ms(answer) < 1500, answer
        assert w.da.look()["role"] == "primary"  # over a new connection
        answer = w.da.ask("checkpoint 500")
        assert not answer["ok"] and answer["code"] == "timeout" and ms(answer) < 4500, answer
    finally:
        for pid in backends:
            os.kill(pid, signal.SIGCONT)
    w.da.do("checkpoint 20000")


@test
def a_detach_after_the_sender_died_drains_as_far_as_it_goes(w):
    """The sender dies under load, mostly within a record, whose rest never comes."""
    torn = 0
    for _ in range(3):
        assert until(lambda: w.db.look()["receiver_status"] == "streaming")
        assert not w.db.look()["drained"]
        load = w.a.session("SELECT 1;")
        load.stdin.write("INSERT INTO t2 SELECT repeat('x', 1500) FROM generate_series(1, 200000);\n"
                         if w.a.sql("SELECT to_regclass('t2')") else
                         "CREATE TABLE t2 (x text); INSERT INTO t2 SELECT repeat('x', 1500)"
                         " FROM generate_series(1, 200000);\n")
        load.stdin.flush()
        time.sleep(0.4)
        w.da.do("stop immediate 20000")
        load.kill()
        load.wait()
        answer = w.db.do("detach 20000")
        assert until(lambda: w.db.look()["drained"], 10)  # so what is torn is no WAL of its own
        received, replayed = w.b.sql("SELECT pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()").split("|")
        torn += received != replayed
        print(f"# detach after the sender died: {ms(answer):.0f} ms, received {received}, replayed {replayed}")
        w.da.do("start 60000")
        w.db.do(f"follow a 127.0.0.1 {w.a.port} b 20000")
    w.a.sql("DROP TABLE IF EXISTS t2")
    for driver in (w.db, w.dc):
        assert until(lambda: driver.look()["receiver_status"] == "streaming", 60)
        assert until(lambda: driver.look()["replay_lsn"] == w.da.look()["flush_lsn"], 60)


@test
def probes(w):
    seen = w.db.do(f"probe 127.0.0.1 {w.a.port} 2000")["result"]
    assert seen["writable"] and seen["connected"] and not seen["in_recovery"], seen
    assert seen["sysid"] == w.da.look()["sysid"] and seen["problem"] == "", seen
    seen = w.da.do(f"probe 127.0.0.1 {w.b.port} 2000")["result"]
    assert seen["connected"] and seen["in_recovery"] and not seen["writable"], seen
    seen = w.da.do(f"probe 127.0.0.1 {free_port()} 2000")["result"]
    assert not seen["port_open"] and not seen["connected"] and seen["problem"], seen
    hba = w.a.read("pg_hba.conf")
    w.a.write("pg_hba.conf", "local all all trust\nhost all postgres 127.0.0.1/32 trust\n")
    w.a.sql("SELECT pg_reload_conf()")
    time.sleep(0.2)
    seen = w.db.do(f"probe 127.0.0.1 {w.a.port} 2000")["result"]
    assert seen["connected"] and seen["writable"], seen  # as the agent's role
    w.a.write("pg_hba.conf", "local all all trust\n")
    w.a.sql("SELECT pg_reload_conf()")
    time.sleep(0.2)
    seen = w.db.do(f"probe 127.0.0.1 {w.a.port} 2000")["result"]
    assert seen["port_open"] and not seen["connected"] and "pg_hba" in seen["problem"], seen
    w.a.write("pg_hba.conf", hba)
    w.a.sql("SELECT pg_reload_conf()")


@test
def another_server_on_our_socket_is_not_taken_for_ours(w):
    stranger = Driver(w.a)
    stranger.kill()
    drivers.remove(stranger)
    confused = Server("confused")
    run("cp", "-a", w.c.data, confused.data)
    os.unlink(confused.path("postmaster.pid"))
    confused.port, confused.home = w.c.port, w.c.home
    d = Driver(confused)
    seen = d.look()
    assert seen["role"] == "unknown" and "data directory" in seen["problem"], seen
    assert d.end() == 0


# ---- the handover --------------------------------------------------------------------------------


@test
def stop_while_the_archiver_still_works_is_not_taken_for_stopped(w):
    w.a.configure("archive_mode = on", "archive_command = 'sleep 5'")
    w.da.do("restart 30000")
    w.a.sql("INSERT INTO t VALUES (6)")
    w.a.sql("SELECT pg_switch_wal()")
    pid = w.a.pid()
    answer = w.da.ask("stop fast 500")
    assert not answer["ok"] and answer["code"] == "timeout", answer
    assert w.a.pid() == pid
    seen = w.da.do("files")["result"]
    assert seen["role"] == "starting" and seen["stopping"], seen  # a postmaster is there
    assert until(lambda: "archive_command, which has been running for"
                 in w.da.do("files")["result"]["problem"]), w.da.do("files")
    answer = w.da.do("stop fast 30000")
    assert not w.a.pid()
    w.a.configured[-2:] = []
    w.a.configure()
    w.da.do("start 20000")


@test
def promote_after_a_clean_stop(w):
    assert until(lambda: w.db.look()["receiver_status"] == "streaming")
    w.a.sql("INSERT INTO t VALUES (7)")
    w.da.do("checkpoint 20000")
    w.da.look(), w.db.look()
    stop = w.da.do("stop fast 20000")
    w.da.do("signal create")
    shutdown = w.da.do("files")["result"]
    assert shutdown["control_state"] == "shut down", shutdown
    # the proof: replayed strictly past the start of the shutdown checkpoint
    assert until(lambda: w.b.sql("SELECT pg_last_wal_replay_lsn() > '%s'"
                                 % shutdown["control_checkpoint"]) == "t")
    w.db.look()
    promote = w.db.do("promote 20000")
    assert w.b.sql("SELECT pg_is_in_recovery()") == "f"
    print(f"# stop {ms(stop):.1f} ms, promote {ms(promote):.1f} ms")
    assert not w.b.exists("standby.signal") and not w.b.exists("promote")
    w.db.do("mark 0123456789abcdef local 5000")
    seen = w.db.look()
    assert seen["role"] == "primary" and seen["tli"] == 2 and seen["newest_history_tli"] == 2, seen
    assert [h["tli"] for h in seen["history"]] == [1], seen
    w.db.do("promote 20000")  # once more equals once
    w.db.do("checkpoint 20000")
    assert w.db.look()["control_tli"] == 2
    w.db.do("slots a,c - 5000")


@test
def the_replayed_timeline_is_known_before_any_restartpoint(w):
    assert w.dc.look()["tli"] == 1
    w.dc.do(f"follow b 127.0.0.1 {w.b.port} c 20000")
    w.b.sql("INSERT INTO t VALUES (-8)")
    assert until(lambda: w.dc.look()["tli"] == 2)
    seen = w.dc.look()
    assert seen["control_tli"] == 1 and [h["tli"] for h in seen["history"]] == [1], seen
    w.dc.do("detach 20000")  # and also without a walreceiver, and for an agent that just started
    fresh = Driver(w.c)
    assert fresh.look()["tli"] == 2
    assert fresh.end() == 0
    w.dc.do(f"follow b 127.0.0.1 {w.b.port} c 20000")


@test
def the_old_primary_comes_back_as_a_standby(w):
    w.da.do(f"follow b 127.0.0.1 {w.b.port} a 5000")
    w.da.do("start 20000")
    assert until(lambda: w.da.look()["receiver_status"] == "streaming"), w.da.look()
    assert until(lambda: w.da.look()["tli"] == 2), w.da.look()
    assert until(lambda: w.a.sql("SELECT count(*) FROM t WHERE n = -8") == "1")


@test
def promotion_latency(w):
    """Each round promotes c anew from the same copy."""
    w.dc.do("detach 20000")
    w.dc.do("stop fast 20000")
    kept = w.c.data + ".kept"
    run("cp", "-a", w.c.data, kept)
    ours, theirs = [], []
    for i in range(6):
        w.dc.do("start 20000")
        w.dc.look()
        if i % 2 == 0:
            ours.append(ms(w.dc.do("promote 20000")))
        else:
            begin = time.monotonic()
            run(BIN + "/pg_ctl", "promote", "-w", "-D", w.c.data)
            theirs.append((time.monotonic() - begin) * 1000)
        w.dc.do("stop immediate 20000")
        shutil.rmtree(w.c.data)
        run("cp", "-a", kept, w.c.data)
    shutil.rmtree(kept)
    ours.sort(), theirs.sort()
    print(f"# promote: median {ours[1]:.1f} ms ({ours[0]:.1f}-{ours[2]:.1f}); "
          f"pg_ctl promote: {theirs[1]:.1f} ms ({theirs[0]:.1f}-{theirs[2]:.1f})")


@test
def what_is_not_permitted_says_what_to_grant_but_a_promotion_has_a_second_way(w):
    role = "tandem"
    w.b.sql(f"CREATE ROLE {role} LOGIN REPLICATION IN ROLE pg_monitor")
    w.dc.do("start 20000")
    w.dc.do(f"follow b 127.0.0.1 {w.b.port} c 20000")
    assert until(lambda: w.c.sql(f"SELECT count(*) FROM pg_roles WHERE rolname = '{role}'") == "1")
    d = Driver(w.c, user=role)
    seen = d.look()
    assert seen["role"] == "standby" and seen["problem"] == "", seen
    assert seen["receiver_port"] == w.b.port, seen
    answer = d.ask("detach 5000")
    assert not answer["ok"] and "GRANT ALTER SYSTEM" in answer["hint"], answer
    if MAJOR >= 15:
        w.b.sql(f"GRANT ALTER SYSTEM ON PARAMETER primary_conninfo, primary_slot_name TO {role};"
                f"GRANT EXECUTE ON FUNCTION pg_reload_conf() TO {role};"
                f"GRANT pg_checkpoint TO {role}")
        assert until(lambda: d.ask("detach 5000")["ok"])
        d.do("checkpoint 5000")
        d.do("slots x - 5000")
        d.do("slots - x 5000")
        d.do("promote 10000")  # pg_promote() is not granted: by its signal file
        d.do("mark 0123456789abcdef local 5000")
        seen = d.look()
        assert seen["role"] == "primary" and seen["tli"] == 3 and seen["problem"] == "", seen
    assert d.end() == 0


@test
def a_killed_postmaster_is_stopped_but_not_cleanly(w):
    busy = w.b.session("SELECT 1;")
    pid = w.b.pid()
    os.kill(pid, signal.SIGKILL)
    assert until(lambda: not os.path.exists(f"/proc/{pid}") or w.db.look()["role"] == "stopped")
    w.db.do("run 50")
    seen = w.db.look()
    assert seen["role"] == "stopped" and seen["control_state"] == "in production", seen
    w.db.do("stop fast 20000")  # nothing is left to stop
    busy.kill()
    busy.wait()
    w.db.do("start 30000")
    assert w.db.look()["role"] == "primary"


@test
def a_connection_that_was_cut_opens_again(w):
    w.db.look()
    w.b.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'pgtandem-agent'")
    assert w.db.look()["role"] in ("primary", "unknown")  # it may meet the end of the connection
    assert until(lambda: w.db.look()["role"] == "primary"), w.db.look()
    w.db.do("run 20")
    w.b.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'pgtandem-agent'")
    w.db.do("run 20")
    assert until(lambda: w.db.look()["role"] == "primary"), w.db.look()


@test
def immediate_stop(w):
    answer = w.db.do("stop immediate 20000")
    print(f"# immediate stop: {ms(answer):.1f} ms")
    assert w.db.look()["role"] == "stopped" and not w.b.pid()


@test
def configured_commands_are_used(w):
    ctl = f"{BIN}/pg_ctl -D {w.b.data} -w"
    d = Driver(w.b, start_command=f"{ctl} -l {w.b.log} start", stop_command=f"{ctl} stop -m fast",
               reload_command=f"{BIN}/pg_ctl -D {w.b.data} reload")
    d.do("start 30000")
    assert w.b.sql("SELECT 1") == "1"
    pid = w.b.pid()
    d.do("restart 30000")
    assert w.b.pid() not in (0, pid)
    d.do("stop fast 20000")
    assert not w.b.pid()
    assert d.end() == 0
    d = Driver(w.b, start_command="/bin/false", stop_command="/no/such/program")
    answer = d.ask("start 5000")
    assert not answer["ok"] and "command failed" in answer["msg"], answer
    w.db.do("start 20000")
    answer = d.ask("stop fast 5000")
    assert not answer["ok"] and "cannot be started" in answer["msg"], answer
    assert w.b.pid()
    assert d.ask("stop immediate 20000")["ok"] and not w.b.pid()  # nothing broken keeps it writable
    assert d.end() == 0


@test
def a_service_manager_that_does_not_own_it_is_no_obstacle(w):
    w.db.do("start 20000")
    d = Driver(w.b, start_command="/bin/false", stop_command="/bin/true")  # its unit is down
    answer = d.do("stop fast 20000")
    print(f"# by signal after all: {ms(answer):.0f} ms")
    assert not w.b.pid() and d.look()["control_state"] == "shut down"
    assert d.end() == 0
    w.db.do("start 20000")


@test
def the_drivers_end_in_order_and_servers_live_on(w):
    assert w.da.end() == 0 and w.db.end() == 0 and w.dc.end() == 0
    assert w.b.pid() and w.b.sql("SELECT 1") == "1"


def main():
    started = time.monotonic()
    world = World()
    failures = 0
    for t in tests:
        name = t.__name__.replace("_", " ")
        try:
            t(world)
            print(f"ok - postgres: {name}", flush=True)
        except (AssertionError, RuntimeError, subprocess.SubprocessError, OSError, KeyError) as e:
            failures += 1
            line = traceback.extract_tb(e.__traceback__)[1].lineno
            reason = f"line {line}: {str(e) or type(e).__name__}".replace("\n", " ")[:900]
            print(f"not ok - postgres: {name}: {reason}", flush=True)
    print(f"# PostgreSQL {MAJOR}, {time.monotonic() - started:.1f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
