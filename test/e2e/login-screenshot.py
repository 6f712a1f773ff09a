#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A login as a person sees it: dunst on an X server without a screen; leaves test-results/login.png."""
import contextlib
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import machine  # noqa: E402
import people  # noqa: E402
import tap  # noqa: E402

DUNSTRC = '''[global]
    width = (500, 700)
    origin = top-center
    offset = 0x40
    font = DejaVu Sans 12
    format = "<b>%a: %s</b>\\n%b"
    markup = full
'''


def colours(display):
    """How many colours the screen shows: one until something is drawn on it."""
    done = subprocess.run(['import', '-window', 'root', '-format', '%k', 'info:-'],
                          env={**people.PATHS, 'DISPLAY': display}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=tap.PATIENCE, check=False)
    return int(done.stdout.split()[0]) if done.returncode == 0 and done.stdout.strip() else 0


@contextlib.contextmanager
def x_server(work):
    """An X server on a free display that only local sockets reach; its name."""
    read, write = machine.pipe()
    with read, open(work / 'xvfb.log', 'wb') as log:
        with machine.process(['Xvfb', '-displayfd', write.fileno(), '-screen', '0', '760x200x24', '-nolisten', 'tcp'],
                             pass_fds=[write.fileno()], stdout=log, stderr=log):
            write.close()
            number = read.readline().strip()
            tap.expect(number, 'Xvfb did not start')
            yield f':{number}'


def shoot(picture):
    with machine.lock(), contextlib.ExitStack() as stack:
        machine.need_audit()
        work = stack.enter_context(machine.workdir())
        stack.enter_context(machine.installed())
        alice = stack.enter_context(people.user())
        stack.enter_context(people.session_bus(alice))
        display = stack.enter_context(x_server(work))
        (work / 'dunstrc').write_text(DUNSTRC)
        stack.enter_context(alice.process(['dunst', '-conf', work / 'dunstrc'], extra={'DISPLAY': display},
                                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        tap.wait_for(lambda: people.bus_has(alice, 'org.freedesktop.Notifications'), 'dunst on the bus')
        sshd = stack.enter_context(people.sshd(work))
        alice.authorize(sshd.key.with_suffix('.pub'))
        machine.configure([alice.name], timeout='30s')
        machine.activate_plugin()
        daemon = stack.enter_context(machine.auditd(work))
        daemon.plugin()
        empty = colours(display)
        tap.expect_equal(sshd.ssh(alice.name, pty=True), 0, 'exit status of ssh')
        tap.expect_equal(sshd.ssh('oracle', password='x') != 0, True, 'refusal of oracle')
        tap.wait_for(lambda: colours(display) > empty + 10, 'picture of a notification')
        time.sleep(1.5)  # the second one, which may have waited for its name
        machine.run('import', '-window', 'root', picture, env={**people.PATHS, 'DISPLAY': display})
    tap.expect(picture.stat().st_size > 1000, 'the picture is empty')
    tap.note(f'see {picture}')


def main():
    machine.need('auditd', 'auditctl', 'sshd', 'ssh', 'dbus-daemon', 'dbus-send', 'dunst', 'Xvfb', 'import',
                 'meson', 'useradd')
    picture = machine.results() / 'login.png'
    picture.unlink(missing_ok=True)
    return tap.run_cases([('a login pops up on a screen', lambda: shoot(picture))])


if __name__ == '__main__':
    sys.exit(main())
