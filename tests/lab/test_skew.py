#!/usr/bin/env python3
"""An upgrade, with programs of protocol 2 that are built from this repository's own history: controllers and
agents of both ages in one cluster, in both orders. Prints TAP. Without git or its history it is skipped.
"""
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from labkit import hosts, services, tap  # noqa: E402 pylint: disable=C0413
from labkit.scene import check, wait  # noqa: E402 pylint: disable=C0413

# tests/run: more

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.realpath(os.environ.get("BUILD", os.path.join(TOP, "build")))
PROTOCOL_2 = "f18b107"  # the last commit before protocol 3
OLD = os.path.join(BUILD, "protocol-2")
BESIDE = services.SOFTWARE + "/beside/"  # the program of the other age


def build_old():
    """The two programs of PROTOCOL_2 in OLD, once."""
    if os.path.exists(OLD + "/pgtandem") and os.path.exists(OLD + "/pgtandem-agent"):
        return
    known = subprocess.run(["git", "-C", TOP, "cat-file", "-e", PROTOCOL_2 + "^{commit}"], check=False,
                           stderr=subprocess.DEVNULL) if shutil.which("git") else None
    if not known or known.returncode != 0:
        raise tap.Skip("no git history here that reaches commit " + PROTOCOL_2)
    with tempfile.TemporaryDirectory(prefix="pgtandem-skew-") as tree:
        archive = subprocess.run(["git", "-C", TOP, "archive", PROTOCOL_2], check=True,
                                 stdout=subprocess.PIPE).stdout
        subprocess.run(["tar", "-x", "-C", tree], input=archive, check=True)
        env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
        done = subprocess.run(["make", "-s", "-C", tree, "BUILD=" + OLD, "CFLAGS=-std=gnu11 -O0 -fPIE",
                               OLD + "/pgtandem", OLD + "/pgtandem-agent"], env=env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        check(done.returncode == 0, "protocol 2 cannot be built: %s", done.stdout[-800:])


def place(s, program, source, directory):
    path = s.lab.path("software", directory[1:], program)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    shutil.copy(os.path.join(source, program), path + ".new")
    os.rename(path + ".new", path)


def restart_agents(s):
    """Killed, and started again by the host's PID 1, from what is installed now."""
    for node in hosts.NODES:
        before = s.pids(node, "agent")
        s.kill_process(node, "agent")
        wait(lambda n=node, b=before: s.pids(n, "agent") and s.pids(n, "agent") != b, 10,
             "the agent of %s is back" % node)
    wait(lambda: s.run("ctl", "pgtandem", "status").code == 0, 20, "status finds no problem")


def beside(s, *argv):
    return s.remember("ctl", s.run("ctl", BESIDE + "pgtandem", *argv, timeout=90))


def moves(s, said, owner):
    check(said.code == 0, "the move to %s: exit %d: %s", owner, said.code,
          (said.stdout + said.stderr)[-900:])
    s.await_steady(owner)


def starts(s):
    return {n: s.value(n, "SELECT pg_postmaster_start_time()") for n in hosts.NODES}


MOVE = ("--yes", "--reason", "test", "--wait-jobs", "30")


@tap.test("skew: a new controller and agents of protocol 2: status, preflight, a switchover")
def _(s):
    place(s, "pgtandem", BUILD, BESIDE)
    said = beside(s, "status")
    check(said.code == 0, "status: exit %d: %s", said.code, said.stdout + said.stderr)
    check("speaks protocol 2, this program 3" in " ".join(said.stdout.split()),
          "status does not name the older agents: %s", said.stdout)
    said = beside(s, "preflight", "--to", "db01")
    check(said.code in (0, 10), "preflight: exit %d: %s", said.code, said.stdout + said.stderr)
    check("agent-version" in said.stdout and "BLOCK" not in said.stdout, "preflight: %s", said.stdout)
    moves(s, beside(s, "switchover", "--to", "db01", *MOVE), "db01")


@tap.test("skew: agents first: upgraded in place, with an older controller a switchover", owner="db01")
def _(s):
    before = starts(s)
    place(s, "pgtandem-agent", BUILD, services.SOFTWARE + "/bin")
    restart_agents(s)
    check(starts(s) == before, "PostgreSQL was restarted: %s was %s", starts(s), before)
    moves(s, s.pgtandem("switchover", "--to", "db02", *MOVE), "db02")


@tap.test("skew: controllers next: nothing older is named any more, the older journals are read")
def _(s):
    place(s, "pgtandem", BUILD, services.SOFTWARE + "/bin")
    said = s.pgtandem("status")
    check(said.code == 0 and "protocol 2" not in said.stdout, "status: %s", said.stdout + said.stderr)
    said = s.pgtandem("history")
    rows = [line for line in said.stdout.splitlines() if "switchover" in line]
    check(said.code == 0 and len(rows) == 2, "history: exit %d: %s", said.code,
          said.stdout + said.stderr)
    check(s.pgtandem("audit", "verify").code == 0, "audit verify")
    moves(s, s.switchover("db01"), "db01")


def main():
    try:
        build_old()
    except tap.Skip as why:
        print("ok - skew # SKIP %s" % why)
        return 0
    shutil.copytree(os.path.join(BUILD, "pages"), OLD + "/pages", dirs_exist_ok=True)  # to be installed
    os.environ["LAB_BUILD"] = OLD
    return tap.main("skew")


if __name__ == "__main__":
    sys.exit(main())
