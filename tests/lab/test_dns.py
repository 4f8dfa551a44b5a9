#!/usr/bin/env python3
"""dnsupdate/ against a real BIND: every verdict, races, loss, late requests, latency; prints TAP.

Two named processes on 127.0.0.1 and ::1 (high ports, files in a private directory); no root.
KEEP=1 leaves the directory. The driver is tests/lab/dns/dns_probe.c. Words as arguments run only
the tests whose names have them.
"""
import atexit
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
PROBE = os.environ.get("DNS_PROBE", os.path.join(BUILD, "tests/lab/dns/dns_probe"))

SECRET = "c2VjcmV0IG9mIHRoZSBjb250cm9sbGVyIHdpdGggMzIgYg=="
WRONG = "YW5vdGhlciBzZWNyZXQgd2hpY2ggaXMgdGhlIHdyb25nIG8="
RECORD = ("v=1 epoch=%d nonce=%032x state=%s owner=db02 to=- from=- txn=%016x "
          "sysid=7301234567890123456 tli=5 ttl=30 grade=- by=root@ctl")

work = tempfile.mkdtemp(prefix="pgtandem-dns-")
children = []
failures = 0


def cleanup():
    for child in children:
        if child.poll() is None:
            child.send_signal(signal.SIGCONT)
            child.kill()
            child.wait()
    if os.environ.get("KEEP") != "1":
        shutil.rmtree(work, ignore_errors=True)


atexit.register(cleanup)
for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(sig, lambda number, frame: sys.exit(128 + number))


def record(epoch, state="stable", txn=1, nonce=None):
    return RECORD % (epoch, int.from_bytes(os.urandom(16), "big") if nonce is None else nonce,
                     state, txn)


def free_port():
    """A port that is free for TCP and UDP on both addresses."""
    while True:
        sockets = []
        try:
            port = 0
            for family, ip in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    s = socket.socket(family, kind)
                    sockets.append(s)
                    s.bind((ip, port))
                    port = s.getsockname()[1]
            return port
        except OSError:
            continue
        finally:
            for s in sockets:
                s.close()


PORT, RNDC = free_port(), free_port()

KEYS = """
key "ctl" { algorithm hmac-sha256; secret "%s"; };
key "other" { algorithm hmac-sha256; secret "%s"; };
key "rndc" { algorithm hmac-sha256; secret "%s"; };
""" % (SECRET, SECRET, SECRET)

OPTIONS = """
options {
    directory "%(dir)s"; pid-file "%(dir)s/pid"; session-keyfile "%(dir)s/session";
    listen-on port %(port)d { %(v4)s; }; listen-on-v6 port %(port)d { %(v6)s; };
    recursion no; dnssec-validation no; tcp-clients 1000; tcp-listen-queue 1000; notify explicit;
    also-notify { %(peer)s port %(port)d; }; notify-delay 0;
    managed-keys-directory "%(dir)s"; request-ixfr yes;
};
logging { category default { default_stderr; }; };
"""

ZONE = """$TTL 300
@ IN SOA ns1 hostmaster 1 3600 600 86400 1
@ IN NS ns1.ia2.test.
@ IN NS ns2.ia2.test.
ns1 A 127.0.0.1
ns2 AAAA ::1
db01 A 10.0.0.1
db02 A 10.0.0.2
db 30 CNAME db02
_pgtandem.db 0 TXT "%s"
plain A 10.9.9.9
udp 30 CNAME db02
_pgtandem.udp 0 TXT "start"
race 30 CNAME db02
_pgtandem.race 0 TXT "%s"
cut NS ns.elsewhere.test.
*.wild TXT "wild"
"""

# the secondary's is a copy of its own, so that the two disagree
TTL_ZONE = """$TTL 60
@ IN SOA ns1.ia2.test. hostmaster.ia2.test. 1 3600 600 86400 1
@ IN NS ns1.ia2.test.
@ IN NS ns2.ia2.test.
db 30 CNAME %s.ia2.test.
"""


def start_named(ip, peer, conf):
    directory = os.path.join(work, ip)
    os.mkdir(directory)
    text = KEYS + OPTIONS % {
        "dir": directory, "peer": peer, "port": PORT,
        "v4": "none" if ":" in ip else ip, "v6": ip if ":" in ip else "none"} + conf(directory)
    with open(os.path.join(directory, "named.conf"), "w") as f:
        f.write(text)
    log = open(os.path.join(directory, "log"), "w")
    child = subprocess.Popen(["named", "-g", "-c", os.path.join(directory, "named.conf")],
                             stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                             start_new_session=True)
    children.append(child)
    return child


def primary_conf(directory):
    with open(os.path.join(directory, "ia2.test"), "w") as f:
        f.write(ZONE % (record(1), record(1)))
    with open(os.path.join(directory, "ttl.test"), "w") as f:
        f.write(TTL_ZONE % "db02")
    names = ["db", "plain", "udp", "race", "new", "db.cut", "db.wild"]
    grants = "".join("grant ctl name %s.ia2.test. CNAME; "
                     "grant ctl name _pgtandem.%s.ia2.test. TXT; " % (n, n) for n in names)
    return """
controls { inet 127.0.0.1 port %d allow { 127.0.0.1; } keys { "rndc"; }; };
zone "ia2.test" { type primary; file "ia2.test"; update-policy { %s }; };
zone "ttl.test" { type primary; file "ttl.test"; max-zone-ttl 60;
    update-policy { grant ctl zonesub ANY; }; };
""" % (RNDC, grants)


def secondary_conf(directory):
    with open(os.path.join(directory, "ttl.test"), "w") as f:
        f.write(TTL_ZONE % "old")
    return """
zone "ttl.test" { type primary; file "ttl.test"; notify no; };
controls { };
zone "ia2.test" { type secondary; file "ia2.test"; masterfile-format text; notify no;
    allow-notify { ::1; };  // the primary sends from there
    primaries { 127.0.0.1 port %d; }; };
""" % PORT


def write_keys():
    def key(file, name, secret):
        with open(os.path.join(work, file), "w") as f:
            f.write('key "%s" { algorithm hmac-sha256; secret "%s"; };\n' % (name, secret))
        os.chmod(os.path.join(work, file), 0o600)
    key("ctl", "ctl", SECRET)
    key("other", "other", SECRET)
    key("unknown", "nobody", SECRET)
    key("false", "ctl", WRONG)
    with open(os.path.join(work, "rndc.conf"), "w") as f:
        f.write('%s options { default-server 127.0.0.1; default-port %d; default-key "rndc"; };'
                % (KEYS, RNDC))


class Answer:
    def __init__(self, text):
        self.text, self.lines = text, text.splitlines()
        self.all = {}
        for line in self.lines:
            key, _, value = line.partition(" ")
            self.all.setdefault(key, []).append(value)

    def __getattr__(self, key):
        return self.all.get(key, [""])[0]


def start(*args, key="ctl", port=None, alias="db.ia2.test", zone="ia2.test", options=(),
          ip="127.0.0.1"):
    server = ("[%s]:%d" if ":" in ip else "%s:%d") % (ip, port or PORT)
    return subprocess.Popen([PROBE, server, zone, alias,
                             os.path.join(work, key), *options, *map(str, args)],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def probe(*args, **kw):
    out, _ = start(*args, **kw).communicate(timeout=120)
    return Answer(out)


def rndc(*args):
    subprocess.run(["rndc", "-c", os.path.join(work, "rndc.conf"), *args], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def state(**kw):
    a = probe("read", **kw)
    assert a.status == "ok", a.text
    return a


class Relay:
    """UDP and TCP in front of the primary. swallow: how many answers to UPDATEs to drop; hold: keep
    UPDATEs back until release()."""

    def __init__(self, swallow=0, hold=False):
        self.port, self.swallow, self.hold = free_port(), swallow, hold
        self.updates = self.swallowed = 0
        self.held = []
        self.lock = threading.Lock()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp = socket.create_server(("127.0.0.1", self.port), backlog=64)
        for run in (self.run_udp, self.run_tcp):
            threading.Thread(target=run, daemon=True).start()

    @staticmethod
    def is_update(message):
        return message[2] >> 3 & 15 == 5

    def answer(self, message, ask):
        """The server's answer, or None when it is lost."""
        update = self.is_update(message)
        if update:
            self.updates += 1
            if self.hold:
                self.held.append((message, ask))
                return None
        reply = ask(message)
        with self.lock:
            if update and self.swallow:
                self.swallow -= 1
                self.swallowed += 1
                return None
        return reply

    def release(self):
        """The held UPDATEs reach the server now; their rcodes."""
        self.hold = False
        return [ask(message)[3] & 15 for message, ask in self.held]

    @staticmethod
    def ask_udp(message):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.sendto(message, ("127.0.0.1", PORT))
            return s.recv(65535)

    @staticmethod
    def take(s):
        def exactly(n):
            data = b""
            while len(data) < n:
                more = s.recv(n - len(data))
                if not more:
                    raise ConnectionError
                data += more
            return data
        return exactly(struct.unpack("!H", exactly(2))[0])

    @classmethod
    def ask_tcp(cls, message):
        with socket.create_connection(("127.0.0.1", PORT), timeout=5) as s:
            s.sendall(struct.pack("!H", len(message)) + message)
            return cls.take(s)

    def run_udp(self):
        while True:
            message, client = self.udp.recvfrom(65535)
            reply = self.answer(message, self.ask_udp)
            if reply:
                self.udp.sendto(reply, client)

    def run_tcp(self):
        while True:
            client, _ = self.tcp.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            while True:
                reply = self.answer(self.take(client), self.ask_tcp)
                if reply:
                    client.sendall(struct.pack("!H", len(reply)) + reply)
        except OSError:
            client.close()


def expect(answer, **wanted):
    for key, value in wanted.items():
        got = getattr(answer, key)
        assert re.search(value, got), "%s is %r, not %r; all:\n%s" % (key, got, value, answer.text)


# ---- the tests: each function is one line of TAP; a string returned is its comment ---------------

def test_swap_done():
    old, new = state(), record(2, "claim", 2)
    a = probe("swap", old.cname, old.txt, "db01.ia2.test", new, 20)
    expect(a, verdict="^done$", cname="^db01.ia2.test$", cname_ttl="^20$", txt_ttl="^0$",
           tries="^1$")
    assert a.txt == new and a.msg == "", a.text
    dig = subprocess.run(["dig", "+short", "+norec", "-p", str(PORT), "@127.0.0.1",
                          "_pgtandem.db.ia2.test", "TXT"], capture_output=True, text=True)
    assert dig.stdout.strip() == '"%s"' % new, dig.stdout


def test_lost_race_is_refused_and_says_what_is_there():
    now = state()
    a = probe("swap", now.cname, record(1, nonce=5), "db01.ia2.test", record(2, "claim", 9), 30)
    expect(a, verdict="^refused$", code="^claim-lost$", msg="epoch 2, claim, owner db02.*txn 0+2")
    assert state().txt == now.txt


def test_unknown_key_is_BADKEY():
    a = probe("read", key="unknown")
    expect(a, status="refused", msg="BADKEY.*nobody", hint="rndc tsig-list")
    expect(probe("update", key="unknown"), result="error", msg="BADKEY")


def test_wrong_secret_is_BADSIG_and_nothing_changes():
    now = state()
    began = time.monotonic()
    a = probe("swap", now.cname, now.txt, "db01.ia2.test", record(9), 30, key="false")
    expect(a, verdict="unknown", msg="BADSIG", hint="secret")
    assert state().txt == now.txt and time.monotonic() - began < 4
    return "the answer is unsigned, so the verdict is unknown, after a moment"


def test_clock_behind_is_BADTIME_with_the_skew():
    expect(probe("update", options=("-s", "-3600")),
           msg="BADTIME.*(3599|3600|3601) s ahead of ours")
    now = state()
    a = probe("swap", now.cname, now.txt, "db01.ia2.test", record(9), 30, options=("-s", "4000"))
    expect(a, verdict="refused", msg="BADTIME.*(3999|4000|4001) s behind ours", hint="chronyc")


def test_policy_denial_is_REFUSED():
    now = state()
    a = probe("swap", now.cname, now.txt, "db01.ia2.test", record(9), 30, key="other")
    expect(a, verdict="refused", msg="REFUSED.*frozen.*policy",
           hint="rndc zonestatus.*update-policy")


def test_frozen_zone_is_the_same_REFUSED():
    now = state()
    rndc("freeze", "ia2.test")
    try:
        a = probe("swap", now.cname, now.txt, "db01.ia2.test", record(9), 30)
        expect(a, verdict="refused", msg="REFUSED.*frozen", hint="rndc thaw ia2.test")
        assert state().txt == now.txt
    finally:
        rndc("thaw", "ia2.test")


def test_other_zone_is_NOTAUTH():
    a = probe("update", zone="nowhere.test", alias="db.nowhere.test")
    expect(a, msg="NOTAUTH.*nowhere.test")


def test_init_creates_both():
    new = record(1)
    a = probe("swap", "-", "-", "db02.ia2.test", new, 30, alias="new.ia2.test")
    expect(a, verdict="done")
    again = probe("swap", "-", "-", "db02.ia2.test", record(1, txn=7), 30, alias="new.ia2.test")
    expect(again, verdict="refused", code="claim-lost")
    assert again.txt == new


def test_address_where_a_CNAME_should_be():
    a = probe("swap", "-", "-", "db02.ia2.test", record(1), 30, alias="plain.ia2.test")
    expect(a, verdict="refused", msg="other records", n_txt="^0$")
    b = probe("swap", "db01.ia2.test", "-", "db02.ia2.test", record(1), 30, alias="plain.ia2.test")
    expect(b, verdict="refused", msg="other records", n_txt="^0$")


def test_zone_cut():
    a = probe("swap", "-", "-", "db02.ia2.test", record(1), 30, alias="db.cut.ia2.test",
              options=("-t", "1000"))
    expect(a, verdict="unknown", msg='zone cut.*delegates "cut.ia2.test"', hint="never served")
    expect(probe("read", alias="db.cut.ia2.test"), status="refused", msg="zone cut")


def test_wildcard():
    expect(probe("wildcard", alias="db.wild.ia2.test"), result="error", msg="wildcard")
    expect(probe("wildcard"), result="^ok$")


def test_TTL_cut_is_told():
    a = probe("swap", "db02.ia2.test", "-", "db02.ia2.test", record(1), 300, zone="ttl.test",
              alias="db.ttl.test")
    expect(a, verdict="done", cname_ttl="^60$", msg="60 s instead of 300 s", hint="max-zone-ttl")


def test_probe_update_changes_nothing():
    before = state().serial
    expect(probe("update"), result="^ok$")
    assert state().serial == before


def test_resolve():
    assert probe("resolve", "db01.ia2.test").all["address"] == ["10.0.0.1"]
    expect(probe("resolve", "nobody.ia2.test"), msg="no address")


def test_nothing_listens():
    a = probe("read", port=free_port(), options=("-t", "700"))
    expect(a, status="silent", msg="refused|no answer")


def test_lost_answer_by_UDP_is_no_failure():
    relay = Relay(swallow=1)
    a = probe("swap", "db02.ia2.test", "start", "db01.ia2.test", "second", 30, port=relay.port,
              alias="udp.ia2.test")
    expect(a, verdict="^done$", txt="^second$", tries="^2$")
    assert relay.swallowed == 1


def test_lost_answer_by_TCP_is_no_failure():
    relay = Relay(swallow=1)
    now, new = state(), record(3, "stable", 3)
    a = probe("swap", now.cname, now.txt, "db02.ia2.test", new, 30, port=relay.port)
    expect(a, verdict="^done$", tries="^2$")
    assert a.txt == new and relay.swallowed == 1


def test_all_answers_lost_is_done_by_read_back():
    relay = Relay(swallow=99)
    now, new = state(), record(4, "stable", 4)
    a = probe("swap", now.cname, now.txt, "db02.ia2.test", new, 30, port=relay.port)
    expect(a, verdict="^done$")
    assert a.txt == new


def test_silent_server_is_unknown_and_late_requests_land():
    now, new = state(), record(5, "claim", 5)
    primary.send_signal(signal.SIGSTOP)
    try:
        a = probe("swap", now.cname, now.txt, "db01.ia2.test", new, 30, options=("-t", "2500"))
    finally:
        primary.send_signal(signal.SIGCONT)
    expect(a, verdict="unknown", code="unreachable")
    deadline = time.monotonic() + 5
    while state().txt == now.txt and time.monotonic() < deadline:
        time.sleep(0.05)
    return "after SIGCONT the request %s" % ("landed" if state().txt == new else "was dropped")


def test_fence_makes_the_late_request_fail():
    relay = Relay(hold=True)
    now, late, fence = state(), record(6, "flip", 6), record(6, "claim", 6)
    a = probe("swap", now.cname, now.txt, "db01.ia2.test", late, 30, port=relay.port,
              options=("-t", "2500"))
    expect(a, verdict="unknown")
    expect(probe("swap", now.cname, now.txt, now.cname, fence, 30), verdict="done")
    rcodes = relay.release()
    assert rcodes and all(rcode in (8, 9) for rcode in rcodes), rcodes
    assert state().txt == fence and state().cname == now.cname
    return "%d late requests answered rcode %s" % (len(rcodes), rcodes)


def test_survey_names_the_server_that_disagrees():
    a = probe("survey", zone="ttl.test", alias="db.ttl.test")
    rows = {ns.split()[0]: ns for ns in a.all["ns"]}
    assert " agrees " in rows["ns1.ia2.test"], a.text
    assert " differs cname=old.ia2.test" in rows["ns2.ia2.test"], a.text


def test_survey_agrees_then_a_secondary_is_silent():
    deadline = time.monotonic() + 10
    while True:
        a = probe("survey")
        if all(" agrees " in ns for ns in a.all["ns"]) or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    assert len(a.all["ns"]) == 2 and all(" agrees " in ns for ns in a.all["ns"]), a.text
    now = state()
    secondary.send_signal(signal.SIGSTOP)
    try:
        b = probe("survey", options=("-t", "1500"))
        expect(probe("swap", now.cname, now.txt, "db02.ia2.test", record(7), 30), verdict="done")
    finally:
        secondary.send_signal(signal.SIGCONT)
    silent = [ns for ns in b.all["ns"] if "::1" in ns]
    assert len(silent) == 1 and " differs " in silent[0] and "no answer" in silent[0], b.text
    secondary.send_signal(signal.SIGTERM)
    secondary.wait()
    c = probe("survey", options=("-t", "1000"))
    assert any("::1" in ns and " differs " in ns for ns in c.all["ns"]), c.text
    assert any("127.0.0.1" in ns and " agrees " in ns for ns in c.all["ns"]), c.text


def test_200_racers_one_winner():
    """BIND drops UPDATEs above its update-quota of 100: these are sent again after 2 s."""
    a = probe("race", 200, 3, alias="race.ia2.test", options=("-t", "20000"))
    assert a.all["round"] == ["1 199 0"] * 3, a.text
    b = probe("race", 90, 30, alias="race.ia2.test", options=("-t", "20000"))
    assert b.all["round"] == ["1 89 0"] * 30, b.text
    return "3 rounds of 200 racers, 30 of 90, one winner each"


def test_racing_processes():
    winners = 0
    for i in range(10):
        now = state(alias="race.ia2.test")
        epoch = int(re.search(r"epoch=(\d+)", now.txt).group(1)) + 1
        running = [start("swap", now.cname, now.txt, "db01.ia2.test",
                         record(epoch, "claim", 100 + j), 30, alias="race.ia2.test")
                   for j in range(8)]
        verdicts = sorted(Answer(p.communicate(timeout=60)[0]).verdict for p in running)
        assert verdicts == ["done"] + ["refused"] * 7, verdicts
        winners += 1
    return "%d rounds of 8 processes" % winners


def test_latency():
    lines = []
    for options, way in (((), "as it is"), (("-T",), "TCP only")):
        a = probe("bench", 300, alias="race.ia2.test", options=options)
        assert a.median_us, a.text
        lines.append("%s: n=%s min %.1f median %.1f max %.1f ms" % (
            way, a.n, int(a.min_us) / 1000, int(a.median_us) / 1000, int(a.max_us) / 1000))
    return "; ".join(lines)


def run(name, function):
    global failures
    title = name[5:].replace("_", " ")
    try:
        comment = function()
        print("ok - dns: " + title, flush=True)
        if comment:
            print("# " + comment, flush=True)
    except Exception as problem:  # one line of TAP each, whatever went wrong
        failures += 1
        first, *rest = ("%s: %s" % (type(problem).__name__, problem)).splitlines()
        print("not ok - dns: %s: %s" % (title, first), flush=True)
        for line in rest:
            print("#   " + line, flush=True)


def main():
    global primary, secondary
    for program in ("named", "rndc", "dig"):
        if not shutil.which(program):
            print("ok - dns # SKIP %s is not installed" % program)
            return 0
    if "DNS_PROBE" not in os.environ:
        subprocess.run(["make", "-s", "-C", TOP, "BUILD=" + BUILD, PROBE], check=True,
                       stdout=sys.stderr)
    write_keys()
    primary = start_named("127.0.0.1", "::1", primary_conf)
    secondary = start_named("::1", "127.0.0.1", secondary_conf)
    deadline = time.monotonic() + 10
    for ip in ("127.0.0.1", "::1"):
        while probe("look", ip=ip, options=("-t", "500")).status != "ok":
            if time.monotonic() > deadline:
                with open(os.path.join(work, ip, "log")) as log:
                    print("not ok - dns: named at %s does not respond" % ip)
                    print(log.read()[-2000:])
                return 1
            time.sleep(0.05)
    tests = [(name, f) for name, f in globals().items() if name.startswith("test_")]
    for name, function in tests:
        if not sys.argv[1:] or any(word in name for word in sys.argv[1:]):
            run(name, function)
    print("1..%d" % len(tests))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
