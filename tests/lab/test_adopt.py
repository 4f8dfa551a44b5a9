#!/usr/bin/env python3
"""A running cluster gets pgtandem: the commands of docs/installing.md, read from there and typed on the
hosts of a lab that has none (`lab up --bare`), in their order. PostgreSQL and cron notice nothing. Prints TAP.

What stands for what the lab does not have: `systemctl` is a script that does what the installed unit says;
`$EDITOR` writes the lab's own configuration with `mode = observe`; files travel from host to host by hand.
"""
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from labkit import boot, config, files, hosts, scene, services, tap  # noqa: E402 pylint: disable=C0413
from labkit.scene import check, wait  # noqa: E402 pylint: disable=C0413

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.realpath(os.environ.get("BUILD", os.path.join(TOP, "build")))
PAGE = TOP + "/docs/installing.md"
CA = "/run/pgtandem-ca"
PROMPT = re.compile(r"    ([\w-]+)# (.*)$")

# the page's names, and the lab's
NAMES = (("/usr/local/share/pgtandem", services.SOFTWARE + "/share/pgtandem"),
         ("/root/pgtandem-ca", CA), ("db.example.org", hosts.ALIAS), ("example.org", hosts.ZONE),
         ("192.0.2.54", hosts.ADDRESS["ns2"]))

SYSTEMCTL = r"""#!/bin/sh -e
# what the installed unit says, done by hand: the lab has no service manager
unit=%(prefix)s/lib/systemd/system/pgtandem-agent.service
command=$(sed -n 's/^ExecStart=//p' $unit)
pid() { pgrep -x pgtandem-agent; }
start() {
    setsid setpriv --reuid=postgres --regid=postgres --init-groups --reset-env \
        $command >>/var/log/pgtandem-agent.log 2>&1 </dev/null &
}
case "$*" in
daemon-reload) ;;
"enable --now pgtandem-agent") start ;;
"reload pgtandem-agent") MAINPID=$(pid); eval "$(sed -n 's/^ExecReload=//p' $unit)" ;;
"restart pgtandem-agent") kill $(pid); while pid >/dev/null; do sleep 0.02; done; start ;;
"disable --now pgtandem-agent") kill $(pid) ;;
*) echo "systemctl $*: not in this lab" >&2; exit 1 ;;
esac
"""


def sections():
    """{number: [(host, command)]} of the page."""
    found, number = {}, 0
    with open(PAGE, encoding="utf-8") as f:
        for line in f:
            heading = re.match(r"## (\d+)\. ", line)
            number = int(heading.group(1)) if heading else number
            typed = PROMPT.match(line)
            if typed:
                found.setdefault(number, []).append(typed.groups())
    return found


def zone_statement():
    """What the page puts into BIND's configuration."""
    with open(PAGE, encoding="utf-8") as f:
        text = f.read()
    return "".join(line[4:] for line in
                   re.search(r'(    include "/etc/bind.*?\n    \};\n)', text, re.S).group(1).splitlines(True))


def translated(text):
    for theirs, ours in NAMES:
        text = text.replace(theirs, ours)
    return text


class Adoption:
    def __init__(self, s):
        self.scene = s
        self.typed = 0
        self.page = sections()

    def shell(self, host, command):
        """As a person types it; what it says. Wrong if it fails."""
        done = self.scene.run(host, "sh", "-c", command)
        differs = done.code == 10 and "cron diff" in command
        check(done.code == 0 or differs, "%s# %s: exit %d: %s", host, command, done.code,
              (done.stdout + done.stderr)[-700:])
        self.typed += 1
        return done.stdout + done.stderr

    def type(self, host, command):
        command = translated(re.sub(r"\s+#.*$", "", command))
        if command.startswith("$EDITOR "):
            self.edit(host, command.split()[1])
            return ""
        if command.startswith("make "):
            command = "%s -s -C %s -o all BUILD=%s PREFIX=%s" % (command, TOP, BUILD, services.SOFTWARE)
        if command.startswith("pgtandem ") and re.search(r"dns init|cron (?:un)?adopt|cron sync", command):
            command += " --yes"
        if command.startswith("pgtandem switchover"):
            wait(self.between_jobs, 70, "no job runs and none is about to start")
        return self.shell(host, command)

    def between_jobs(self):
        """The page's command does not wait for the job of each full minute; it would be refused."""
        running = self.scene.run("db02", "pgrep", "-f", r"jobs\.log").code == 0
        return 2 < time.localtime().tm_sec < 45 and not running

    def section(self, number, at=slice(None)):
        said = ""
        for host, command in self.page[number][at]:
            for name in {"node": hosts.NODES, "ca": ("ctl",)}.get(host, (host,)):
                said += self.type(name, command)
        return said

    def edit(self, host, path):
        text = config.controller(host) if path.endswith("/pgtandem.conf") else config.agent(host)
        if host in hosts.NODES:
            text = text.replace("[agent]\n", "[agent]\nmode = observe\n")
        with open(self.scene.lab.host(host, "etc", os.path.basename(path)), "w") as f:
            f.write(text)

    def carry(self, source, path, host, name, owner=None):
        """A file from one host to /etc/pgtandem of another."""
        with open("/proc/%d/root%s" % (boot.pid1(self.scene.lab, source), path)) as f:
            files.put(self.scene.lab.host(host, "etc", name), f.read(),
                      0o644 if name.endswith(".crt") else 0o600, owner)

    def carry_certificates(self):
        """The table of section 3."""
        for host in (*hosts.CONTROLLERS, *hosts.NODES):
            role = "agent" if host in hosts.NODES else "controller"
            owner = hosts.account("postgres") if role == "agent" else None
            self.carry("ctl", CA + "/ca.crt", host, "ca.crt")
            self.carry("ctl", "%s/%s-%s.crt" % (CA, role, host), host, role + ".crt")
            self.carry("ctl", "%s/%s-%s.key" % (CA, role, host), host, role + ".key", owner)

    def carry_keys(self):
        for host in hosts.CONTROLLERS:
            self.carry("ns1", "/etc/bind/%s-update.key" % host, host, "dns.key")
        for host in hosts.NODES:
            self.carry("ns1", "/etc/bind/agents-query.key", host, "dns.key", hosts.account("postgres"))


def bare_bind(s):
    """The name servers as before pgtandem: no keys of its own, a zone that takes no update."""
    for server in hosts.NAMESERVERS:
        run = lambda *argv, host=server: s.run(host, *argv, check=True)
        run("sh", "-c", "cp -p /etc/bind/rndc.key /etc/bind/lab.keys")
        run("sed", "-i", "/update-policy {/,/};/d", "/etc/bind/named.conf")
        run("rndc", "reconfig")


def set_up_bind(a):
    s, statement = a.scene, translated(zone_statement())
    keys = slice(0, 6)
    check("tsig-keygen" in a.page[4][0][1], "section 4 does not begin with the keys")
    a.section(4, keys)
    for server in hosts.NAMESERVERS:
        path = "/proc/%d/root/etc/bind/" % boot.pid1(s.lab, server)
        with open(path + "named.conf") as f:
            text = f.read()
        if server == "ns1":  # the zone of the page in the place of the one that takes no update
            text = text[:text.index("zone ")] + statement
        else:
            text = 'include "/etc/bind/pgtandem.keys";\n' + text
            with open("/proc/%d/root/etc/bind/pgtandem.keys" % boot.pid1(s.lab, "ns1")) as f:
                files.put(path + "pgtandem.keys", f.read(), 0o644)
        with open(path + "named.conf", "w") as f:
            f.write(text)
    a.section(4, slice(6, None))
    s.run("ns2", "rndc", "reconfig", check=True)
    a.carry_keys()


class Witness:
    """What must not change: postmasters, crontabs, cron, and the session of a client."""

    def __init__(self, s):
        self.scene = s
        self.crontabs = {n: s.crontab(n) for n in hosts.NODES}
        self.daemons = self.look()
        self.client = s.popen("db02", "psql", "-XAtq", "-d", "postgres", user="postgres",
                              stdin=subprocess.PIPE)
        self.pid = self.ask("SELECT pg_backend_pid()")

    def look(self):
        s = self.scene
        return {n: (s.value(n, "SELECT pg_postmaster_start_time()"),
                    open(s.lab.host(n, "var-lib/postgresql/data/postmaster.pid")).readline(),
                    s.pids(n, "cron")) for n in hosts.NODES}

    def ask(self, sql):
        self.client.stdin.write(sql + ";\n")
        self.client.stdin.flush()
        return self.client.stdout.readline().strip()

    def not_restarted(self):
        now = self.look()
        check(now == self.daemons, "PostgreSQL or cron was restarted: %s was %s", now, self.daemons)
        pid = self.ask("SELECT pg_backend_pid()")
        check(pid == self.pid, "the client's session is another one: %s was %s", pid, self.pid)

    def no_crontab_byte(self):
        for node, text in self.crontabs.items():
            check(self.scene.crontab(node) == text, "the crontab of %s has changed", node)


def observing_agents_refuse(a):
    """Whatever is commanded: nothing is done, and the reason names the line."""
    s = a.scene
    before = s.record()
    for argv in (("fence", "db01"), ("rejoin", "db01"), ("resume",), ("cron", "adopt", "db02")):
        done = s.pgtandem(*argv, "--yes", "--reason", "test")
        check(done.code != 0 and "mode = observe" in done.stdout + done.stderr, "%s: exit %d: %s",
              " ".join(argv), done.code, done.stdout + done.stderr)
    done = s.switchover("db01")
    check(done.code == 2 and re.search(r"BLOCK +agent-mode +observe at db01, db02, vm", done.stdout),
          "switchover: exit %d: %s", done.code, done.stdout + done.stderr)
    check(s.record() == before, "the record has changed: %s was %s", s.record(), before)
    guard = s.run("db02", "pgtandem-agent", "guard")
    check(guard.code == 0 and "nothing was changed" in guard.stdout, "guard: %s", guard)
    check("observes" in s.pgtandem("status").stdout, "status does not tell the mode")


def shown(s):
    return " ".join(s.pgtandem("status").stdout.split())


def indented(section, pattern):
    """The lines of a section of the page that match."""
    with open(PAGE, encoding="utf-8") as f:
        text = re.search(r"(?ms)^## %d\. .*?(?=^## )" % section, f.read()).group(0)
    found = re.findall(r"(?m)^    (?:%s)$" % pattern, text)
    check(found, "section %d has no %s", section, pattern)
    return found


def warnings(s):
    """What preflight finds, and what it has looked at."""
    rows = json.loads(s.pgtandem("preflight", "--to", "db01", "-f", "json").stdout)["preflight"]
    return {row["check"]: row for row in rows}


def inspected(s, node):
    """What `pgtandem-agent inspect` says, run as the agent runs it."""
    said = s.run(node, services.SOFTWARE + "/bin/pgtandem-agent", "-c", "/etc/pgtandem/agent.conf", "inspect", "8000",
                 user="postgres", check=True).stdout
    return json.loads(said)


def least_privilege(a):
    """Section 6: the statements as they stand there, then the agents are of that role. What they see is what
    they saw as postgres."""
    s = a.scene
    wait(lambda: s.pgtandem("status").code == 0, 20, "status finds no problem")
    before, as_postgres = warnings(s), {n: inspected(s, n) for n in hosts.NODES}
    for statement in indented(6, r"((?:CREATE ROLE|GRANT) .*;)"):
        check(s.psql("db02", statement) is not None, "the owner refuses: %s", statement)
    lines = dict(indented(6, r"(pg_\w+\.conf): +(\S.*?)(?: +#.*)?"))
    check(sorted(lines) == ["pg_hba.conf", "pg_ident.conf"], "the page has %s", lines)
    for node in hosts.NODES:
        for name, line in lines.items():
            path = s.lab.host(node, "var-lib/postgresql/data", name)
            with open(path) as f:
                text = f.read()
            with open(path, "w") as f:
                f.write(line + "\n" + text)
        s.run(node, "sed", "-i", "s/^\\[postgresql\\]$/&\\nuser = pgtandem/", "/etc/pgtandem/agent.conf", check=True)
        check(s.value(node, "SELECT pg_reload_conf()") == "t", "%s does not reload", node)
        a.shell(node, "systemctl restart pgtandem-agent")
    of_role = "SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = 'pgtandem'"
    wait(lambda: s.pgtandem("status").code == 0, 20, "status finds no problem")
    after = warnings(s)
    for node in hosts.NODES:
        check(s.value(node, of_role) == "t", "the agent of %s is not of that role", node)
    for name, row in after.items():
        check(row["verdict"] == before[name]["verdict"], "%s: %s was %s", name, row, before[name])
    check(after["libraries"]["measured"].count("12 of 12") == 1, "libraries: %s", after["libraries"])
    for node in hosts.NODES:
        now, was = inspected(s, node), as_postgres[node]
        check(not now.get("denied") and not now.get("problem") and not now.get("libraries_unchecked"), "%s: %s",
              node, now)
        for key in ("hba_rules", "ident_rules"):  # with the page's own
            check(now[key] == was[key] + 1, "%s: %s %s, was %s", node, key, now[key], was[key])
        for key in ("databases", "databases_seen", "settings", "libc", "replication_role", "rewind_lacks"):
            check(now.get(key) == was.get(key), "%s: %s %s, was %s", node, key, now.get(key), was.get(key))


def reloads(a):
    """A certificate that ends soon is told, and renewed; a mistake changes nothing; what waits is said."""
    s = a.scene
    path, owner = s.lab.host("db01", "etc/agent.conf"), hosts.account("postgres")
    certificates = services.SOFTWARE + "/share/pgtandem/make-certs"
    for days, told in ((10, True), (825, False)):
        a.shell("ctl", "rm -rf /run/new; mkdir /run/new; cp %s/ca.* /run/new" % CA)
        a.shell("ctl", "%s --days %d agent /run/new ia2 db01" % (certificates, days))
        for name in ("crt", "key"):
            a.carry("ctl", "/run/new/agent-db01." + name, "db01", "agent." + name,
                    owner if name == "key" else None)
        a.section(3, slice(6, None))
        said = s.run("db01", "pgtandem-agent", "-c", "/etc/pgtandem/agent.conf", "status").stdout
        check(not told or re.search(r"certificate .*valid until .*(9|10) days", said), "%s", said)
        wait(lambda t=told: ("the certificate of db01 expires in 9 days" in shown(s)) == t, 10,
             "status %s the certificate's end" % ("tells" if told else "does not tell"))
        said = s.pgtandem("preflight", "--to", "db01").stdout
        check(bool(re.search(r"warn +certificates +db01: 9 days", said)) == told, "preflight: %s", said)
    with open(path) as f:
        good = f.read()
    for text, words in ((good.replace("interval_ms = 3000", "interval_ms = soon"), "nothing was taken over"),
                        (good.replace(":7432\n", ":7433\n", 1), "[agent] listen: .* waits for a restart"),
                        (good.replace("interval_ms = 3000", "interval_ms = 2000"),
                         r'\[watch\] interval_ms: "3000" -> "2000"'), (good, '"2000" -> "3000"')):
        with open(path, "w") as f:
            f.write(text)
        a.shell("db01", "systemctl reload pgtandem-agent")
        words = words.replace("[agent]", r"\[agent\]")
        wait(lambda w=words: any(re.search(w, line) for line in s.log("db01", lines=6)), 5,
             "the log says: " + words)
    check(s.pgtandem("status").code == 0, "status: %s", shown(s))


def adopt(s, a):
    bare_bind(s)
    for node in hosts.NODES:  # a crontab of somebody who has never heard of a block
        s.run(node, "mkdir", "-p", "/etc/polkit-1/rules.d", "/etc/systemd/system")
    s.run("db02", "sh", "-c", "crontab -u postgres -l | grep -v pgtandem | crontab -u postgres -")
    for node in scene.STANDBYS:
        s.run(node, "sh", "-c", "printf '# nothing here\\n' | crontab -u postgres -")
    w = Witness(s)
    a.section(2)
    for host, mode, group in (("db01", "750", "postgres"), ("ctl", "750", "root")):
        said = s.run(host, "stat", "-c", "%a %G", "/etc/pgtandem").stdout.split()
        check(said == [mode, group], "/etc/pgtandem of %s has %s", host, said)
    yield "installed on each host by make install"
    a.section(3, slice(0, 6))
    a.carry_certificates()
    set_up_bind(a)
    yield "certificates and BIND set up"
    a.section(5)
    a.edit("ctl2", "pgtandem.conf")
    a.section(7)
    wait(lambda: s.pgtandem("status").stdout.count("observes") == 3, 10, "three agents observe")
    check(s.agent_state("db02").get("epoch", 0) == 0, "an agent has a state: %s", s.agent_state("db02"))
    said = a.shell("ctl", "pgtandem status || true")
    check("no ownership record" in said, "status: %s", said)
    a.shell("ctl", "pgtandem preflight --to db01 || true")
    check([c for h, c in a.page[8] if "status" in c], "section 8 does not look")
    a.type("ctl", a.page[8][2][1])
    wait(lambda: all(s.agent_state(n).get("epoch") == 1 for n in hosts.NODES), 10,
         "the agents take the record over")
    yield "agents that observe: status, preflight, dns init"
    observing_agents_refuse(a)
    w.not_restarted()
    w.no_crontab_byte()
    yield "agents that observe refuse every act, and a switchover before anything is changed"
    a.section(9, slice(0, 2))
    wait(lambda: "observes" not in s.pgtandem("status").stdout, 10, "the agents act")
    w.no_crontab_byte()
    a.section(9, slice(2, 6))
    check(s.cron("db02") == "on" and s.cron("db01") == "off", "jobs: %s and %s", s.cron("db02"),
          s.cron("db01"))
    wait(lambda: s.pgtandem("status").code == 0, 20, "status finds no problem")
    a.section(9, slice(6, None))
    w.not_restarted()
    yield "mode = act by a reload, cron adopt, preflight, rehearsal; PostgreSQL, cron and a session go on"
    least_privilege(a)
    w.not_restarted()
    yield "the role of section 6: nothing is seen less, no warning because of it"
    reloads(a)
    w.not_restarted()
    yield "reload: a certificate renewed, a mistake refused, what waits for a restart is said"
    a.section(10)
    wait(lambda: s.pgtandem("status").code == 0, 20, "status finds no problem")
    w.not_restarted()
    yield "upgraded in place: PostgreSQL, cron and a session go on"
    s.crontabs = {n: s.crontab(n) for n in hosts.NODES}
    check(s.switchover("db01").code == 0, "the first move failed")
    s.await_steady("db01")
    check(s.switchover("db02").code == 0, "the move back failed")
    s.await_steady("db02")
    yield "the first move, there and back"
    before = s.look("db02", "cat", "/etc/pgtandem/agent.conf")
    a.section(11)
    check(not s.pids("db02", "agent"), "the agent still runs")
    check(s.look("db02", "cat", "/etc/pgtandem/agent.conf") == before, "uninstall took the configuration")
    yield "taken away again: the configuration stays"


def main():
    failed = 0
    with scene.Scene("adopt", up=False) as s:
        s._lab("up", "--bare")  # pylint: disable=protected-access
        tools = s.lab.path("software/opt/lab/bin/systemctl")
        files.put(tools, SYSTEMCTL % {"prefix": services.SOFTWARE}, 0o755)
        wait(lambda: s.streaming(hosts.FIRST_OWNER) == scene.STANDBYS, 15, "the standbys stream")
        a = Adoption(s)
        began = time.monotonic()
        steps, last = adopt(s, a), "begins"
        try:
            for name in steps:
                print("ok - adopt: " + name, flush=True)
                print("# %.1f s, %d commands of the page" % (time.monotonic() - began, a.typed), flush=True)
                last = "after: " + name
        except (scene.Wrong, hosts.LabError) as wrong:
            failed += 1
            print("not ok - adopt: %s: %s" % (last, " ".join(str(wrong).split())), flush=True)
            tap._explain(s)  # pylint: disable=protected-access
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
