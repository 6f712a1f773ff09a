/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include "role/supervisor/notes.h"

void notes_send(Notes *notes, const Child *deliver) {
        size_t n = 0;

        while (n < notes->n && child_tell(deliver, IPC_NOTE, notes->notes[n].level, 0,
                                          (Str){ notes->notes[n].text, notes->notes[n].n }, -1) == 0)
                n++;
        notes->n -= n;
        memmove(notes->notes, notes->notes + n, notes->n * sizeof(notes->notes[0]));
}

void notes_add(Notes *notes, const Child *deliver, RuleLevel level, const char *rule_id, const char *title,
               const char *sentence) {
        Note *n = &notes->notes[notes->n];
        int k;

        if (notes->n == NOTES_MAX) {
                notes->dropped++;
                return;
        }
        k = snprintf(n->text, sizeof(n->text), "%s%c%s%c%s", rule_id, 0, title, 0, sentence);
        n->n = k < (int)sizeof(n->text) ? (size_t)k + 1 : sizeof(n->text);
        n->level = level;
        notes->n++;
        if (deliver->ready)
                notes_send(notes, deliver);
}
