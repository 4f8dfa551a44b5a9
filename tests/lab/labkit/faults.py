"""What happens beside a planned move, for the bench: a host that dies, a standby that takes nothing
in. Each is done from outside, at a moment of the move, and put in order afterwards."""

import time

from . import boot, hosts, scene


class Fault:
    """Nothing, on one planned move: before() it is typed, meanwhile() while it runs, after() it has
    ended. `new` says who has the role then."""

    status = 0  # with which the command ends

    def __init__(self, s, old, to):
        self.scene, self.old, self.to = s, old, to
        self.third = next(n for n in hosts.NODES if n not in (old, to))
        self.new = to

    def before(self):
        pass

    def meanwhile(self, child):
        pass

    def after(self):
        pass


def _until(child, holds, what):
    """Looks every millisecond, as long as the command runs."""
    while not holds():
        scene.check(child.poll() is None, 'the command ended before %s', what)
        time.sleep(0.001)


class ThirdDead(Fault):
    """The host of the standby that is not the target loses its power right before the fence."""

    journals = 0

    def before(self):
        self.journals = len(self.scene.journals())

    def meanwhile(self, child):
        _until(child, lambda: self.scene.journaled('result', 'cron-off', newer_than=self.journals),
               'cron-off')
        boot.kill(self.scene.lab, self.third)

    def after(self):
        self.scene.start(self.third)
        self.scene.go_on('resume')  # it still follows the old primary


class ThirdStuck(Fault):
    """Its walreceiver has been stopped, and its connection lives."""

    def before(self):
        self.scene.freeze(self.third, 'walreceiver')

    def after(self):
        self.scene.thaw()
        self.scene.go_on('resume')


class TargetDead(Fault):
    """The target's host dies when the old primary has been told to stop: the role stays."""

    status = 3

    def __init__(self, s, old, to):
        super().__init__(s, old, to)
        self.new = old

    def meanwhile(self, child):
        _until(child, lambda: self.scene.agent_state(self.old).get('fenced'), 'the fence')
        boot.kill(self.scene.lab, self.to)

    def after(self):
        self.scene.start(self.to)


class Busy(Fault):
    """Forty clients of pgbench write on the old primary until it stops."""

    CLIENTS, SCALE = 40, 10
    pgbench = None

    def before(self):
        self.pgbench = self._start('-n', '-c', str(self.CLIENTS), '-j', '2', '-T', '120')
        scene.wait(lambda: self._clients() >= self.CLIENTS, 30, 'pgbench has its connections')

    def _start(self, *argv):
        return self.scene.popen(self.old, 'pgbench', '-h', hosts.SOCKETS, *argv, 'postgres',
                                user='postgres')

    def _clients(self):
        return int(self.scene.value(self.old, "SELECT count(*) FROM pg_stat_activity WHERE "
                                    "application_name = 'pgbench' AND query <> ''") or 0)

    def tables(self):
        """Once, before the first."""
        self.scene.finish(self._start('-i', '-q', '-s', str(self.SCALE)), 120)

    def after(self):
        self.scene.finish(self.pgbench, 30)  # its server has stopped


FAULTS = {'third-dead': ThirdDead, 'third-stuck': ThirdStuck, 'target-dead': TargetDead, 'busy': Busy}
