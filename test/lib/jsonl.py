# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lines of JSON in a file that somebody writes to, who may not have written the last one to its end, or be killed while he does."""
import json

import tap


def whole_lines(path):
    """Those that have ended; none where there is no file."""
    try:
        text = path.read_text(encoding='utf-8', errors='surrogateescape')
    except FileNotFoundError:
        return []
    return text.split('\n')[:-1]


def parse(lines, torn=0):
    """Their values. At most @torn lines, as many as writers were killed, may have been left begun, and are passed over."""
    found, bad = [], []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            bad.append(line)
    tap.expect(len(bad) <= torn, f'{len(bad)} lines that are no JSON, the first {bad[:1]}')
    return found


def read(path, torn=0):
    return parse(whole_lines(path), torn)
