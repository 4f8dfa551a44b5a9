#!/usr/bin/env python3
"""Every command of pgtandem and pgtandem-agent that README or docs show is run once, on a lab, and ends as it
should. docs/installing.md is typed by test_adopt and docs/three-in-the-morning.md by test_incidents, from the pages
themselves; the rest is TYPED here, in an order in which one lab bears it. A command on a page that is nowhere
of these fails the first test, and so does one here that is on no page any more.

Two commands are the same if they differ in blanks, --reason and --yes only; NODE, W and A stand for some node.
A verb alone (`pgtandem resume`) is a name: some command of that verb has to be run.
"""
import glob
import os
import re
import shlex
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import test_docs  # noqa: E402 pylint: disable=C0413
from labkit import tap  # noqa: E402 pylint: disable=C0413
from labkit.scene import check, wait  # noqa: E402 pylint: disable=C0413

PAGES = ["README.md", *sorted(glob.glob("docs/*.md"))]  # test_docs has gone to the top directory
READ_BY_OTHERS = {"docs/installing.md": "test_adopt", "docs/three-in-the-morning.md": "test_incidents"}
ASKING = ("switchover", "failover", "resume", "abort", "fence", "unfence", "rejoin", "cron sync")

# (command, exit status, host or None: ctl); a function is what has to be done in between
TYPED = (
    ("pgtandem version", 0), ("pgtandem checks", 0), ("pgtandem config check", 0),
    ("pgtandem config sample", 0), ("pgtandem status", 0), ("pgtandem topology", 0),
    ("pgtandem dns show", 0), ("pgtandem dns verify", 0), ("pgtandem cron show", 0),
    ("pgtandem cron diff", 0), ("pgtandem cron sync", 0), ("pgtandem status -w 2", "goes on"),
    ("pgtandem-agent config check", 0), ("pgtandem-agent status", 0), ("pgtandem-agent guard", 0),
    ("pgtandem-agent inspect", 0),
    ("pgtandem preflight --to db01", 0), ("pgtandem plan --to db01", 0),
    ("pgtandem plan --to vm --failover", (0, 2)),  # 2: db02 lives
    ("pgtandem switchover --to db01 --dry-run", 0),
    ("pgtandem plan --to db01 --save /root/move.plan", 0),
    ("pgtandem switchover --plan /root/move.plan", 0),
    ("pgtandem history", 0), ("pgtandem show", 0), ("pgtandem show -w", 0),
    ("pgtandem report -o move.html", 0), ("pgtandem audit verify", 0),
    ("pgtandem resume", 0), ("pgtandem abort", 0),
    ("back", "db02"),
    ("pgtandem fence vm", 0), ("pgtandem rejoin vm", 0),
    ("fence", "db02"), ("pgtandem unfence db02", 0), ("rest", "db02"),
    ("pgtandem switchover --to db01", 0),
    ("back", "db02"),
    ("crash", "db02"),
    ("pgtandem failover --to db01", 0),
    ("pgtandem rejoin db02", (0, 4)),  # 4: its WAL is not all the owner's
)

# not run as they stand there, and why
NOT_RUN = {
    "pgtandem dns set 'v=1 epoch=4 …' --accept-unfenced db02": "test_dns_faults, with a node cut off",
    "pgtandem preflight --to db01 --canary": "waits for cron's next minute: test_rehearse",
    "pgtandem switchover --to db01 --wait-jobs 600": "every switchover here has --wait-jobs",
    "pgtandem failover --to db01 --accept-unfenced db02": "test_incidents and test_failover, on a dead host",
    "pgtandem forget vm": "only of a node that does not respond: test_failover, on a dead host",
    "pgtandem failover --to vm": "the second failover of test_failover",
    "pgtandem dns set 'v=1 epoch=4 nonce=new state=stable owner=vm to=- from=- txn=ec6d931228c3a319"
    " sysid=7711160774877081610 tli=3 ttl=30 grade=- by=root@ctl'":
        "the values are those of some night: test_incidents types the one that dns show offers",
    "pgtandem VERB --help": "a form: test_screens asks each verb",
    "pgtandem unfence db02 --accept-unfenced vm": "of a held owner, DNS and vm silent: test_guard",
}


def normal(command):
    """What two commands are compared by."""
    command = test_docs.END.sub("", test_docs.END.sub("", command))
    command = re.sub(r"\s--reason\s+(?:\"[^\"]*\"|'[^']*'|\S+)|\s--yes\b|\s#.*$", "", command)
    command = re.sub(r"\b(rejoin|fence) (?:NODE|W|A)$", r"\1 vm", " ".join(command.split()))
    return re.sub(r"\bunfence NODE$", "unfence db02", command)


def verb_of(command):
    words = command.split()
    return " ".join(words[:3]) if words[1:2] and words[1] in test_docs.GROUPS else " ".join(words[:2])


def shown():
    """{normal command: where}; the pages that other tests type apart."""
    here, elsewhere = {}, {}
    for page in PAGES:
        for number, command in test_docs.commands(page):
            found = elsewhere if page in READ_BY_OTHERS else here
            found.setdefault(normal(command), f"{page}:{number}")
    return here, elsewhere


@tap.test("each command that the pages show is typed by some test")
def _(_s):
    here, elsewhere = shown()
    typed = {c for c, _ in TYPED if c.startswith("pgtandem")}
    verbs = {verb_of(c) for c in (*typed, *elsewhere)}
    missing = [f"{where}: {c}" for c, where in here.items()
               if c not in typed and c not in NOT_RUN and not (c == verb_of(c) and c in verbs)
               and len(c.split()) > 1]
    check(not missing, "nothing runs: %s", "; ".join(missing))
    stale = [c for c in (*NOT_RUN, *typed) if c not in here and c not in elsewhere]
    check(not stale, "on no page: %s", "; ".join(stale))
    check(len(here) > 40, "only %d commands were found", len(here))
    tap.say("%d commands, %d of them not run here", len(here), len(NOT_RUN))


def goes_on(s, argv):
    """A command that does not end: it shows something, and is ended."""
    child = s.popen("ctl", *argv)
    lines = [child.stdout.readline() for _ in range(6)]
    check(any("owner db02" in line for line in lines), "%s shows %s", argv, lines)
    s.kill_program(child)


def between(s, what, node):
    if what == "back":
        s.await_steady(s.alias())
        check(s.switchover(node).code == 0, "the role does not go back to %s", node)
        s.await_steady(node)
    elif what == "rest":
        s.await_steady(node)
    elif what == "fence":
        check(s.pgtandem("fence", node, "--yes", "--reason", "test").code == 0, "%s is not fenced", node)
    else:
        s.kill_process(node, "postmaster")
        wait(lambda: s.role(node) == "silent", 10, "PostgreSQL of %s is down" % node)


@tap.test("… and each of them does what it should", more=True)
def _(s):
    s.await_watch()
    for command, expected in TYPED:
        argv = shlex.split(command)
        if not command.startswith("pgtandem"):
            between(s, command, expected)
            continue
        if expected == "goes on":
            goes_on(s, argv)
            continue
        verb = verb_of(command).split(" ", 1)[1]
        if argv[0] == "pgtandem-agent":
            result = s.run("db02", *argv, user="postgres" if verb == "guard" else "root")
        else:
            more = ("--yes",) * (verb in ASKING) + ("--reason", "as shown") * (
                verb in ASKING and not verb.startswith("cron"))
            result = s.pgtandem(*argv[1:], *more)
        allowed = expected if isinstance(expected, tuple) else (expected,)
        check(result.code in allowed, "%s: exit %d: %s", command, result.code,
              (result.stdout + result.stderr)[-500:])


if __name__ == "__main__":
    sys.exit(tap.main("commands"))
