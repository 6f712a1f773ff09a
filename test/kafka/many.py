#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many machines: two `aulert run` share the nodes of a topic; one is killed, and no alert is missing.

many.py AULERT MOCK-CLUSTER KAFKA-CLIENT

Machines send bursts of failures. A correlation fires at the fourth of a burst, so that whoever takes over a node in the
middle of one must know what came before; and a program is started at the beginning of a burst that starts another at its
end. What an undisturbed aulert tells about the same records is what must be told.
"""
import contextlib
import json
import os
import pathlib
import signal
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import cluster as kafka  # noqa: E402
import plugin  # noqa: E402
import tap  # noqa: E402

AULERT, *PROGRAMS = (str(pathlib.Path(argument).resolve()) for argument in sys.argv[1:4])
os.environ['AULERT'] = AULERT
PARTITIONS = 4
NODES = 12
BURST = 5  # failures, a second apart; the next burst is ten minutes later
RULES = '''title: Each failure
id: 5b0b1b5e-95c2-4b62-a3d5-5f5c1f2ab001
logsource: {product: linux, service: auditd}
detection: {s: {type: USER_AUTH}, condition: s}
level: low
---
title: A failure
id: 5b0b1b5e-95c2-4b62-a3d5-5f5c1f2ab002
name: failure
logsource: {product: linux, service: auditd}
detection: {s: {type: USER_AUTH, res: failed}, condition: s}
level: low
---
title: Many failures
id: 5b0b1b5e-95c2-4b62-a3d5-5f5c1f2ab003
correlation: {type: event_count, rules: [failure], group-by: [auid], timespan: 1m, condition: {gte: 4}}
level: high
---
title: Started by it
id: 5b0b1b5e-95c2-4b62-a3d5-5f5c1f2ab004
logsource: {product: linux, category: process_creation}
detection: {s: {ParentImage: /opt/parent, Image: /bin/child}, condition: s}
level: high
'''


def execve(when, serial, exe, pid, ppid):
    head = f'msg=audit({when}:{serial}): '
    return (f'type=SYSCALL {head}arch=c000003e syscall=59 success=yes exit=0 ppid={ppid} pid={pid} uid=0 auid=0 comm="x" exe="{exe}"\n'
            f'type=EXECVE {head}argc=1 a0="x"\ntype=PROCTITLE {head}proctitle="x"')


def programs(burst, first, last):
    """The one that starts another, in the middle of the first second of a burst, and that one, in the middle of the last."""
    return [(f'm{node}', execve(f'{1700000000 + burst * 600 + i}.{500 + node:03d}', 100000 + 2 * burst + (i > 0), exe, pid, ppid))
            for i, exe, pid, ppid in ((0, '/opt/parent', 5000 + burst, 1), (BURST - 1, '/bin/child', 6000 + burst, 5000 + burst))
            for node in range(NODES) if first <= i < last]


def records(burst, first, last):
    """The failures [first, last) of a burst, of every node, as messages."""
    messages = []
    for i in range(first, last):
        for node in range(NODES):
            serial = burst * BURST + i + 1
            messages.append((f'm{node}', f'type=USER_AUTH msg=audit({1700000000 + burst * 600 + i}.{node:03d}:{serial}): '
                             f'pid=7 uid=0 auid={1000 + node} ses=3 msg=\'op=PAM:authentication acct="u" exe="/bin/su" '
                             'hostname=? addr=? terminal=pts/0 res=failed\''))
        messages += programs(burst, i, i + 1)
    return messages


ALERTS = BURST + 2 + 1  # of a burst and node: each failure, the correlation from the fourth on, the second program


def descendants(pid):
    """It and all below it: a machine that is gone."""
    children = {}
    for stat in pathlib.Path('/proc').glob('[0-9]*/stat'):
        with contextlib.suppress(OSError):
            child, rest = stat.read_text().rsplit(')', 1)
            children.setdefault(int(rest.split()[1]), []).append(int(child.split()[0]))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


class Scene:
    def __init__(self, work, cluster, rebuild):
        self.work, self.cluster, self.rebuild = work, cluster, rebuild
        (work / 'rules.yml').write_text(RULES)

    def start(self, name, group, topic):
        brokers = json.dumps(self.cluster.brokers.split(','))
        config = self.work / f'{name}.yaml'
        config.write_text(f'''source: kafka:records
kafka: {{ brokers: {brokers}, group: {group}, from: start, rebuild: {self.rebuild}, options: {{ session.timeout.ms: "3000", heartbeat.interval.ms: "500" }} }}
rules: [{self.work}/rules.yml]
spool: {{ path: {self.work}/spool-{name}/spool.db }}
sinks:
  out: {{ type: kafka, brokers: {brokers}, topic: {topic} }}
''')
        return plugin.plugin(config, self.work / f'{name}.log')

    def alerts(self, topic):
        """{(rule, event): {id}}"""
        found = {}
        for message in self.cluster.read(topic):
            alert = json.loads(message.value)
            if alert['kind'] == 'event':
                found.setdefault((alert['rule']['title'], alert['event']), set()).add(alert['id'])
        return found

    def expect_alerts(self, n, topic='alerts'):
        tap.wait_for(lambda: len(self.alerts(topic)) >= n, f'{n} alerts in {topic}')

    def expect_commits(self, n):
        tap.wait_for(lambda: sum(o for o, _ in self.cluster.offsets('records', 'watchers').values()) == n, f'commit of {n} offsets')

    def expect_shared(self, *running):
        """Each has some partitions."""
        def last(one):
            lines = [line for line in one.messages().splitlines() if 'read from' in line]
            return {line.split('partition ')[1].split(':')[0] for line in lines[-PARTITIONS // 2:]}
        tap.wait_for(lambda: all(last(one) for one in running) and not set.intersection(*map(last, running)), 'partitions for each')


@contextlib.contextmanager
def scene(rebuild='10m'):
    topics = {'records': PARTITIONS, 'alerts': 1, 'expected': 1}
    with tempfile.TemporaryDirectory() as work, kafka.cluster(PROGRAMS, topics) as cluster:
        os.chmod(work, 0o777)  # the process that delivers is a user of its own
        yield Scene(pathlib.Path(work), cluster, rebuild)


def dies(whole_machine):
    with scene() as s, contextlib.ExitStack() as stack:
        first = stack.enter_context(s.start('first', 'watchers', 'alerts'))
        second = stack.enter_context(s.start('second', 'watchers', 'alerts'))
        s.expect_shared(first, second)
        s.cluster.write('records', records(0, 0, BURST) + records(1, 0, 3))
        s.expect_alerts(NODES * (ALERTS + 3))
        s.expect_commits(len(records(0, 0, BURST) + records(1, 0, 3)))
        for pid in descendants(first.child.pid) if whole_machine else [first.child.pid]:
            os.kill(pid, signal.SIGKILL)
        first.child.wait()
        s.cluster.write('records', records(1, 3, BURST) + records(2, 0, BURST))
        total = NODES * 3 * ALERTS
        s.expect_alerts(total)
        with s.start('alone', 'other', 'expected'):
            s.expect_alerts(total, 'expected')
        got, expected = s.alerts('alerts'), s.alerts('expected')
        tap.expect_equal(sorted(expected.keys() - got.keys()), [], 'alerts that are missing')
        tap.expect_equal(sorted(got.keys() - expected.keys()), [], 'alerts that should not be')
        for key, ids in got.items():
            tap.expect_equal(ids, expected[key], f'ids of {key}')
        sent = len(s.cluster.read('alerts'))
        tap.note(f'{len(got)} alerts, {sent - len(got)} of them told again')


def joins():
    """A second one comes while the first has half a burst: what moves to it is built again there."""
    with scene() as s, contextlib.ExitStack() as stack:
        first = stack.enter_context(s.start('first', 'watchers', 'alerts'))
        s.cluster.write('records', records(0, 0, 3))
        s.expect_alerts(NODES * 3)
        s.expect_commits(len(records(0, 0, 3)))
        second = stack.enter_context(s.start('second', 'watchers', 'alerts'))
        s.expect_shared(first, second)
        s.cluster.write('records', records(0, 3, BURST))
        s.expect_alerts(NODES * ALERTS)
        tap.expect_equal(len(s.alerts('alerts')), NODES * ALERTS, 'alerts')
        tap.expect(all(len(ids) == 1 for ids in s.alerts('alerts').values()), 'an alert has two ids')


sys.exit(tap.run_cases([
    ('one is killed', lambda: dies(False)),
    ('a machine is gone', lambda: dies(True)),
    ('one comes in the middle', joins),
]))
