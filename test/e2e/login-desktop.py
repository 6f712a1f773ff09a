#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Somebody logs in, or tries to, over a real sshd; a real auditd runs aulert; a desktop is told, once."""
import contextlib
import pathlib
import secrets
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import machine  # noqa: E402
import people  # noqa: E402
import tap  # noqa: E402

PASSWORD = 'right ' + secrets.token_hex(4)
GUESSED = 'Passwords guessed from one address'  # five wrong ones in all: a story of its own
QUIET = 3  # a nameless failure waits up to a second for its name


class Story:
    """Everything that is up while the cases run."""

    def __init__(self, stack):
        self.work = stack.enter_context(machine.workdir())
        stack.enter_context(machine.installed())
        self.alice = stack.enter_context(people.user(PASSWORD))
        self.desktop = stack.enter_context(people.desktop(self.alice, self.work))
        self.sshd = stack.enter_context(people.sshd(self.work))
        self.alice.authorize(self.sshd.key.with_suffix('.pub'))
        machine.configure_installed([self.alice.name])
        machine.activate_plugin()
        self.auditd = stack.enter_context(machine.auditd(self.work))
        self.plugin = self.auditd.plugin()

    def attempt(self, wanted, record, login, name=None, **how):
        """One attempt: exactly one notification, saying `wanted`; notes how long after the record it came."""
        name = self.alice.name if name is None else name
        people.settle(QUIET, self.desktop)
        already, started = len(self.desktop.calls()), time.time()
        status = self.sshd.ssh(name, **how)
        tap.expect_equal(status == 0, login, f'ssh let {name} in (exit {status})')
        call = self.desktop.wait(wanted, already)
        people.settle(QUIET, self.desktop)
        calls = [c for c in self.desktop.calls()[already:] if c['summary'] != GUESSED]
        if call['summary'] == GUESSED:  # two popups are shown side by side: either may be the first
            call = next((c for c in calls if wanted in people.said(c)), call)
        tap.expect_equal([people.said(c) for c in calls], [people.said(call)], 'notifications for one attempt')
        tap.note(f'notified {self.delay(call, record, started):.1f} ms after {record}: {people.said(call)!r}')
        return call

    def delay(self, call, record, started):
        """Milliseconds from the first record of this type since `started` to the call."""
        stamps = [float(r.partition('audit(')[2].partition(':')[0]) for r in self.auditd.records(f'type={record} ')]
        stamp = next((s for s in stamps if s >= started - 0.01), None)
        tap.expect(stamp is not None, f'auditd logged no {record}')
        return (call['time'] - stamp) * 1000


def started_by_auditd(story):
    pid = story.plugin
    status = pathlib.Path(f'/proc/{pid}/status').read_text()
    tap.expect(f'PPid:\t{story.auditd.child.pid}\n' in status, f'auditd is not the parent of {pid}')
    command = pathlib.Path(f'/proc/{pid}/cmdline').read_bytes().split(b'\0')
    tap.note(f'auditd {story.auditd.child.pid} started {pid}: {b" ".join(command).decode()}')


def with_pty(story):
    call = story.attempt(f'{story.alice.name} logged in over ssh from 127.0.0.1', 'USER_START', True, pty=True)
    tap.expect_equal(call['app'], 'aulert', 'name of the program')
    tap.expect_equal(call['expire'], 3000, 'time-out in ms')
    tap.expect(call['icon'], 'no icon')


def without_pty(story):
    story.attempt(f'{story.alice.name} logged in over ssh from 127.0.0.1', 'USER_START', True)


def right_password(story):
    story.attempt(f'{story.alice.name} logged in over ssh from 127.0.0.1', 'USER_START', True, pty=True,
                  password=PASSWORD)


def wrong_password(story):
    call = story.attempt(f'failed login as {story.alice.name} over ssh from 127.0.0.1', 'USER_LOGIN', False,
                         password='wrong')
    tap.expect(call['urgency'] >= 1, f'urgency {call["urgency"]} of a failure')


def root_refused(story):
    story.attempt('failed login as root over ssh from 127.0.0.1', 'USER_LOGIN', False, name='root', password='wrong')


def unknown_user(story):
    name = 'no' + secrets.token_hex(3)
    story.attempt(f'failed login over ssh as "{name}" (no such user) from 127.0.0.1', 'USER_AUTH', False, name=name,
                  password='wrong')


def unknown_user_with_key(story):
    """Without a password PAM is not asked, so no record says the name that was tried."""
    story.attempt('failed login over ssh', 'USER_LOGIN', False, name='no' + secrets.token_hex(3))


def second_password_is_right(story):
    """A wrong password, then the right one on the same connection: two outcomes, each said once."""
    people.settle(QUIET, story.desktop)
    already = len(story.desktop.calls())
    status = story.sshd.ssh(story.alice.name, pty=True, passwords=['wrong', PASSWORD])
    tap.expect_equal(status, 0, 'exit status of ssh')
    for words in ('failed login', 'logged in'):
        story.desktop.wait(words, already)
    people.settle(QUIET, story.desktop)
    shown = [people.said(c) for c in story.desktop.calls()[already:]]
    for sentence in (f'failed login as {story.alice.name} over ssh from 127.0.0.1',
                     f'{story.alice.name} logged in over ssh from 127.0.0.1'):
        tap.expect_equal(sum(sentence in s for s in shown), 1, f'popups with {sentence!r} among {shown!r}')
    tap.expect_equal(len(shown), 2, f'popups {shown!r}')


def markup_in_a_name(story):
    call = story.attempt('<b>x<b>&', 'USER_AUTH', False, name='<b>x<b>&', password='wrong')
    tap.expect('<b>' not in call['body'], f'live markup in {call["body"]!r}')
    tap.expect('&lt;b&gt;x&lt;b&gt;&amp;' in call['body'] or '<b>x<b>&' in call['summary'],
               f'the name is not shown as it is: {call!r}')


def control_bytes_in_a_name(story):
    call = story.attempt('failed login over ssh', 'USER_AUTH', False, name='\x1b]0;evil\x07\x1b[31mred',
                         password='wrong')
    text = call['summary'] + call['body']
    tap.expect(all(c.isprintable() or c == '\n' for c in text), f'control bytes in {text!r}')
    tap.expect('evil' in text, f'the name is missing in {text!r}')


def guessed_passwords(story):
    """The wrong passwords of the cases before are five and more, from one address within five minutes."""
    call = story.desktop.wait(GUESSED)
    tap.expect('127.0.0.1' in call['body'], f'no address in {call["body"]!r}')


def still_the_same(story):
    tap.expect_equal(story.auditd.plugin(), story.plugin, 'plugin after all attempts')


def main():
    machine.need('auditd', 'auditctl', 'sshd', 'ssh', 'dbus-daemon', 'meson', 'useradd')
    with machine.lock(), contextlib.ExitStack() as stack:
        machine.need_audit()
        story = Story(stack)
        cases = [started_by_auditd, with_pty, without_pty, right_password, wrong_password, root_refused,
                 unknown_user, unknown_user_with_key, second_password_is_right, markup_in_a_name,
                 control_bytes_in_a_name, guessed_passwords, still_the_same]
        return tap.run_cases([(c.__name__, lambda c=c: c(story)) for c in cases],
                             lambda: '\n'.join(r[:200] for r in story.auditd.records('USER_')[-12:]))


if __name__ == '__main__':
    sys.exit(main())
