#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""sandbox.py PLANTED: what each role is allowed, read off the running processes, and attempts that must fail.

PLANTED is the program with mistakes (plant.c): events with certain keys make its engine try what it must not be able to do,
and say how that went.
"""
import contextlib
import os
import pathlib
import signal
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import rights  # noqa: E402
import tap  # noqa: E402

if os.geteuid() != 0:
    tap.skip_all('needs root: roles change their users')

import replace  # noqa: E402
import service as run  # noqa: E402

PLANTED = os.path.abspath(sys.argv[1])
RULES = {'a.yml': run.RULE.format(id='00000000-0000-4000-8000-000000000001', key='touched')}
ATTEMPTS = {  # what plant.c tries: what must come of it
    'socket': 'EPERM', 'connect': 'EPERM', 'exec': 'EPERM', 'fork': 'EPERM', 'kill-supervisor': 'EPERM',
    'ptrace': 'EPERM', 'write-tmp': 'EPERM', 'create': 'EPERM', 'read-shadow': 'EACCES', 'read-home': 'EACCES',
    'setuid': 'EPERM', 'mount': 'EPERM', 'unlink': 'EPERM', 'open-supervisor': 'EACCES', 'rename': 'EPERM',
}


def own_users():
    """Both children are users of their own, without capabilities; the engine has stdin, the ring and its sockets open."""
    with replace.service(PLANTED) as s:
        s.say(replace.event(0))
        tap.wait_for(lambda: s.ids(), 'alert')
        engine, deliver = s.child('engine'), s.child('deliver')
        users = {rights.expect_nobody(engine), rights.expect_nobody(deliver)}
        tap.expect_equal(len(users), 2, f'users {users}')
        for target in rights.descriptors(engine):
            tap.expect(target == '/proc' or target.startswith(('socket:', 'anon_inode:', '/memfd:aulert-ring', '/dev/null', str(s.log))),
                       f'the engine has {target} open')
        tap.expect(not any('spool' in t for t in rights.descriptors(engine)), 'the engine has the spool open')
        tap.expect(any('spool.db' in t for t in rights.descriptors(deliver)), f'{rights.descriptors(deliver)}')
        s.end()


@contextlib.contextmanager
def reading(source):
    with run.service(PLANTED, rules=RULES, more=f'source: {source}\n') as s:
        s.wait_ready()
        yield s
        s.process.send_signal(signal.SIGTERM)
        tap.expect_equal(s.process.wait(tap.PATIENCE), 0, 'exit status')


def expect_reader(s, capability=None):
    rights.expect_reader(tap.wait_for(lambda: s.child('source'), 'reader'), s.child('engine'), capability)


@contextlib.contextmanager
def private_folder():
    """One that only root can enter."""
    with run.machine.workdir() as folder:
        folder.chmod(0o700)
        yield folder


def file_reader():
    """It can read what is root's, a rotation included."""
    with private_folder() as folder:
        log = folder / 'audit.log'
        log.touch(0o600)
        with reading(f'file:{log}') as s:
            expect_reader(s, rights.DAC_READ_SEARCH)
            with log.open('a') as written:
                written.write(replace.event(0))
            log.rename(folder / 'audit.log.1')
            log.touch(0o600)
            log.write_text(replace.event(1))
            tap.wait_for(lambda: len(s.ids()) == 2, 'alerts')


def unix_reader():
    """It connects again to a socket that only root can write to."""
    with private_folder() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(folder / 'socket'))
        (folder / 'socket').chmod(0o600)
        listener.listen()
        listener.settimeout(tap.PATIENCE)
        with reading(f'unix:{folder}/socket') as s:
            for n in range(2):
                connection, _ = listener.accept()
                with connection:
                    expect_reader(s, rights.DAC_OVERRIDE)
                    connection.sendall(replace.event(n).encode())
                    tap.wait_for(lambda n=n: len(s.ids()) == n + 1, 'alert')


def netlink_reader():
    """It has no right at all, and reads on what the kernel tells."""
    if run.machine.audit_status() is None:
        tap.note('not shown: this kernel or container does not let root use auditing')
        return
    with reading('netlink') as s:
        expect_reader(s)


def attempts():
    with replace.service(PLANTED) as s:
        s.say(replace.event(0, 'plant-attempts'))
        tap.wait_for(lambda: 'attempts done' in s.log.read_text(), 'word of the attempts')
        said = dict(line.split('attempt ')[1].split(': ') for line in s.log.read_text().splitlines()
                    if 'attempt ' in line)
        tap.expect_equal(said, ATTEMPTS, 'what came of the attempts')
        s.end()


def die_with_supervisor():
    """Also while they are stopped, and cannot notice by themselves that it is gone."""
    with private_folder() as folder:
        (folder / 'audit.log').touch(0o600)
        with run.service(PLANTED, rules=RULES, more=f'source: file:{folder}/audit.log\n') as s:
            s.wait_ready()
            tap.wait_for(lambda: s.child('source'), 'reader')
            children = [s.child(role) for role in ('engine', 'deliver', 'source')]
            rights.expect_reader(children[2], children[0], rights.DAC_READ_SEARCH)
            with run.machine.gone(children, 'end of the children'):
                for pid in children:
                    os.kill(pid, signal.SIGSTOP)
                os.kill(s.process.pid, signal.SIGKILL)
                s.process.wait()


def quiet():
    """Without input nobody wakes up but the supervisor, to see whether the engine gets on."""
    with replace.service(PLANTED) as s:
        s.say(replace.event(0))
        tap.wait_for(lambda: s.ids(), 'alert')
        time.sleep(3)
        before = [int(rights.status(s.child(r))['voluntary_ctxt_switches']) for r in ('engine', 'deliver')]
        time.sleep(3)
        after = [int(rights.status(s.child(r))['voluntary_ctxt_switches']) for r in ('engine', 'deliver')]
        woke = [b - a for a, b in zip(before, after)]
        tap.note(f'wake-ups in 3 s: engine {woke[0]}, deliver {woke[1]}')
        return woke

    with replace.service(PLANTED) as s:
        s.say(replace.event(0))
        tap.wait_for(lambda: s.ids(), 'alert')
        time.sleep(3)
        tap.wait_for(lambda: all(n <= most for n, most in zip(wake_ups(), (1, 6))), 'three seconds of quiet')
        s.end()


if __name__ == '__main__':
    sys.exit(tap.run_cases([
        ('each role has no right but its own', own_users),
        ('who reads a log can only read', file_reader),
        ('who reads a socket can only read and connect', unix_reader),
        ('who reads what the kernel tells can only read', netlink_reader),
        ('what the engine must not do fails', attempts),
        ('children die with their supervisor', die_with_supervisor),
        ('who has nothing to do sleeps', quiet),
    ]))
