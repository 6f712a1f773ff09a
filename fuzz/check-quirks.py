#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Breaks each quirk of libauparse that we reproduce, and checks that diff-records notices.

The quirks are those of the feed of libauparse 3.0.9, 1 to 13: line ends, header, node, blanks, messages, names,
values, keys, AVC, types, records without fields, order, last records. A mutation is exact old text and new text in
one source file; text that is not found exactly once is an error, so the table must follow the sources. A mutation
that survives the bounded run means that the generator is too weak: make it stronger. Some rules cannot be seen in
types and numbers of fields, so no mutation of them is here: that (none) and (null) keep their parenthesis, that
key="..." and key=(... are not hexadecimal.
"""
import argparse
import concurrent.futures
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
COUNT, HEADER = 'src/record/count.c', 'src/record/header.c'
AUPARSE, EVENT, LINE = 'src/event/auparse.c', 'src/event/event.c', 'src/source/line.c'

# quirk, what is broken, file, old text, new text
MUTATIONS = [
    (1, 'enriched part is text', COUNT, 'memchr(text.p, 0x1D, text.n)', 'memchr(text.p, 0x1D, 0)'),
    (1, 'carriage return is stripped', EVENT,
     '        a->counters.lines++;',
     "        a->counters.lines++;\n        if (line.n && line.p[line.n - 1] == '\\r')\n"
     '                line.n--;'),
    (1, 'last line needs no newline', LINE,
     '                return finish(r);',
     '        {\n                if (r->end > r->start) {\n'
     "                        r->buf[r->end++] = '\\n';\n                        return 0;\n"
     '                }\n                return finish(r);\n        }'),
    (1, 'carriage return ends lines', LINE,
     "*newline = memchr(from, '\\n', r->end - r->scan)",
     "*newline = memchr(from, memchr(from, '\\r', r->end - r->scan) ? '\\r' : '\\n', r->end - r->scan)"),

    (2, 'window of 81 bytes', HEADER, '#define COMPAT_WINDOW      80u', '#define COMPAT_WINDOW      81u'),
    (2, 'window of 79 bytes', HEADER, '#define COMPAT_WINDOW      80u', '#define COMPAT_WINDOW      79u'),
    (2, 'window of 341 bytes', HEADER, '#define COMPAT_WINDOW_NODE 340u', '#define COMPAT_WINDOW_NODE 341u'),
    (2, 'window of 339 bytes', HEADER, '#define COMPAT_WINDOW_NODE 340u', '#define COMPAT_WINDOW_NODE 339u'),
    (2, 'fast path looks further', AUPARSE, '#define LINE_WINDOW 80u', '#define LINE_WINDOW 90u'),
    (2, 'fast path looks further (node)', AUPARSE, '#define NODE_WINDOW 340u', '#define NODE_WINDOW 350u'),
    (2, 'stamp of 18 bytes', HEADER, 'strlen(word) < 19', 'strlen(word) < 18'),
    (2, 'stamp of 20 bytes', HEADER, 'strlen(word) < 19', 'strlen(word) < 20'),
    (2, 'fast path takes short stamps', AUPARSE, '#define LEAST_STAMP 19u', '#define LEAST_STAMP 17u'),
    (2, 'first parenthesis', HEADER, "word[9] == '(' ? word + 9 : strchr(word, '(')", "strchr(word, '(')"),
    (2, 'only the tenth byte', HEADER,
     "word[9] == '(' ? word + 9 : strchr(word, '(')",
     "word[9] == '(' ? word + 9 : NULL"),
    (2, 'ms of 1000', HEADER, '(unsigned)ms > 999', '(unsigned)ms > 1000'),
    (2, 'ms not cut to 32 bits', HEADER, '(unsigned)ms > 999', 'ms > 999'),
    (2, 'negative seconds refused', HEADER, '(long)sec > LONG_MAX', 'sec > LONG_MAX'),
    (2, 'seconds up to the maximum', HEADER,
     'LONG_MAX - COMPAT_EOE_TIMEOUT - 1',
     'LONG_MAX - COMPAT_EOE_TIMEOUT'),
    (2, 'ms needed', HEADER,
     '        if (p) {\n                z = p + 1;',
     '        if (!p)\n                return false;\n        {\n                z = p + 1;'),
    (2, 'serial needed', HEADER,
     'if (p && !compat_number(p + 1, &serial))',
     'if (!p || !compat_number(p + 1, &serial))'),
    (2, 'overflow accepted', HEADER, '        return errno == 0;', '        return true;'),
    (2, 'serial before the dot', HEADER,
     '                z = p + 1;\n',
     '                z = z + 0 * (p++ - z);\n'),

    (3, 'node must be named so', HEADER,
     "*word == 'n' && strlen(word) > 5",
     '!strncmp(word, "node=", 5) && strlen(word) > 5'),
    (3, 'node of five bytes', HEADER, "*word == 'n' && strlen(word) > 5", "*word == 'n' && strlen(word) > 4"),
    (3, 'node after six bytes', HEADER, 'strlen(word + 5) };', '0 };'),
    (3, 'positions do not move', COUNT, '                c->node = 1;', '                c->node = 0;'),
    (3, 'any n-word moves positions', COUNT, 'str_eq(name, STR("node"))', "*name.p == 'n'"),

    (4, 'tab splits (words)', COUNT,
     "while (start < end && *start == ' ')",
     "while (start < end && (*start == ' ' || *start == '\\t'))"),
    (4, 'tab splits (blocks)', COUNT,
     "uint64_t blanks = scan_eq64(p, ' ')",
     "uint64_t blanks = scan_either64(p, ' ', '\\t')"),
    (4, 'tab splits (header)', HEADER,
     'size_t n = strcspn(start, " ");',
     'size_t n = strcspn(start, " \\t");'),
    (4, 'runs do not collapse', COUNT,
     "while (start < end && *start == ' ')",
     "if (start < end && *start == ' ')"),
    (4, 'runs do not collapse (header)', HEADER, '*p + strspn(*p, " ")', "*p + (**p == ' ')"),
    (4, 'last equals splits', COUNT,
     "const char *eq = memchr(word.p, '=', word.n);",
     "const char *eq = memrchr(word.p, '=', word.n);"),
    (4, 'every equals counts (blocks)', COUNT,
     'first = equals & ((sum & ~names) | starts);',
     'first = equals;'),
    (4, 'names do not go on (blocks)', COUNT,
     '                in_name = carry;',
     '                in_name = 0;'),
    (4, 'words are fields', COUNT,
     '                return;\n        if (c->n == 1 + c->node)\n',
     '                c->n++;\n        if (c->n == 1 + c->node)\n'),

    (5, 'msg=a is a field', COUNT, "word.p[4] == 'a'", "word.p[4] == 'Z'"),
    (5, 'msg=audit alone is dropped', COUNT, "word.p[4] == 'a'", 'str_starts(word, STR("msg=audit"))'),
    (5, "msg=' is a field", COUNT, "word.p[4] == '\\''", "word.p[4] == 'Z'"),
    (5, "msg=' without = is a field", COUNT,
     '                        if (!eq)\n                                return;',
     '                        if (!eq) {\n                                c->n++;\n'
     '                                return;\n                        }'),
    (5, 'other msg= are dropped', COUNT, "if (word.n > 4 && word.p[4] == 'a')", "if (word.p[4] != '\\'')"),
    (5, 'not looked at (blocks)', COUNT, ' && !str_eq(word, STR("msg"))', ''),

    (6, 'parenthesis stays', COUNT, "if (name.n && *name.p == '(')", 'if (0)'),
    (6, 'every parenthesis goes', COUNT, "if (name.n && *name.p == '(')", "while (name.n && *name.p == '(')"),
    (6, 'parenthesis stays (blocks)', COUNT, ' && !str_eq(word, STR("(key"))', ''),
    (6, 'empty name drops', COUNT,
     '        if (!value.n)\n                return;',
     '        if (!value.n || !name.n)\n                return;'),
    (6, 'empty name drops (blocks)', COUNT,
     'first = equals & ((sum & ~names) | starts);',
     'first = equals & (sum & ~names) & ~starts;'),
    (6, 'empty value stays', COUNT, '        if (!value.n)\n                return;\n', ''),
    (6, 'empty value stays (blocks)', COUNT, '                first &= ~(blanks >> 1);\n', ''),
    (6, 'empty value stays at block end', COUNT,
     '                        first &= ~(1ull << 63);',
     '                        first &= ~0ull;'),

    (7, 'colon stays', COUNT, "{ ':', ',', '\\'' }", "{ ',', '\\'' }"),
    (7, 'comma stays', COUNT, "{ ':', ',', '\\'' }", "{ ':', '\\'' }"),
    (7, 'apostrophe stays', COUNT, "{ ':', ',', '\\'' }", "{ ':', ',' }"),
    (7, 'parenthesis stays', COUNT, "v.p[v.n - 1] == ')'", "v.p[v.n - 1] == 'Z'"),
    (7, 'comma before colon', COUNT, "{ ':', ',', '\\'' }", "{ ',', ':', '\\'' }"),
    (7, 'apostrophe before comma', COUNT, "{ ':', ',', '\\'' }", "{ ':', '\\'', ',' }"),
    (7, 'more than once', COUNT,
     '                if (v.n && v.p[v.n - 1] == trimmed[i])',
     '                while (v.n && v.p[v.n - 1] == trimmed[i])'),
    (7, 'emptied values drop', COUNT,
     '        value = trim_tail(value);',
     '        value = trim_tail(value);\n        if (!value.n)\n                return;'),

    (8, 'one digit is text', COUNT, '        if (digits < 2)', '        if (digits < 1)'),
    (8, 'two digits are none', COUNT, '        if (digits < 2)', '        if (digits < 3)'),
    (8, 'no digits are no field', COUNT,
     '                return 1; /* stored once',
     '                return 0; /* stored once'),
    (8, 'odd digit ends', COUNT, 'i < digits; i += 2', 'i + 1 < digits; i += 2'),
    (8, 'NUL does not end', COUNT, '                if (!c)\n                        break;\n', ''),
    (8, '0x01 does not split', COUNT, '                inside = c != 1;', '                inside = true;'),
    (8, 'pieces may be empty', COUNT, 'if (c != 1 && !inside)', 'if (!inside)'),
    (8, 'quoted is hexadecimal', COUNT,
     "*value.p == '\"' ? 1 : key_pieces(value)",
     "*value.p == 'Z' ? 1 : key_pieces((Str){ value.p + 1, value.n - 1 })"),
    (8, 'not looked at (blocks)', COUNT, '!str_eq(word, STR("key")) && ', ''),
    (8, "not at a block's start", COUNT, 'first & (tails << 1 | 1)', 'first & (tails << 1)'),

    (9, 'buffer of 255 bytes', COUNT, '#define PERMS_MAX 256u', '#define PERMS_MAX 255u'),
    (9, 'buffer of 257 bytes', COUNT, '#define PERMS_MAX 256u', '#define PERMS_MAX 257u'),
    (9, 'commas need no room', COUNT, 'total += word.n + (total > 0);', 'total += word.n;'),
    (9, 'any place', COUNT, '        if (c->n == 1 + c->node)\n', '        if (c->n >= 1 + c->node)\n'),
    (9, 'third place as well', COUNT, 'c->n == 2 + c->node', 'c->n >= 2 + c->node'),
    (9, 'node does not move it', COUNT, '        if (c->n == 1 + c->node)\n', '        if (c->n == 1)\n'),
    (9, 'avc is a result', COUNT, '!str_starts(word, STR("avc"))', '1'),
    (9, 'only avc: is skipped', COUNT, '!str_starts(word, STR("avc"))', '!str_eq(word, STR("avc:"))'),
    (9, 'brace must be alone', COUNT, "*word.p == '{'", "word.n == 1 && *word.p == '{'"),
    (9, 'closing brace must be alone', COUNT, "*word.p != '}'", "(word.n > 1 || *word.p != '}')"),
    (9, 'fields go on inside braces', COUNT,
     '                count_permissions(c, p, end);',
     '                c->n++;'),
    (9, 'USER_AVC is like others', COUNT,
     'if (c->type != AUDIT_AVC && c->type != AUDIT_USER_AVC)',
     'if (c->type != AUDIT_AVC)'),
    (9, 'AVC is like others', COUNT,
     'if (c->type != AUDIT_AVC && c->type != AUDIT_USER_AVC)',
     'if (c->type != AUDIT_USER_AVC)'),
    (9, 'a bad first record stays', AUPARSE,
     '                if (bad)\n                        return drop',
     '                if (0)\n                        return drop'),
    (9, 'a bad later record is dropped', AUPARSE,
     '        if (!o) {\n                if (bad)',
     '        if (bad || !o) {\n                if (bad)'),
    (9, 'a bad later record is checked', AUPARSE, '        if (unlikely(bad)) {', '        if (0) {'),
    (9, 'and never after it', AUPARSE, 'for (Open *u = a->unchecked, *next;', 'for (Open *u = NULL, *next;'),
    (9, 'only words before 0x1D: bad', COUNT, 'c.bad || is_blank(', 'c.bad || 0 && is_blank('),

    (10, 'type in any place', COUNT,
     'c->n == 1 + c->node && str_eq(name, STR("type"))',
     'str_eq(name, STR("type"))'),
    (10, 'names are case-sensitive', COUNT,
     '        return audit_name_to_msg_type(z);',
     "        return *z >= 'a' ? -1 : audit_name_to_msg_type(z);"),
    (10, 'names are case-sensitive (fast)', HEADER,
     '        return audit_name_to_msg_type(z);',
     "        return *z >= 'a' ? 0 : audit_name_to_msg_type(z);"),
    (10, 'no UNKNOWN[n]', COUNT,
     '        return audit_name_to_msg_type(z);',
     '        return unknown ? -1 : audit_name_to_msg_type(z);'),
    (10, 'no UNKNOWN[n] (fast)', HEADER,
     '        return audit_name_to_msg_type(z);',
     "        return strchr(z, '[') ? 0 : audit_name_to_msg_type(z);"),
    (10, 'no digits', COUNT,
     '        return audit_name_to_msg_type(z);',
     "        return *z <= '9' ? -1 : audit_name_to_msg_type(z);"),
    (10, 'no digits (fast)', HEADER,
     '        return audit_name_to_msg_type(z);',
     "        return *z <= '9' ? 0 : audit_name_to_msg_type(z);"),
    (10, 'unknown is 0', COUNT,
     '        return audit_name_to_msg_type(z);',
     '        return audit_name_to_msg_type(z) < 0 ? 0 : audit_name_to_msg_type(z);'),
    (10, 'fast path knows all names', AUPARSE, 'r->type >= 0 && r->body', 'r->type >= -1 && r->body'),
    (10, 'long names are unknown', COUNT,
     "                if (unknown && !memchr(name.p, ']', name.n))",
     '                if (1)'),

    (11, 'no field, no record', HEADER,
     '        ret->n_fields = (int32_t)count_fields_of_text(line, &ret->type, ret_bad);',
     '        ret->n_fields = (int32_t)count_fields_of_text(line, &ret->type, ret_bad);\n'
     '        *ret_bad |= !ret->n_fields;'),
    (11, 'no field, no header', HEADER,
     '        ret->n_fields = (int32_t)count_fields_of_text(line, &ret->type, ret_bad);',
     '        ret->n_fields = (int32_t)count_fields_of_text(line, &ret->type, ret_bad);\n'
     '        if (!ret->n_fields)\n                return HEADER_E_NO_RECORD;'),

    (12, 'order without ms', AUPARSE,
     '        if (x->ms != y->ms)\n                return x->ms < y->ms;\n',
     ''),
    (12, 'order without serial', AUPARSE,
     '        if (x->serial != y->serial)\n                return x->serial < y->serial;\n',
     ''),
    (12, 'ties by highest slot', AUPARSE, 'a->slot < b->slot', 'a->slot > b->slot'),
    (12, 'ties by arrival', AUPARSE,
     '                a->slot_hint = slot / 64;',
     '                (void)0;\n        a->slots[slot / 64] &= ~(1ull << slot % 64);'),
    (12, 'stand-alone EOE stays', AUPARSE,
     '                if (r->type == AUDIT_EOE)\n',
     '                if (0)\n'),
    (12, 'EOE in an event is eaten', AUPARSE,
     '        assembler_append(a, o, r);',
     '        if (r->type == AUDIT_EOE) {\n                complete(a, o, EVENT_END_TERMINAL);\n'
     '                drain(a);\n                return drop(a, r, &a->counters.eoe, 0);\n        }\n'
     '        assembler_append(a, o, r);'),
    (12, 'complete events are not held', AUPARSE,
     '        check(a, o, id->sec);\n',
     '        check(a, o, id->sec);\n        if (o->state == OPEN_COMPLETE)\n'
     '                assembler_end(a, o, o->event.ended);\n'),
    (12, 'complete events take records', AUPARSE, '        assembler_untable(a, o);\n', ''),
    (12, 'order of the flush', AUPARSE,
     '        while (a->order.n) {\n                Open *o = a->order.v[0];',
     '        while (a->order.n) {\n                Open *o = a->order.v[a->order.n - 1];'),

    (13, 'PROCTITLE does not end', AUPARSE, 'type == AUDIT_PROCTITLE || ', ''),
    (13, 'EOE does not end', AUPARSE, 'type == AUDIT_EOE || ', ''),
    (13, 'LOGIN does not end', AUPARSE,
     'type < AUDIT_FIRST_EVENT',
     'type < AUDIT_FIRST_EVENT && type != AUDIT_LOGIN'),
    (13, '1299 does not end', AUPARSE, 'type < AUDIT_FIRST_EVENT', 'type < AUDIT_FIRST_EVENT - 1'),
    (13, '1300 ends', AUPARSE, 'type < AUDIT_FIRST_EVENT', 'type <= AUDIT_FIRST_EVENT'),
    (13, 'unknown does not end', AUPARSE,
     'type < AUDIT_FIRST_EVENT',
     'type >= 0 && type < AUDIT_FIRST_EVENT'),
    (13, '2100 does not end', AUPARSE, 'type >= AUDIT_FIRST_ANOM_MSG', 'type > AUDIT_FIRST_ANOM_MSG'),
    (13, '2099 ends', AUPARSE, 'type >= AUDIT_FIRST_ANOM_MSG', 'type >= AUDIT_FIRST_ANOM_MSG - 1'),
    (13, '2000 does not end', AUPARSE, 'type == AUDIT_KERNEL ||', '0 ||'),
    (13, '1406 does not end', AUPARSE, 'type >= MAC_FIRST', 'type > MAC_FIRST'),
    (13, '1405 ends', AUPARSE, 'type >= MAC_FIRST', 'type >= MAC_FIRST - 1'),
    (13, '1419 does not end', AUPARSE, 'type <= MAC_LAST', 'type < MAC_LAST'),
    (13, '1420 ends', AUPARSE, 'type <= MAC_LAST', 'type <= MAC_LAST + 1'),
    (13, 'time ends a second later', AUPARSE, '#define EOE_TIMEOUT 2', '#define EOE_TIMEOUT 3'),
    (13, 'time ends a second sooner', AUPARSE, '#define EOE_TIMEOUT 2', '#define EOE_TIMEOUT 1'),
    (13, 'time of the first event alone', AUPARSE,
     '        while (a->seconds.n &&',
     '        if (a->seconds.n &&'),
    (13, "time of the record's own event first", AUPARSE,
     'event.id.sec + EOE_TIMEOUT <= sec',
     'event.id.sec + EOE_TIMEOUT < sec'),
]

STAGES = ['base', 'source', 'record', 'event']
FUZZER = ['diff-records', 'case', 'gen', 'gen-body', 'gen-header', 'gen-seeds', 'shrink', 'sides']


def run(command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors='replace', **more)


class Build:
    """Objects of the unchanged sources, once; then one changed file a mutation."""

    def __init__(self, cc, folder):
        flags = run(['pkg-config', '--cflags', '--libs', 'auparse', 'audit', 'libsystemd']).stdout.split()
        self.folder = pathlib.Path(folder)
        self.compile = cc + ['-std=gnu17', '-O1', '-w', '-D_GNU_SOURCE', '-fno-strict-aliasing',
                             f'-I{ROOT}', f'-I{ROOT}/src']
        self.libs = flags
        self.objects = {}

    def object(self, source, name):
        out = self.folder / (re.sub(r'\W', '_', name) + '.o')
        done = run(self.compile + ['-c', str(source), '-o', str(out)])
        if done.returncode:
            sys.exit(f'{name} does not compile:\n{done.stdout}')
        return out

    def everything(self, pool):
        names = [f'src/{s}/{p.name}' for s in STAGES for p in sorted((ROOT / 'src' / s).glob('*.c'))
                 if not p.name.startswith(('test-', 'kafka-'))]  # what needs librdkafka is a library of its own
        names += [f'fuzz/{name}.c' for name in FUZZER]
        self.objects = dict(zip(names, pool.map(lambda n: self.object(ROOT / n, n), names)))

    def program(self, name, replaced=None, by=None):
        out = self.folder / name
        objects = [by if n == replaced else o for n, o in self.objects.items()]
        done = run(self.compile + [str(o) for o in objects] + self.libs + ['-o', str(out)])
        if done.returncode:
            sys.exit(f'{name} does not link:\n{done.stdout}')
        return out

    def mutant(self, number, file, old, new):
        text = (ROOT / file).read_text()
        source = self.folder / f'm{number}.c'
        source.write_text(text.replace(old, new))
        program = self.program(f'm{number}', file, self.object(source, f'm{number}'))
        source.unlink()
        return program


def judge(build, number, mutation, options):
    """(caught, what to print) of one mutation."""
    _, _, file, old, new = mutation
    program = build.mutant(number, file, old, new)
    done = run([str(program)] + options, timeout=280)
    program.unlink()
    found = re.search(r'difference after (\d+) cases', done.stdout)
    if found:
        return True, f'caught after {found.group(1)} cases'
    if done.returncode < 0:
        return True, f'caught: it dies of signal {-done.returncode}'
    return False, f'SURVIVES (status {done.returncode})'


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--cc', default='cc')
    parser.add_argument('--quirk', type=int, help='only this one')
    parser.add_argument('options', nargs='*', help='options of diff-records (after --)')
    args = parser.parse_args()
    chosen = [m for m in MUTATIONS if not args.quirk or m[0] == args.quirk]
    for quirk, what, file, old, _ in chosen:
        if (ROOT / file).read_text().count(old) != 1:
            sys.exit(f'quirk {quirk}, "{what}": {file} does not hold this text exactly once:\n{old}')
    with (tempfile.TemporaryDirectory(prefix='quirks-') as folder,
          concurrent.futures.ThreadPoolExecutor(2) as pool):
        build = Build(shlex.split(args.cc), folder)
        build.everything(pool)
        plain = run([str(build.program('plain')), '--cases', '2000'])
        if plain.returncode:
            sys.exit(f'without any mutation:\n{plain.stdout}')
        jobs = [pool.submit(judge, build, i, m, args.options) for i, m in enumerate(chosen)]
        survivors = 0
        for (quirk, what, file, _, _), job in zip(chosen, jobs):
            caught, text = job.result()
            survivors += not caught
            print(f'{quirk:3}  {what:40} {pathlib.Path(file).name:10} {text}', flush=True)
    n_quirks = len({quirk for quirk, *_ in chosen})
    print(f'{len(chosen) - survivors} of {len(chosen)} mutations of {n_quirks} quirks caught')
    return 1 if survivors else 0


if __name__ == '__main__':
    sys.exit(main())
