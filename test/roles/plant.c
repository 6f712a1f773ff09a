/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An aulert with mistakes, for tests of how it gets over them: an event with the audit key "plant-crash" ends the engine,
 * one with "plant-loop" keeps it busy for ever, one with "plant-sleep" makes it wait for ever. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include "role/role-engine.h"

static bool holds(const Event *event, const char *word) {
        for (const Record *r = event->records; r; r = r->next)
                if (memmem(r->text.p, r->text.n, word, strlen(word)))
                        return true;
        return false;
}

static void planted(const Event *event) {
        volatile bool forever = true;

        if (holds(event, "plant-crash"))
                *(volatile int *)NULL = 1;
        while (forever && holds(event, "plant-loop"))
                ;
        if (holds(event, "plant-sleep"))
                pause();
}

__attribute__((constructor)) static void plant(void) { role_engine_planted = planted; }
