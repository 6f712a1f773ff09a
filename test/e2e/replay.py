#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`cat capture | aulert run CONFIG`, without auditd; and buses that are dead, slow, hostile or somebody else's."""
import contextlib
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import machine  # noqa: E402
import people  # noqa: E402
import plugin  # noqa: E402
import tap  # noqa: E402

RULES = machine.TOP / 'rules'
CAPTURES = machine.TOP / 'test/captures/enriched'
PROGRAM = os.environ.get('AULERT', str(machine.TOP / 'build/aulert'))
MOST_CHILDREN = 8


class Scene:
    def __init__(self, stack):
        self.work = stack.enter_context(machine.workdir())
        self.alice = stack.enter_context(people.user())
        self.desktop = stack.enter_context(people.desktop(self.alice, self.work))
        self.config = self.work / 'aulert.yaml'
        self.attempts = plugin.Attempts()

    def configure(self, users):
        return machine.configure(users, [RULES], path=self.config)

    def replay(self, capture, n_popups=0):
        """cat CAPTURE | aulert run CONFIG: what popped up, and what the program said. The input ends when there are so many popups: from
        then on it waits for no more than a second for what is on its way."""
        already = len(self.desktop.calls())
        with subprocess.Popen([PROGRAM, 'run', self.config], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors='replace') as aulert:
            subprocess.run(['cat', capture], stdout=aulert.stdin, timeout=tap.PATIENCE, check=False)
            with contextlib.suppress(tap.Failure):
                tap.wait_for(lambda: len(self.desktop.calls()) - already >= n_popups or aulert.poll() is not None, 'popups')
            said = aulert.communicate(timeout=tap.PATIENCE)[0]
        tap.expect_equal(aulert.returncode, 0, f'exit status, having said {said!r}')
        return [people.said(c) for c in self.desktop.calls()[already:]], said


def says(capture, *sentences):
    """The sentences a capture of one attempt or more pops up, in any order, and nothing else about logins."""
    def case(scene):
        scene.configure([scene.alice.name])
        shown, _ = scene.replay(CAPTURES / capture, len(sentences))
        for sentence in sentences:
            tap.expect_equal(sum(sentence in s for s in shown), 1, f'popups with {sentence!r} among {shown!r}')
        tap.expect_equal(len(shown), len(sentences), f'number of popups: {shown!r}')
    return case


def every_capture_is_harmless(scene):
    """Nothing in any capture ends the program or reaches the terminal or the desktop raw."""
    scene.configure([scene.alice.name])
    captures = sorted((machine.TOP / 'test/captures').rglob('*.log'))
    for capture in captures:
        shown, text = scene.replay(capture)
        for part in (*shown, text):
            tap.expect(all(c.isprintable() or c in '\n\t' for c in part), f'{capture}: control bytes in {part!r}')
    tap.note(f'{len(captures)} captures')


def active_users(scene):
    """Without a login manager the owners of /run/user/*/bus are the active users."""
    if pathlib.Path('/run/systemd/seats').exists() and any(pathlib.Path('/run/systemd/sessions').iterdir()):
        tap.note('a login manager runs here: its sessions are the active users; not tried')
        return
    scene.configure('active')
    shown, _ = scene.replay(CAPTURES / 'ssh-pw-ok.log', 1)
    tap.expect_equal(len(shown), 1, f'number of popups: {shown!r}')


def without_markup(scene):
    """A notification service that knows no markup gets no entities."""
    with people.user() as bob, people.desktop(bob, scene.work, ['body']) as plain:
        scene.configure([bob.name])
        with plugin.plugin(scene.config, scene.work / 'stderr') as running:
            running.say(scene.attempts.failure(b'<b>&'.hex().upper()))
            call = plain.wait('failed login')
            text = call['summary'] + call['body']
            tap.expect('<b>&' in text and '&lt;' not in text and '&amp;' not in text, f'shown as {text!r}')
            running.end('EOF')


def others_still_get_theirs(broken):
    """One user's bus is broken: the other user's popups come at once, every time; and the end comes in time."""
    def case(scene):
        with people.user() as bob, broken(bob):
            scene.configure([bob.name, scene.alice.name])
            with plugin.plugin(scene.config, scene.work / 'stderr') as running:
                delays = []
                for n in range(12):
                    already, started = len(scene.desktop.calls()), time.time()
                    running.say(scene.attempts.failure(f'"user{n}"'))
                    delays.append(scene.desktop.wait(f'as user{n} ', already)['time'] - started)
                    time.sleep(0.05)
                tap.note(f'popups after {min(delays) * 1000:.0f} to {max(delays) * 1000:.0f} ms')
                tap.expect(max(delays) < 1, f'a popup came {max(delays):.1f} s late')
                tap.note(f'gone {running.end("EOF") * 1000:.0f} ms after EOF')
    return case


def children_are_bounded_and_unprivileged(scene):
    """Children that hang on a slow bus: few, gone after their time, and nothing but that user."""
    with people.user() as bob, people.silent_bus(bob):
        scene.configure([bob.name])
        with plugin.plugin(scene.config, scene.work / 'stderr') as running:
            seen, most = {}, 0
            running.say(*[scene.attempts.failure(f'"many{n}"') for n in range(200)])
            end = time.monotonic() + 3
            while time.monotonic() < end or not any(c and c['Uid'] != '0 0 0 0' for c in seen.values()):
                tap.expect(time.monotonic() < end + tap.PATIENCE, f'no child became the user; seen: {seen}')
                now = [p for p in machine.children(running.child.pid) if is_popup(p)]
                most = max(most, len(now))
                for pid in now:
                    seen[pid] = credentials(pid) or seen.get(pid)
                time.sleep(0.05)
            tap.note(f'{len(seen)} children, at most {most} at once')
            tap.expect(most <= MOST_CHILDREN, f'{most} children at once')
            settled = [c for c in seen.values() if c and c['Uid'] != '0 0 0 0']
            for child in settled:
                ids = (' '.join([str(bob.uid)] * 4), ' '.join([str(bob.gid)] * 4))
                tap.expect_equal((child['Uid'], child['Gid']), ids, 'ids of a child')
                tap.expect(set(child['Groups'].split()) <= {str(bob.gid)}, f'groups {child["Groups"]} of a child')
                tap.expect_equal(int(child['CapPrm'], 16) | int(child['CapEff'], 16), 0, 'capabilities of a child')
                tap.expect(child['stdin'] != child['feed'], 'a child holds the stream of records')
            running.end('EOF')
        tap.wait_for(lambda: not any(machine.program_of(p) == PROGRAM for p in seen), 'end of the children')


def is_popup(pid):
    """A child that shows a notification: not the engine, nor the process that delivers."""
    with contextlib.suppress(OSError):
        return b'\0notify\0' in pathlib.Path(f'/proc/{pid}/cmdline').read_bytes()
    return False


def credentials(pid):
    """The ids, groups, capabilities of a process, and whether it holds a socket on stdin; None if it is gone."""
    with contextlib.suppress(OSError, ValueError):
        lines = pathlib.Path(f'/proc/{pid}/status').read_text().splitlines()
        found = {k: ' '.join(v.split()) for k, _, v in (line.partition(':') for line in lines)}
        parent = found['PPid']
        found['stdin'] = os.readlink(f'/proc/{pid}/fd/0')
        found['feed'] = os.readlink(f'/proc/{parent}/fd/0')
        return found
    return None


def foreign_socket_gets_nothing(scene):
    """A socket in the place of the bus that belongs to another user is not connected to."""
    with people.user() as bob, people.listening(bob.bus, scene.alice.uid) as server:
        scene.configure([bob.name, scene.alice.name])
        connected(scene, server)


def linked_socket_gets_nothing(scene):
    """Nor is a symbolic link followed, even to a socket of that user."""
    with people.user() as bob, people.listening(scene.work / 'elsewhere', bob.uid) as server:
        bob.bus.symlink_to(scene.work / 'elsewhere')
        scene.configure([bob.name, scene.alice.name])
        connected(scene, server)


def connected(scene, server):
    already = len(scene.desktop.calls())
    server.settimeout(0.2)
    with plugin.plugin(scene.config, scene.work / 'stderr') as running:
        running.say(scene.attempts.failure('"eve"'))
        scene.desktop.wait('as eve ', already)
        try:
            server.accept()[0].close()
            raise tap.Failure('it was connected to')
        except TimeoutError:
            pass
        running.end('EOF')


def unknown_target_users(scene):
    """A user who does not exist, and one without a bus, disturb nobody."""
    with people.user() as bob:
        scene.configure(['no-such-user', bob.name, scene.alice.name])
        already = len(scene.desktop.calls())
        with plugin.plugin(scene.config, scene.work / 'stderr') as running:
            running.say(scene.attempts.failure('"zoe"'))
            scene.desktop.wait('as zoe ', already)
            running.end('EOF')


def main():
    machine.need('dbus-daemon', 'useradd', 'userdel')
    with contextlib.ExitStack() as stack:
        scene = Scene(stack)
        cases = [
            ('ssh, no pty', says('ssh-pw-ok.log', 'e2eu logged in over ssh from 127.0.0.1')),
            ('ssh, pty', says('ssh-tty-ok.log', 'e2eu logged in over ssh from 127.0.0.1')),
            ('ssh, root refused', says('ssh-root-refused.log', 'failed login as root over ssh from 127.0.0.1')),
            ('ssh, unknown user', says('ssh-unknown-user.log',
                                       'failed login over ssh as "nosuchuser" (no such user) from 127.0.0.1')),
            ('every capture is harmless', every_capture_is_harmless),
            ('active users', active_users),
            ('no markup', without_markup),
            *((name, lambda scene, case=others_still_get_theirs(bus): tap.three_times(lambda: case(scene)))
              for name, bus in (('silent bus', people.silent_bus), ('babbling bus', people.babbling_bus), ('dead bus', people.dead_bus))),
            ('children', children_are_bounded_and_unprivileged),
            ('somebody else\'s bus', foreign_socket_gets_nothing),
            ('symbolic link', linked_socket_gets_nothing),
            ('unknown target users', unknown_target_users),
        ]
        return tap.run_cases([(n, lambda c=c: c(scene)) for n, c in cases],
                             lambda: (scene.work / 'stderr').read_text(errors='replace')[-2000:]
                             if (scene.work / 'stderr').exists() else '')


if __name__ == '__main__':
    sys.exit(main())
