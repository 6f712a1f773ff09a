#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The examples, built against the installed libaulert, as plugins of a real auditd; and their life in every start state."""
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import machine  # noqa: E402
import people  # noqa: E402
import plugin  # noqa: E402
import tap  # noqa: E402

EXAMPLES = ('records', 'login-popup', 'mail-on-key')
KEY = 'aulert-library-test'


def build_examples():
    """As a plugin writer does; an empty environment has no LD_LIBRARY_PATH, so the place of the library is built in."""
    pc = next(machine.PREFIX.rglob('aulert.pc'))
    env = {**os.environ, 'PKG_CONFIG_PATH': str(pc.parent), 'LDFLAGS': f'-Wl,-rpath,{pc.parents[1]}'}
    out = machine.PREFIX / 'plugins'
    out.mkdir()
    machine.run('make', '-C', machine.PREFIX / 'share/doc/aulert/examples', f'OUT={out}', env=env)
    return out


class Scene:
    def __init__(self, stack, work):
        self.work, self.stack = work, stack
        self.programs = build_examples()
        self.alice = stack.enter_context(people.user())
        self.desktop = stack.enter_context(people.desktop(self.alice, work))
        self.sshd = stack.enter_context(people.sshd(work))
        self.alice.authorize(self.sshd.key.with_suffix('.pub'))

    def wrapper(self, name, text):
        """auditd gives a plugin /dev/null for stdout, so a script puts a file there first."""
        path = self.programs / name
        path.write_text(f'#!/bin/sh\n{text}\n')
        path.chmod(0o755)
        return path

    def plug(self, name, path, form='string'):
        conf = machine.PREFIX / f'etc/audit/plugins.d/{name}.conf'
        conf.write_text(f'active = yes\ndirection = out\npath = {path}\ntype = always\nformat = {form}\n')
        conf.chmod(0o640)


def set_up(scene):
    """The record counter in both formats, the popup, and the mail with a recorder in sendmail's place."""
    for form in ('string', 'binary'):
        out = scene.work / f'records.{form}'
        scene.plug(f'records-{form}', scene.wrapper(f'records-{form}', f'exec {scene.programs}/records >{out}'), form)
    scene.plug('popup', scene.programs / 'login-popup')
    mail = scene.wrapper('sendmail', f'cat >{scene.work}/mail.new; mv {scene.work}/mail.new {scene.work}/mail')
    inner = f'mount --bind {mail} /usr/sbin/sendmail && exec {scene.programs}/mail-on-key {KEY} root'
    scene.plug('mail', scene.wrapper('mail', f'exec unshare -m sh -c "{inner}"'))


def read(path):
    return path.read_text(errors='replace') if path.exists() else ''


def counts_records(scene):
    """Both formats carry the same records; what one says, the other says."""
    for number in range(50):
        machine.run('auditctl', '-m', f'library test {number}')
    for form in ('string', 'binary'):
        out = scene.work / f'records.{form}'
        tap.wait_for(lambda out=out: read(out).count('record type 1005(USER) has ') >= 50, f'50 records in {form} format')


def pops_up(scene):
    """Refused and let in, by a real sshd."""
    already = len(scene.desktop.calls())
    tap.expect(scene.sshd.ssh('nosuchuser') != 0, 'nosuchuser was let in')
    scene.desktop.wait('failed login', already)
    already = len(scene.desktop.calls())
    tap.expect_equal(scene.sshd.ssh(scene.alice.name, pty=True), 0, 'exit status of ssh')
    call = scene.desktop.wait(f'{scene.alice.name} logged in over ssh from 127.0.0.1', already)
    tap.note(people.said(call).strip())


def mails(scene):
    watched = scene.work / 'watched'
    watched.write_text('')
    machine.run('auditctl', '-w', watched, '-p', 'wa', '-k', KEY)
    try:
        watched.chmod(0o640)
        text = tap.wait_for(lambda: read(scene.work / 'mail'), 'mail')
    finally:
        machine.run('auditctl', '-W', watched, '-p', 'wa', '-k', KEY)
    tap.expect(text.startswith('To: root\nSubject: audit key ' + KEY), text)
    tap.note(text.splitlines()[4])


def survives_hup(scene, daemon):
    """auditd forwards HUP to its plugins (through 4.1); they go on."""
    before = sorted(machine.children(daemon.child.pid))
    daemon.child.send_signal(signal.SIGHUP)
    time.sleep(1)
    tap.expect_equal(sorted(machine.children(daemon.child.pid)), before, 'plugins after HUP')
    out = scene.work / 'records.string'
    n = read(out).count('USER)')
    machine.run('auditctl', '-m', 'after HUP')
    tap.wait_for(lambda: read(out).count('USER)') > n, 'record after HUP')


def stops(daemon):
    took = daemon.stop()
    tap.note(f'gone after {took * 1000:.0f} ms')
    left = [p for p in map(int, filter(str.isdigit, os.listdir('/proc')))
            if machine.program_of(p).startswith(str(machine.PREFIX / 'plugins'))]
    tap.expect_equal(left, [], 'plugins left behind')


def lives(scene, start, how):
    """The record counter on a socket with signals as auditd leaves them: HUP, an unfinished event, the end."""
    attempts = plugin.Attempts()
    out = scene.work / f'life-{start}-{how}'
    feed, theirs = socket.socketpair()
    with theirs, open(out, 'wb') as file:
        child = subprocess.Popen([scene.programs / 'records'], stdin=theirs, stdout=file, stderr=file, env={}, cwd='/',
                                 restore_signals=False, preexec_fn=lambda: plugin.leave_signals(start))
    try:
        feed.sendall(attempts.nameless().encode())
        tap.wait_for(lambda: 'USER_LOGIN' in read(out), 'record')
        child.send_signal(signal.SIGHUP)
        feed.sendall(b'type=SYSCALL msg=audit(1700000000.000:5): arch=c000003e syscall=2\n')
        if how == 'EOF':
            feed.close()
        else:
            child.send_signal(signal.SIGTERM)
        tap.expect_equal(child.wait(tap.PATIENCE), 0, f'exit status after {how}')
        tap.expect('1300(SYSCALL)' in read(out), f'the unfinished event is missing: {read(out)}')
    finally:
        feed.close()
        if child.poll() is None:
            child.kill()
            child.wait()


@contextlib.contextmanager
def place_for_sendmail():
    """A file to put the recorder over, where no mail program is installed."""
    if os.path.lexists('/usr/sbin/sendmail'):
        yield
        return
    with open('/usr/sbin/sendmail', 'x', encoding='utf-8'):
        pass
    try:
        yield
    finally:
        os.unlink('/usr/sbin/sendmail')


def main():
    machine.need('auditd', 'auditctl', 'sshd', 'ssh', 'dbus-daemon', 'meson', 'make', 'useradd', 'unshare', 'pkg-config')
    with machine.lock(), contextlib.ExitStack() as stack:
        machine.need_audit()
        stack.enter_context(place_for_sendmail())
        work = stack.enter_context(machine.workdir())
        stack.enter_context(machine.installed())
        scene = Scene(stack, work)
        set_up(scene)
        daemon = stack.enter_context(machine.auditd(work))
        cases = [(c.__name__, lambda c=c: c(scene)) for c in (counts_records, pops_up, mails)]
        cases += [('survives_hup', lambda: survives_hup(scene, daemon)), ('stops', lambda: stops(daemon))]
        cases += [(f'lives, {start}, {how}', lambda s=start, h=how: lives(scene, s, h))
                  for start in plugin.STARTS for how in ('EOF', 'TERM')]
        return tap.run_cases(cases)


if __name__ == '__main__':
    sys.exit(main())
