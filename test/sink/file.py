#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The file sink on a disk that is full, and on one that is read-only. Argument: AULERT."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'lib'))
import sinks  # noqa: E402
import tap  # noqa: E402


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding='utf-8').splitlines() if line.strip()]


def fill(path):
    """Until not one byte more fits."""
    with open(path, 'wb', buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(b'x' * size)
            except OSError:
                pass


def leave_room(path, room):
    """The last page of the file on the full disk has room for so many bytes."""
    with open(path, 'ab') as file:
        file.write(b' ' * (-path.stat().st_size % 4096 - room - 1) + b'\n')


def full_disk(notify, disk, options):
    path = disk / 'alerts'
    settings = f'type: file, path: {path}{options}'
    tap.expect_equal(notify(settings), (0, 's: delivered'), 'on an empty disk')
    leave_room(path, 100)
    before = path.read_bytes()
    fill(disk / 'ballast')
    for _ in range(2):
        status, said = notify(settings)
        tap.expect_equal(status, 1, f'exit status on a full disk ({said})')
        tap.expect('not delivered' in said and 'No space left on device' in said, said)
        tap.expect_equal(path.read_bytes(), before, 'the file on a full disk')
    (disk / 'ballast').unlink()
    tap.expect_equal(notify(settings), (0, 's: delivered'), 'when there is room again')
    tap.expect(path.read_bytes().startswith(before), 'what was there has changed')
    tap.expect_equal(len(lines_of(path)), 2, 'alerts')
    path.unlink()


def no_room_to_create(notify, disk):
    fill(disk / 'ballast')
    status, said = notify(f'type: file, path: {disk}/new')
    tap.expect(status == 1 and 'No space left on device' in said, said)
    (disk / 'ballast').unlink()
    tap.expect_equal(notify(f'type: file, path: {disk}/new'), (0, 's: delivered'), 'when there is room again')


def read_only(notify, disk):
    path = disk / 'readonly'
    tap.expect_equal(notify(f'type: file, path: {path}'), (0, 's: delivered'), 'before')
    subprocess.run(['mount', '-o', 'remount,ro', disk], check=True)
    status, said = notify(f'type: file, path: {path}')
    tap.expect(status == 1 and 'Read-only file system' in said, said)
    subprocess.run(['mount', '-o', 'remount,rw', disk], check=True)
    tap.expect_equal(notify(f'type: file, path: {path}'), (0, 's: delivered'), 'after')
    tap.expect_equal(len(lines_of(path)), 2, 'alerts')


def other_words(notify, disk):
    for settings, word in (('type: file', 'needs path'), ('type: file, path: /x, mode: 999', 'mode must be octal')):
        status, said = notify(settings)
        tap.expect(status == 2 and word in said, said)
    status, said = notify(f'type: file, path: {disk}/no/where')
    tap.expect(status == 1 and 'No such file or directory' in said, said)


def main():
    aulert = os.path.abspath(sys.argv[1])
    sinks.in_namespace()
    with tempfile.TemporaryDirectory() as work:
        disk = pathlib.Path(work) / 'disk'
        disk.mkdir()
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk], check=True)
        for folder in (work, disk):
            os.chmod(folder, 0o777)  # the process that delivers is a user of its own
        notify = sinks.Notifier(aulert, work)
        try:
            return tap.run_cases([
                ('a full disk', lambda: full_disk(notify, disk, '')),
                ('a full disk, sync', lambda: full_disk(notify, disk, ', sync: true')),
                ('a full disk, no file', lambda: no_room_to_create(notify, disk)),
                ('a read-only disk', lambda: read_only(notify, disk)),
                ('what is wrong is said', lambda: other_words(notify, disk)),
            ])
        finally:
            subprocess.run(['umount', disk], check=True)


if __name__ == '__main__':
    sys.exit(main())
