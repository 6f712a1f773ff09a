#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reload, counters and the end: by signal, by end of input, by auditd, in every state auditd starts a plugin in."""
import contextlib
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import machine  # noqa: E402
import people  # noqa: E402
import plugin  # noqa: E402
import rights  # noqa: E402
import tap  # noqa: E402

RULES = machine.TOP / 'rules'


class Scene:
    """A user with a desktop, and a configuration that a test may change."""

    def __init__(self, stack, work):
        self.work = work
        self.attempts = plugin.Attempts()
        self.alice = stack.enter_context(people.user())
        self.desktop = stack.enter_context(people.desktop(self.alice, work))
        self.config = work / 'aulert.yaml'
        self.rules = RULES
        self.configure()

    def configure(self):
        machine.configure([self.alice.name], [self.rules], path=self.config)

    def start(self, start='ignored'):
        return plugin.plugin(self.config, self.work / 'stderr', start)

    def expect_alert(self, running, name):
        already = len(self.desktop.calls())
        running.say(self.attempts.failure(f'"{name}"'))
        self.desktop.wait(f'failed login as {name} over ssh from 192.0.2.7', already)

    def reload(self, running):
        """Returns when every process has another configuration."""
        before = running.messages().count('reloaded: ')
        running.signal(signal.SIGHUP)
        tap.wait_for(lambda: running.messages().count('reloaded: ') > before, 'word of the reload')
        running.counters()  # which deliver answers behind it

    def expect_silence(self, running, name):
        already, before = len(self.desktop.calls()), running.counters()['alerts_without_route']
        running.say(self.attempts.failure(f'"{name}"'))
        tap.wait_for(lambda: running.counters()['alerts_without_route'] > before, 'alert that no route takes')
        time.sleep(1.5)
        tap.expect_equal([people.said(c) for c in self.desktop.calls()[already:]], [], 'notifications')


def ends(scene, start, how):
    with scene.start(start) as running:
        scene.expect_alert(running, 'mallory')
        tap.note(f'gone {running.end(how) * 1000:.0f} ms after {how}')


def reloads(scene, start):
    """A bad configuration is reported and the old one stays; a good one takes its place."""
    try:
        with scene.start(start) as running:
            scene.expect_alert(running, 'before')
            good = scene.config.read_text()
            scene.config.write_text(good + 'nonsense: yes\n')
            running.signal(signal.SIGHUP)
            line = good.count('\n') + 1
            running.expect_message(f'{scene.config}:{line}:1: ')
            scene.expect_alert(running, 'meanwhile')
            scene.config.write_text(good.replace('tag: login', 'tag: no-such-tag'))
            scene.reload(running)
            scene.expect_silence(running, 'muted')
            scene.configure()
            scene.reload(running)
            scene.expect_alert(running, 'after')
            tap.expect(not any('muted' in people.said(c) for c in scene.desktop.calls()), 'what was muted came later')
            running.end('EOF')
    finally:
        scene.configure()


def reloads_rules(scene):
    """New rules are taken on SIGHUP; one that cannot be run is reported with its place, and the others run."""
    rules = scene.work / 'rules'
    rules.mkdir()
    for rule in RULES.rglob('*.yml'):
        (rules / rule.name).write_text(rule.read_text())
    scene.rules = rules
    try:
        scene.configure()
        with scene.start() as running:
            scene.expect_alert(running, 'old')
            (rules / 'bad.yml').write_text('title: bad\nlogsource:\n  product: linux\n  service: auditd\n'
                                           'detection:\n  one:\n    type: [\n  condition: one\n')
            running.signal(signal.SIGHUP)
            running.expect_message('bad.yml:')
            scene.expect_alert(running, 'still')
            running.end('EOF')
    finally:
        scene.rules = RULES
        scene.configure()


def refuses_bad_config(scene):
    """At the start there is no old configuration to keep: exit 2, and the place of the mistake."""
    bad = scene.work / 'bad.yaml'
    bad.write_text('source: stdin\nsinks:\n  popup: { type: desktop, users: active, colour: red }\n')
    with plugin.plugin(bad, scene.work / 'stderr') as running:
        tap.expect_equal(running.child.wait(tap.PATIENCE), 2, 'exit status')
        running.expect_message(f'{bad}:3:')


def counters(scene, start):
    with scene.start(start) as running:
        scene.expect_alert(running, 'counted')
        tap.wait_for(lambda: [running.counters()[name] for name in ('records', 'alerts', 'sink_popup_offered')] == [1, 1, 1],
                     'counters of one alert')
        scene.expect_alert(running, 'afterwards')
        running.end('TERM')


def flushes(scene, how):
    """A failure that still waits for its name is said before the exit; a line without its end is counted."""
    with scene.start() as running:
        scene.expect_alert(running, 'first')
        already = len(scene.desktop.calls())
        running.say(scene.attempts.nameless(), scene.attempts.failure('"last"').rstrip('\n'))
        time.sleep(0.05)
        running.end(how)
        tap.expect(any('failed login over ssh' in people.said(c) for c in scene.desktop.calls()[already:]), 'the failure was not said')
        if how == 'EOF':
            running.expect_message('last line has no newline')


def delivers_what_was_written(scene, how):
    """What stood in the socket when the end came is read and delivered."""
    names = [f'late{n}' for n in range(5)]
    with scene.start() as running:
        scene.expect_alert(running, 'first')
        already = len(scene.desktop.calls())
        running.say(*[scene.attempts.failure(f'"{name}"') for name in names])
        running.end(how)
        said = '\n'.join(people.said(c) for c in scene.desktop.calls()[already:])
        tap.expect_equal([n for n in names if f'failed login as {n} ' not in said], [], 'names not said')


def storm(scene):
    """Hundreds of signals while records come: no record is lost, no wake-up missed."""
    with scene.start() as running:
        scene.expect_alert(running, 'calm')
        for n in range(300):
            running.signal(signal.SIGHUP if n % 3 else signal.SIGUSR1)
            running.say(f'type=CWD msg=audit({time.time():.3f}:{n + 1}): cwd="/"\n')
        scene.expect_alert(running, 'through')
        running.end('TERM')


def no_lost_wakeup(scene):
    """One record in two writes, two in one: each is answered without waiting for the next input."""
    with scene.start() as running:
        scene.expect_alert(running, 'whole')
        already = len(scene.desktop.calls())
        line = scene.attempts.failure('"torn"')
        running.say(line[:100])
        time.sleep(0.2)
        running.say(line[100:])
        scene.desktop.wait('failed login as torn ', already)
        running.say(scene.attempts.failure('"pair1"') + scene.attempts.failure('"pair2"'))
        scene.desktop.wait('failed login as pair1 ', already)
        scene.desktop.wait('failed login as pair2 ', already)
        running.end('EOF')


def ends_with_a_hung_bus(scene, how):
    """A bus that takes connections and never answers holds nothing up."""
    with people.user() as bob, people.silent_bus(bob):
        machine.configure([scene.alice.name, bob.name], [RULES], path=scene.config)
        try:
            with scene.start() as running:
                scene.expect_alert(running, 'hung')
                tap.note(f'gone {running.end(how) * 1000:.0f} ms after {how}')
        finally:
            scene.configure()


def bare_cases(scene):
    cases = [(f'ends by {how}, signals {start}', lambda s=start, h=how: ends(scene, s, h))
             for start in plugin.STARTS for how in ('EOF', 'TERM')]
    for start in plugin.STARTS:
        cases.append((f'reloads, signals {start}', lambda s=start: reloads(scene, s)))
        cases.append((f'writes counters, signals {start}', lambda s=start: counters(scene, s)))
    for how in ('EOF', 'TERM'):
        cases.append((f'flushes at {how}', lambda h=how: tap.three_times(lambda: flushes(scene, h))))
        cases.append((f'delivers at {how}', lambda h=how: tap.three_times(lambda: delivers_what_was_written(scene, h))))
        cases.append((f'ends by {how} with a hung bus', lambda h=how: ends_with_a_hung_bus(scene, h)))
    for case in (reloads_rules, refuses_bad_config, storm, no_lost_wakeup):
        cases.append((case.__name__, lambda c=case: c(scene)))
    return cases


class Live:
    """The same under an auditd, which forwards its own SIGHUP and ends its plugins when it ends."""

    def __init__(self, scene, sshd, daemon, journal):
        self.scene, self.sshd, self.daemon, self.journal = scene, sshd, daemon, journal
        self.config = machine.PREFIX / 'etc/aulert/aulert.yaml'

    def expect_alert(self):
        already = len(self.scene.desktop.calls())
        self.sshd.ssh('nobodyhere')
        self.scene.desktop.wait('failed login over ssh', already)
        people.settle(1, self.scene.desktop)

    def expect_journal(self, text):
        if self.journal:
            tap.wait_for(lambda: any(text in m for m in self.journal.messages), f'"{text}" in the journal')

    def ask_until_said(self, text):
        """Counters of a process that has much to do are asked for again."""
        def said():
            os.kill(self.daemon.plugin(), signal.SIGUSR1)
            time.sleep(0.5)
            return not self.journal or any(text in m for m in self.journal.messages)
        tap.wait_for(said, f'"{text}" in the journal')

    def hang_up(self):
        pid = self.daemon.plugin()
        self.expect_alert()
        good = self.config.read_text()
        self.config.write_text(good + 'nonsense: yes\n')
        os.kill(self.daemon.child.pid, signal.SIGHUP)
        self.expect_journal(f'{self.config}:{good.count(chr(10)) + 1}:1: ')
        time.sleep(0.5)
        self.expect_alert()
        self.config.write_text(good)
        os.kill(self.daemon.child.pid, signal.SIGHUP)
        time.sleep(0.5)
        self.expect_alert()
        tap.expect_equal(self.daemon.plugin(), pid, 'plugin after two SIGHUP')

    def counters(self):
        self.ask_until_said(' records ')
        self.expect_alert()

    def stuck_journal(self):
        """A journal that hangs holds nothing up; once it takes messages again it is told how many it missed."""
        if not self.journal:
            tap.note('a journal runs here, which this test leaves alone')
            return
        pid = self.daemon.plugin()

        def full():
            os.kill(pid, signal.SIGUSR1)
            return not self.journal.has_room()
        with self.journal.stuck():
            tap.wait_for(full, 'full queue of the journal')
            os.kill(pid, signal.SIGUSR1)
            tap.wait_for(lambda: not int(rights.status(pid)['ShdPnd'], 16) >> signal.SIGUSR1 - 1 & 1, 'look at a signal')
            self.expect_alert()
        self.ask_until_said('messages before this one were lost')

    def restarted(self):
        """auditd starts a plugin that died again at the next event, with other signals blocked than at first."""
        first = self.daemon.plugin()
        with machine.gone([first, *machine.children(first)], 'end of the first plugin'):  # its engine has the socket, too
            os.kill(first, signal.SIGKILL)
        self.expect_alert()
        second = self.daemon.plugin()
        tap.expect(second != first, 'the plugin was not started again')
        os.kill(second, signal.SIGUSR1)
        self.expect_alert()

    def ends(self):
        seconds = self.daemon.stop()
        if self.journal:
            tap.expect(not any('not all could be told before the end' in m for m in self.journal.messages), 'the plugin was ended')
        tap.note(f'auditd and aulert gone {seconds * 1000:.0f} ms after SIGTERM')


@contextlib.contextmanager
def live_scene(stack, scene):
    """Under auditd there is no stderr, so the journal is listened to; a real one is left alone."""
    stack.enter_context(machine.installed())
    sshd = stack.enter_context(people.sshd(scene.work))
    journal = stack.enter_context(machine.journal())
    machine.configure([scene.alice.name])
    machine.activate_plugin()
    yield Live(scene, sshd, stack.enter_context(machine.auditd(scene.work)), journal)


def main():
    machine.need('auditd', 'auditctl', 'sshd', 'ssh', 'dbus-daemon', 'meson', 'useradd')
    with machine.lock(), contextlib.ExitStack() as stack:
        machine.need_audit()
        scene = Scene(stack, stack.enter_context(machine.workdir()))
        cases = bare_cases(scene)
        with live_scene(stack, scene) as live:
            cases += [('reloads under auditd', live.hang_up), ('writes counters under auditd', live.counters),
                      ('is not held up by a stuck journal', live.stuck_journal),
                      ('works when started again by auditd', live.restarted),
                      ('ends with auditd', live.ends)]
            return tap.run_cases(cases, lambda: (scene.work / 'stderr').read_text(errors='replace')[-2000:])


if __name__ == '__main__':
    sys.exit(main())
