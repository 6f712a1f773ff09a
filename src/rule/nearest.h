/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Finds what somebody meant who wrote something else: of several words, the one that a given word is most likely a misspelling of.
 *
 * Letters left out, added, exchanged or swapped with their neighbour count 1 each; letter case counts nothing; a word that was cut short
 * counts 1. Few mistakes only: one in three letters, three at most. Looks at no more than NEAREST_MAX words, whatever a hostile rule holds. */
#include "base/str.h"

#define NEAREST_MAX    300u
#define NEAREST_LENGTH 32u /* longer words are nobody's misspelling */

typedef struct {
        Str word;
        Str best; /* of the words tried; n = 0: none is near */
        size_t distance;
        size_t n_tried;
} Nearest;

Nearest nearest_begin(Str word);
void nearest_try(Nearest *n, Str candidate);
