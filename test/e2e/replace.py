#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Under a real auditd: an event that crashes the engine and one that keeps it busy for ever cost nothing but themselves.

replace.py [PLANTED]: the program with these mistakes (test/roles/plant.c), which takes the place of the installed one.
"""
import contextlib
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import jsonl  # noqa: E402
import machine  # noqa: E402
import people  # noqa: E402
import tap  # noqa: E402

PLANTED = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else machine.TOP / 'build/test/roles/aulert-planted')
TOLD, A_SECOND = 'aulert-replace-told', 200
RULE = f'''title: Something was opened
id: 00000000-0000-4000-8000-0000000050a1
logsource: {{ product: linux, service: auditd }}
detection:
  s: {{ key: {TOLD} }}
  condition: s
level: high
'''
LOOP = '''import sys, time
start, gaps, last, n = time.monotonic(), 0, time.monotonic(), 0
while time.monotonic() - start < float(sys.argv[2]) or n < float(sys.argv[2]) * float(sys.argv[3]) * 2 / 3:
    n += 1
    open(sys.argv[1]).close()
    now = time.monotonic()
    gaps, last = max(gaps, now - last), now
    time.sleep(1 / float(sys.argv[3]))
print(gaps)
'''


class Scene:
    def __init__(self, stack, work):
        work.chmod(0o777)
        self.work = work
        self.alice = stack.enter_context(people.user())
        self.files = {}
        for key in (TOLD, 'plant-crash', 'plant-loop'):
            self.files[key] = work / key
            self.files[key].touch()
            rule = ('always,exit', '-F', 'arch=b64', '-S', 'openat', '-F', f'path={self.files[key]}', '-F', f'uid={self.alice.uid}',
                    '-k', key)
            stack.callback(machine.run, 'auditctl', '-d', *rule)
            machine.run('auditctl', '-a', *rule)
        (work / 'rules').mkdir()
        (work / 'rules/a.yml').write_text(RULE)
        (machine.PREFIX / 'etc/aulert/aulert.yaml').write_text(f'''rules: [{work}/rules]
spool: {work}/spool/spool.db
status: off
sinks:
  out: {{ type: file, path: {work}/alerts.json }}
''')
        shutil.copy(PLANTED, machine.PREFIX / 'bin/aulert')
        machine.activate_plugin()
        # auditd drops what its queue does not hold while a new engine starts, which on a busy machine takes its time
        self.auditd = stack.enter_context(machine.auditd(stack.enter_context(machine.workdir()), settings={'q_depth': '60000'}))
        self.supervisor = self.auditd.plugin()
        tap.wait_for(lambda: len(machine.children(self.supervisor)) == 2, 'engine and deliver')

    def alerts(self):
        return jsonl.read(self.work / 'alerts.json')

    def own(self, rule):
        return [a for a in self.alerts() if a['rule']['id'] == rule]

    def told(self):
        return {a['event'] for a in self.alerts() if a['kind'] == 'event'}

    def logged(self):
        """Ids of what auditd has written about the files that a rule is about."""
        return {r.split('msg=audit(')[1].split(')')[0] for r in self.auditd.records(f'key="{TOLD}"') if 'type=SYSCALL' in r}


def survives(scene, word):
    own, engines = len(scene.own('aulert-set-aside')), len(scene.own('aulert-engine'))
    with scene.alice.process(['/usr/bin/python3', '-c', LOOP, scene.files[TOLD], '6', str(A_SECOND)], stdout=subprocess.PIPE,
                             text=True) as opens:
        tap.wait_for(scene.told, 'alerts')
        time.sleep(1)
        with scene.alice.process(['/bin/cat', scene.files[word]]) as child:
            child.wait()
        started, already = time.monotonic(), len(scene.told())
        tap.wait_for(lambda: len(scene.own('aulert-set-aside')) == own + 1, 'word about the event')
        tap.wait_for(lambda: len(scene.told()) > already, 'alerts of the new engine')
        tap.note(f'told again {time.monotonic() - started:.2f} s after the event')
        gap = float(opens.communicate()[0])
    tap.note(f'an open() took {gap * 1000:.0f} ms at most')
    tap.wait_for(lambda: len(scene.logged()) > 3 * A_SECOND, 'events in the log')
    tap.wait_for(lambda: scene.told() >= scene.logged(), 'alerts of all that auditd has logged')
    tap.expect_equal(len(scene.own('aulert-engine')), engines + 1, 'alerts about the engine')
    tap.expect_equal(scene.auditd.plugin(), scene.supervisor, 'the plugin that auditd has')
    return gap


def survives_in_time(scene, word):
    """Nothing may be lost or told twice in any run; how long a process waited says something where the machine let it run."""
    gaps = []
    while not gaps or gaps[-1] >= 1:
        tap.expect(len(gaps) < 3, f'an audited process waited {gaps} s')
        gaps.append(survives(scene, word))


def main():
    machine.need('auditd', 'auditctl', 'useradd')
    if not PLANTED.exists():
        tap.skip_all('no program with planted mistakes was built')
    with contextlib.ExitStack() as stack:
        stack.enter_context(machine.lock())
        machine.need_audit()
        stack.enter_context(machine.installed())
        scene = Scene(stack, stack.enter_context(machine.workdir()))
        return tap.run_cases([
            ('an event that crashes the engine', lambda: survives_in_time(scene, 'plant-crash')),
            ('an event that keeps the engine busy', lambda: survives_in_time(scene, 'plant-loop')),
        ])


if __name__ == '__main__':
    sys.exit(main())
