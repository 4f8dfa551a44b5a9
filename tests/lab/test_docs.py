#!/usr/bin/env python3
"""What README, docs and the programs' own hints tell people to type exists: verbs and options by
--help, make's targets by the Makefile, pages and their sections by their names. Prints TAP; needs
neither root nor a lab.
"""
import fnmatch
import glob
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
os.chdir(TOP)

PAGES = sorted(["README.md", *glob.glob("docs/*.md"), *glob.glob("tests/**/README.md", recursive=True)])
SOURCES = sorted(path for d in ("base", "dnsupdate", "proto", "controller", "agent")
                 for path in glob.glob(d + "/**/*.[ch]", recursive=True))
SHIPPED = sorted(glob.glob("deploy/**/*", recursive=True))
GROUPS = ("dns", "cron", "config", "audit")
AGENT_VERBS = ("run", "guard", "status", "inspect", "config check", "version")
# what ends a command in a line of shell or prose
END = re.compile(r"\s(?:[|;&#>(].*|>>.*|<.*|->.*)$|[`,;:.)]+$|\s*…$")


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def run(*command):
    done = subprocess.run(command, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    return done.stdout


def options_of(text):
    """The options that a --help lists."""
    found = set()
    for line in text.splitlines():
        match = re.match(r"\s+((?:-\w, )?(?:--[\w-]+|-\w))(?:\s|$)", line)
        if match:
            found.update(match.group(1).split(", "))
    return found


class Programs:
    def __init__(self):
        top = run(BUILD + "/pgtandem", "--help")
        self.verbs = re.findall(r"^  ((?:%s) \w+|\w+)  " % "|".join(GROUPS), top, re.MULTILINE)
        assert "switchover" in self.verbs and "dns init" in self.verbs, self.verbs
        self.options = {verb: options_of(run(BUILD + "/pgtandem", *verb.split(), "--help"))
                        for verb in self.verbs}
        agent = run(BUILD + "/pgtandem-agent", "--help")
        for verb in AGENT_VERBS:
            assert re.search(r"^  %s  " % verb, agent, re.MULTILINE), f"{verb}: {agent}"
        self.agent_options = set().union(*(
            options_of(run(BUILD + "/pgtandem-agent", *verb.split(), "--help"))
            for verb in AGENT_VERBS))


def code_of(page):
    """(line number, code) of each span and each line of a block."""
    fenced = False
    for number, line in enumerate(read(page).splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or re.match(r"\s{4,}\S", line):
            yield number, line.strip()
        for span in re.findall(r"`([^`]+)`", line):
            if not fenced:
                yield number, span


def hints_of(path):
    """(line number, code) of each `span` in the string literals of a C file, and of comments."""
    for number, line in enumerate(read(path).splitlines(), 1):
        for span in re.findall(r"`([^`]+)`", line):
            yield number, span


def wrong_with(command, programs):
    """What is wrong with `pgtandem …` or `pgtandem-agent …`, or None"""
    command = END.sub("", END.sub("", command))
    words = re.findall(r"'[^']*'|\"[^\"]*\"|\S+", command)
    agent = words.pop(0) == "pgtandem-agent"
    while words[:1] == ["-c"]:
        words = words[2:]
    if not words or not re.match(r"[a-z]+$", words[0]):
        known = options_of(run(BUILD + "/pgtandem", "--help")) | {"--help", "--version", "-h", "-V"}
        bad = [w for w in words if w.startswith("-") and w not in known]
        return f"no option {bad[0]}" if bad else None  # a placeholder such as VERB or [-c FILE]
    verb = " ".join(words[:2]) if words[0] in GROUPS else words[0]
    if agent:
        if verb not in AGENT_VERBS:
            return f"pgtandem-agent has no verb \"{verb}\""
        known = programs.agent_options
    else:
        if verb not in programs.verbs:
            return f"no verb \"{verb}\""
        known = programs.options[verb]
    for word in words:
        name = word.strip("[]").split("=")[0]
        if name.startswith("-") and name not in known:
            return f"{verb} has no option {name}"
    return None


def commands(path):
    pieces = code_of(path) if path.endswith(".md") else hints_of(path)
    for number, code in pieces:
        match = re.match(r"(?:[\w-]+# ?)?(?:\S*/lab (?:-p \S+ )?exec (?:-u \w+ )?\w+ )?(pgtandem(?:-agent)?(?: .*)?)$",
                         code)
        if match:
            yield number, match.group(1)


def test_commands_of_the_pages_exist():
    programs = Programs()
    seen, bad = 0, []
    for page in PAGES:
        for number, command in commands(page):
            seen += 1
            wrong = wrong_with(command, programs)
            if wrong:
                bad.append(f"{page}:{number}: {wrong}: {command}")
    assert not bad, "; ".join(bad)
    assert seen > 50, f"only {seen} commands were found"
    return f"{seen} commands on {len(PAGES)} pages"


def test_commands_in_the_programs_hints_exist():
    programs = Programs()
    seen, bad = 0, []
    for path in SOURCES:
        for number, command in commands(path):
            seen += 1
            wrong = wrong_with(command, programs)
            if wrong:
                bad.append(f"{path}:{number}: {wrong}: {command}")
    assert not bad, "; ".join(bad)
    assert seen > 20, f"only {seen} commands were found"
    return f"{seen} commands"


def test_a_wrong_command_would_be_seen():
    programs = Programs()
    for command in ("pgtandem swichover --to db01", "pgtandem dns shwo", "pgtandem status --to db01",
                    "pgtandem-agent guards", "pgtandem-agent guard --to db01"):
        assert wrong_with(command, programs), command
    for command in ("pgtandem status -w 2  # again", "pgtandem switchover --to db01 --reason 'a -x b'",
                    "pgtandem-agent guard --cron", "pgtandem VERB --help", "pgtandem resume`."):
        assert not wrong_with(command, programs), f"{command}: {wrong_with(command, programs)}"


def test_targets_of_make_exist():
    makefile = read("Makefile")
    bad = []
    for page in PAGES:
        for number, code in code_of(page):
            match = re.match(r"make ([a-z]\S*)", code)
            rule = r"^(?:\S+ )*%s(?: \S+)*:" % re.escape(match.group(1)) if match else ""
            if match and not re.search(rule, makefile, re.MULTILINE):
                bad.append(f"{page}:{number}: {code}")
    assert not bad, "; ".join(bad)


def test_the_page_of_preflight_has_the_programs_own_table():
    said = run("tests/checks-table")
    assert not said, said


def test_the_reference_pages_are_what_the_tables_say():
    said = run("tests/reference/pages")
    assert not said, said


def test_source_files_that_pages_name_exist():
    """`controller/main.c`, and `engine.c` or `verbs/verb_*.c` for the end of a path."""
    paths = SOURCES + glob.glob("tests/**/*.[ch]", recursive=True)
    bad, seen = [], 0
    for page in PAGES:
        for number, line in enumerate(read(page).splitlines(), 1):
            for name in re.findall(r"`([a-z_\d*/]+\.[ch])`", line):
                seen += 1
                if not any(fnmatch.fnmatch("/" + path, "*/" + name) for path in paths):
                    bad.append(f"{page}:{number}: {name}")
    assert not bad, "; ".join(bad)
    assert seen > 20, f"only {seen} names were found"
    return f"{seen} names"


def headings(page):
    return {re.sub(r"^[\d.]+ ", "", h).lower()
            for h in re.findall(r"^#+ (.*)$", read(page), re.MULTILINE)}


def test_links_lead_somewhere():
    bad = []
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#\s]+)\)", read(page)):
            if "://" not in link and not os.path.exists(os.path.join(os.path.dirname(page), link)):
                bad.append(f"{page}: {link}")
    assert not bad, "; ".join(bad)


def test_pages_and_sections_that_programs_name_exist():
    bad = []
    for path in SOURCES + PAGES + [s for s in SHIPPED if os.path.isfile(s)]:
        # literals that go on in the next line become one text
        text = re.sub(r'"\s*\n\s*"', "", read(path)).replace('\\"', '"')
        pattern = r"(?:docs/|\]\()([\w-]+\.md)\)?(?:,\s+\"([^\"\n]+)\")?"
        for name, section in re.findall(pattern, text):
            page = "docs/" + name if name != "README.md" else name
            if not os.path.exists(page):
                bad.append(f"{path}: no {page}")
            elif section and not any(h.startswith(section.lower()) for h in headings(page)):
                bad.append(f"{path}: {page} has no section \"{section}\"")
    assert not bad, "; ".join(bad)


def main():
    failures = 0
    for name, function in list(globals().items()):
        if not name.startswith("test_"):
            continue
        title = "docs: " + name[len("test_"):].replace("_", " ")
        try:
            said = function()
            print(f"ok - {title}", flush=True)
            if said:
                print(f"# {said}")
        except (AssertionError, OSError) as wrong:
            failures += 1
            print(f"not ok - {title}: {' '.join(str(wrong).split())}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
