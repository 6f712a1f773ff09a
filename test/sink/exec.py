#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The exec sink as root and as somebody else, and what is said about it. Argument: AULERT."""
import json
import os
import pathlib
import pwd
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'lib'))
import sinks  # noqa: E402
import tap  # noqa: E402


def expect_said(got, status, *words):
    tap.expect_equal(got[0], status, f'exit status ({got[1]})')
    for word in words:
        tap.expect(word in got[1], f'{word!r} is not in {got[1]!r}')


def script(work, text):
    path = work / 'script'
    path.write_text(f'#!/bin/sh\n{text}\n', encoding='utf-8')
    path.chmod(0o755)
    return path


def run_as(notify, work, expected):
    """`expected`: the number of the user that the program has."""
    told = work / 'told'
    command = script(work, f'id -u >{told}; cat >>{told}')
    expect_said(notify(f'type: exec, command: {command}'), 0, 's: delivered')
    name, line = told.read_text(encoding='utf-8').splitlines()
    tap.expect_equal(name, expected, 'user of the program')
    tap.expect_equal(json.loads(line)['kind'], 'test', 'kind of the alert')
    told.unlink()


def words(notify, work):
    command = script(work, 'echo "try later" >&2; exit 75')
    expect_said(notify(f'type: exec, command: [{command}, now]'), 1, f'not delivered: {command} ended with status 75',
                'try later')
    expect_said(notify('type: exec, command: /no/such'), 1, '/no/such could not be started', 'No such file')
    expect_said(notify('type: exec, command: echo'), 2, 'command must begin with the whole path')
    expect_said(notify(f'type: exec, command: {command}, user: root'), 2, 'user is unknown')
    expect_said(notify(f'type: exec, command: {script(work, "sleep 60")}, timeout: 200ms'), 1, 'took longer than 200 ms')


def main():
    aulert = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        work.chmod(0o777)
        notify = sinks.Notifier(aulert, work)
        cases = [('what is wrong is said', lambda: words(notify, work))]
        if os.geteuid() == 0:
            plain = sinks.Notifier(aulert, work, ['setpriv', '--reuid', 'nobody', '--regid', 'nogroup', '--clear-groups'])
            cases += [
                ('root runs it as aulert run would', lambda: run_as(notify, work, str(sinks.deliver_uid()))),
                ('anybody runs it as himself', lambda: run_as(plain, work, str(pwd.getpwnam('nobody').pw_uid))),
            ]
        return tap.run_cases(cases)


if __name__ == '__main__':
    sys.exit(main())
