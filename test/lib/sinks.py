# SPDX-License-Identifier: LGPL-2.1-or-later
"""For tests of sinks: `aulert notify`, and a namespace of one's own."""
import os
import pathlib
import pwd
import shutil
import subprocess
import sys

import tap


def readable(program, work):
    """A copy that every user can start, wherever the build folder is."""
    copy = pathlib.Path(work) / 'aulert'
    shutil.copy(program, copy)
    copy.chmod(0o755)
    return str(copy)


def deliver_uid():
    """The user that aulert delivers as when root starts it, see aulert.yaml(5)."""
    try:
        return pwd.getpwnam('aulert-deliver').pw_uid
    except KeyError:
        return 64992


def give(path):
    """What the administrator does with the file of a secret."""
    if os.geteuid() == 0:
        os.chown(path, deliver_uid(), deliver_uid())


class Notifier:
    """Tries a sink with settings (the inside of a YAML flow map)."""

    def __init__(self, aulert, work, prefix=()):
        self.command = [*prefix, readable(aulert, work)]
        self.config = pathlib.Path(work) / 'sink.yaml'

    def __call__(self, settings):
        """(exit status, what it printed)."""
        self.config.write_text(f'sinks:\n  s: {{{settings}}}\n', encoding='utf-8')
        self.config.chmod(0o644)
        done = subprocess.run([*self.command, 'notify', '--config', str(self.config), 's'], capture_output=True,
                              text=True, check=False, timeout=tap.PATIENCE)
        return done.returncode, (done.stdout + done.stderr).strip()


def run_until(program, config, log, condition):
    """`aulert run` on @log, the end of which it is shown when @condition holds: from then on it waits for no more than a second for
    what is on its way. (exit status, what it said)."""
    with subprocess.Popen([program, 'run', str(config)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE) as child:
        child.stdin.write(log.encode())
        child.stdin.flush()
        try:
            tap.wait_for(lambda: condition() or child.poll() is not None, 'what was to come of it')
        finally:
            said = child.communicate(timeout=tap.PATIENCE)[1].decode(errors='replace')
    return child.returncode, said


def in_namespace(*options):
    """Starts this program again in a mount namespace of its own, and namespaces of `options`; returns in there."""
    if os.environ.get('AULERT_IN_NAMESPACE'):
        subprocess.run(['mount', '--make-rprivate', '/'], check=True)
        return
    os.environ['AULERT_IN_NAMESPACE'] = '1'
    user = () if os.geteuid() == 0 else ('--map-root-user',)
    command = ['unshare', '--mount', *options, *user, sys.executable, *sys.argv]
    os.execvp(command[0], command)
