# SPDX-License-Identifier: LGPL-2.1-or-later
"""`aulert run` in the state in which auditd starts a plugin, and records to feed it."""
import collections
import contextlib
import os
import re
import signal
import socket
import subprocess
import time

import machine
import tap

# How auditd 3.0.9 leaves signals: ignored at the first start, blocked after a restart of the plugin.
STARTS = ('ignored', 'blocked', 'default')
STATES = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGINT,
          signal.SIGCONT, signal.SIGQUIT, signal.SIGALRM)


def leave_signals(start):
    for number in STATES:
        signal.signal(number, signal.SIG_IGN if start == 'ignored' else signal.SIG_DFL)
    if start == 'blocked':
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def counters(messages, send_signal):
    """What SIGUSR1 logs, by name; what is not there is 0. A process that has much to do may not answer in time, and is asked again."""
    def answers():
        mark = len(messages())
        send_signal(signal.SIGUSR1)
        said = tap.wait_for(lambda: re.search(r'counters:(.*)\n', messages()[mark:]), 'counters')
        rows = (row.split() for row in said[1].split(','))
        got = collections.Counter({row[0]: int(row[1]) for row in rows if len(row) == 2})
        return None if any(name.endswith('_silent') for name in got) else got
    return tap.wait_for(answers, 'answer of every process')


class Plugin:
    """An aulert with a socket for stdin, an empty environment, cwd /, and no stdout."""

    def __init__(self, config, log, start='ignored'):
        self.log = log
        self.feed, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        program = os.environ.get('AULERT', str(machine.TOP / 'build/aulert'))
        with theirs, open(log, 'wb') as stderr:
            self.child = subprocess.Popen([program, 'run', str(config)], stdin=theirs, stdout=subprocess.DEVNULL,
                                          stderr=stderr, env={}, cwd='/', restore_signals=False,
                                          preexec_fn=lambda: leave_signals(start))

    def say(self, *records):
        self.feed.sendall(''.join(records).encode('latin-1'))

    def messages(self):
        return self.log.read_text(errors='replace')

    def signal(self, number):
        os.kill(self.child.pid, number)

    def expect_message(self, text):
        tap.wait_for(lambda: text in self.messages(), f'message "{text}"')

    def counters(self):
        return counters(self.messages, self.signal)

    def end(self, how):
        """Ends it by 'EOF' or 'TERM'; seconds until it was gone. Late if it ended with something left to tell: the popup that a test has
        seen may not have been settled yet."""
        started = time.monotonic()
        if how == 'EOF':
            self.feed.close()
        else:
            self.signal(signal.SIGTERM)
        try:
            status = self.child.wait(tap.PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise tap.Failure(f'still there {tap.PATIENCE} s after {how}') from error
        tap.expect_equal(status, 0, f'exit status after {how}')
        if 'not all could be told before the end' in self.messages():
            raise tap.Late(f'it was ended after {how}')
        return time.monotonic() - started


@contextlib.contextmanager
def plugin(config, log, start='ignored'):
    here = Plugin(config, log, start)
    try:
        yield here
    finally:
        if here.child.poll() is None:
            here.child.kill()
            here.child.wait()
        here.feed.close()


class Attempts:
    """Failed logins over ssh, each of its own sshd, as sshd 9.2 on kernel 6.18 and auditd 3.0.9 write them."""

    def __init__(self):
        self.serial = 1000
        self.pid = 20000

    def failure(self, acct='"mallory"', addr='192.0.2.7'):
        self.serial += 1
        self.pid += 1
        return (f'type=USER_LOGIN msg=audit({time.time():.3f}:{self.serial}): pid={self.pid} uid=0 auid=4294967295 '
                f'ses=4294967295 msg=\'op=login acct={acct} exe="/usr/sbin/sshd" hostname=? addr={addr} '
                'terminal=sshd res=failed\'\x1dUID="root" AUID="unset"\n')

    def nameless(self):
        return self.failure('28696E76616C6964207573657229')  # "(invalid user)"
