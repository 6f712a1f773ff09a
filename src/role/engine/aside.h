/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Tells about what was left out because it had ended an engine (ring.h): an alert about ourselves, with the records, or
 * only their headers where secrets are taken out of alerts. */
#include "event/event.h"
#include "role/engine/outbox.h"

void aside_event(Outbox *outbox, const Event *event, bool redacts);
void aside_line(Outbox *outbox, Str line, bool redacts);
