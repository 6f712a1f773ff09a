# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a running process is allowed, read off /proc."""
import contextlib
import os
import pathlib

import tap

DAC_OVERRIDE, DAC_READ_SEARCH = 1, 2  # linux/capability.h


def status(pid):
    lines = pathlib.Path(f'/proc/{pid}/status').read_text().splitlines()
    return dict(line.split(':\t', 1) for line in lines if ':\t' in line)


def descriptors(pid):
    found = []
    for n in os.listdir(f'/proc/{pid}/fd'):
        with contextlib.suppress(FileNotFoundError):  # closed in between
            found.append(os.readlink(f'/proc/{pid}/fd/{n}'))
    return sorted(found)


def expect_nobody(pid):
    """A user other than root, without capabilities or groups, under a filter of calls; the user."""
    s = status(pid)
    ids = s['Uid'].split() + s['Gid'].split()
    tap.expect(len(set(ids)) <= 2 and '0' not in ids, f'user and group {ids}')
    tap.expect_equal(s['Groups'].strip(), '', 'groups')
    for name in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb'):
        tap.expect_equal(int(s[name], 16), 0, name)
    tap.expect_equal([s['NoNewPrivs'], s['Seccomp']], ['1', '2'], 'NoNewPrivs, Seccomp')
    return s['Uid'].split()[0]


def expect_reader(pid, engine, capability=None):
    """The engine's user, with no capability but this one and no way to more, under a filter of calls."""
    tap.wait_for(lambda: status(pid).get('Seccomp') == '2', 'filter of calls')
    now, other = status(pid), status(engine)
    for name in ('Uid', 'Gid'):
        tap.expect_equal(now[name].split(), other[name].split(), name)
        tap.expect('0' not in now[name].split(), f'{name} {now[name]}')
    tap.expect_equal(now['Groups'].strip(), '', 'groups')
    for name in ('CapPrm', 'CapEff'):
        tap.expect_equal(int(now[name], 16), 0 if capability is None else 1 << capability, name)
    for name in ('CapInh', 'CapBnd', 'CapAmb'):
        tap.expect_equal(int(now[name], 16), 0, name)
    tap.expect_equal(now['NoNewPrivs'], '1', 'NoNewPrivs')
