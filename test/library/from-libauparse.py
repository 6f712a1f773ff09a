#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""from-libauparse.py TABLE ABI: the table names each function of the installed auparse.h once, and only functions of ours that exist."""
import pathlib
import re
import subprocess
import sys


def functions_of_auparse():
    """What the preprocessor leaves: macros and conditions are the compiler's affair."""
    done = subprocess.run(['cc', '-E', '-P', '-'], input='#include <auparse.h>\n', capture_output=True, text=True, check=True)
    return set(re.findall(r'\b(au(?:parse|search)_\w+) ?\((?!\s*\*)', done.stdout)) - {'auparse_callback_ptr'}


def main():
    table = pathlib.Path(sys.argv[1]).read_text()
    ours = {line.split('@')[0] for line in pathlib.Path(sys.argv[2]).read_text().split()}
    rows = re.findall(r'^\| `(au\w+)` \|', table, re.M)
    wanted = functions_of_auparse()
    named = set(re.findall(r'\b(aulert_(?:feed|event|record|field|plugin|type)_\w+)\(', table))
    faults = {'not in the table': wanted - set(rows), 'not in auparse.h': set(rows) - wanted,
              'twice': {r for r in rows if rows.count(r) > 1}, 'no function of ours': named - ours,
              'auparse.h': set() if len(wanted) > 60 else {f'only {len(wanted)} functions found'}}
    print(f'1..{len(faults)}')
    for number, (name, fault) in enumerate(faults.items(), 1):
        print(f'{"not ok" if fault else "ok"} {number} - {name}{": " + " ".join(sorted(fault)) if fault else ""}')
    return 1 if any(faults.values()) else 0


if __name__ == '__main__':
    sys.exit(main())
