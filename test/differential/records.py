#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`aulert records` must print, byte for byte, what a plugin on libauparse's feed prints (bench/ex1.c).

Compares the two programs on every capture, on what is left of captures when they are cut, shuffled,
interleaved and damaged, and on text from the differential fuzzer. Seeded: --seed. TAP on stdout, a test a
kind of input; on a difference it says which input, and leaves that input in --keep.
"""
import argparse
import pathlib
import random
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / 'test/lib'))
import forged  # noqa: E402

STAMP = re.compile(rb'msg=audit\(([0-9.]+:[0-9]+)\)')


def lines_of(data):
    """Those that end; bytes.splitlines() would split at other bytes as well."""
    return [line + b'\n' for line in data.split(b'\n')[:-1]]


def stamp(line):
    found = STAMP.search(line)
    return found.group(1) if found else b''


def as_is(_, data, __):
    return data


def without_last_newline(_, data, __):
    return data[:-1]


def cut(rng, data, _):
    return data[:rng.randrange(len(data) + 1)]


def cut_at_start(rng, data, _):
    return data[rng.randrange(len(data) + 1):]


def shuffled(rng, data, _):
    lines = lines_of(data)
    rng.shuffle(lines)
    return b''.join(lines)


def shuffled_nearby(rng, data, _):
    """As records overtake each other between two processors."""
    keyed = sorted((i + rng.uniform(0, 6), line) for i, line in enumerate(lines_of(data)))
    return b''.join(line for _, line in keyed)


def interleaved(rng, data, other):
    """Two machines into one stream, in turns of random length; half of the time they say who they are."""
    sides = [lines_of(data), lines_of(other)]
    if rng.random() < 0.5:
        sides = [[b'node=' + name + b' ' + line for line in side]
                 for name, side in zip((b'web1', b'web2'), sides)]
    out = []
    while sides[0] or sides[1]:
        side = rng.choice([s for s in sides if s])
        n = rng.randrange(1, 5)
        out += side[:n]
        del side[:n]
    return b''.join(out)


def with_eoe(_, data, __):
    """As it comes live: the log alone has no EOE."""
    out, last = [], None
    for line in lines_of(data) + [b'']:
        if last and stamp(line) != last:
            out.append(b'type=EOE msg=audit(' + last + b'): \n')
        out.append(line)
        last = stamp(line)
    return b''.join(out)


def lossy(rng, data, _):
    return b''.join(line for line in lines_of(data) if rng.random() > 0.2)


def repeated(rng, data, _):
    return b''.join(line * rng.choice((1, 1, 1, 2, 3)) for line in lines_of(data))


def with_crlf(_, data, __):
    return data.replace(b'\n', b'\r\n')


def damaged(rng, data, _):
    """About one byte in a hundred is another one; no NUL, which fgets() cannot carry."""
    data = bytearray(data)
    for _ in range(len(data) // 100 + 1):
        data[rng.randrange(len(data))] = rng.choice(b' =\t\x1d():,\'"{}\n\r\xff0123456789kmnt')
    return bytes(data)


def clocks(rng, data, _):
    """Seconds move about by a few: time-outs, and order that is not the order of arrival."""
    offsets = {}

    def move(found):
        sec = int(found.group(1)) + offsets.setdefault(found.group(0), rng.choice((0, 0, 0, 1, 2, -1, -2, 5)))
        return b'msg=audit(%d.%s)' % (sec, found.group(2))
    return re.sub(rb'msg=audit\((\d+)\.(\d+:\d+)\)', move, data)


# kind, how often a capture
KINDS = [(as_is, 1), (without_last_newline, 1), (with_eoe, 1), (with_crlf, 1), (cut, 2), (cut_at_start, 1),
         (shuffled, 2), (shuffled_nearby, 2), (interleaved, 3), (lossy, 2), (repeated, 1), (clocks, 2),
         (damaged, 4)]


class Comparison:
    def __init__(self, args):
        self.args = args
        self.n = self.failed = 0

    def listing(self, command, file):
        with open(file, 'rb') as stdin:
            done = subprocess.run(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  timeout=120)
        return done.stdout if done.returncode == 0 else b'status %d\n' % done.returncode + done.stdout

    def same(self, data, label):
        with tempfile.NamedTemporaryFile(suffix='.log') as file:
            file.write(data)
            file.flush()
            want = self.listing([self.args.ex1], file.name)
            have = self.listing([self.args.aulert, 'records'], file.name)
        if want == have:
            return True
        kept = pathlib.Path(self.args.keep) / f'{label}.log'
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(data)
        pairs = zip((want + b'(end)').split(b'\n'), (have + b'(end)').split(b'\n'))
        line, pair = next(((i, p) for i, p in enumerate(pairs, 1) if p[0] != p[1]), (0, (b'', b'')))
        print(f'# {kept}: line {line} of the listings: {pair[0].decode()!r} is {pair[1].decode()!r}')
        return False

    def kind(self, name, inputs):
        self.n += 1
        bad = count = 0
        for label, data in inputs:
            count += 1
            bad += not self.same(data, label)
        self.failed += bool(bad)
        result = 'not ok' if bad or not count else 'ok'
        print(f'{result} {self.n} - {name}: {count - bad} of {count} inputs', flush=True)


def captures(folders):
    found = {}
    for folder in folders:
        for path in sorted(folder.rglob('*.log')):
            data = forged.without_forged(path.read_bytes())  # libauparse takes them for records
            if b'\0' not in data and data:
                found.setdefault(data, path.stem)
    return [(name, data) for data, name in found.items()]


def hostile(args):
    """Lines of the fuzzer's cases as one stream each: open events meet those of other cases."""
    for seed in range(args.seed, args.seed + args.hostile):
        done = subprocess.run([args.diff_records, '--dump', '--seed', str(seed), '--cases', '150'],
                              stdout=subprocess.PIPE, check=True)
        yield f'hostile-{seed}', done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--aulert', required=True)
    parser.add_argument('--ex1', required=True)
    parser.add_argument('--diff-records', required=True)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--hostile', type=int, default=12, help='streams of hostile text')
    parser.add_argument('--keep', default='test-results/differential')
    parser.add_argument('captures', nargs='*', type=pathlib.Path)
    args = parser.parse_args()
    # recordings that lie beside a checkout are tried as well
    files = captures(args.captures or [ROOT / 'test/captures', ROOT.parent / 'shared/captures'])
    comparison = Comparison(args)
    print(f'1..{len(KINDS) + 2}')
    for make, times in KINDS:
        rng = random.Random(f'{args.seed} {make.__name__}')
        comparison.kind(make.__name__.replace('_', ' '), (
            (f'{make.__name__}-{name}-{i}', make(rng, data, rng.choice(files)[1]))
            for name, data in files for i in range(times)))
    comparison.kind('all captures in a row', [('all', b''.join(data for _, data in files))])
    comparison.kind('hostile text', hostile(args))
    return 1 if comparison.failed else 0


if __name__ == '__main__':
    sys.exit(main())
