#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Under a real auditd, with catch_up: whatever is killed with a thousand alerts on their way, none is missing at the end.

catch-up.py [ROUNDS]: a user's opens, which the kernel audits, are told. In each round the engine, deliver, both, all of aulert or
auditd itself is ended while they go on; auditd starts its plugin again by itself. Its log is rotated all the time. What was told is
held against what was done, and against what `aulert test` finds in the log.
"""
import collections
import contextlib
import hashlib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import jsonl  # noqa: E402
import machine  # noqa: E402
import people  # noqa: E402
import tap  # noqa: E402

SEED = int(os.environ.get('CATCH_UP_SEED', '7'))
IN_FLIGHT = 1000
STATE_S = 1.5  # the engine takes its state every second: keep.h
OPENS = 1800  # of a round, and some that go on while something dies
AULERT = machine.PREFIX / 'bin/aulert'
TOUCHED, PARENT = '00000000-0000-4000-8000-0000000050c1', '00000000-0000-4000-8000-0000000050c2'
RULES = f'''title: Touched
id: {TOUCHED}
logsource: {{ product: linux, service: auditd }}
detection: {{ s: {{ key: aulert-touched }}, condition: s }}
level: high
---
title: Child of a parent that has run for long
id: {PARENT}
logsource: {{ product: linux, category: process_creation }}
detection: {{ s: {{ ParentImage|endswith: /long-parent }}, condition: s }}
level: high
---
title: Counted
id: 00000000-0000-4000-8000-0000000050c3
logsource: {{ product: linux, service: auditd }}
detection: {{ s: {{ key: aulert-counted }}, condition: s }}
level: low
---
title: Many of one user
id: 00000000-0000-4000-8000-0000000050c4
correlation:
  type: event_count
  rules: [00000000-0000-4000-8000-0000000050c3]
  group-by: [uid]
  timespan: 60m
  condition: {{ gte: 150 }}
level: high
'''
LOAD = '''import sys
for n in range(1, int(sys.argv[3]) + 1):
    open(sys.argv[1 + (n % 100 == 0)]).close()
    if n % 50 == 0:
        print(n, flush=True)
'''
AUDITD = {'max_log_file': '1', 'max_log_file_action': 'ROTATE', 'num_logs': '200', 'max_restarts': '100'}


class Load:
    """The user's opens, in a process; done: how many there are."""

    def __init__(self, scene, opens):
        self.done = 0
        self.opens = opens
        self.ended = threading.Event()
        self.process = scene.alice.process(['/usr/bin/python3', '-c', LOAD, *scene.files, str(opens)], stdout=subprocess.PIPE,
                                           text=True)
        self.thread = threading.Thread(target=self.follow)
        self.thread.start()

    def follow(self):
        with self.process as child:
            for line in child.stdout:
                self.done = int(line)
        self.ended.set()

    def wait(self):
        tap.wait_for(self.ended.is_set, 'end of the opens')
        self.thread.join()
        tap.expect_equal(self.done, self.opens, 'opens')


class Scene:
    def __init__(self, stack, work):
        work.chmod(0o777)
        self.work = work
        self.opens = 0
        self.children = 0
        self.told = {}
        self.lines = 0
        self.read = 0
        self.kills = 0
        self.alice = stack.enter_context(people.user())
        self.journal = stack.enter_context(machine.journal())
        self.plugin = None
        self.files = [work / 'touched', work / 'counted']
        rules = [('-S', 'openat', '-F', f'path={path}', '-k', f'aulert-{path.name}') for path in self.files]
        for path in self.files:
            path.touch()
        for rule in [*rules, ('-S', 'execve', '-k', 'aulert-run')]:
            rule = ('always,exit', '-F', 'arch=b64', *rule[:2], '-F', f'uid={self.alice.uid}', *rule[2:])
            stack.callback(machine.run, 'auditctl', '-d', *rule)
            machine.run('auditctl', '-a', *rule)
        (work / 'rules').mkdir()
        (work / 'rules/a.yml').write_text(RULES)
        self.folder = stack.enter_context(machine.workdir())
        self.config = machine.PREFIX / 'etc/aulert/aulert.yaml'
        self.config.write_text(f'''rules: [{work}/rules]
catch_up: {self.folder}/audit.log
spool: {{ path: {work}/spool/spool.db, max_size: 4096M }}
status: {{ socket: {work}/status }}
sinks:
  out: {{ type: file, path: {work}/alerts.json }}
''')
        machine.activate_plugin()
        stack.enter_context(machine.auditing())
        self.lost = machine.audit_status()['lost']
        self.start_auditd()
        stack.callback(lambda: self.auditd.stop())  # pylint: disable=unnecessary-lambda # the one that runs then
        self.parent = self.start_parent(stack)

    def start_auditd(self):
        self.auditd = machine.Auditd(self.folder, machine.PREFIX / 'etc/audit/plugins.d', settings=AUDITD)
        self.plugin = self.auditd.plugin()

    def start_parent(self, stack):
        """A process that runs a program for each line that it is given; what the table of processes has to know."""
        program = shutil.copy(shutil.which('bash'), self.work / 'long-parent')
        return stack.enter_context(self.alice.process([program, '-c', 'while read -r line; do /bin/true $line; echo; done'],
                                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))

    def run_child(self):
        """An event that makes auditd see that its plugin is gone."""
        self.children += 1
        self.parent.stdin.write(f'{self.children}\n')
        self.parent.stdin.flush()
        self.parent.stdout.readline()

    def child(self, role):
        with contextlib.suppress(OSError, tap.Failure):
            for pid in machine.children(self.auditd.plugin()):
                if f'\0{role}\0' in pathlib.Path(f'/proc/{pid}/cmdline').read_text():
                    return pid
        return None

    def stored(self):
        with contextlib.suppress(FileNotFoundError):
            return (self.work / 'spool/spool.db.state').stat().st_mtime_ns
        return 0

    def wait_stored(self):
        """Goes on with a few events until the engine's state was stored once more."""
        before = self.stored()

        def newer():
            self.run_child()
            return self.stored() != before
        tap.wait_for(newer, 'later state')

    def look(self):
        """Reads on in the sink's file; how many different alerts about events it has."""
        with contextlib.suppress(FileNotFoundError):
            with open(self.work / 'alerts.json', 'rb') as f:
                f.seek(self.read)
                text = f.read()
            text = text[:text.rfind(b'\n') + 1]
            self.read += len(text)
            for alert in jsonl.parse(text.split(b'\n')[:-1], self.kills):
                if alert['kind'] == 'event':
                    self.lines += 1
                    what = (alert['rule']['id'], alert['event'])
                    tap.expect_equal(self.told.setdefault(alert['id'], what), what, f'what the id {alert["id"]} stands for')
        return len(self.told)

    def n_touched(self):
        self.look()
        return sum(rule == TOUCHED for rule, _ in self.told.values())

    def logs(self):
        """Oldest first."""
        return sorted(self.folder.glob('audit.log.*'), key=lambda p: -int(p.suffix[1:])) + [self.auditd.log]

    def whole_log(self):
        """All that is in the logs, which auditd may be renaming meanwhile: all of one moment, so that none is missing or read twice."""
        def read():
            with contextlib.ExitStack() as stack, contextlib.suppress(FileNotFoundError):
                files = [stack.enter_context(open(path, 'rb')) for path in self.logs()]
                inodes = [os.fstat(file.fileno()).st_ino for file in files]
                if inodes == [path.stat().st_ino for path in self.logs()] and len(set(inodes)) == len(inodes):
                    return [b''.join(file.read() for file in files)]
            return None
        return tap.wait_for(read, 'log that is not being rotated')[0]

    def logged(self):
        """Opens, and programs of the parent."""
        log = self.whole_log()
        return log.count(b'key="aulert-touched"'), log.count(b'argc=2 a0="/bin/true"')

    def wait_logged(self):
        """auditd has written what was done, and nobody has lost anything."""
        with contextlib.suppress(tap.Failure):
            tap.wait_for(lambda: all(a >= b for a, b in zip(self.logged(), (self.opens, self.children))), 'what was done in the log')
        tap.expect_equal((*self.logged(), machine.audit_status()['lost'] - self.lost), (self.opens, self.children, 0),
                         'opens and programs that auditd has logged, and records that the kernel has lost')

    def kill(self, role):
        self.kills += 1
        if role == 'auditd':
            self.restart()
        elif role == 'all':
            self.end([self.plugin, *machine.children(self.plugin)])
        else:
            self.end([tap.wait_for(lambda r=r: self.child(r), r) for r in role.split(' and ')])
        self.run_child()
        if role == 'all':
            self.plugin = self.auditd.plugin()

    @staticmethod
    def end(pids):
        """Behind it auditd, when it writes, meets nobody who could still read."""
        with machine.gone(pids, 'end of the killed'):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def restart(self):
        """Ends auditd with what it has to tell; its log is another one when it comes back."""
        self.wait_logged()
        before = self.auditd.log.stat().st_ino
        self.auditd.child.send_signal(signal.SIGUSR1)
        tap.wait_for(lambda: self.auditd.log.exists() and self.auditd.log.stat().st_ino != before, 'rotated log')
        self.run_child()
        self.auditd.stop()
        self.start_auditd()

    def status(self):
        """Of the aulert that was started last: it has not ended by itself, for auditd to start another one."""
        tap.expect_equal(self.auditd.plugin(), self.plugin, 'process that auditd started')
        return machine.status(AULERT, self.config)

    def counters(self):
        """Of the aulert that runs, over its processes."""
        sums = collections.Counter()
        for process in self.status()['processes']:
            sums.update(process['counters'])
        return sums

    def said(self):
        """The last that aulert has logged, where no journal runs that has it."""
        return '\n'.join(self.journal.messages[-60:]) if self.journal else ''

    def check(self):
        """Nobody thinks that something is missing."""
        count = self.counters()
        for name in ('catch_up_gaps', 'engine_stuck', 'alerts_dropped'):
            tap.expect_equal(count[name], 0, f'{name} among {dict(count)}')
        return count


def hold(scene):
    tap.wait_for(lambda: scene.child('engine'), 'engine')  # which waits for deliver
    held = tap.wait_for(lambda: scene.child('deliver'), 'deliver')
    os.kill(held, signal.SIGSTOP)
    return held


def let_go(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def round_of(scene, role, partly):
    """Leaves alerts on their way, ends something, and returns how many there were."""
    tap.wait_for(lambda: scene.child('engine'), 'engine')
    scene.check()
    held = hold(scene)
    told = scene.n_touched()
    load = Load(scene, OPENS + (OPENS if partly else 0))
    try:
        if role == 'auditd':
            load.wait()
            scene.opens += load.opens * 99 // 100
            done = 0
        else:
            tap.wait_for(lambda: load.done >= load.opens - 500, 'opens')
            if ' and ' in role:  # nobody but the engine's state knows what both had
                time.sleep(STATE_S)
                scene.run_child()
                time.sleep(STATE_S)
            done = load.done * 99 // 100
        if partly:
            let_go(held)
            tap.wait_for(lambda: scene.n_touched() > told or load.ended.is_set(), 'some alerts')
            os.kill(held, signal.SIGSTOP)
            while scene.opens + done - scene.n_touched() < IN_FLIGHT:  # deliver had the time to tell most of them
                Load(scene, OPENS).wait()
                scene.opens += OPENS * 99 // 100
        left = scene.opens + done - scene.n_touched()
        scene.kill(role)
    finally:
        let_go(held)
        load.wait()
    if role != 'auditd':
        scene.opens += load.opens * 99 // 100
    return left


def killed(scene, rounds):
    chance = random.Random(SEED)
    roles = ['all', 'engine', 'engine and deliver', 'all', 'deliver', 'auditd', 'all']
    least = {}
    scene.run_child()
    tap.wait_for(scene.stored, 'first state')
    for n in range(rounds):
        role = roles[n % len(roles)]
        least[role] = min(least.get(role, sys.maxsize), round_of(scene, role, chance.random() < 0.3))
        if chance.random() < 0.5:
            scene.wait_stored()
    tap.note(f'alerts on their way at least, at a kill of: {least}')
    finish(scene)
    tap.expect(least['all'] >= IN_FLIGHT, f'only {least["all"]} alerts on their way at a kill of all')


def reference(scene):
    """Ids of the alerts of the whole log, by what they are about."""
    done = subprocess.run([AULERT, 'test', '--rules', str(scene.work / 'rules'), '--format', 'tsv', '-'],
                          input=scene.whole_log(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    pairs = [tuple(line.split('\t')) for line in done.stdout.decode().splitlines()]
    return {hashlib.sha256(f'{rule}\0{event}'.encode()).hexdigest()[:32]: (rule, event) for rule, event in pairs}


def finish(scene):
    scene.wait_logged()
    wanted = reference(scene)
    with contextlib.suppress(tap.Failure):
        tap.wait_for(lambda: scene.look() >= len(wanted), 'all alerts')
    count = scene.check()
    scene.auditd.stop()
    scene.look()
    tap.note(f'{len(wanted)} alerts expected, of {len(scene.logs())} logs; {len(scene.told)} told, '
             f'{scene.lines - len(scene.told)} of them again; the last aulert: '
             + ', '.join(f'{name} {count[name]}' for name in ('records_caught_up', 'log_records_seen', 'input_records_seen',
                                                                   'late_records')))
    rules = [rule for rule, _ in wanted.values()]
    tap.expect_equal((rules.count(TOUCHED), rules.count(PARENT)), (scene.opens, scene.children), 'alerts of what was done, in the log')
    missing, extra = ({event for i, event in one.items() if i not in other}
                      for one, other in ((wanted, scene.told), (scene.told, wanted)))
    tap.expect(not missing and not extra, f'{len(missing)} alerts missing: {sorted(missing)[:5]}; '
               f'{len(extra)} too many: {sorted(extra)[:5]}')
    tap.expect(count['log_records_seen'] > 0, 'the last aulert has not read the log: this shows nothing')


def main():
    machine.need('auditd', 'auditctl', 'useradd')
    with contextlib.ExitStack() as stack:
        stack.enter_context(machine.lock())
        machine.need_audit()
        stack.enter_context(machine.installed())
        scene = Scene(stack, stack.enter_context(machine.workdir()))
        return tap.run_cases([('whoever is killed, nothing is missed',
                               lambda: killed(scene, int(sys.argv[1]) if len(sys.argv) > 1 else 7))], scene.said)


if __name__ == '__main__':
    sys.exit(main())
