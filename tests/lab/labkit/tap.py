"""Tests on a lab: each is a function of a Scene; the results are lines as tests/run reads them.

    @tap.test('a planned move loses nothing')
    def _(s): ...

    tap.main('switchover')

A test begins on a lab at rest with db02 as owner: the last one's where that is at rest, else a new
one. A word on the command line picks the tests with this word in their name.

One with more=True is a second look at what another test shows as well, and costs much: `make test`
leaves it to `make test-all` (MORE in the environment) and to whoever names it by a word.
"""

import os
import sys
import time
import traceback

from . import hosts, scene
from .scene import check

MORE = bool(os.environ.get('PGTANDEM_MORE'))
_tests = []


class Skip(Exception):
    pass


def test(name, owner=hosts.FIRST_OWNER, more=False):
    def add(function):
        if not more or MORE or sys.argv[1:]:
            _tests.append((name, owner, function))
        return function
    return add


def say(text, *values):
    print('# ' + (text % values if values else text), flush=True)


def _explain(s):
    """For whoever reads the log of a failure; ends what the test left running, and shows its words."""
    for child in [c for c in s.children if c.stdout and hasattr(c, 'host')]:
        s.remember(child.host, s.finish(child, 1))
    for host, result in s.done[-2:]:
        say('%s# %s', host, ' '.join(result.argv))
        for line in (result.stdout + result.stderr).splitlines()[-12:]:
            say('    %s', line)
        say('  exit %s after %.1f s', result.code, result.seconds)
    for server in hosts.NAMESERVERS:
        say('%s: %s %s', server, s.alias(server), s.record(server))
    for node in hosts.NODES:
        say('%s: %s, cron %s', node, s.role(node), s.cron(node))
        for name, lines in (('pgtandem-agent.log', 6), ('postgresql.log', 3)):
            for line in s.log(node, name, lines):
                say('    %s', line[:200])


def _ready(s, owner, used):
    """At rest with OWNER: by a move where there is a lab at rest, else on a new lab."""
    if used:
        s.thaw()
        here = s.alias()
        if not here or s.steady(here):
            s.renew()
        elif here != owner and (s.switchover(owner).code != 0 or s.steady(owner)):
            s.renew()
    else:
        s.up()
    if s.alias() != owner:
        check(s.switchover(owner).code == 0, 'the role could not be brought to %s', owner)


def _one(s, name, owner, function, used):
    began = time.monotonic()
    try:
        _ready(s, owner, used)
        function(s)
        print('ok - %s' % name, flush=True)
        good = True
    except Skip as reason:
        print('ok - %s # SKIP %s' % (name, reason), flush=True)
        good = True
    except (scene.Wrong, hosts.LabError) as reason:
        print('not ok - %s: %s' % (name, ' '.join(str(reason).split())), flush=True)
        _explain(s)
        good = False
    except Exception as error:  # pylint: disable=broad-except
        print('not ok - %s: %r' % (name, error), flush=True)
        for line in traceback.format_exc().splitlines():
            say('%s', line)
        good = False
    say('%.1f s', time.monotonic() - began)
    return good


def main(prefix):
    words = sys.argv[1:]
    chosen = [t for t in _tests if not words or any(w in t[0] for w in words)]
    good = used = False
    failed = 0
    with scene.Scene(prefix, up=False) as s:
        for name, owner, function in chosen:
            if used and not good:
                s.down()
                used = False
            good = _one(s, name, owner, function, used)
            failed += not good
            used = True
            for _, child, _ in list(s.clients):  # a failed test's
                child.terminate()
            s.clients = []
    return 1 if failed else 0
