#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""abi.py LIBRARY LIST HEADERS: what libaulert exports is what abi.txt lists and what the public headers declare.

A symbol that goes, or changes its version, breaks programs: then the soname must change, not the list. It also
must not pull in libsystemd, or functions that end the process or write to stderr of their own accord.
"""
import pathlib
import re
import subprocess
import sys

FORBIDDEN = {'abort', 'exit', '_exit', '__assert_fail', 'perror', 'printf', 'puts', 'syslog', 'fputs', 'fwrite', 'fprintf',
             'vfprintf', '__fprintf_chk', '__vfprintf_chk', '__printf_chk', 'stderr', 'stdout', 'err', 'errx'}


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def exported(library):
    return sorted(line.split()[-1] for line in output('nm', '-D', '--defined-only', library).splitlines()
                  if line.split()[-2] != 'A')


def declared(folder):
    text = ''.join(p.read_text() for p in sorted(pathlib.Path(folder).glob('*.h')))
    return sorted({f'{name}@@AULERT_1.0' for name in
                   re.findall(r'^[A-Za-z][\w *]*?\b(aulert_\w+)\(', text, re.M)})


def undefined(library):
    return {line.split()[-1].split('@')[0] for line in output('nm', '-D', '--undefined-only', library).splitlines()}


def needed(library):
    return sorted(re.findall(r'\(NEEDED\).*\[(.*)\]', output('readelf', '-d', library)))


def soname(library):
    return re.findall(r'\(SONAME\).*\[(.*)\]', output('readelf', '-d', library))


def main():
    library, listed, headers = sys.argv[1:]
    names = exported(library)
    wanted = pathlib.Path(listed).read_text().split()
    cases = [('exports what is listed', names, wanted),
             ('exports what is declared', names, declared(headers)),
             ('soname', soname(library), ['libaulert.so.1']),
             ('libraries it needs', needed(library), ['libaudit.so.1', 'libauparse.so.0', 'libc.so.6']),
             ('functions that are not for a library', sorted(FORBIDDEN & undefined(library)), [])]
    print(f'1..{len(cases)}')
    failed = 0
    for number, (name, got, want) in enumerate(cases, 1):
        print(f'{"ok" if got == want else "not ok"} {number} - {name}')
        if got != want:
            failed += 1
            print(f'# missing: {sorted(set(want) - set(got))}\n# unexpected: {sorted(set(got) - set(want))}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
