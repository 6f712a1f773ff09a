/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* For the tests of this folder: hands the events of a capture, or of lines written down in a test, to a
 * function. */
#include "event/event.h"

/* @name: below test/captures. False when it cannot be read. */
bool capture_replay(const char *name, EventFn fn, void *userdata);

/* @text: lines, each with its newline. */
void capture_replay_text(const char *text, EventFn fn, void *userdata);
