# SPDX-License-Identifier: LGPL-2.1-or-later
"""Test users with a session bus and a notification service, an sshd on loopback, and attempts to log in."""
import contextlib
import html
import os
import pathlib
import pwd
import secrets
import shutil
import socket
import subprocess
import threading
import time

import jsonl
import machine
import tap


PATHS = {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'LANG': 'C.UTF-8'}


class User:
    """An account that exists for one test, with /run/user/UID as a login manager makes it."""

    def __init__(self, password=None):
        self.name = 'aue' + secrets.token_hex(4)
        machine.run('useradd', '-m', '-U', '-s', '/bin/bash', self.name)
        entry = pwd.getpwnam(self.name)
        self.uid, self.gid, self.home = entry.pw_uid, entry.pw_gid, pathlib.Path(entry.pw_dir)
        if password:
            subprocess.run(['chpasswd', '-c', 'SHA512'], input=f'{self.name}:{password}\n', text=True, check=True)
        else:  # '*': no password, but not locked; sshd refuses a locked account.
            machine.run('usermod', '-p', '*', self.name)
        self.runtime = pathlib.Path(f'/run/user/{self.uid}')
        self.made_run_user = not self.runtime.parent.exists()
        self.runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.runtime.parent.chmod(0o755)
        os.chown(self.runtime, self.uid, self.gid)

    @property
    def bus(self):
        return self.runtime / 'bus'

    def environment(self):
        return {**PATHS, 'HOME': str(self.home), 'XDG_RUNTIME_DIR': str(self.runtime),
                'DBUS_SESSION_BUS_ADDRESS': f'unix:path={self.bus}'}

    def process(self, command, **options):
        """A process of this user; see machine.process."""
        env = {**self.environment(), **options.pop('extra', {})}
        return machine.process(command, user=self.uid, group=self.gid, extra_groups=[], env=env, cwd='/', **options)

    def authorize(self, public_key):
        ssh = self.home / '.ssh'
        ssh.mkdir(mode=0o700)
        (ssh / 'authorized_keys').write_text(public_key.read_text())
        (ssh / 'authorized_keys').chmod(0o600)
        for path in (ssh, ssh / 'authorized_keys'):
            os.chown(path, self.uid, self.gid)

    def remove(self):
        shutil.rmtree(self.runtime, ignore_errors=True)
        if self.made_run_user:
            with contextlib.suppress(OSError):
                self.runtime.parent.rmdir()
        subprocess.run(['userdel', '-r', self.name], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)


@contextlib.contextmanager
def user(password=None):
    made = User(password)
    try:
        yield made
    finally:
        made.remove()


class Desktop:
    """The notification service of a user, and the calls that reached it."""

    def __init__(self, record):
        self.record = record

    def calls(self):
        return [call for call in jsonl.read(self.record) if 'summary' in call]

    def ready(self):
        return self.record.exists() and '"ready"' in self.record.read_text()

    def wait(self, text, already=0):
        """The first call after the first `already` ones that says text."""
        return tap.wait_for(lambda: next((c for c in self.calls()[already:] if text in said(c)), None), f'notification that says "{text}"')


def said(call):
    """The words of a Notify call as a server that knows markup shows them."""
    return f'{call["summary"]}\n{html.unescape(call["body"])}'


@contextlib.contextmanager
def session_bus(who):
    command = ['dbus-daemon', '--session', f'--address=unix:path={who.bus}', '--nofork', '--nopidfile']
    with who.process(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        tap.wait_for(who.bus.is_socket, f'bus at {who.bus}')
        yield


def bus_has(who, name):
    """Whether a program on the user's bus has the name."""
    command = ['dbus-send', '--session', '--print-reply', '--dest=org.freedesktop.DBus', '/',
               'org.freedesktop.DBus.NameHasOwner', f'string:{name}']
    done = subprocess.run(command, user=who.uid, group=who.gid, extra_groups=[], env=who.environment(),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=tap.PATIENCE, check=False)
    return 'true' in done.stdout


@contextlib.contextmanager
def desktop(who, work, capabilities=('body', 'body-markup', 'actions')):
    """A session bus with a notification service for a user."""
    recorder = os.environ.get('NOTIFY_RECORDER', str(machine.TOP / 'build/test/lib/notify-recorder'))
    private = work / f'notify-recorder-{who.name}'
    shutil.copy(recorder, private)
    private.chmod(0o755)
    record = work / f'notify-{who.name}.json'
    with contextlib.ExitStack() as stack:
        stack.enter_context(session_bus(who))
        out = stack.enter_context(open(record, 'wb'))
        stack.enter_context(who.process([private, f'unix:path={who.bus}', *capabilities], stdout=out))
        here = Desktop(record)
        tap.wait_for(here.ready, f'notification service of {who.name}')
        yield here


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Sshd:
    """An sshd on loopback with a host key of its own, and the ways to knock at it."""

    def __init__(self, work):
        self.work, self.port = work, free_port()
        self.key = work / 'id'
        for key in (work / 'host', self.key):
            machine.run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key)
        self.config = work / 'sshd_config'
        self.config.write_text(f'ListenAddress 127.0.0.1\nPort {self.port}\nHostKey {work}/host\nPidFile none\n'
                               'UsePAM yes\nUseDNS no\nPasswordAuthentication yes\n'
                               'KbdInteractiveAuthentication no\nPermitRootLogin no\n')

    def listening(self):
        with socket.socket() as probe:
            return probe.connect_ex(('127.0.0.1', self.port)) == 0

    def ssh(self, name, command='true', pty=False, password=None, passwords=(), seconds=tap.PATIENCE):
        """One attempt to log in, with a key, a password, or several one after the other; the client's exit status."""
        passwords = [password] if password else list(passwords)
        # The name stands in a file, because a client refuses markup in a name on its command line.
        config = self.work / 'ssh_config'
        config.write_text(f'User "{name}"\nStrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nLogLevel ERROR\n'
                          f'IdentitiesOnly yes\nIdentityAgent none\nIdentityFile {self.key}\n'
                          f'NumberOfPasswordPrompts {len(passwords) or 1}\nPreferredAuthentications '
                          f'{"password" if passwords else "publickey"}\n')
        words = ['ssh', '-F', config, '-tt' if pty else '-T', '-p', self.port, '127.0.0.1', command]
        env = {**PATHS, 'SSH_ASKPASS_REQUIRE': 'force', 'SSH_ASKPASS': str(self.answer(passwords))}
        return subprocess.run([str(w) for w in words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=seconds, check=False, env=env).returncode

    def answer(self, passwords):
        """A program that answers ssh with one password after the other."""
        left, program = self.work / 'passwords', self.work / 'askpass'
        left.write_text(''.join(f'{p}\n' for p in passwords))
        program.write_text(f'#!/bin/sh\nhead -n 1 {left}\nsed -i 1d {left}\n')
        program.chmod(0o700)
        return program


@contextlib.contextmanager
def sshd(work):
    privsep = pathlib.Path('/run/sshd')
    made = not privsep.exists()
    privsep.mkdir(exist_ok=True)
    server = Sshd(work)
    with open(work / 'sshd.log', 'wb') as log:
        try:
            with machine.process(['/usr/sbin/sshd', '-D', '-e', '-f', server.config], stderr=log):
                # Connecting and leaving writes no audit record.
                tap.wait_for(server.listening, 'listening sshd')
                yield server
        finally:
            if made:
                privsep.rmdir()


def settle(quiet, desktop_, most=8):
    """Waits until no call has come for `quiet` seconds."""
    end, last, count = time.monotonic() + most, time.monotonic(), len(desktop_.calls())
    while time.monotonic() < end and time.monotonic() - last < quiet:
        time.sleep(0.05)
        if len(desktop_.calls()) != count:
            count, last = len(desktop_.calls()), time.monotonic()


@contextlib.contextmanager
def listening(path, owner):
    """A socket at path that belongs to owner: connections to it succeed, and are never answered."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        os.chown(path, owner, owner)
        # Who listens is who was effective then (SO_PEERCRED), and aulert looks at that as well.
        os.seteuid(owner)
        try:
            server.listen(64)
        finally:
            os.seteuid(0)
        try:
            yield server
        finally:
            path.unlink(missing_ok=True)


def silent_bus(who):
    return listening(who.bus, who.uid)


@contextlib.contextmanager
def babbling_bus(who):
    """Answers every connection with endless bytes that are no D-Bus."""
    def babble(server):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=pour, args=[server.accept()[0]], daemon=True).start()

    def pour(connection):
        with connection, contextlib.suppress(OSError):
            connection.sendall(b'OK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n')
            while True:
                connection.sendall(b'l\x02\x01\x01' + b'\xff' * 4096)

    with listening(who.bus, who.uid) as server:
        threading.Thread(target=babble, args=[server], daemon=True).start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def dead_bus(who):
    """A socket that nobody listens on any more."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(who.bus))
    os.chown(who.bus, who.uid, who.gid)
    yield
    who.bus.unlink(missing_ok=True)
