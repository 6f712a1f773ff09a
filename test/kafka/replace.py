#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The intake of a kafka source is killed while messages flow from librdkafka's mock cluster in another process.

replace.py AULERT MOCK-CLUSTER KAFKA-CLIENT

The engine lives on, so a message that it is given twice would be counted twice: what an undisturbed aulert tells about
the same messages is what must be told, a correlation over them included.
"""
import contextlib
import json
import os
import pathlib
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import cluster as kafka  # noqa: E402
import machine  # noqa: E402
import plugin  # noqa: E402
import tap  # noqa: E402

AULERT, *PROGRAMS = (str(pathlib.Path(argument).resolve()) for argument in sys.argv[1:4])
os.environ['AULERT'] = AULERT
PARTITIONS = 3
NODES = 6
RULES = '''title: A command
id: 5b0b1b5e-95c2-4b62-a3d5-5f5c1f2ab001
name: command
logsource: {product: linux, service: auditd}
detection: {s: {type: USER_CMD}, condition: s}
level: low
---
title: Many commands
id: 5b0b1b5e-95c2-4b62-a3d5-5f5c1f2ab003
correlation: {type: event_count, rules: [command], group-by: [auid], timespan: 30s, condition: {gte: 8}, generate: true}
level: high
'''


def messages(first, last):
    """Each node has a user of its own, and a command every five seconds: with no more than those, no correlation fires."""
    return [(f'n{node}', f'type=USER_CMD msg=audit({1700000000 + 5 * i}.{node:03d}:{i + 1}): pid=7 uid=0 auid={1000 + node} ses=3 '
             'msg=\'cwd="/" cmd="id" terminal=pts/0 res=success\'') for i in range(first, last) for node in range(NODES)]


class Scene:
    def __init__(self, work, cluster):
        self.work, self.cluster = work, cluster
        (work / 'rules.yml').write_text(RULES)

    def start(self, name, group, topic):
        brokers = json.dumps(self.cluster.brokers.split(','))
        config = self.work / f'{name}.yaml'
        config.write_text(f'''source: kafka:records
kafka: {{ brokers: {brokers}, group: {group}, from: start, rebuild: 10m, options: {{ session.timeout.ms: "4000", heartbeat.interval.ms: "500" }} }}
rules: [{self.work}/rules.yml]
spool: {{ path: {self.work}/spool-{name}/spool.db }}
status: {{ socket: {self.work}/{name}.socket }}
sinks:
  out: {{ type: kafka, brokers: {brokers}, topic: {topic} }}
''')
        return plugin.plugin(config, self.work / f'{name}.log')

    def alerts(self, topic):
        return [json.loads(m.value) for m in self.cluster.read(topic)]

    def ids(self, topic):
        return [a['id'] for a in self.alerts(topic) if a['kind'] == 'event']


@contextlib.contextmanager
def scene():
    topics = {'records': PARTITIONS, 'alerts': 1, 'expected': 1}
    with tempfile.TemporaryDirectory() as work, kafka.cluster(PROGRAMS, topics) as cluster:
        os.chmod(work, 0o777)  # the process that delivers is a user of its own
        yield Scene(pathlib.Path(work), cluster)


def intake(running, old=None):
    def find():
        for pid in machine.children(running.child.pid):
            with contextlib.suppress(OSError):
                if b'\0intake\0' in pathlib.Path(f'/proc/{pid}/cmdline').read_bytes() and pid != old:
                    return pid
        return None
    return tap.wait_for(find, 'an intake')


def killed(kills):
    n = 100 * (kills + 1)
    with scene() as s:
        with s.start('killed', 'watchers', 'alerts') as running:
            last = None
            for turn in range(kills + 1):
                for part in range(10):
                    s.cluster.write('records', messages(100 * turn + 10 * part, 100 * turn + 10 * part + 10))
                    if part == 5 and turn < kills:
                        tap.wait_for(lambda turn=turn: len(s.ids('alerts')) > NODES * 100 * turn, 'some alerts')
                        last = intake(running, last)
                        os.kill(last, signal.SIGKILL)
            tap.wait_for(lambda: len(set(s.ids('alerts'))) >= NODES * n, 'alerts')
            own = tap.wait_for(lambda: [a for a in s.alerts('alerts') if a['kind'] == 'own' and a['rule']['id'] == 'aulert-source'],
                               'word about it')
            tap.expect('kafka:records ended (signal 9)' in own[0]['sentence'], own[0]['sentence'])
            pid = intake(running, last)
            tap.wait_for(lambda: sum(o for o, _ in s.cluster.offsets('records', 'watchers').values()) == NODES * n, 'commit of all offsets')
            machine.status_says(AULERT, s.work / 'killed.yaml', rf'intake\D+{pid}\b')
            count = running.counters()
            read = count['kafka_messages']  # by all intakes; one that is killed may have one to count again
            tap.expect(NODES * n <= read <= NODES * n + kills, f'{read} of {NODES * n} messages counted')
            tap.expect_equal(count['source_died'], kills, f'source_died among {count}')
            running.end('TERM')
        with s.start('alone', 'other', 'expected') as alone:
            tap.wait_for(lambda: len(s.ids('expected')) >= NODES * n, 'alerts of an undisturbed run')
            alone.end('TERM')
        got, wanted = s.ids('alerts'), s.ids('expected')
        tap.expect_equal((len(set(wanted) - set(got)), len(set(got) - set(wanted))), (0, 0), 'alerts missing, alerts of another id')
        tap.expect_equal(len(got), len(set(got)), 'alerts, each once')
        tap.note(f'{kills} kills, {len(got)} alerts')


sys.exit(tap.run_cases([('an intake that is killed loses and repeats nothing', lambda: killed(4))]))
