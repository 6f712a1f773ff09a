#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""On a live stream /proc fills in parents that the log does not show, and what was hit only for that is marked. Argument: AULERT."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'lib'))
import tap  # noqa: E402

AULERT = str(pathlib.Path(sys.argv[1]).resolve())
SOURCE = 'logsource: {product: linux, category: process_creation}\n'
PARENT = os.readlink('/proc/self/exe')
RULES = f'''title: Started by us
id: ours
{SOURCE}detection: {{s: {{ParentImage: '{PARENT}'}}, condition: s}}
---
title: Not started by us
id: not-ours
{SOURCE}detection: {{s: {{ParentImage: '{PARENT}'}}, p: {{Image: /bin/x}}, condition: p and not s}}
---
title: Counted only
id: counted
{SOURCE}detection: {{s: {{ParentImage: '{PARENT}', Image: /bin/x}}, condition: s}}
---
title: Many
id: many
correlation: {{type: event_count, rules: [counted], timespan: 1h, condition: {{gte: 1}}}}
'''
MARK = 'aulert.parent-from-proc'


def execve(when, node='', ppid=None, exe='/bin/x', pid=4000000):
    head = f'{node}type=%s msg=audit({when:.3f}:1): '
    return (head % 'SYSCALL' + f'arch=c000003e syscall=59 success=yes exit=0 ppid={ppid or os.getpid()} pid={pid} uid=0 exe="{exe}"\n' +
            head % 'EXECVE' + 'argc=1 a0="x"\n' + head % 'PROCTITLE' + 'proctitle="x"\n')


def hits(log, as_file):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / 'r.yml').write_text(RULES, encoding='utf-8')
        (folder / 'a.log').write_text(log, encoding='utf-8')
        args = [AULERT, 'watch', '--rules', str(folder / 'r.yml'), '--format', 'json']
        done = subprocess.run(args + ([str(folder / 'a.log')] if as_file else []), input=None if as_file else log.encode(),
                              capture_output=True, timeout=tap.PATIENCE, check=False)
        alerts = [json.loads(line) for line in done.stdout.decode().splitlines()]
        return sorted((a['rule']['id'], MARK in (a.get('tags') or a['rule'].get('tags') or [])) for a in alerts)


def now():
    return time.time()


ALONE = [('not-ours', False)]


def live():
    tap.expect_equal(hits(execve(now()), False), ALONE + [('ours', True)], 'hits')


def from_file():
    tap.expect_equal(hits(execve(now()), True), ALONE, 'hits')


def long_ago():
    tap.expect_equal(hits(execve(now() - 3600), False), ALONE, 'hits')


def elsewhere():
    tap.expect_equal(hits(execve(now(), node='node=elsewhere.example '), False), ALONE, 'hits')


def log_knows():
    """A parent that the log shows is the one that counts, however it is called in /proc."""
    shown = execve(now(), exe='/bin/other', pid=os.getpid(), ppid=1).replace(':1)', ':0)')
    got = hits(shown + execve(now()), False)
    tap.expect('ours' not in [rule for rule, _ in got] and ('not-ours', False) in got, str(got))


sys.exit(tap.run_cases([('a live stream', live), ('a file', from_file), ('events of long ago', long_ago),
                        ('events of another machine', elsewhere), ('a parent that the log shows', log_knows)]))
