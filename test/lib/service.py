# SPDX-License-Identifier: LGPL-2.1-or-later
"""`aulert run` as auditd would start it, with a socket for stdin, a spool of its own and alerts in a file."""
import contextlib
import os
import pathlib
import socket
import subprocess

import jsonl
import machine
import plugin
import tap

RULE = '''title: Touched it
id: {id}
logsource: {{ product: linux, service: auditd }}
detection:
  s: {{ key: {key} }}
  condition: s
level: high
'''
START = 1_700_000_000


def event(serial, key='touched', auid=1000):
    """As a kernel writes an open() that a watch has seen; each of its own second, so that the clock goes on."""
    at = f'msg=audit({START + serial}.000:{serial})'
    return (f'type=SYSCALL {at}: arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=7ffe a2=0 a3=0 items=1 '
            f'ppid=1 pid={1000 + serial} auid={auid} uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 '
            f'tty=(none) ses=1 comm="cat" exe="/usr/bin/cat" key="{key}"\x1dARCH=x86_64 SYSCALL=openat AUID="a" UID="root"\n'
            f'type=PATH {at}: item=0 name="/etc/shadow{serial}" inode=1 dev=00:1f mode=0100640 ouid=0 ogid=42 '
            f'rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0\n'
            f'type=PROCTITLE {at}: proctitle="cat"\n')


class Service:
    """rules: {name of a file: its text}; sinks, more: YAML, in which WORK is the folder."""

    def __init__(self, work, program, rules, sinks='', more=''):
        self.work = work
        self.out = work / 'alerts.json'
        self.log = work / 'log'
        self.torn = 0  # lines of a file that who delivers may have left begun when a test killed him
        (work / 'rules').mkdir(exist_ok=True)
        for name, text in rules.items():
            (work / 'rules' / name).write_text(text)
        self.config = work / 'aulert.yaml'
        self.configure(sinks, more)
        self.start(program)

    def start(self, program):
        self.feed, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs, open(self.log, 'ab') as log:
            self.process = subprocess.Popen([program, 'run', str(self.config)], stdin=theirs,
                                            stdout=subprocess.DEVNULL, stderr=log, cwd='/')

    def configure(self, sinks='', more=''):
        self.config.write_text((f'rules: [WORK/rules]\nspool: {{ path: WORK/spool/spool.db }}\n'
                                f'sinks:\n  out: {{ type: file, path: {self.out} }}\n' + sinks + more)
                               .replace('WORK', str(self.work)))

    def counters(self):
        return plugin.counters(self.log.read_text, self.process.send_signal)

    def say(self, text):
        self.feed.sendall(text.encode())

    def child(self, role):
        """The pid of the engine or deliver, or None."""
        for name in pathlib.Path(f'/proc/{self.process.pid}/task/{self.process.pid}/children').read_text().split():
            with contextlib.suppress(OSError):
                if f'\0{role}\0' in pathlib.Path(f'/proc/{name}/cmdline').read_text():
                    return int(name)
        return None

    def alerts(self):
        return jsonl.read(self.out, self.torn)

    def ids(self, kind='event'):
        return [a['id'] for a in self.alerts() if a['kind'] == kind]

    def own(self, rule):
        return [a for a in self.alerts() if a['kind'] == 'own' and a['rule']['id'] == rule]

    def wait_ready(self):
        tap.wait_for(lambda: self.child('engine'), 'engine')

    def end(self):
        self.feed.close()
        tap.expect_equal(self.process.wait(tap.PATIENCE), 0, f'exit status, having said {self.log.read_text()!r}')

    def stop(self):
        self.feed.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def service(program, **options):
    with machine.workdir() as work:
        os.chmod(work, 0o777)
        here = Service(work, program, **options)
        try:
            yield here
        finally:
            here.stop()
