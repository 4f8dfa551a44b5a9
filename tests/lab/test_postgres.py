#!/usr/bin/env python3
"""agent/postgres.h against a real PostgreSQL: a primary and standbys of our own, driven through
tests/lab/postgres/pg_driver. TAP on standard output, measurements as comments.

Servers under /var/tmp, on Unix sockets and high ports of 127.0.0.1; as root everything runs as the
user postgres. PG_BIN=DIR chooses the server's programs, KEEP=1 leaves the directory. What is true is
judged by psql-like reads of our own (pg_controldata, files, a session through psql), not by the driver.
"""
import atexit
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
import time

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

work = tempfile.mkdtemp(prefix="pgtandem-pg-", dir="/var/tmp")
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
    if os.environ.get("KEEP") != "1":
        shutil.rmtree(work, ignore_errors=True)
    else:
        print("# kept:", work)


atexit.register(cleanup)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda n, _: sys.exit(128 + n))


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
                       "include 'more.conf'", "shared_buffers = 16MB", "max_connections = 30")
        self.write("more.conf", "primary_conninfo = 'host=old.example,10.9.9.9 user=''x'''  # unused\n")
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

    def control(self):
        if not shutil.which(BIN + "/pg_controldata"):
            return {}
        out = run(BIN + "/pg_controldata", "-D", self.data)
        return dict(re.split(r":\s+", line, maxsplit=1) for line in out.splitlines() if re.search(r":\s", line))


class Driver:
    def __init__(self, server, **extra):
        settings = dict(data_directory=server.data, bin_directory=BIN, socket_directory=server.home,
                        port=server.port, address="127.0.0.1", replication_user="postgres",
                        log_file=server.log, **extra)
        self.p = subprocess.Popen([*AS, *WRAP, DRIVER, server.name,
                                   *(f"{k}={v}" for k, v in settings.items())], env=ENV, cwd=work,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        drivers.append(self)

    def send(self, command):
        self.p.stdin.write(command + "\n")
        self.p.stdin.flush()

    def receive(self, timeout=100):
        if not select.select([self.p.stdout], [], [], timeout)[0]:
            raise RuntimeError("the driver does not answer")
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
            reason = str(e).replace("\n", " ")[:900] or type(e).__name__
            print(f"not ok - postgres: {name}: {reason}", flush=True)
    print(f"# PostgreSQL {MAJOR}, {time.monotonic() - started:.1f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
