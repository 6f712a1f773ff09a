# SPDX-License-Identifier: LGPL-2.1-or-later
"""Test programs in Python: runs functions as cases and reports them as TAP.

Exit status: 0 all passed, 1 something failed, 77 this machine cannot run the test (with a sentence that says why).
"""
import sys
import time
import traceback

SKIP = 77


class Failure(Exception):
    """An expectation that did not hold; its text is for the reader of the report."""


def skip_all(reason):
    print(f'1..0 # SKIP {reason}', flush=True)
    sys.exit(SKIP)


def expect(condition, text):
    if not condition:
        raise Failure(text)


def expect_equal(got, wanted, what):
    if got != wanted:
        raise Failure(f'{what}: got {got!r}, wanted {wanted!r}')


def wait_for(condition, seconds, what):
    """Polls until the condition is true and returns its value; a failure that names `what` if it never is."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f'no {what} within {seconds} s')
        time.sleep(0.02)


def note(text):
    for line in str(text).splitlines():
        print(f'# {line}', flush=True)


def run_cases(cases, on_failure=None):
    """cases: (name, function) pairs. A failed case does not stop the others. Returns the exit status."""
    failed = 0
    print(f'1..{len(cases)}', flush=True)
    for number, (name, case) in enumerate(cases, 1):
        started = time.monotonic()
        try:
            case()
            print(f'ok {number} - {name} ({time.monotonic() - started:.1f} s)', flush=True)
        except Exception as error:  # pylint: disable=broad-except # the next case must run
            failed += 1
            print(f'not ok {number} - {name}', flush=True)
            note(error if isinstance(error, Failure) else traceback.format_exc())
            if on_failure:
                note(on_failure())
    return 1 if failed else 0
