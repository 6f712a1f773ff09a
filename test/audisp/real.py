#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""audisp-run --check on plugins that are in use: what it finds with each is known, and stands in audisp-run(1).

real.py AUDISP_RUN CAPTURES ARTICLE EXAMPLE: the article's record counter, and ours. The others are Debian 12's, and the
rest of our examples, built here.
"""
import concurrent.futures
import contextlib
import os
import pathlib
import shlex
import socket
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import machine  # noqa: E402
import tap  # noqa: E402

RUN, CAPTURES, ARTICLE, EXAMPLE = (pathlib.Path(a).resolve() for a in sys.argv[1:5])
LAUREL = '''directory = "{out}"
user = "root"
[auditlog]
file = "audit.log"
size = 50000000
generations = 2
'''
REMOTE = '''remote_server = 127.0.0.1
port = {port}
transport = tcp
mode = immediate
queue_depth = 10240
format = ascii
network_retry_time = 1
max_tries_per_record = 3
max_time_per_record = 5
heartbeat_timeout = 0
network_failure_action = stop
startup_failure_action = warn_once_continue
'''
ZOS = '''server = 127.0.0.1
port = {port}
user = NOBODY
password = none
timeout = 1
q_depth = 64
'''
KEYED = ('type=SYSCALL msg=audit(1700000000.000:7): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c items=1 ppid=1 pid=2 '
         'auid=1000 uid=0 comm="cat" exe="/usr/bin/cat" key="watch"\ntype=PROCTITLE msg=audit(1700000000.000:7): proctitle=636174\n')
PACE = "keeps up with 5,000 records a second within auditd's queue"  # a matter of the machine that tests
FIRST, AGAIN = 'stops on SIGTERM after the first start', 'stops on SIGTERM after a restart'
EOF = 'stops at the end of its input'


def conf(work, name, program, args):
    path = work / f'{name}.conf'
    path.write_text(f'active = yes\ndirection = out\npath = {program}\ntype = always\nformat = string\n'
                    + (f'args = {args}\n' if args else ''))
    path.chmod(0o640)
    return path


def judge(conf_path, version, log, binds=()):
    """The demands that failed. In a mount namespace without /dev/log and /run/user: nothing that is a test reaches the
    machine's log or people's desktops; @binds: (file, over which)."""
    hide = 'if [ -e /dev/log ]; then mount --bind /dev/null "$(readlink -f /dev/log)" || exit 9; fi; '
    hide += 'if [ -d /run/user ]; then mount -t tmpfs none /run/user || exit 9; fi; '
    hide += ''.join(f'mount --bind {shlex.quote(str(f))} {shlex.quote(over)} || exit 9; ' for f, over in binds)
    command = [RUN, '--as', version, '--check', conf_path, '--format', 'tap', log]
    done = subprocess.run(['unshare', '-m', 'sh', '-c', hide + 'exec "$@"', 'sh', *command], capture_output=True, text=True,
                          timeout=5 * tap.PATIENCE, check=False)  # it waits for many things, one after the other
    tap.expect(done.returncode in (0, 1) and 'ok 13 - ' in done.stdout, done.stdout + done.stderr)
    failed = [line.split(' - ', 1)[1] for line in done.stdout.splitlines() if line.startswith('not ok')]
    return [demand for demand in failed if demand != PACE], done.stdout


def judge_again(expected, *args):
    """The last of some judgements, until it is the expected one: it judges by times, and a busy machine proves nothing."""
    for _ in range(5):
        failed, report = judge(*args)
        if failed == expected:
            break
    return failed, report


class Server:
    """Takes what audisp-remote sends."""

    def __init__(self):
        self.bytes = 0
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.take, args=(client,), daemon=True).start()

    def take(self, client):
        with contextlib.suppress(OSError), client:
            while data := client.recv(65536):
                self.bytes += len(data)


def nobody():
    """A port that nothing listens on: bound, so that nobody else takes it."""
    held = socket.socket()
    held.bind(('127.0.0.1', 0))
    return held


def remote(work, name, port):
    path = work / f'{name}.remote'
    path.write_text(REMOTE.format(port=port))
    path.chmod(0o640)
    return conf(work, name, '/sbin/audisp-remote', ''), [AGAIN], [(path, '/etc/audit/audisp-remote.conf')]


def zos(work, port):
    """Of z/OS there is none: each event fails at once, which is to be no worse for auditd than one that is sent."""
    path = work / 'zos.remote'
    path.write_text(ZOS.format(port=port))
    path.chmod(0o640)
    return conf(work, 'zos', '/sbin/audispd-zos-remote', path), [EOF], ()


def example(work, name, args='', packages=(), binds=()):
    """One of examples/, built against this build's library."""
    program, lib = work / name, RUN.parents[1] / 'lib'
    flags = machine.run('pkg-config', '--cflags', '--libs', *packages).split() if packages else []
    machine.run('cc', '-D_GNU_SOURCE', '-O1', '-I', machine.TOP / 'include', machine.TOP / 'examples' / f'{name}.c', '-o', program,
                lib / 'libaulert.so.1', f'-Wl,-rpath,{lib}', *flags)
    return conf(work, name, program, args), [], binds


def main():
    if os.geteuid() != 0:
        tap.skip_all('needs root: auditd takes plugins of root only')
    machine.need('unshare', 'audisp-syslog', 'laurel')
    with machine.workdir() as work:
        log = work / 'log'
        log.write_bytes((CAPTURES / 'enriched/ssh-pw-ok.log').read_bytes() * 20 + KEYED.encode() * 3)
        (work / 'laurel').mkdir()
        (work / 'laurel.toml').write_text(LAUREL.format(out=work / 'laurel'))
        sendmail = work / 'sendmail'
        sendmail.write_text('#!/bin/sh\nexec cat >/dev/null\n')
        sendmail.chmod(0o755)
        plugins = {
            'audisp-syslog': (conf(work, 'syslog', '/sbin/audisp-syslog', 'LOG_INFO'), [AGAIN], ()),
            'laurel': (conf(work, 'laurel', '/usr/sbin/laurel', f'--config {work}/laurel.toml'), [FIRST, AGAIN], ()),
            'article': (conf(work, 'article', ARTICLE, ''), [FIRST, AGAIN], ()),
            'records': (conf(work, 'records', EXAMPLE, ''), [], ()),
            'failed-logins': example(work, 'failed-logins', packages=('audit',)),
            'login-popup': example(work, 'login-popup', packages=('libsystemd', 'audit')),
        }
        server, held = Server(), nobody()
        if os.path.exists('/sbin/audisp-remote'):
            plugins['audisp-remote'] = remote(work, 'remote', server.port)
            plugins['audisp-remote without a server'] = remote(work, 'alone', held.getsockname()[1])
            plugins['audispd-zos-remote without a server'] = zos(work, held.getsockname()[1])
        else:
            tap.note('audisp-remote and audispd-zos-remote are not installed (audispd-plugins)')
        over = '/usr/sbin/sendmail'  # without one each mail fails, which is the example's affair, too
        plugins['mail-on-key'] = example(work, 'mail-on-key', 'watch root@localhost', binds=[(sendmail, over)] if os.path.exists(over) else [])
        with concurrent.futures.ThreadPoolExecutor() as pool:
            found = {name: pool.submit(judge_again, wanted, path, '3.0', log, binds) for name, (path, wanted, binds) in plugins.items()}

            def case(name):
                failed, report = found[name].result()
                tap.expect(failed == plugins[name][1], f'failed: {failed}\n{report}')
                tap.expect(name != 'audisp-remote' or server.bytes > log.stat().st_size, f'{server.bytes} bytes were sent on')
            return tap.run_cases([(name, lambda name=name: case(name)) for name in plugins])


if __name__ == '__main__':
    sys.exit(main())
