# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes out of a log the lines that the path of a unix socket made, for programs that take them for records.

Written apart from src/source/forged.c: it says what that has to find.
"""
import re

SOCKADDR = re.compile(rb'type=SOCKADDR msg=audit\([0-9.:]+\): saddr=0100((?:[0-9A-F]{2})*)\x1dSADDR=\{ \S+ path=(.*)')


def without_forged(log):
    kept, rest = [], None  # None: nothing is to come
    for line in log.split(b'\n'):
        if rest is not None:
            if rest.startswith(line + b'\n'):
                rest = rest[len(line) + 1:]
                continue
            if line == rest + b' }':
                rest = None
                continue
            raise AssertionError(f'{line!r} does not go on with {rest!r}')
        kept.append(line)
        found = SOCKADDR.fullmatch(line)
        path = bytes.fromhex(found[1].decode()).split(b'\0')[0] if found else b''
        if b'\n' in path and path.split(b'\n')[0] == found[2]:
            rest = path[len(found[2]) + 1:]
    return b'\n'.join(kept)
