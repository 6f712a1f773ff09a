# SPDX-License-Identifier: LGPL-2.1-or-later
"""Test programs in Python: runs functions as cases and reports them as TAP.

Exit status: 0 all passed, 1 something failed, 77 this machine cannot run the test (with a sentence that says why).
"""
import signal
import sys
import time
import traceback

SKIP = 77
PATIENCE = 120  # seconds: more than a machine takes that is busy with something else; only what hangs takes so long


# A runner out of patience sends TERM: what was started is ended then, and what was changed is put back, as after a failure.
signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


class Failure(Exception):
    """An expectation that did not hold; its text is for the reader of the report."""


class Late(Failure):
    """What is to be done within a time that the product has set was not, which on a machine that is busy proves nothing: the case is
    run again, and is a failure when that is so three times."""


def skip_all(reason):
    print(f'1..0 # SKIP {reason}', flush=True)
    sys.exit(SKIP)


def expect(condition, text):
    if not condition:
        raise Failure(text)


def expect_equal(got, wanted, what):
    if got != wanted:
        raise Failure(f'{what}: got {got!r}, wanted {wanted!r}')


def wait_for(condition, what):
    """Polls until the condition is true and returns its value; a failure that names `what` if it never is.

    How long that takes says nothing: what must come soon is told by what comes in between, or must not.
    """
    end = time.monotonic() + PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f'no {what} within {PATIENCE} s')
        time.sleep(0.02)


def three_times(case):
    """Until it succeeds: for what has to be done within a time that the product has set, as a machine that is busy proves nothing."""
    for _ in range(2):
        try:
            return case()
        except Failure as error:
            note(f'once more: {error}')
    return case()


def expect_once(fault):
    """fault() says what is wrong, or None. A failure only if it does so twice: for what depends on the secret that each process draws
    for its hashes, of which one in many thousands puts values in each other's place. What is really wrong is so with any."""
    said = fault()
    if said:
        note(said)
    expect(not said or not fault(), said)


def note(text):
    for line in str(text).splitlines():
        print(f'# {line}', flush=True)


def run_case(case):
    for _ in range(2):
        try:
            return case()
        except Late as error:
            note(f'once more: {error}')
    return case()


def run_cases(cases, on_failure=None):
    """cases: (name, function) pairs. A failed case does not stop the others. Returns the exit status."""
    failed = 0
    print(f'1..{len(cases)}', flush=True)
    for number, (name, case) in enumerate(cases, 1):
        started = time.monotonic()
        try:
            run_case(case)
            print(f'ok {number} - {name} ({time.monotonic() - started:.1f} s)', flush=True)
        except Exception as error:  # pylint: disable=broad-except # the next case must run
            failed += 1
            print(f'not ok {number} - {name}', flush=True)
            note(error if isinstance(error, Failure) else traceback.format_exc())
            if on_failure:
                note(on_failure())
    return 1 if failed else 0
