#!/usr/bin/env python3
"""docs/three-in-the-morning.md, played: for each of its sections with a marker (<!-- lab: NAME -->) the fault
is produced from outside, `pgtandem status` has to show the words under "You see", what stands under "Type" is
typed as it stands there, and `status` has to come to what the first sentence behind "Then" promises.

Numbers, addresses and positions may be others than on the page. To what is typed only --yes and --reason are
added. What stands for what the lab does not have: `systemctl start X` lets the lab's own init start X.
"""
import os
import re
import shlex
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from labkit import files, hosts, points, scene, tap  # noqa: E402 pylint: disable=C0413
from labkit.scene import check, wait  # noqa: E402 pylint: disable=C0413

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = TOP + "/docs/three-in-the-morning.md"
ASKING = ("resume", "abort", "failover", "switchover", "rejoin", "dns set", "cron sync")
REASONED = ("resume", "abort", "failover", "switchover", "rejoin", "dns set")
SEEN_S = 25


# ---- the page ----------------------------------------------------------------------------------

class Section:
    def __init__(self, text):
        self.title = text.split("\n", 1)[0]
        self.name = re.search(r"<!-- lab: ([\w-]+) -->", text).group(1)
        see = text[text.index("**You see**"):text.index("**It means**")]
        self.words = [line.strip() for line in re.findall(r"^    (.*)$", see, re.M)]
        self.typed = re.findall(r"^    ([\w-]+)# (.*)$", text[text.index("**Type**"):], re.M)
        then = re.split(r"\.\s", text[text.index("**Then**"):], maxsplit=1)[0]
        self.promised = re.findall(r"`([^`]+)`", then.split(":")[0])
        assert self.words and self.typed and self.promised, self.title


def sections():
    with open(PAGE, encoding="utf-8") as f:
        pieces = re.split(r"^## ", f.read(), flags=re.M)[1:]
    return {s.name: s for s in map(Section, (p for p in pieces if "<!-- lab:" in p))}


def loosely(words):
    """A pattern: blanks and numbers may be others, names such as db01 may not."""
    text = re.escape(" ".join(words.split())).replace(r"\ ", r"\s+")
    return re.compile(r"(?<![A-Za-z\d])\d+(?:\\\.\d+)*", re.A).sub(lambda _: r"[\d.]+", text)


# ---- looking and typing ------------------------------------------------------------------------

def await_words(s, host, patterns, what):
    said = ""

    def shown():
        nonlocal said
        said = s.pgtandem("status", host=host).stdout
        return all(re.search(p, said) for p in patterns)

    try:
        wait(shown, SEEN_S, what)
    except scene.Wrong:
        missing = [p for p in patterns if not re.search(p, said)]
        raise scene.Wrong("%s: status does not say %s, but: %s" % (
            what, " nor ".join(missing), " ".join(said.split()))) from None
    return said


def start_service(s, host, unit):
    if not unit.startswith("postgresql"):
        s.release_service(host, unit)
        return
    s.run(host, "pgtandem-agent", "guard", user="postgres", check=True)
    s.run(host, hosts.postgres_bin() + "/pg_ctl", "start", "-w", "-s", "-D", hosts.DATA, "-l",
          "/var/log/postgresql.log", user="postgres", check=True)


def type_line(s, host, line, said):
    """As the page has it; its output. SAID: what the command before it has printed."""
    argv = shlex.split(line)
    if argv[0] == "systemctl":
        if argv[1] == "restart":
            s.kill_process(host, "agent")
        else:
            start_service(s, host, argv[2])
        return ""
    if "…" in line:  # to be taken from the screen
        offered = re.search(r"next: (pgtandem dns set '.*')", said)
        check(offered, "nothing is offered to be typed for: %s", line)
        argv = shlex.split(offered.group(1))
    if argv[0] != "pgtandem":
        return s.run(host, *argv, check=True).stdout
    verb = " ".join(argv[1:3]) if argv[1] in ("dns", "cron") else argv[1]
    more = ["--yes"] * (verb in ASKING)
    if verb in REASONED and "--reason" not in argv:
        more += ["--reason", "as the page says"]
    result = s.pgtandem(*argv[1:], *more, host=host)
    # status and diff may find something: what is promised is looked for afterwards
    allowed = {"status": (0, 10), "cron diff": (0, 10), "dns show": (0, 8)}.get(verb, (0,))
    check(result.code in allowed, "%s# %s: exit %d: %s", host, line, result.code,
          (result.stdout + result.stderr)[-600:])
    return result.stdout


def play(s, section):
    await_words(s, "ctl", [loosely(w) for w in section.words], "You see")
    said = ""
    for host, line in section.typed:
        said = type_line(s, host, line, said)
    host = section.typed[-1][0]
    await_words(s, host, [loosely(w) for w in section.promised], "Then")
    code = s.pgtandem("status", host=host).code
    well = "no problem found" in section.promised
    check(not well or code == 0, "status: exit %d", code)


# ---- the faults, by the names that the page gives them -------------------------------------------

def stop_service(s, host, name, process):
    s.hold_service(host, name)
    s.kill_process(host, process)


def owners_agent_is_down(s):
    stop_service(s, "db02", "pgtandem-agent", "agent")


def postgresql_of_the_owner_has_crashed(s):
    s.kill_process("db02", "postmaster")


def controller_is_cut_from_the_owner(s):
    s.cut("ctl", "db02")


def standbys_agent_is_down(s):
    stop_service(s, "db01", "pgtandem-agent", "agent")


def dns_primary_is_down(s):
    stop_service(s, "ns1", "named", "named")


def secondary_name_server_is_down(s):
    stop_service(s, "ns2", "named", "named")


def crontab_edited_on_a_standby(s):
    text = re.sub(r"^(%s.*)jobs\.log" % re.escape(files.OFF), r"\1other.log", s.crontab("db01"), flags=re.M)
    s.put_crontab("db01", text)


def alias_changed_by_hand(s):
    commands = s.lab.host("ctl", "log/nsupdate")
    with open(commands, "w") as f:
        f.write("server %s\nzone %s\nupdate delete %s CNAME\nupdate add %s 30 CNAME vm.%s\nsend\n" %
                (hosts.ADDRESS["ns1"], hosts.ZONE, hosts.ALIAS, hosts.ALIAS, hosts.ZONE))
    s.run("ctl", "nsupdate", "-k", "/etc/pgtandem/dns.key", "/var/log/nsupdate", check=True)


def zone_was_restored(s):
    old = " ".join("%s=%s" % pair for pair in s.record().items())
    newer = re.sub("nonce=[0-9a-f]+", "nonce=new", old.replace("epoch=%s " % s.record()["epoch"], "epoch=%d " %
                                                               (int(s.record()["epoch"]) + 1)))
    type_line(s, "ctl", "pgtandem dns set '%s'" % newer, "")
    type_line(s, "ctl", "pgtandem resume", "")
    commands = s.lab.host("ctl", "log/nsupdate")
    name = "_pgtandem." + hosts.ALIAS
    with open(commands, "w") as f:
        f.write("server %s\nzone %s\nupdate delete %s TXT\nupdate add %s 30 TXT \"%s\"\nsend\n" %
                (hosts.ADDRESS["ns1"], hosts.ZONE, name, name, old))
    s.run("ctl", "nsupdate", "-k", "/etc/pgtandem/dns.key", "/var/log/nsupdate", check=True)


def record_is_gone(s):
    commands = s.lab.host("ctl", "log/nsupdate")
    with open(commands, "w") as f:
        f.write("server %s\nzone %s\nupdate delete _pgtandem.%s TXT\nsend\n" %
                (hosts.ADDRESS["ns1"], hosts.ZONE, hosts.ALIAS))
    s.run("ctl", "nsupdate", "-k", "/etc/pgtandem/dns.key", "/var/log/nsupdate", check=True)


def state_file_is_unreadable(s):
    with open(s.lab.host("db01", "var-lib/pgtandem-agent/state.json"), "w") as f:
        f.write("torn\n")
    s.kill_process("db01", "agent")


def controller_died_in_the_middle(s):
    child = points.at_catch_up(s, "db02", "db01")
    s.kill_program(child)
    s.thaw("db02")


def standby_promoted_by_hand(s):
    s.await_watch()
    s.run("vm", hosts.postgres_bin() + "/pg_ctl", "promote", "-D", hosts.DATA, user="postgres",
          check=True)


def owners_host_is_dead(s):
    s.kill("db02")


def old_primary_came_back(s):
    s.start("db02")


def build_anew(s, node, owner):
    """The commands of docs/two-writable.md, "Bring W back"."""
    with open(TOP + "/docs/two-writable.md", encoding="utf-8") as f:
        text = f.read().split("## Bring W back", 1)[1]
    lines = re.findall(r"^    (.*?)(?:\s+#.*)?$", text, re.M)
    check(len(lines) >= 6, "two-writable.md: only %d commands to bring W back", len(lines))
    for line in lines:
        for theirs, ours in (("DATADIR", hosts.DATA), ("OWNER_ADDRESS", hosts.ADDRESS[owner]),
                             ("REPLICATION_USER", "replicator"), ("-S W", "-S " + node),
                             ("rejoin W", "rejoin " + node), (" start", " -w -l /var/log/postgresql.log start")):
            line = line.replace(theirs, ours)
        if line.startswith("pgtandem"):
            type_line(s, "ctl", line, "")
        elif line.startswith("psql"):
            wait(lambda: s.value(node, "SELECT status FROM pg_stat_wal_receiver") == "streaming", 15,
                 node + " streams")
        else:
            s.run(node, "sh", "-c", line, user="postgres", check=True)


# in the order in which one lab bears them; the last two leave a node that has to be built anew
INCIDENTS = (
    (owners_agent_is_down,), (postgresql_of_the_owner_has_crashed,),
    (controller_is_cut_from_the_owner,), (standbys_agent_is_down,), (dns_primary_is_down,),
    (secondary_name_server_is_down,), (crontab_edited_on_a_standby,), (alias_changed_by_hand,),
    (zone_was_restored,), (record_is_gone,),
    (state_file_is_unreadable,), (controller_died_in_the_middle,),
    (standby_promoted_by_hand,), (owners_host_is_dead, old_primary_came_back))


def incident(faults, page):
    def run(s):
        for fault in faults:
            fault(s)
            play(s, page[fault.__name__.replace("_", "-")])
        s.heal()
        if standby_promoted_by_hand in faults:
            build_anew(s, "vm", "db02")
    return run


def main():
    page = sections()
    names = [fault.__name__.replace("_", "-") for faults in INCIDENTS for fault in faults]
    if sorted(names) != sorted(page):
        print("not ok - incidents: the page has %s, this program %s" %
              (sorted(set(page) - set(names)), sorted(set(names) - set(page))))
        return 1
    for faults in INCIDENTS:
        titles = "; ".join(page[f.__name__.replace("_", "-")].title for f in faults)
        tap.test(titles)(incident(faults, page))
    return tap.main("incidents")


if __name__ == "__main__":
    sys.exit(main())
