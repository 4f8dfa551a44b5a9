#!/usr/bin/env python3
"""A plan and the move that follows it: the same steps, there and back; a plan that the world has left
behind is refused, naming what has changed."""

import json
import sys

from labkit import hosts, points, scene, tap
from labkit.scene import check

FILE = '/root/move.plan'


def planned(s, *argv):
    """The plan, as JSON."""
    result = s.pgtandem('plan', *argv, '--wait-jobs', '30', '-f', 'json')
    check(result.code == 0, 'plan: exit %d: %s', result.code, result.stderr)
    return json.loads(result.stdout)


def foreseen(actions):
    """[(step, nodes)]: the steps as the journal would have them; nothing is written of a look."""
    asks = ('evidence', 'loss')
    return [(a['step'], '' if a['where'].startswith('dns') else a['where']) for a in actions
            if a['step'] not in asks]


def done(s, plan):
    """[(step, nodes)] of the newest journal; a step that was tried twice is one."""
    dns = {a['step'] for a in plan['actions'] + plan['back'] if a['where'].startswith('dns')}
    steps = []
    for r in s.journal():
        if r['kind'] == 'intent':
            on = ', '.join(r['data']['on']) or 'controller'
            step = r['step'], '' if r['step'] in dns else on
            steps += [step] if steps[-1:] != [step] else []
    return steps


def as_planned(s, plan, steps):
    """The journal's steps are these; what the plan calls "if needed" may be missing."""
    optional = {a['step'] for a in plan['actions'] + plan['back'] if a['if_needed']}
    deeds = done(s, plan)
    missing = [step for step in steps if step not in deeds]
    check(all(step[0] in optional for step in missing) and
          [step for step in steps if step not in missing] == deeds,
          'planned: %s; done: %s', steps, deeds)


def carry_out(s, *more):
    return s.pgtandem('switchover', '--plan', FILE, '--yes', '--reason', 'test', *more)


@tap.test('plan and deed: a saved plan is refused while a crontab differs, then it is done step by step')
def _(s):
    before, record = s.snapshot(), s.record()
    plan = planned(s, '--to', 'db01', '--save', FILE)
    check(plan['possible'] and plan['back'], 'the plan: %s', plan)
    with s.limits(clock_skew_ms=2000):  # a file of another name
        result = s.pgtandem('plan', '--to', 'db01', '--save', FILE + '.other', '--wait-jobs', '30')
    check('saved: pgtandem -c /etc/pgtandem/limits.conf switchover --plan %s.other' % FILE in
          ' '.join(result.stdout.split()), 'what is to be typed: %s', result.stdout[-300:])
    text = s.crontab('db01')
    s.put_crontab('db01', text + '# a note\n')
    result = carry_out(s)
    said = result.stdout + result.stderr
    check(result.code == 2 and 'changed: db01 crontab: was ' in said and
          '(pgtandem cron diff db01)' in said, 'exit %d: %s', result.code, said)
    check(said.count('changed: ') == 1, 'more has changed: %s', said)
    s.put_crontab('db01', text)

    s.run('ctl', 'sh', '-c', 'sed s/db01/vm/ %s >%s.edited' % (FILE, FILE), check=True)
    result = s.pgtandem('switchover', '--plan', FILE + '.edited', '--yes', '--reason', 'test')
    check(result.code == 2 and 'edited' in result.stderr, 'exit %d: %s', result.code, result.stderr)
    check(s.record() == record, 'the record is %s', s.record())
    s.await_unchanged(before, 0)

    result = carry_out(s)
    check(result.code == 0, 'exit %d: %s', result.code, result.stderr)
    as_planned(s, plan, foreseen(plan['actions']))
    s.await_steady('db01')

    result = carry_out(s)
    said = result.stdout + result.stderr
    check(result.code == 2 and 'owner: was db02, is db01' in said and
          'epoch: was %d, is' % plan['facts']['epoch'] in said, 'exit %d: %s', result.code, said)
    plan = planned(s, '--to', 'db02')
    check(plan['outlook']['measured'] >= 1 and plan['outlook']['outage_median_ms'] > 0,
          'what moves took here: %s', plan['outlook'])


@tap.test('--dry-run of every move shows its plan, and changes nothing', owner='db01')
def _(s):
    before, record = s.snapshot(), s.record()
    for argv, step in ((('switchover', '--to', 'db02', '--wait-jobs', '30'), 'promote'),
                       (('fence', 'vm'), 'fence'), (('resume',), None), (('abort',), None),
                       (('rejoin', 'vm'), None)):
        result = s.pgtandem(*argv, '--dry-run', '-f', 'json')
        check(result.code == 0, '%s: exit %d: %s', argv[0], result.code, result.stderr)
        plan = json.loads(result.stdout)
        check(plan['command'] == argv[0], 'command %s', plan['command'])
        steps = [a['step'] for a in plan['actions']]
        check(step in steps if step else not steps, '%s: %s', argv[0], steps)
    check(s.record() == record, 'the record is %s', s.record())
    s.await_unchanged(before, 0)


@tap.test('the way back is as planned too: a promotion that fails for real', owner='db01')
def _(s):
    plan = planned(s, '--to', 'db02')
    wal = hosts.DATA + '/pg_wal'
    child = points.at_verify(s, 'db01', 'db02')
    s.run('db02', 'chmod', '0500', wal, check=True)
    points.resume_replay(s, 'db02')
    points.let_go(s, child)
    result = s.finish_pgtandem(child, 120)
    s.run('db02', 'chmod', '0700', wal, check=True)
    check(result.code == 3, 'exit %d', result.code)
    forward = foreseen(plan['actions'])
    until = [step for step, _ in forward].index('promote') + 1
    as_planned(s, plan, forward[:until] + foreseen(plan['back']))
    s.await_steady('db01')


@tap.test('the plan of a failover: the same steps when the primary has died', owner='db01')
def _(s):
    old = s.alias()
    refused = s.pgtandem('plan', '--failover', '--to', 'vm')
    check(refused.code == 2 and 'owner-lost' in refused.stderr, 'exit %d', refused.code)
    s.kill(old)
    alone = s.pgtandem('plan', '--failover', '--to', 'vm')
    check(alone.code == 2 and '--accept-unfenced ' + old in alone.stdout, 'exit %d', alone.code)
    word = ('--accept-unfenced', old)
    plan = planned(s, '--failover', '--to', 'vm', *word)
    left = 'a slot is left on vm for ' + old
    check([o['text'] for o in plan['outstanding'] if left in o['text']], 'outstanding: %s', plan['outstanding'])
    with s.limits(g3_wait_ms=1000):
        result = s.failover('vm', *word)
    check(result.code == 0, 'exit %d: %s', result.code, result.stderr)
    check(left in ' '.join(result.stdout.split()), 'the summary: %s', result.stdout[-900:])
    as_planned(s, plan, foreseen(plan['actions']))


if __name__ == '__main__':
    sys.exit(tap.main('plan'))
