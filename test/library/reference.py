#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""reference.py SOURCE DOXYFILE [HTML-FOLDER]: generates the reference; nothing public may lack a comment, and each function that
can fail says how. The check is tried on headers with a comment taken away.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import tap  # noqa: E402

SOURCE = pathlib.Path(sys.argv[1])


def bare_enumerators(source):
    """doxygen says nothing of these."""
    for header in sorted((source / 'include/aulert').glob('*.h')):
        for body in re.findall(r'enum \{(.*?)^\}', header.read_text(), re.S | re.M):
            yield from (line for line in body.splitlines() if line.strip().startswith('AULERT_') and '/*' not in line)


def generate(source, work):
    text = pathlib.Path(sys.argv[2]).read_text().replace('@SOURCE@', str(source)).replace('@OUT@', str(work))
    config = work / 'Doxyfile'
    config.write_text(text)
    return subprocess.run(['doxygen', str(config)], capture_output=True, text=True, check=False)


def copy_of_source(work):
    for name in ('include', 'docs', 'tools'):
        shutil.copytree(SOURCE / name, work / name)
    return work


def complete():
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        done = generate(SOURCE, work)
        tap.expect(done.returncode == 0, done.stderr)
        tap.expect_equal(list(bare_enumerators(SOURCE)), [], 'enumerators without a comment')
        pages = ''.join(p.read_text(errors='replace') for p in (work / 'html').glob('*.html'))
        for name in ('aulert_plugin_run', 'AULERT_ENDED_LIMIT', 'auparse_normalize_how'):
            tap.expect(name in pages, f'{name} is not in the reference')
        if len(sys.argv) > 3:
            shutil.rmtree(sys.argv[3], ignore_errors=True)
            shutil.copytree(work / 'html', sys.argv[3])


def notices(name, pattern, replacement=''):
    with tempfile.TemporaryDirectory() as folder:
        source = copy_of_source(pathlib.Path(folder))
        header = source / 'include/aulert' / name
        text, n = re.subn(pattern, replacement, header.read_text(), count=1, flags=re.S | re.M)
        tap.expect_equal(n, 1, f'places of {pattern}')
        header.write_text(text)
        work = source / 'out'
        work.mkdir()
        tap.expect(list(bare_enumerators(source)) or generate(source, work).returncode != 0, f'{name}: nobody missed {pattern}')


def errors_are_named():
    """A function that returns int says what it returns: a number, a condition, or the error."""
    for header in sorted((SOURCE / 'include/aulert').glob('*.h')):
        text = header.read_text()
        for name in re.findall(r'^int (aulert_\w+)\(', text, re.M):
            before = text[:text.index(f'int {name}(')]
            block = before[before.rindex('/*'):]
            tap.expect(re.search(r'-E[A-Z]+|-errno|Not 0|AUDIT_|0 or|The same', block), f'{header.name}: {name}: {block}')


CASES = [('complete', complete), ('errors_are_named', errors_are_named),
         ('notices_function', lambda: notices('feed.h', r'^/\* Delivers everything.*?\*/\n')),
         ('notices_enumerator', lambda: notices('event.h', r'/\* by time \*/')),
         ('notices_member', lambda: notices('feed.h', r' /\* sizeof\(AulertFeedOptions\) \*/')),
         ('notices_type', lambda: notices('feed.h', r'^/\* A stream that is taken apart. \*/\n'))]

if __name__ == '__main__':
    if not shutil.which('doxygen'):
        tap.skip_all('doxygen is not installed')
    sys.exit(tap.run_cases(CASES))
