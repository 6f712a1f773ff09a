#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""audisp-run against the auditd that is installed: which .conf files start a plugin, with which arguments, in which state.

Both get the same folder. Nothing here says what is right: auditd does.
"""
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import machine  # noqa: E402
import tap  # noqa: E402

AUDISP_RUN = os.environ.get('AUDISP_RUN', str(machine.TOP / 'build/src/audisp/audisp-run'))
OK = 'active = yes\ndirection = out\npath = @\ntype = always\nformat = string\n'
SHORT = 'active = yes\npath = @\n'

CONFS = {  # name: text; @ is a program of its own
    'plain': OK, 'short': SHORT, 'empty': '', 'nopath': 'active = yes\n',
    'comment-behind-blanks': '  # hello\n' + OK, 'comment-behind-value': 'active = yes # hello\npath = @\n',
    'comment-glued': 'active = yes #hello\npath = @\n', 'comment': '#active\n# x = y\n' + OK,
    'unended': 'path = @\nactive = yes', 'unended-format': OK + 'format = string', 'unended-unknown': OK + 'colour = red',
    'crlf': OK.replace('\n', '\r\n'), 'crlf-comment': '# a\r\n' + OK, 'crlf-empty': '\r\n' + OK,
    'tab': 'active\t=\tyes\npath = @\n', 'tab-first': '\tactive = yes\npath = @\n', 'tab-last': 'active = yes\t\npath = @\n',
    'tab-alone': '\t\n' + OK, 'blanks-first': '   active = yes\n path = @\n', 'blanks-last': 'active = yes   \npath = @   \n',
    'no-equals': 'active yes\npath = @\n', 'no-equals-2': OK + 'format string\n', 'glued': 'active=yes\npath=@\n',
    'glued-2': OK + 'format =string\n', 'key-alone': OK + 'args\n', 'args-empty': OK + 'args =\n', 'args-blank': OK + 'args =  \n',
    'format-empty': OK + 'format =\n', 'args-1': OK + 'args = one\n', 'args-2': OK + 'args = one two\n',
    'args-3': OK + 'args = one two three\n', 'args-4': OK + 'args = one two three four\n',
    'args-twice': OK + 'args = one two\nargs = three\n', 'args-quoted': OK + 'args = "a b"\n', 'args-tab': OK + 'args = a\tb\n',
    'args-odd': OK + 'args = - =\n', 'args-latin': OK + 'args = \xe9\n',
    'capitals': 'ACTIVE = YES\nPath = @\nTYPE = ALWAYS\nFORMAT = STRING\n', 'yes-yes': 'active = yes yes\npath = @\n',
    'yes-yes-yes': 'active = yes yes yes\npath = @\n', 'in': 'active = yes\ndirection = in\npath = @\n',
    'sideways': 'active = yes\ndirection = sideways\npath = @\n', 'OUT': 'active = yes\ndirection = OUT\npath = @\n',
    'sometimes': SHORT + 'type = sometimes\n', 'builtin': SHORT + 'type = builtin\n', 'json': OK + 'format = json\n',
    'binary': OK + 'format = binary\n', 'unknown': OK + 'colour = red\n', 'no-yes': 'active = no\nactive = yes\npath = @\n',
    'yes-no': 'active = yes\nactive = no\npath = @\n', 'path-twice': 'active = yes\npath = /sbin/nonexistent\npath = @\n',
    'path-twice-2': SHORT + 'path = /sbin/nonexistent\n', 'relative': 'active = yes\npath = %\n', 'folder': 'active = yes\npath = /usr/bin\n',
    'nul': 'active = yes\0junk\npath = @\n', 'nul-last': OK + '\0junk = 3\n', 'nul-takes-a-line': OK + '# \0\nformat = json\n',
    'bom': '\xef\xbb\xbf' + OK, 'inactive': 'active = no\npath = /sbin/nowhere\n', 'inactive-unknown': 'active = no\npath = @\ncolour = x\n',
    'inactive-builtin': 'active = no\npath = builtin_af_unix\ntype = builtin\n', 'equals': 'active = =\npath = @\n',
    **{f'comment-of-{n}': '# ' + 'x' * (n - 2) + '\n' + OK for n in (157, 158, 159, 160, 161, 300, 320, 511)},
    **{f'args-of-{n}': OK + 'args = ' + 'y' * (n - 7) + '\n' for n in (157, 158, 159, 160, 161, 318, 330)},
    **{f'unknown-of-{n}': OK + 'colour = ' + 'y' * (n - 9) + '\n' for n in (157, 158, 159, 160, 161)},
}
FILES = ('name', 'name.conf.bak', '.name.conf', 'name.off', 'name.', 'name~', 'name.conf~', 'na me.conf', '#name.conf#', 'name2.conf.')
CONF_MODES = (0o600, 0o644, 0o660, 0o666, 0o602, 0o440, 0o4640, 0o777)
PROGRAM_MODES = (0o750, 0o755, 0o700, 0o770, 0o757, 0o777, 0o550, 0o555, 0o650, 0o4755, 0o640, 0o745)

STATE = '''#!/bin/sh
exec 9>>{out}
echo "$(grep -E '^Sig(Blk|Ign)' /proc/self/status) dir $(pwd) umask $(umask) env $(wc -c </proc/$$/environ)" \\
     "nice $(cut -d' ' -f19 /proc/$$/stat) fds" $(ls /proc/$$/fd) $(readlink /proc/$$/fd/1 /proc/$$/fd/2) \\
     "oom $(cat /proc/$$/oom_score_adj) args $# $*" | tr '\\n\\t' '  ' >&9
echo >&9
[ $(wc -l <{out}) -gt 1 ] || {{ read -r line; exit 3; }}
exec cat
'''


class Folder:
    def __init__(self, work):
        self.confs, self.marks, self.programs = work / 'plugins.d', work / 'marks', work / 'programs'
        self.heard = work / 'heard'
        for folder in (self.confs, self.marks, self.programs):
            folder.mkdir()
            folder.chmod(0o755)
        for name, text in CONFS.items():
            self.add(name, text)
        for name in FILES:
            self.add(f'file-{name}', OK, file=name)
        for mode in CONF_MODES:
            self.add(f'conf-{mode:o}', OK, mode=mode)
        for mode in PROGRAM_MODES:
            self.add(f'program-{mode:o}', OK, program_mode=mode)
        self.add('conf-of-nobody', OK, owner=65534)
        self.add('program-of-nobody', OK, program_owner=65534)
        self.add('linked', OK)
        (self.confs / 'linked.conf').rename(work / 'linked')
        (self.confs / 'linked.conf').symlink_to(work / 'linked')
        (self.confs / 'directory.conf').mkdir()

    def add(self, name, text, file=None, mode=0o640, program_mode=0o755, owner=0, program_owner=0):
        program = self.programs / name.replace(' ', '_')
        program.write_text(f'#!/bin/sh\necho "$#" "$@" >>"{self.marks}/{program.name}"\n'
                           f'[ "$(head -c 1)" ] && : >"{self.heard}"\nexec cat >/dev/null\n')
        os.chown(program, program_owner, 0)
        program.chmod(program_mode)
        conf = self.confs / (file or f'{name}.conf')
        conf.write_bytes(text.replace('@', str(program)).replace('%', str(program)[1:]).encode('latin-1'))
        os.chown(conf, owner, 0)
        conf.chmod(mode)

    def started(self, parent, say):
        """What the programs say of their arguments. All are started before one of them hears a record: until then, those that
        have said it are as many as there are children whenever the next one is not forked yet."""
        def heard():
            say()
            return self.heard.exists()
        tap.wait_for(heard, 'record that a plugin hears')
        tap.wait_for(lambda: len(list(self.marks.iterdir())) == len(machine.children(parent)) > 0, 'mark of each plugin')
        found = {mark.name: mark.read_bytes() for mark in self.marks.iterdir()}
        for name in found:
            (self.marks / name).unlink()
        return found


class Scene:
    def __init__(self, work):
        self.work = work
        self.folder = Folder(work)
        self.state = work / 'state'
        self.probe = work / 'probe.d'
        self.probe.mkdir()
        program = work / 'probe'
        program.write_text(STATE.format(out=self.state))
        program.chmod(0o755)
        (self.probe / 'probe.conf').write_text(f'active = yes\ndirection = out\npath = {program}\nargs = one two\n')
        (self.probe / 'probe.conf').chmod(0o640)
        self.version = re.search(r'\d+\.\d+', machine.run('auditctl', '-v')).group()

    def audisp_run(self, folder):
        return machine.process([AUDISP_RUN, '--as', self.version, '--plugins', folder], stdin=subprocess.PIPE,
                               stderr=open(self.work / 'said', 'wb'))  # pylint: disable=consider-using-with

    def states(self, say):
        """How the probe was started first, and again."""
        def twice():
            say()
            return self.state.exists() and self.state.read_text().count('\n') == 2
        tap.wait_for(twice, 'second start')
        text = self.state.read_text()
        self.state.unlink()
        return text.splitlines()


def with_auditd(work, folder, look):
    """What is left of its plugins is ended: auditd 3 leaves them descriptors above 23, among which are its ends of their sockets,
    and SIGTERM ignored, so that `cat` hears of no end."""
    daemon = machine.Auditd(work, folder)
    try:
        return look(daemon.child.pid)
    finally:
        plugins = [os.pidfd_open(pid) for pid in machine.children(daemon.child.pid)]
        daemon.stop()
        for plugin in plugins:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(plugin, signal.SIGKILL)
            os.close(plugin)


def say_to_auditd():
    machine.run('auditctl', '-m', 'probe')


def say_to(audisp_run):
    audisp_run.stdin.write(b'type=USER msg=audit(1700000000.000:1): probe\n')
    audisp_run.stdin.flush()


def same_plugins(scene):
    real = with_auditd(scene.work, scene.folder.confs, lambda pid: scene.folder.started(pid, say_to_auditd))
    scene.folder.heard.unlink()
    with scene.audisp_run(scene.folder.confs) as ours:
        found = scene.folder.started(ours.pid, lambda: say_to(ours))
    tap.note(f'{len(real)} of {len(CONFS) + len(FILES) + len(CONF_MODES) + len(PROGRAM_MODES) + 5} start')
    differs = {name: (real.get(name), found.get(name)) for name in real.keys() | found.keys() if real.get(name) != found.get(name)}
    tap.expect_equal(differs, {}, f'auditd, audisp-run --as {scene.version}')
    tap.expect(len(real) > 40, str(sorted(real)))


def same_state(scene):
    real = with_auditd(scene.work, scene.probe, lambda pid: scene.states(say_to_auditd))
    with scene.audisp_run(scene.probe) as ours:
        found = scene.states(lambda: say_to(ours))
    tap.note(real[0])
    tap.note(real[1])
    tap.expect_equal(found, real, 'state at the first start and after a restart')


def main():
    machine.need('auditd', 'auditctl')
    with machine.lock(), machine.workdir() as work:
        machine.need_audit()
        scene = Scene(work)
        known = subprocess.run([AUDISP_RUN, '--as', scene.version, '--check', '/nowhere', '/nowhere'], capture_output=True, check=False)
        if b'--as is' in known.stderr:
            tap.skip_all(f'audisp-run does not know auditd {scene.version}')
        with machine.auditing():
            return tap.run_cases([(case.__name__, lambda case=case: case(scene)) for case in (same_plugins, same_state)])


if __name__ == '__main__':
    sys.exit(main())
