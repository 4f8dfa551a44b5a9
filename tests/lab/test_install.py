#!/usr/bin/env python3
"""`make install`: what it puts where, that the samples are the programs' own, and that systemd takes
the units with their drop-ins; and where a checkout may lie. Prints TAP; installs below a temporary
directory only. The last test makes a lab, as root; the others need neither.
"""
import grp
import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
PREFIX = "/opt/tandem"

PLACES = """\
755 bin/pgtandem
755 bin/pgtandem-agent
644 lib/systemd/system/pgtandem-agent.service
644 lib/tmpfiles.d/pgtandem-agent.conf
644 lib/tmpfiles.d/pgtandem-controller.conf
644 share/bash-completion/completions/pgtandem
644 share/bash-completion/completions/pgtandem-agent
644 share/doc/pgtandem/*.md
644 share/doc/pgtandem/json/*
644 share/man/man1/pgtandem.1
644 share/man/man5/pgtandem-agent.conf.5
644 share/man/man5/pgtandem.conf.5
644 share/man/man8/pgtandem-agent.8
644 share/pgtandem/agent.conf.sample
755 share/pgtandem/make-certs
644 share/pgtandem/pgtandem.conf.sample
644 share/pgtandem/polkit/50-pgtandem.rules
644 share/pgtandem/systemd/cron.service.d/pgtandem.conf
644 share/pgtandem/systemd/crond.service.d/pgtandem.conf
644 share/pgtandem/systemd/pgtandem-agent.service.d/debian-hardening.conf
644 share/pgtandem/systemd/postgresql-16.service.d/pgtandem.conf
644 share/pgtandem/systemd/postgresql@.service.d/pgtandem.conf
"""

DIRECTORIES = {"etc/pgtandem": 0o750, "var/lib/pgtandem": 0o700, "var/lib/pgtandem/journal": 0o700,
               "var/lib/pgtandem-agent": 0o700}
# systemd-analyze security: the sum of what a broken agent could still reach; 10 is no confinement
MOST_EXPOSED = {"plain": 9.0, "hardened": 2.5}

# units of the distributions that the drop-ins belong to, where this machine does not have them
STAND_INS = {
    "cron.service": "[Service]\nExecStart=/bin/true\n",
    "crond.service": "[Service]\nExecStart=/bin/true\n",
    "postgresql@.service": "[Service]\nType=forking\nExecStart=-/bin/true %i\n",
    "postgresql-16.service": "[Service]\nType=notify\nUser=postgres\nExecStart=/bin/true\n",
}
VERIFIED = ("pgtandem-agent.service", "cron.service", "crond.service", "postgresql@15-main.service",
            "postgresql-16.service")

work = tempfile.mkdtemp(prefix="pgtandem-install-")
os.umask(0o077)  # what is installed must not depend on it


class Skip(Exception):
    pass


def run(*command, **options):
    done = subprocess.run(command, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, **options)
    assert done.returncode == 0, f"{' '.join(command)}: exit {done.returncode}: {done.stdout[-600:]}"
    return done.stdout


def make(target, destdir, prefix, *more):
    # -o all: what is built, as it is
    run("make", "-s", "-C", TOP, "-o", "all", target, f"BUILD={BUILD}", f"DESTDIR={destdir}",
        f"PREFIX={prefix}", *more)


def install(destdir, prefix, *more):
    make("install", destdir, prefix, *more)


def read(*path):
    with open(os.path.join(*path)) as f:
        return f.read()


def places(root):
    """The files below ROOT, as PLACES has them."""
    found = set()
    for directory, _, names in os.walk(root):
        for name in names:
            path = os.path.join(directory, name)
            mode = stat.S_IMODE(os.lstat(path).st_mode)
            inside = os.path.relpath(path, root)
            if inside.startswith("share/doc/pgtandem/") and name.endswith(".md"):
                inside = "share/doc/pgtandem/*.md"
            if inside.startswith("share/doc/pgtandem/json/"):
                inside = "share/doc/pgtandem/json/*"
            found.add(f"{mode:o} {inside}")
    return found


def test_files_and_modes():
    install(work + "/dest", PREFIX)
    found, wanted = places(work + "/dest" + PREFIX), set(PLACES.splitlines())
    assert found == wanted, f"missing {sorted(wanted - found)}, not expected {sorted(found - wanted)}"
    assert sorted(os.listdir(work + "/dest")) == ["etc", "opt", "var"], os.listdir(work + "/dest")
    for name, mode in DIRECTORIES.items():
        has = stat.S_IMODE(os.stat(f"{work}/dest/{name}").st_mode)
        assert has == mode, f"{name} has {has:o}, should have {mode:o}"
    assert not [f for d in ("etc", "var") for _, _, names in os.walk(f"{work}/dest/{d}") for f in names]


def test_each_role_alone():
    """A node gets nothing of a controller's, and the reverse."""
    wanted = {line for line in PLACES.splitlines()}
    of_agent = {line for line in wanted if "agent" in line or "systemd/" in line or "polkit" in line}
    pages = {line for line in wanted if "share/doc" in line}
    for role, files in (("agent", of_agent | pages), ("controller", wanted - of_agent)):
        install(f"{work}/{role}", PREFIX, f"ROLES={role}")
        found = places(f"{work}/{role}{PREFIX}")
        assert found == files, f"{role}: {sorted(found ^ files)}"


def page(section):
    """A section of installing.md."""
    return re.search(rf"(?ms)^## {section}\. .*?(?=^## |\Z)", read(TOP, "docs/installing.md")).group(0)


def as_the_page_says(role):
    """A directory for /etc/pgtandem of a host, filled as sections 3 to 5 and 7 of the page say: from the
    samples, the names in its table, and its key. -> the directory, its configuration"""
    share, ca, etc = f"{work}/dest{PREFIX}/share/pgtandem", f"{work}/page-ca", f"{work}/etc-{role}"
    if not os.path.exists(ca):
        for command in re.findall(r"(?m)^    ca# (.*)$", page(3)):
            run("sh", "-c", command.replace("/usr/local/share/pgtandem", share)
                .replace("/root/pgtandem-ca", ca))
    os.mkdir(etc)
    column = ("controller", "agent").index(role)
    for row in re.findall(r"(?m)^\| .*\.(?:crt|key)`.*$", page(3)):
        names = re.findall(r"`([^`]*)`", row.split("|")[2 + column])
        shutil.copy(f"{ca}/{names[0]}", f"{etc}/{names[-1]}")  # "`made` as `there`"
    key = re.search(r"`([\w.]+)` on each controller with its own key, `([\w.]+)` on", page(4)).groups()[column]
    with open(f"{etc}/{key}", "w") as f:
        f.write('key "ctl-update" { algorithm hmac-sha256; secret "c2VjcmV0IG9mIHRoZSBjb250cm9s"; };\n')
    name = "pgtandem.conf" if role == "controller" else "agent.conf"
    assert f"share/pgtandem/{name}.sample /etc/pgtandem/{name}" in page(5) + page(7)
    with open(f"{etc}/{name}", "w") as f:
        f.write(read(share, name + ".sample").replace("/etc/pgtandem", etc))
    return etc, f"{etc}/{name}"


def test_samples_and_page_are_enough():
    """What the page makes and the samples name is the same; one host has one address in both."""
    _, path = as_the_page_says("controller")
    said = run(f"{work}/dest{PREFIX}/bin/pgtandem", "-c", path, "config", "check")
    assert "in order" in said and "ctl-update" in said, said
    nodes = dict(re.findall(r"node (\S+): agent (\S+),", " ".join(said.split())))
    etc, path = as_the_page_says("agent")
    text = read(path)
    for key in re.findall(r"(?m)^(?:ca|certificate|key|key_file) = (.*)$", text):
        assert os.path.exists(key), f"agent.conf.sample names {key}, the page makes {os.listdir(etc)}"
    own = re.search(r"(?m)^node = (\S+)", text).group(1), re.search(r"(?m)^listen = (\S+)", text).group(1)
    others = dict(re.findall(r"(?m)^\[peer (\S+)\]\nagent = (\S+)", text))
    assert {own[0]: own[1], **others} == nodes, (own, others, nodes)
    for key in ("alias", "zone", "server"):
        values = {re.search(rf"(?m)^{key} = (\S+)", t).group(1)
                  for t in (text, read(TOP, "deploy/pgtandem.conf.sample"))}
        assert len(values) == 1 and values.pop() in read(TOP, "docs/installing.md"), key


def test_what_is_there_already_stays():
    """Again over a host in use, then uninstalled: configuration, keys, journals, state are as before."""
    root = work + "/used"
    install(root, PREFIX)
    kept = {f"{root}/etc/pgtandem/{n}": n + " of a person\n"
            for n in ("agent.conf", "pgtandem.conf", "agent.key", "dns.key")}
    kept[root + "/var/lib/pgtandem-agent/state.json"] = "fenced\n"
    kept[root + "/var/lib/pgtandem/journal/a.journal"] = "history\n"
    for path, text in kept.items():
        with open(path, "w") as f:
            f.write(text)
    for target in ("install", "uninstall"):
        make(target, root, PREFIX)
        for path, text in kept.items():
            assert read(path) == text, f"{target} has changed {path}"
    assert not places(root + PREFIX), f"left: {places(root + PREFIX)}"


def test_tmpfiles_makes_the_directories():
    """Owners and modes as systemd-tmpfiles sets them, below a root of our own."""
    if not shutil.which("systemd-tmpfiles") or os.geteuid() != 0:
        raise Skip("needs systemd-tmpfiles, and root")
    for role, path, owner, mode in (
            ("agent", "etc/pgtandem", "root:postgres", 0o750),
            ("agent", "var/lib/pgtandem-agent", "postgres:postgres", 0o700),
            ("controller", "etc/pgtandem", "root:root", 0o750),
            ("controller", "var/lib/pgtandem/journal", "root:root", 0o700)):
        root = f"{work}/tmpfiles-{role}"
        os.makedirs(root + "/etc", exist_ok=True)
        for name in ("passwd", "group"):
            shutil.copy("/etc/" + name, root + "/etc/")
        install(root, "/usr", f"ROLES={role}")
        run("systemd-tmpfiles", "--create", f"--root={root}", f"{root}/usr/lib/tmpfiles.d/pgtandem-{role}.conf")
        st = os.stat(f"{root}/{path}")
        has = f"{pwd.getpwuid(st.st_uid).pw_name}:{grp.getgrgid(st.st_gid).gr_name}"
        assert has == owner and stat.S_IMODE(st.st_mode) == mode, f"{path}: {has} {st.st_mode:o}"


def test_documents_are_all_there():
    installed = set(os.listdir(f"{work}/dest{PREFIX}/share/doc/pgtandem")) - {"json"}
    assert installed == {n for n in os.listdir(TOP + "/docs") if n.endswith(".md")}, installed


def test_programs_run_from_there():
    for name in ("pgtandem", "pgtandem-agent"):
        said = run(f"{work}/dest{PREFIX}/bin/{name}", "--version")
        assert any(c.isdigit() for c in said), said


def test_the_sample_is_what_the_program_prints():
    said = run(f"{work}/dest{PREFIX}/bin/pgtandem", "config", "sample")
    assert said == read(TOP, "deploy/pgtandem.conf.sample"), \
        "run: build/pgtandem config sample >deploy/pgtandem.conf.sample"


def test_certificates_by_the_installed_script():
    script, ca = f"{work}/dest{PREFIX}/share/pgtandem/make-certs", work + "/ca"
    run(script, "init", ca, "ia2")
    run(script, "controller", ca, "ia2", "ctl")
    run(script, "agent", ca, "ia2", "db01")
    for name in ("controller-ctl", "agent-db01"):
        run("openssl", "verify", "-CAfile", ca + "/ca.crt", f"{ca}/{name}.crt")
        assert stat.S_IMODE(os.stat(f"{ca}/{name}.key").st_mode) == 0o600


def test_units_name_the_installed_program():
    share = f"{work}/dest{PREFIX}/share/pgtandem/systemd"
    texts = [read(work, "dest" + PREFIX, "lib/systemd/system/pgtandem-agent.service")]
    texts += [read(share, d, n) for d in os.listdir(share) for n in os.listdir(f"{share}/{d}")]
    commands = [line for text in texts for line in text.splitlines() if line.startswith("Exec")]
    assert len(commands) == 6, commands
    for line in commands:
        if line.startswith("ExecReload="):
            assert line == "ExecReload=/bin/kill -HUP $MAINPID", line
            continue
        assert line.split("=", 1)[1].startswith(PREFIX + "/bin/pgtandem-agent "), line


def units_directory():
    """The units as a host would have them in /etc, the program at a path that exists."""
    prefix, units = work + "/real", work + "/units"
    install("", prefix, f"SYSCONFDIR={work}/etc", f"LOCALSTATEDIR={work}/var")
    shutil.copytree(prefix + "/share/pgtandem/systemd", units)
    shutil.copy(prefix + "/lib/systemd/system/pgtandem-agent.service", units)
    for name, text in STAND_INS.items():
        path = "/lib/systemd/system/" + name
        if os.path.exists(path):
            shutil.copy(path, units)
        else:
            with open(f"{units}/{name}", "w") as f:
                f.write("[Unit]\nDescription=stand-in\n" + text)
    return units


def test_systemd_takes_units_and_drop_ins():
    if not shutil.which("systemd-analyze"):
        raise Skip("systemd-analyze is not installed")
    units = units_directory()
    # an empty last part: and the machine's own units
    said = run("systemd-analyze", "verify", "--man=no", *(f"{units}/{u}" for u in VERIFIED),
               env=dict(os.environ, SYSTEMD_UNIT_PATH=units + ":"))
    about_ours = [line for line in said.splitlines() if units in line or "pgtandem" in line]
    assert not about_ours, "; ".join(about_ours)


def test_systemd_notices_what_is_wrong():
    """The test before would see a mistake."""
    if not shutil.which("systemd-analyze"):
        raise Skip("systemd-analyze is not installed")
    units = work + "/units"
    with open(units + "/cron.service.d/pgtandem.conf", "a") as f:
        f.write("NoSuchKey=1\n")
    said = run("systemd-analyze", "verify", "--man=no", units + "/cron.service",
               env=dict(os.environ, SYSTEMD_UNIT_PATH=units + ":"))
    assert "NoSuchKey" in said, said


def exposure(hardened):
    """What systemd-analyze security says of the unit, offline: from 0 to 10."""
    units = f"{work}/security-{hardened}"
    os.makedirs(units)
    shutil.copy(work + "/real/lib/systemd/system/pgtandem-agent.service", units)
    if hardened:
        shutil.copytree(work + "/real/share/pgtandem/systemd/pgtandem-agent.service.d",
                        units + "/pgtandem-agent.service.d")
    said = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                           units + "/pgtandem-agent.service"], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout
    found = re.search(r"Overall exposure level for pgtandem-agent.service: ([0-9.]+)", said)
    if not found:
        raise Skip("systemd-analyze security cannot look offline here: " + said.strip()[-100:])
    return float(found.group(1))


def test_the_agents_unit_is_confined():
    if not shutil.which("systemd-analyze"):
        raise Skip("systemd-analyze is not installed")
    plain, hardened = exposure(False), exposure(True)
    assert plain <= MOST_EXPOSED["plain"], f"the unit: {plain} of 10, at most {MOST_EXPOSED['plain']}"
    assert hardened <= MOST_EXPOSED["hardened"], \
        f"with debian-hardening.conf: {hardened} of 10, at most {MOST_EXPOSED['hardened']}"
    page = read(TOP, "docs/installing.md")
    assert f"{hardened} of 10" in page and f"{plain} without" in page, \
        f"docs/installing.md tells other figures than {hardened} and {plain}"


POLKIT = """
var rule, polkit = {Result: {YES: 1, NOT_HANDLED: 0}, addRule: function(f) { rule = f; }};
%s
function may(user, unit, verb) {
    return rule({id: "org.freedesktop.systemd1.manage-units",
                 lookup: function(k) { return {unit: unit, verb: verb}[k]; }}, {user: user});
}
var yes = [["postgres", "postgresql@15-main.service", "start"],
           ["postgres", "postgresql@15-main.service", "stop"],
           ["postgres", "postgresql-16.service", "reload"],
           ["postgres", "postgresql.service", "reset-failed"]];
var no = [["nobody", "postgresql@15-main.service", "stop"],
          ["postgres", "cron.service", "stop"],
          ["postgres", "postgresql@15-main.service.evil.service", "start"],
          ["postgres", "xpostgresql-16.service", "start"],
          ["postgres", "postgresql-16.service", "kill"],
          ["postgres", undefined, "start"]];
yes.forEach(function(c) { if (may.apply(null, c) !== 1) throw new Error("denied: " + c); });
no.forEach(function(c) { if (may.apply(null, c) !== 0) throw new Error("permitted: " + c); });
"""


def test_polkit_rule_permits_that_and_no_more():
    engine = shutil.which("duk") or shutil.which("node")
    if not engine:
        raise Skip("no JavaScript here (duktape or nodejs)")
    with open(work + "/rule.js", "w") as f:
        f.write(POLKIT % read(TOP, "deploy/polkit/50-pgtandem.rules"))
    run(engine, work + "/rule.js")


def checkout(directory):
    """What a lab and make need of this one, copied to DIRECTORY."""
    for part in ("Makefile", "deploy", "tests/lab"):
        (shutil.copytree if os.path.isdir(os.path.join(TOP, part)) else shutil.copy)(
            os.path.join(TOP, part), os.path.join(directory, part))


def test_a_path_that_make_cannot_take_is_refused_before_anything_is_built():
    for name in ("a blank", "a:colon", "quote's"):
        directory = os.path.join(work, name)
        os.makedirs(directory)
        shutil.copy(os.path.join(TOP, "Makefile"), directory)
        done = subprocess.run(["make", "-C", directory, "all"], text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode != 0 and "move the checkout elsewhere" in done.stdout, done.stdout[-300:]
        assert os.listdir(directory) == ["Makefile"], os.listdir(directory)


def bare_lab_of(top, build):
    """A lab without pgtandem from a checkout at TOP, built at BUILD: what a host of it sees of both."""
    lab = [top + "/tests/lab/lab", "-p", "checkout%d" % os.getpid()]
    env = dict(os.environ, LAB_BUILD=build)
    os.mkdir(top + "/tests")
    checkout(top)
    with open(build + "/there", "w") as f:
        f.write("yes")
    try:
        run(*lab, "up", "--bare", env=env)
        return run(*lab, "exec", "db01", "sh", "-c", f"cat {build}/there; ls {top}; ls /tmp /opt", env=env)
    finally:
        subprocess.run([*lab, "down"], check=False)


def test_a_labs_hosts_see_a_checkout_that_they_mount_over():
    if os.geteuid() != 0:
        raise Skip("namespaces need root")
    os.umask(0o022)
    try:
        for place, built in (("/tmp", "/opt"), ("/run", "/run")):
            top = tempfile.mkdtemp(prefix="pgtandem-checkout-", dir=place)
            build = tempfile.mkdtemp(prefix="pgtandem-build-", dir=built)
            try:
                said = bare_lab_of(top, build)
            finally:
                for directory in (top, build):
                    shutil.rmtree(directory, ignore_errors=True)
            assert said.startswith("yesMakefile\n"), f"{place}, {built}: {said}"
            below = {os.path.basename(d) for d in (top, build) if not d.startswith("/run/")}
            assert below < set(said.split()) and len(said.split()) < 12, f"{place}, {built}: {said}"
    finally:
        os.umask(0o077)


def main():
    failures = 0
    try:
        for name, function in list(globals().items()):
            if not name.startswith("test_"):
                continue
            title = "install: " + name[len("test_"):].replace("_", " ")
            try:
                function()
                print(f"ok - {title}", flush=True)
            except Skip as why:
                print(f"ok - {title} # SKIP {why}", flush=True)
            except (AssertionError, OSError) as wrong:
                failures += 1
                print(f"not ok - {title}: {' '.join(str(wrong).split())}", flush=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
