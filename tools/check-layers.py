#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks who includes whom under src/, and the sizes of functions and files.

A stage includes itself, base/ and the headers of earlier stages; only role/ and main.c wire stages. A third-party
header stands only in the stages listed here. The processes of `aulert run` include nothing of each other. No
function is longer than 60 lines, no file longer than 600.
With --self-test it checks itself on sources that break each rule.
"""
import pathlib
import re
import sys
import tempfile

STAGES = ['base', 'source', 'record', 'event', 'meaning', 'rule', 'alert', 'lib', 'sink', 'role', 'audisp', 'main.c']
LIMIT_FUNCTION = 60
LIMIT_FILE = 600

# header prefix -> the stages that may include it; a test may use any library
LIBRARIES = {
    'aulert/': {'lib'},
    'auparse': {'meaning'},
    'libaudit.h': {'source', 'record', 'event', 'meaning', 'alert', 'audisp'},
    'linux/audit.h': {'source', 'record', 'event', 'meaning'},
    'pcre2.h': {'rule'},
    'sqlite3.h': {'role'},
    'curl/': {'sink'},
    'librdkafka/': {'source', 'sink'},
    'seccomp.h': {'role'},
    'cap-ng.h': {'role'},
    'systemd/': {'base', 'sink', 'role'},
    'yaml.h': {'rule', 'role'},
    'cmocka.h': set(),
}

# A process -> what of role/ it may include besides role/ itself: never another process's.
PROCESSES = {f'role/{name}': {'role', f'role/{name}', 'role/config', 'role/account'} for name in ('engine', 'deliver', 'source')}

# path -> why it may be longer; keep this empty
LONGER = {}

# The C library, POSIX, Linux and the compiler.
SYSTEM_FOLDER = re.compile(r'^(sys|linux|arpa|net|netinet|asm)/')
SYSTEM = {f'{name}.h' for name in '''
    assert byteswap ctype dirent dlfcn endian err errno fcntl float fnmatch getopt glob grp ifaddrs immintrin
    emmintrin arm_neon inttypes langinfo libgen limits locale malloc math mntent netdb paths poll pthread pwd
    regex sched search setjmp signal spawn stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib
    stdnoreturn string strings syslog termios time uchar unistd utmpx wchar wctype'''.split()}


def is_test(path):
    return path.name.startswith('test-')


def stage_of(relative):
    return relative.parts[0]


def includes(text):
    for number, line in enumerate(text.splitlines(), 1):
        found = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if found:
            yield number, found.group(1), found.group(2)


def library_fault(stage, header):
    for prefix, allowed in LIBRARIES.items():
        if header.startswith(prefix):
            if stage in allowed:
                return None
            return f'<{header}> may be included only in: {", ".join(sorted(allowed)) or "tests"}'
    return None if header in SYSTEM or SYSTEM_FOLDER.match(header) else f'<{header}> is in no list of libraries'


def layer_fault(src, relative, header):
    """What is wrong with a "quoted" include, or None."""
    own = stage_of(relative)
    if '..' in pathlib.PurePath(header).parts:
        return f'"{header}" climbs out of its folder'
    if '/' not in header:
        if (src / relative.parent / header).exists():
            return None
        return f'"{header}" is not in this folder (write "stage/{header}")'
    stage = header.split('/')[0]
    if not (src / header).exists():
        return f'"{header}" does not exist under src/'
    if stage not in STAGES or own not in STAGES:
        return f'"{header}": a folder that is no stage'
    if STAGES.index(stage) > STAGES.index(own):
        return f'"{header}": {stage}/ comes after {own}/'
    allowed = None if is_test(relative) else PROCESSES.get(str(relative.parent))
    if allowed and stage == 'role' and str(pathlib.PurePath(header).parent) not in allowed:
        return f'"{header}": {relative.parent}/ is a process of its own'
    return None


def functions(text):
    """(name, first line, lines) of every function definition, as clang-format lays them out."""
    name, start, head = None, 0, ''
    for number, line in enumerate(text.splitlines(), 1):
        if name is None:
            head = (head + ' ' + line.strip())[-500:] if head and not re.match(r'[;}#]', line) else line
            if re.match(r'\S.*\{$', line) or line == '{' or (line.endswith(') {') and line.startswith(' ' * 8)):
                found = re.search(r'(\w+)\(', head)
                is_type = re.match(r'(typedef|struct|union|enum)\b[^(]*\{', head)
                if found and '=' not in head.split('(')[0] and not is_type:
                    name, start = found.group(1), number
            if re.search(r'[;}]\s*$', line) or line.startswith('#'):
                head = ''
        elif line.startswith('}'):
            yield name, start, number - start + 1
            name, head = None, ''


def check_file(src, path):
    relative = path.relative_to(src)
    text = path.read_text()
    faults = []
    for number, quote, header in includes(text):
        if quote == '"':
            fault = layer_fault(src, relative, header)
        else:
            fault = None if is_test(path) else library_fault(stage_of(relative), header)
        if fault:
            faults.append(f'{relative}:{number}: {fault}')
    n_lines = len(text.splitlines())
    if n_lines > LIMIT_FILE and str(relative) not in LONGER:
        faults.append(f'{relative}: {n_lines} lines (at most {LIMIT_FILE})')
    for name, start, n in functions(text):
        if n > LIMIT_FUNCTION and f'{relative}:{name}' not in LONGER:
            faults.append(f'{relative}:{start}: {name}() has {n} lines (at most {LIMIT_FUNCTION})')
    return faults


def check_tree(src):
    files = sorted(p for p in src.rglob('*.[ch]') if p.is_file())
    return files, [fault for path in files for fault in check_file(src, path)]


LONG = 'static int long_one(int a,\n                    int b) {\n' + '        a++;\n' * 70 + '}\n'

# path, text, what the fault must say (None: no fault)
CASES = [
    ('base/ok.c', '#include "base/ok.h"\n#include <stdio.h>\n#include <sys/stat.h>\n', None),
    ('base/up.c', '#include "role/role.h"\n', 'role/ comes after base/'),
    ('record/down.c', '#include "base/ok.h"\n#include <libaudit.h>\n', None),
    ('record/side.c', '#include "event/event.h"\n', 'event/ comes after record/'),
    ('event/lib.c', '#include <auparse.h>\n', '<auparse.h> may be included only in: meaning'),
    ('event/test-lib.c', '#include <auparse.h>\n', None),
    ('sink/yaml.c', '# include <yaml.h>\n', '<yaml.h> may be included only in'),
    ('rule/new.c', '#include <hs/hs.h>\n', 'in no list'),
    ('rule/flat.c', '#include <expat.h>\n', 'in no list'),
    ('base/climb.c', '#include "../role/role.h"\n', 'climbs'),
    ('base/gone.c', '#include "base/gone.h"\n', 'does not exist'),
    ('main.c', '#include "role/role.h"\n', None),
    ('role/role.c', '#include "role.h"\n#include "event/event.h"\n#include <systemd/sd-bus.h>\n', None),
    ('role/engine/own.c', '#include "role/role.h"\n#include "role/engine/ok.h"\n', None),
    ('role/engine/other.c', '#include "role/deliver/ok.h"\n', 'role/engine/ is a process of its own'),
    ('base/long.c', LONG, 'long_one() has 72 lines'),
    ('base/short.c', LONG.replace('        a++;\n' * 70, '        a++;\n' * 58), None),
    ('base/brace.c', LONG.replace('\n                    int b) {', ')\n{'), 'long_one() has 72 lines'),
    ('base/table.c', 'static const int t[] = {\n' + '        1,\n' * 100 + '};\n', None),
    ('base/file.c', '\n' * 601, '601 lines'),
]


def self_test():
    bad = 0
    print(f'1..{len(CASES)}')
    for number, (path, text, wanted) in enumerate(CASES, 1):
        with tempfile.TemporaryDirectory() as folder:
            src = pathlib.Path(folder)
            for header in ('base/ok.h', 'event/event.h', 'role/role.h', 'role/engine/ok.h', 'role/deliver/ok.h'):
                (src / header).parent.mkdir(exist_ok=True)
                (src / header).write_text('')
            (src / path).parent.mkdir(parents=True, exist_ok=True)
            (src / path).write_text(text)
            faults = check_tree(src)[1]
        good = not faults if wanted is None else len(faults) == 1 and wanted in faults[0]
        bad += not good
        print(f'{"" if good else "not "}ok {number} - {path}' + ('' if good else f'\n# got {faults}'))
    return 1 if bad else 0


def main():
    if sys.argv[1:] == ['--self-test']:
        return self_test()
    files, faults = check_tree(pathlib.Path(__file__).resolve().parent.parent / 'src')
    for fault in faults:
        print(f'src/{fault}')
    print(f'{len(files)} files checked, {len(faults)} faults')
    return 1 if faults or not files else 0


if __name__ == '__main__':
    sys.exit(main())
